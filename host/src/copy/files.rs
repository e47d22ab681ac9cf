//! Copies a directory tree: owners, modes, times, hard links, holes, devices, extended attributes.
//!
//! Nothing is followed, on neither side. File systems that share blocks do so here (FICLONE). No recursion and two
//! descriptors at a time, however deep the tree is.

use crate::fault::symbol;
use crate::tree::{DIR, Entry, dir, entries, marks, new_file};
use keel_core::failure::Failure;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, SeekFrom, Stat};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// What is left to do.
enum Task {
    /// Copy what is in this directory, which is made already.
    Enter(Vec<u8>),
    /// Give it its marks: what is made in it has changed them.
    Leave(Vec<u8>),
}

/// Copies all that is in `from` into the empty directory `to`, and the marks of `from` itself. `shown` is where `from` is,
/// for messages; `interrupted` is asked now and then.
pub fn tree(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    shown: &Path,
    interrupted: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let mut links: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    let mut tasks = vec![Task::Leave(Vec::new()), Task::Enter(Vec::new())];
    while let Some(task) = tasks.pop() {
        if interrupted() {
            return Err(Failure::new("interrupted"));
        }
        let fault = |path: &[u8], e: io::Error| {
            let path = shown.join(String::from_utf8_lossy(path).as_ref());
            Failure::new(format!("copy '{}': {}", path.display(), symbol(&e)))
        };
        match task {
            Task::Enter(path) => {
                let open = || Ok::<_, Errno>((dir(from, &path)?, dir(to, &path)?));
                let (source, target) = open().map_err(|e| fault(&path, e.into()))?;
                for name in entries(source.as_fd()).map_err(|e| fault(&path, e.into()))? {
                    let below = joined(&path, &name);
                    let is_dir = one(source.as_fd(), target.as_fd(), to, &name, &below, &mut links);
                    if is_dir.map_err(|e| fault(&below, e))? {
                        tasks.extend([Task::Leave(below.clone()), Task::Enter(below)]);
                    }
                }
            }
            Task::Leave(path) => {
                let leave = || {
                    let (source, target) = (dir(from, &path)?, dir(to, &path)?);
                    let xattrs = Entry { dir: source.as_fd(), name: c"." }.xattrs()?;
                    Entry { dir: target.as_fd(), name: c"." }.mark(&marks(&fs::fstat(&source)?, xattrs), false)
                };
                leave().map_err(|e: Errno| fault(&path, e.into()))?;
            }
        }
    }
    Ok(())
}

fn joined(path: &[u8], name: &CStr) -> Vec<u8> {
    let mut all = path.to_vec();
    if !all.is_empty() {
        all.push(b'/');
    }
    all.extend(name.to_bytes());
    all
}

/// Copies an entry; true for a directory, which is made and empty.
#[allow(clippy::unnecessary_cast)] // the fields' types differ between processors
fn one(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    top: BorrowedFd<'_>,
    name: &CStr,
    path: &[u8],
    links: &mut BTreeMap<(u64, u64), Vec<u8>>,
) -> io::Result<bool> {
    let stat = fs::statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Directory {
        fs::mkdirat(target, name, Mode::RWXU)?;
        return Ok(true);
    }
    if stat.st_nlink > 1 {
        if let Some(first) = links.get(&(stat.st_dev as u64, stat.st_ino as u64)) {
            let slash = first.iter().rposition(|b| *b == b'/');
            let (parent, old) = first.split_at(slash.map_or(0, |at| at + 1));
            fs::linkat(dir(top, parent)?, old, target, name, AtFlags::empty())?;
            return Ok(false);
        }
        links.insert((stat.st_dev as u64, stat.st_ino as u64), path.to_vec());
    }
    match kind {
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let from = File::from(fs::openat(source, name, flags, Mode::empty())?);
            // It may have been replaced since it was looked at.
            if !from.metadata()?.is_file() {
                return Err(Errno::STALE.into());
            }
            content(&from, &new_file(target, name)?, &stat)?;
        }
        FileType::Symlink => fs::symlinkat(fs::readlinkat(source, name, Vec::new())?, target, name)?,
        kind => fs::mknodat(target, name, kind, Mode::empty(), stat.st_rdev as _)?,
    }
    let xattrs = Entry { dir: source, name }.xattrs()?;
    Entry { dir: target, name }.mark(&marks(&stat, xattrs), kind == FileType::Symlink)?;
    Ok(false)
}

/// Copies a file's bytes; what is a hole stays one.
pub fn content(from: &File, to: &File, stat: &Stat) -> io::Result<()> {
    let size = stat.st_size as u64;
    if size == 0 {
        return Ok(());
    }
    // EOPNOTSUPP, EXDEV, EINVAL: not on these file systems.
    if fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    to.set_len(size)?;
    let mut at = 0;
    while at < size {
        // ENXIO: nothing but a hole is left. EINVAL: the file system knows no holes.
        let data = match fs::seek(from, SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(Errno::NXIO) => break,
            Err(Errno::INVAL) => at,
            Err(errno) => return Err(errno.into()),
        };
        let end = fs::seek(from, SeekFrom::Hole(data)).unwrap_or(size).min(size);
        fs::seek(from, SeekFrom::Start(data))?;
        fs::seek(to, SeekFrom::Start(data))?;
        let mut reader = from;
        let mut writer = to;
        if io::copy(&mut (&mut reader).take(end.saturating_sub(data)), &mut writer)? == 0 {
            // It became shorter meanwhile.
            break;
        }
        at = end;
    }
    Ok(())
}

/// Copies an image file into a directory, under the name that images have.
pub fn image(from: &Path, to: BorrowedFd<'_>) -> Result<(), Failure> {
    let at = |what: &str, e: io::Error| crate::fault::at(what, from, e);
    let file = File::open(from).map_err(|e| at("open", e))?;
    let stat = fs::fstat(&file).map_err(|e| at("stat", e.into()))?;
    let new = new_file(to, c"rootdev").map_err(|e| at("copy", e.into()))?;
    content(&file, &new, &stat).map_err(|e| at("copy", e))
}

/// Opens a directory of the host to copy from or to, following links in its path: the administrator's.
pub fn open(path: &Path) -> Result<std::os::fd::OwnedFd, Failure> {
    let flags = DIR.difference(OFlags::NOFOLLOW);
    fs::open(path, flags, Mode::empty()).map_err(|e| crate::fault::at("open", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::{Scratch, skip};
    use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};

    fn copy(scratch: &Scratch) -> Result<(), Failure> {
        std::fs::create_dir(scratch.path().join("to")).unwrap();
        let (from, to) = (open(&scratch.path().join("from")).unwrap(), open(&scratch.path().join("to")).unwrap());
        tree(from.as_fd(), to.as_fd(), &scratch.path().join("from"), &|| false)
    }

    #[test]
    fn everything_of_a_file_is_copied() {
        let scratch = Scratch::new();
        let from = |path: &str| scratch.path().join("from").join(path);
        let to = |path: &str| scratch.path().join("to").join(path);
        std::fs::create_dir_all(from("a/b")).unwrap();
        std::fs::write(from("a/file"), "text").unwrap();
        std::fs::hard_link(from("a/file"), from("a/b/again")).unwrap();
        std::fs::set_permissions(from("a/file"), std::fs::Permissions::from_mode(0o4711)).unwrap();
        std::fs::set_permissions(from("a/b"), std::fs::Permissions::from_mode(0o1770)).unwrap();
        symlink("/no/where", from("a/link")).unwrap();
        let hole = File::create(from("holes")).unwrap();
        hole.write_at(b"end", 1 << 24).unwrap();
        fs::mknodat(fs::CWD, from("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let old = Timespec { tv_sec: 1_000_000, tv_nsec: 5000 };
        let times = fs::Timestamps { last_access: old, last_modification: old };
        for path in ["a/file", "a/link", "a/b", "a"] {
            fs::utimensat(fs::CWD, from(path), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
        let has_xattrs = fs::setxattr(from("a/file"), c"user.x", b"v", fs::XattrFlags::empty()).is_ok();
        copy(&scratch).unwrap();
        let meta = |path: &str| std::fs::symlink_metadata(to(path)).unwrap();
        assert_eq!(std::fs::read_to_string(to("a/b/again")).unwrap(), "text");
        assert_eq!((meta("a/file").ino(), meta("a/file").nlink()), (meta("a/b/again").ino(), 2));
        assert_eq!((meta("a/file").mode() & 0o7777, meta("a/b").mode() & 0o7777), (0o4711, 0o1770));
        assert_eq!(std::fs::read_link(to("a/link")).unwrap(), Path::new("/no/where"));
        for path in ["a/file", "a/link", "a/b", "a"] {
            assert_eq!((meta(path).mtime(), meta(path).mtime_nsec()), (1_000_000, 5000), "{path}");
        }
        assert_eq!(std::fs::read(to("holes")).unwrap(), std::fs::read(from("holes")).unwrap());
        assert!(meta("holes").blocks() <= std::fs::metadata(from("holes")).unwrap().blocks() + 8);
        assert_eq!(FileType::from_raw_mode(meta("fifo").mode() as _), FileType::Fifo);
        if has_xattrs {
            let mut value = [0u8; 8];
            assert_eq!(fs::getxattr(to("a/file"), c"user.x", &mut value).unwrap(), 1);
        }
    }

    #[test]
    fn owners_and_devices_are_copied() {
        if !rustix::process::geteuid().is_root() {
            return skip("owners and devices need root");
        }
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path().join("from")).unwrap();
        let null = scratch.path().join("from/null");
        fs::mknodat(fs::CWD, &null, FileType::CharacterDevice, Mode::RUSR, fs::makedev(1, 3)).unwrap();
        std::os::unix::fs::chown(&null, Some(100_000), Some(7)).unwrap();
        copy(&scratch).unwrap();
        let meta = std::fs::symlink_metadata(scratch.path().join("to/null")).unwrap();
        assert_eq!((meta.rdev(), meta.uid(), meta.gid()), (fs::makedev(1, 3), 100_000, 7));
    }

    use rustix::fs::Timespec;

    #[test]
    fn depth_costs_nothing() {
        let scratch = Scratch::new();
        let top = open(scratch.path()).unwrap();
        fs::mkdirat(&top, "from", Mode::RWXU).unwrap();
        let mut at = fs::openat(&top, "from", DIR, Mode::empty()).unwrap();
        for _ in 0..300 {
            fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = fs::openat(&at, "d", DIR, Mode::empty()).unwrap();
        }
        drop(at);
        copy(&scratch).unwrap();
        for name in ["from", "to"] {
            crate::remove::tree(top.as_fd(), name, None).unwrap();
        }
    }
}
