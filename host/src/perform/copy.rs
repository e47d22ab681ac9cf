//! Copies a directory of the host into another, without allocating: the child does it between clone and exec.
//!
//! Links are copied as links and never followed. Devices, pipes and sockets are left out: an Android makes its own.
//! Refuses a tree that is deeper than [`DEEPEST`]: ELOOP.

use super::{errno, open};
use keel_core::failure::Errno;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, RawDir, Stat, Uid};
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// Levels of directories; each takes somewhat more than 1 KiB of the child's small stack.
const DEEPEST: u32 = 24;
/// PATH_MAX: the longest that a link says.
const LONGEST_LINK: usize = 4096;

/// Everything below `from` into the directory `to`, whose owner and mode become those of `from`.
pub fn tree(from: &CStr, to: BorrowedFd<'_>) -> Result<(), Errno> {
    let from = open(from, OFlags::RDONLY | OFlags::DIRECTORY)?;
    directory(from.as_fd(), to, DEEPEST)
}

fn directory(from: BorrowedFd<'_>, to: BorrowedFd<'_>, levels: u32) -> Result<(), Errno> {
    let left = levels.checked_sub(1).ok_or(Errno(libc::ELOOP))?;
    let mut buffer = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(from, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry.map_err(errno)?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(errno)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                rustix::fs::mkdirat(to, name, Mode::RWXU).map_err(errno)?;
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
                directory(at(from, name, flags)?.as_fd(), at(to, name, flags)?.as_fd(), left)?;
            }
            FileType::RegularFile => file(from, to, name, &stat)?,
            FileType::Symlink => link(from, to, name, &stat)?,
            _ => (),
        }
    }
    // Last: a directory need not be writable for its owner.
    let stat = rustix::fs::fstat(from).map_err(errno)?;
    settle(to, &stat)
}

fn at(dir: BorrowedFd<'_>, name: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, name, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR).map_err(errno)
}

fn file(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> Result<(), Errno> {
    let source = at(from, name, OFlags::RDONLY | OFlags::NOFOLLOW)?;
    let target = at(to, name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW)?;
    let mut bytes = [0; 8192];
    loop {
        let n = rustix::io::retry_on_intr(|| rustix::io::read(&source, &mut bytes)).map_err(errno)?;
        if n == 0 {
            return settle(target.as_fd(), stat);
        }
        let mut rest = &bytes[..n];
        while !rest.is_empty() {
            let n = rustix::io::retry_on_intr(|| rustix::io::write(&target, rest)).map_err(errno)?;
            rest = &rest[n..];
        }
    }
}

fn link(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> Result<(), Errno> {
    let mut text = [0u8; LONGEST_LINK + 1];
    let n: usize = rustix::fs::readlinkat_raw(from, name, &mut text[..LONGEST_LINK]).map_err(errno)?;
    let said = CStr::from_bytes_until_nul(&text[..=n]).map_err(|_| Errno::INVAL)?;
    rustix::fs::symlinkat(said, to, name).map_err(errno)?;
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::chownat(to, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).map_err(errno)
}

/// Owner first: chown(2) takes set-user-ID bits away.
fn settle(to: BorrowedFd<'_>, stat: &Stat) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::fchown(to, Some(uid), Some(gid)).map_err(errno)?;
    rustix::fs::fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777)).map_err(errno)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_tree_is_copied_with_modes_and_links_and_without_pipes() {
        let scratch = Scratch::new();
        let from = scratch.path().join("from");
        let to = scratch.path().join("to");
        std::fs::create_dir_all(from.join("sbin/deep")).unwrap();
        std::fs::create_dir(&to).unwrap();
        std::fs::write(from.join("init"), vec![7u8; 40_000]).unwrap();
        std::fs::set_permissions(from.join("init"), PermissionsExt::from_mode(0o4750)).unwrap();
        std::fs::set_permissions(from.join("sbin"), PermissionsExt::from_mode(0o550)).unwrap();
        std::os::unix::fs::symlink("../init", from.join("sbin/deep/ueventd")).unwrap();
        for i in 0..200 {
            std::fs::write(from.join(format!("a-file-with-a-name-of-some-length-{i}")), "").unwrap();
        }
        rustix::fs::mknodat(rustix::fs::CWD, from.join("fifo"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let dir = rustix::fs::open(&to, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let source = std::ffi::CString::new(from.to_str().unwrap()).unwrap();
        tree(&source, dir.as_fd()).unwrap();
        let mode = |path: &str| std::fs::metadata(to.join(path)).unwrap().mode() & 0o7777;
        assert_eq!((mode("init"), mode("sbin")), (0o4750, 0o550));
        assert_eq!(std::fs::read(to.join("init")).unwrap(), std::fs::read(from.join("init")).unwrap());
        assert_eq!(std::fs::read_link(to.join("sbin/deep/ueventd")).unwrap().to_str(), Some("../init"));
        assert_eq!(std::fs::read_dir(&to).unwrap().count(), 202);
        // A second copy meets what is there.
        assert_eq!(tree(&source, dir.as_fd()), Err(Errno(libc::EEXIST)));
    }
}
