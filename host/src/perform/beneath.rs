//! Resolves paths beneath the rootfs, which is hostile: no symbolic link is followed, no `..` leads out.

use super::errno;
use keel_core::failure::Errno;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A directory that is borrowed or was opened on the way.
pub enum Dir<'a> {
    /// The root itself, or the working directory for a path of the host.
    Borrowed(BorrowedFd<'a>),
    /// Opened for this path.
    Owned(OwnedFd),
}

impl AsFd for Dir<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Dir::Borrowed(fd) => *fd,
            Dir::Owned(fd) => fd.as_fd(),
        }
    }
}

/// Opens what is at a path (O_PATH). ELOOP for a link anywhere in it, EXDEV for `..`.
pub fn open(root: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let path = if path.is_empty() { c"." } else { path };
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, path, flags, Mode::empty(), resolve) {
        // COMPAT(linux<5.6): no openat2.
        Err(rustix::io::Errno::NOSYS) => walk(root, path.to_bytes(), |_, _| Ok(())),
        // The race that openat2 can't exclude (a rename on the way) is answered by trying again.
        Err(rustix::io::Errno::AGAIN) => walk(root, path.to_bytes(), |_, _| Ok(())),
        result => result.map_err(errno),
    }
}

/// Opens the directory that holds a path's last name. `""` has none: EINVAL.
pub fn parent<'a>(root: BorrowedFd<'a>, path: &'a CStr) -> Result<(Dir<'a>, &'a CStr), Errno> {
    let bytes = path.to_bytes_with_nul();
    let Some(slash) = bytes.iter().rposition(|b| *b == b'/') else {
        return if path.is_empty() { Err(Errno::INVAL) } else { Ok((Dir::Borrowed(root), path)) };
    };
    let name = CStr::from_bytes_with_nul(&bytes[slash + 1..]).map_err(|_| Errno::INVAL)?;
    if name.is_empty() || name == c"." || name == c".." {
        return Err(Errno::INVAL);
    }
    let mut text = [0; 512];
    let dir = match text.get_mut(..slash).filter(|_| slash < 512) {
        Some(copy) => {
            copy.copy_from_slice(&bytes[..slash]);
            open(root, CStr::from_bytes_until_nul(&text).map_err(|_| Errno::INVAL)?)?
        }
        None => walk(root, &bytes[..slash], |_, _| Ok(()))?,
    };
    Ok((Dir::Owned(dir), name))
}

/// A directory beneath the root that was opened for one entry and is kept for the next ones: devices come a dozen to a directory.
pub struct Near {
    path: [u8; 64],
    len: usize,
    dir: OwnedFd,
}

impl Near {
    /// In a process that shared memory with the one that opened it: there is nothing to be closed here.
    pub fn forget(self) {
        std::mem::forget(self.dir);
    }
}

/// As [`parent`], with the directory of the call before if that is the one. The caller drops it as soon as something may have
/// been mounted or moved.
pub fn near_parent<'a>(
    root: BorrowedFd<'a>,
    near: &'a mut Option<Near>,
    path: &'a CStr,
) -> Result<(Dir<'a>, &'a CStr), Errno> {
    let (dir, name) = match path.to_bytes().iter().rposition(|b| *b == b'/') {
        Some(slash) if slash < 64 => (&path.to_bytes()[..slash], &path.to_bytes_with_nul()[slash + 1..]),
        _ => return parent(root, path),
    };
    if near.as_ref().is_none_or(|n| n.path[..n.len] != *dir) {
        let (Dir::Owned(opened), _) = parent(root, path)? else { return Err(Errno::INVAL) };
        let mut copy = [0; 64];
        copy[..dir.len()].copy_from_slice(dir);
        *near = Some(Near { path: copy, len: dir.len(), dir: opened });
    }
    let name = CStr::from_bytes_with_nul(name).map_err(|_| Errno::INVAL)?;
    if name.is_empty() || name == c"." || name == c".." {
        return Err(Errno::INVAL);
    }
    near.as_ref().map(|n| (Dir::Borrowed(n.dir.as_fd()), name)).ok_or(Errno::INVAL)
}

/// Walks component by component, each opened without following a link, and calls `before` with the directory and the name
/// before each is opened.
pub fn walk(
    root: BorrowedFd<'_>,
    path: &[u8],
    mut before: impl FnMut(BorrowedFd<'_>, &CStr) -> Result<(), Errno>,
) -> Result<OwnedFd, Errno> {
    let mut dir = Dir::Borrowed(root);
    for part in path.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".") {
        if part == b".." {
            return Err(Errno::XDEV);
        }
        let mut name = [0; 256];
        name.get_mut(..part.len()).filter(|_| part.len() < 256).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(part);
        let name = CStr::from_bytes_until_nul(&name).map_err(|_| Errno::INVAL)?;
        before(dir.as_fd(), name)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = rustix::fs::openat(&dir, name, flags, Mode::empty()).map_err(errno)?;
        // O_PATH with O_NOFOLLOW opens the link itself.
        if FileType::from_raw_mode(rustix::fs::fstat(&found).map_err(errno)?.st_mode) == FileType::Symlink {
            return Err(Errno::LOOP);
        }
        dir = Dir::Owned(found);
    }
    match dir {
        Dir::Owned(found) => Ok(found),
        Dir::Borrowed(root) => rustix::io::fcntl_dupfd_cloexec(root, 3).map_err(errno),
    }
}

/// Whether an entry is there, without following it.
pub fn exists(dir: BorrowedFd<'_>, name: &CStr) -> bool {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// The text `/proc/self/fd/N`, through which mount(2) takes a descriptor for a path. The host's /proc is used for it,
/// before the root is changed. Where no /proc is, it is the working directory, and the text is `self/fd/N`.
pub struct FdPath([u8; 32]);

/// Whether the working directory is /proc. Set and cleared by a child between clone and exec; it may share our memory.
static HERE: AtomicBool = AtomicBool::new(false);

/// From here on, or no more, the working directory is /proc.
pub fn in_proc(is: bool) {
    HERE.store(is, Ordering::Relaxed);
}

impl FdPath {
    /// Names a descriptor.
    pub fn new(fd: BorrowedFd<'_>) -> Self {
        use rustix::fd::AsRawFd;
        use std::io::Write;
        let mut text = [0; 32];
        // Fits: 14 bytes and at most 10 digits.
        let _ = write!(&mut text[..31], "/proc/self/fd/{}", fd.as_raw_fd());
        FdPath(text)
    }

    /// As a C string.
    pub fn as_c_str(&self) -> &CStr {
        let text = CStr::from_bytes_until_nul(&self.0).unwrap_or(c"");
        match HERE.load(Ordering::Relaxed) {
            false => text,
            true => text
                .to_bytes_with_nul()
                .strip_prefix(b"/proc/")
                .map_or(c"", |rest| CStr::from_bytes_until_nul(rest).unwrap_or(c"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Each way of resolving refuses the same.
    #[test]
    fn no_link_is_followed_and_nothing_leads_out() {
        let base = std::env::temp_dir().join(format!("keel-beneath-{}", std::process::id()));
        let root = base.join("root");
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/file"), "x").unwrap();
        symlink("/", root.join("abs")).unwrap();
        symlink("a", root.join("rel")).unwrap();
        symlink("../..", root.join("a/up")).unwrap();
        let fd = rustix::fs::open(&root, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        let cases: [(&CStr, Option<Errno>); 11] = [
            (c"", None),
            (c"a/b", None),
            (c"a/file", None),
            (c"a//./b", None),
            (c"abs", Some(Errno::LOOP)),
            (c"abs/etc", Some(Errno::LOOP)),
            (c"rel/b", Some(Errno::LOOP)),
            (c"a/up", Some(Errno::LOOP)),
            (c"..", Some(Errno::XDEV)),
            (c"a/file/x", Some(Errno::NOTDIR)),
            (c"missing/x", Some(Errno::NOENT)),
        ];
        for (path, expected) in cases {
            let walked = walk(fd.as_fd(), path.to_bytes(), |_, _| Ok(()));
            assert_eq!(walked.err(), expected, "walk {path:?}");
            assert_eq!(open(fd.as_fd(), path).err(), expected, "openat2 {path:?}");
        }
        std::fs::remove_dir_all(&base).unwrap();
    }
}
