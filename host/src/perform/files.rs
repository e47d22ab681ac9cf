//! Directories, nodes, links and small files.

use super::{Stage, beneath, device, errno, open, split};
use keel_core::failure::Errno;
use keel_core::step::{NodeKind, Place};
use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use std::ffi::{CStr, CString};

/// mkdir; one that is there is left as it is. The mode is the one that was asked for: whoever performs has an empty umask.
pub fn make_dir(stage: &mut Stage, at: &Place, mode: u32) -> Result<(), Errno> {
    let (dir, name) = split(stage, at)?;
    match rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(mode)) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => is(&dir, name, FileType::Directory, at),
        Err(e) => Err(errno(e)),
    }
}

/// EEXIST is fine when the entry is of the type that was to be made. On the host a link to such an entry is fine, too.
fn is(dir: &beneath::Dir<'_>, name: &CStr, wanted: FileType, at: &Place) -> Result<(), Errno> {
    let flags = if matches!(at, Place::Host(_)) { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    let found = FileType::from_raw_mode(rustix::fs::statat(dir, name, flags).map_err(errno)?.st_mode);
    match found {
        found if found == wanted => Ok(()),
        FileType::Symlink => Err(Errno::LOOP),
        _ => Err(Errno::EXIST),
    }
}

/// mkdir -p, and an empty file at the end if one is wanted. What is there is left as it is.
pub fn make_path(stage: &Stage, at: &Place, file: bool) -> Result<(), Errno> {
    let (root, path) = match at {
        Place::Root(path) => (stage.root()?, path.to_bytes()),
        Place::Host(path) => return make_host_path(path, file),
    };
    let (parents, last) = match path.iter().rposition(|b| *b == b'/') {
        Some(slash) if file => (&path[..slash], Some(&path[slash + 1..])),
        None if file => (&path[..0], Some(path)),
        _ => (path, None),
    };
    if let (Place::Root(path), None) = (at, last)
        && let Ok((dir, name)) = beneath::parent(root, path)
        && rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o755)).is_ok()
    {
        // The common case: only the last one was missing.
        return Ok(());
    }
    let dir =
        beneath::walk(root, parents, |dir, name| match rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            // A read-only parent whose child is there already.
            Err(rustix::io::Errno::ROFS) if beneath::exists(dir, name) => Ok(()),
            Err(e) => Err(errno(e)),
        })?;
    match last {
        None => Ok(()),
        Some(name) => {
            let mut text = [0; 256];
            text.get_mut(..name.len()).filter(|_| name.len() < 256).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(name);
            let name = CStr::from_bytes_until_nul(&text).map_err(|_| Errno::INVAL)?;
            make_file(&beneath::Dir::Owned(dir), name)
        }
    }
}

/// An empty file, unless something other than a link is there.
fn make_file(dir: &beneath::Dir<'_>, name: &CStr) -> Result<(), Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::WRONLY;
    match rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o644)) {
        Ok(_) => Ok(()),
        Err(e @ (rustix::io::Errno::EXIST | rustix::io::Errno::ROFS)) => {
            let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|_| errno(e))?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink { Err(Errno::LOOP) } else { Ok(()) }
        }
        Err(e) => Err(errno(e)),
    }
}

/// A new file with its text and mode, whatever the umask.
pub fn make_file_of(stage: &mut Stage, at: &Place, mode: u32, text: &CStr) -> Result<(), Errno> {
    let (dir, name) = split(stage, at)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::WRONLY;
    let file = rustix::fs::openat(&dir, name, flags, Mode::RUSR | Mode::WUSR).map_err(errno)?;
    if !text.is_empty() {
        super::write(file.as_fd(), text)?;
    }
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).map_err(errno)
}

/// chmod of what was resolved without following a link; through its descriptor, which a link can't take the place of.
pub fn set_mode(stage: &Stage, at: &Place, mode: u32) -> Result<(), Errno> {
    let found = resolved(stage, at)?;
    let text = beneath::FdPath::new(found.as_fd());
    rustix::fs::chmod(text.as_c_str(), Mode::from_raw_mode(mode)).map_err(errno)
}

/// A named pipe that is open for reading here, and for writing, too: so nobody who opens it waits, and it has no end. The
/// supervisor gets it with the terminals.
pub fn open_log(stage: &mut Stage, at: &Place) -> Result<(), Errno> {
    let (dir, name) = split(stage, at)?;
    let mode = Mode::from_raw_mode(0o666);
    rustix::fs::mknodat(&dir, name, FileType::Fifo, mode, 0).map_err(errno)?;
    let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let pipe = rustix::fs::openat(&dir, name, flags, Mode::empty()).map_err(errno)?;
    drop(dir);
    // Reserved for by `Stage::new`.
    stage.masters.push(pipe);
    Ok(())
}

/// A device in a binderfs; one of that name that is there is left as it is.
pub fn add_binder(stage: &Stage, at: &Place, name: &CStr) -> Result<(), Errno> {
    let found = resolved(stage, at)?;
    let text = beneath::FdPath::new(found.as_fd());
    let control = open(text.as_c_str(), OFlags::RDONLY)?;
    match crate::sys::binder::add_device(control.as_fd(), name) {
        Err(Errno::EXIST) => Ok(()),
        result => result,
    }
}

/// What is at a place, opened with O_PATH.
fn resolved(stage: &Stage, at: &Place) -> Result<rustix::fd::OwnedFd, Errno> {
    match at {
        Place::Host(path) => open(path, OFlags::PATH | OFlags::NOFOLLOW),
        Place::Root(path) => beneath::open(stage.root()?, path),
    }
}

fn make_host_path(path: &CStr, file: bool) -> Result<(), Errno> {
    let bytes = path.to_bytes();
    let ends = bytes.iter().enumerate().skip(1).filter(|(_, b)| **b == b'/').map(|(i, _)| i);
    let last = (!file).then_some(bytes.len());
    for end in ends.chain(last) {
        match rustix::fs::mkdir(&bytes[..end], Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(rustix::io::Errno::EXIST | rustix::io::Errno::ROFS) => (),
            Err(e) => return Err(errno(e)),
        }
    }
    match file {
        true => make_file(&beneath::Dir::Borrowed(rustix::fs::CWD), path),
        false => open(path, OFlags::PATH | OFlags::DIRECTORY).map(drop),
    }
}

/// mknod; a node of the same device is left as it is. The mode: as with `make_dir`.
pub fn make_node(stage: &mut Stage, at: &Place, kind: NodeKind, mode: u32) -> Result<(), Errno> {
    let (dir, name) = split(stage, at)?;
    let (file_type, number) = device(kind);
    match rustix::fs::mknodat(&dir, name, file_type, Mode::from_raw_mode(mode), number) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => {
            let stat = rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(errno)?;
            let same = FileType::from_raw_mode(stat.st_mode) == file_type && stat.st_rdev == number;
            if same { Ok(()) } else { Err(Errno::EXIST) }
        }
        Err(e) => Err(errno(e)),
    }
}

/// symlink; an entry that is there is left as it is.
pub fn make_link(stage: &mut Stage, at: &Place, target: &CStr) -> Result<(), Errno> {
    let (dir, name) = split(stage, at)?;
    match rustix::fs::symlinkat(target, &dir, name) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(e) => Err(errno(e)),
    }
}

/// A cgroup's directory. One of this name that holds no process was left behind, and is taken over; one that does is
/// another container's: EBUSY.
pub fn make_cgroup(stage: &mut Stage, path: &CString) -> Result<(), Errno> {
    match rustix::fs::mkdir(path.as_c_str(), Mode::from_raw_mode(0o755)) {
        Ok(()) => (),
        Err(rustix::io::Errno::EXIST) => {
            let dir = open(path, OFlags::PATH | OFlags::DIRECTORY)?;
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let procs = rustix::fs::openat(&dir, c"cgroup.procs", flags, Mode::empty()).map_err(errno)?;
            if rustix::io::read(&procs, &mut [0; 1]).map_err(errno)? != 0 {
                return Err(Errno::BUSY);
            }
        }
        Err(e) => return Err(errno(e)),
    }
    // Only outside, where allocating is allowed.
    stage.made.push(path.clone());
    Ok(())
}

/// A file of a new cgroup gets the value that its parent has. A cgroup that was there already has values of its own.
pub fn inherit_cgroup_file(stage: &Stage, from: &CStr, to: &CStr) -> Result<(), Errno> {
    let bytes = to.to_bytes();
    let dir = &bytes[..bytes.iter().rposition(|b| *b == b'/').unwrap_or(0)];
    match stage.made.iter().chain(&stage.parents).any(|made| made.to_bytes() == dir) {
        true => copy_small(from, to),
        false => Ok(()),
    }
}

/// Copies a file of at most a page in one read and one write.
fn copy_small(from: &CStr, to: &CStr) -> Result<(), Errno> {
    let mut value = [0; 4096];
    let n = rustix::io::read(open(from, OFlags::RDONLY)?, &mut value).map_err(errno)?;
    let to = open(to, OFlags::WRONLY)?;
    rustix::io::write(to.as_fd(), &value[..n]).map(drop).map_err(errno)
}

/// A file of a directory's file system, open for writing and without a name.
pub fn pin(dir: &CStr) -> Result<rustix::fd::OwnedFd, Errno> {
    let dir = open(dir, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let (mode, flags) = (Mode::from_raw_mode(0o600), OFlags::RDWR | OFlags::CLOEXEC);
    // COMPAT(linux<3.11): no O_TMPFILE; some file systems have none to this day.
    rustix::fs::openat(&dir, c".", flags | OFlags::TMPFILE, mode)
        .or_else(|_| {
            let name = c".keel_pin";
            let file = rustix::fs::openat(&dir, name, flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW, mode)?;
            rustix::fs::unlinkat(&dir, name, AtFlags::empty())?;
            Ok(file)
        })
        .map_err(errno)
}

/// A cgroup becomes somebody else's: the directory, and the files by which processes and controllers go further down.
/// A file that this version does not have is none to be given away.
pub fn chown_cgroup(path: &CStr, uid: u32, gid: u32) -> Result<(), Errno> {
    let (uid, gid) = (rustix::process::Uid::from_raw(uid), rustix::process::Gid::from_raw(gid));
    let dir = open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    rustix::fs::fchown(&dir, Some(uid), Some(gid)).map_err(errno)?;
    for file in [c"tasks", c"cgroup.procs", c"cgroup.threads", c"cgroup.subtree_control"] {
        match rustix::fs::chownat(&dir, file, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => (),
            Err(e) => return Err(errno(e)),
        }
    }
    Ok(())
}

/// Writes a file of the container's procfs, and of nothing else: what looks like one may be the image's (CVE-2019-16884).
pub fn write_proc(stage: &Stage, at: &Place, value: &CStr) -> Result<(), Errno> {
    let Place::Root(path) = at else { return Err(Errno::INVAL) };
    let file = beneath::open(stage.root()?, path)?;
    // PROC_SUPER_MAGIC (include/uapi/linux/magic.h).
    if rustix::fs::fstatfs(&file).map_err(errno)?.f_type as u64 != 0x9fa0 {
        return Err(Errno(libc::ENOTTY));
    }
    let text = beneath::FdPath::new(file.as_fd());
    super::write(open(text.as_c_str(), OFlags::WRONLY)?.as_fd(), value)
}
