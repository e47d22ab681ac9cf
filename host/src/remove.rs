//! Removes a directory tree that somebody else filled.
//!
//! Nothing is followed: entries are removed by descriptor, a symbolic link is removed as a link. No recursion, so that
//! the depth of a hostile tree costs neither stack nor descriptors: a directory below another is first moved up to the
//! top, and emptied there. A mount point is EBUSY for rmdir(2), unlink(2) and rename(2), bind mounts of the same file
//! system included, so what is mounted below is never entered.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::ffi::CStr;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Removes the directory `name` in `parent` and all that is in it; `last` goes after everything else in it, so that a
/// removal that failed half-way can be asked for again.
///
/// # Errors
/// What of the tree was in the way, as a name or `DIR/NAME`, and the errno.
pub fn tree(parent: BorrowedFd<'_>, name: &str, last: Option<&str>) -> Result<(), (String, Errno)> {
    let here = |errno| (name.to_owned(), errno);
    open_up(parent, name).map_err(here)?;
    let top = fs::openat(parent, name, DIR, Mode::empty()).map_err(here)?;
    Emptying { top: &top, moved: 0 }.run(last)?;
    if let Some(last) = last {
        match fs::unlinkat(&top, last, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err((last.to_owned(), errno)),
        }
    }
    fs::unlinkat(parent, name, AtFlags::REMOVEDIR).map_err(here)
}

struct Emptying<'t> {
    top: &'t OwnedFd,
    moved: u64,
}

impl Emptying<'_> {
    fn run(&mut self, last: Option<&str>) -> Result<(), (String, Errno)> {
        loop {
            let mut left = false;
            for name in entries(self.top.as_fd()).map_err(|errno| (".".to_owned(), errno))? {
                if last.is_some_and(|last| name.to_bytes() == last.as_bytes()) {
                    continue;
                }
                left |= self.remove(&name)?;
            }
            if !left {
                return Ok(());
            }
        }
    }

    /// Removes an entry of the top; true when directories came up from below it.
    fn remove(&mut self, name: &CStr) -> Result<bool, (String, Errno)> {
        let shown = name.to_string_lossy();
        let fault = |errno| (shown.clone().into_owned(), errno);
        if gone(self.top.as_fd(), name).map_err(fault)? {
            return Ok(false);
        }
        open_up(self.top.as_fd(), name).map_err(fault)?;
        let dir = fs::openat(self.top, name, DIR, Mode::empty()).map_err(fault)?;
        let before = self.moved;
        for below in entries(dir.as_fd()).map_err(fault)? {
            let fault = |errno| (format!("{shown}/{}", below.to_string_lossy()), errno);
            if gone(dir.as_fd(), &below).map_err(fault)? {
                continue;
            }
            // Renaming a directory to another parent writes its `..`.
            open_up(dir.as_fd(), &below).map_err(fault)?;
            loop {
                self.moved += 1;
                match fs::renameat(&dir, &below, self.top, format!(".keel-gone-{}", self.moved)) {
                    Ok(()) => break,
                    // The image has a directory of that name.
                    Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                    Err(errno) => return Err(fault(errno)),
                }
            }
        }
        fs::unlinkat(self.top, name, AtFlags::REMOVEDIR).map_err(fault)?;
        Ok(self.moved > before)
    }
}

/// Removes what is no directory, or an empty one; false when it is a directory with something in it.
fn gone(dir: BorrowedFd<'_>, name: &CStr) -> Result<bool, Errno> {
    match fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        // EPERM: what POSIX says for a directory, and some file systems do.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(errno),
    }
    match fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        // It is no directory: the first answer was meant (an immutable file, chattr(1)).
        Err(Errno::NOTDIR) => Err(Errno::PERM),
        Err(errno) => Err(errno),
    }
}

/// A user who is not root may have directories that he cannot write to.
fn open_up<P: rustix::path::Arg + Copy>(dir: BorrowedFd<'_>, name: P) -> Result<(), Errno> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    // Follows a link; `gone` has just said that it is a directory, and the tree belongs to this user.
    fs::chmodat(dir, name, Mode::RWXU, AtFlags::empty())
}

fn entries(dir: BorrowedFd<'_>) -> Result<Vec<std::ffi::CString>, Errno> {
    let mut names = Vec::new();
    for entry in fs::Dir::read_from(dir)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn remove(scratch: &Scratch, name: &str, last: Option<&str>) -> Result<(), (String, Errno)> {
        let parent = fs::open(scratch.path(), DIR, Mode::empty()).unwrap();
        tree(parent.as_fd(), name, last)
    }

    #[test]
    fn removes_all_below_and_follows_nothing() {
        let scratch = Scratch::new();
        let at = |path: &str| scratch.path().join(path);
        std::fs::create_dir_all(at("bb/rootfs/a/b/c")).unwrap();
        std::fs::create_dir_all(at("bb/.keel-gone-1/x")).unwrap();
        std::fs::create_dir(at("outside")).unwrap();
        std::fs::write(at("outside/f"), "kept").unwrap();
        std::fs::write(at("bb/rootfs/a/f"), "").unwrap();
        std::fs::write(at("bb/config"), "").unwrap();
        symlink("../../../outside", at("bb/rootfs/a/out")).unwrap();
        symlink(at("outside"), at("bb/out")).unwrap();
        std::fs::set_permissions(at("bb/rootfs/a/b"), std::fs::Permissions::from_mode(0o000)).unwrap();
        remove(&scratch, "bb", Some("config")).unwrap();
        assert!(!at("bb").exists());
        assert_eq!(std::fs::read_to_string(at("outside/f")).unwrap(), "kept");
    }

    #[test]
    fn a_link_or_nothing_in_its_place_is_refused() {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path().join("real")).unwrap();
        std::fs::write(scratch.path().join("real/f"), "kept").unwrap();
        symlink("real", scratch.path().join("bb")).unwrap();
        assert!(remove(&scratch, "bb", None).is_err());
        assert!(scratch.path().join("real/f").is_file());
        assert_eq!(remove(&scratch, "none", None).unwrap_err().1, Errno::NOENT);
    }

    #[test]
    fn depth_costs_nothing() {
        let scratch = Scratch::new();
        let top = fs::open(scratch.path(), DIR, Mode::empty()).unwrap();
        fs::mkdirat(&top, "bb", Mode::RWXU).unwrap();
        let mut at = fs::openat(&top, "bb", DIR, Mode::empty()).unwrap();
        // Far deeper than PATH_MAX and any limit of open files.
        for _ in 0..5000 {
            fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = fs::openat(&at, "d", DIR, Mode::empty()).unwrap();
        }
        drop(at);
        remove(&scratch, "bb", None).unwrap();
        assert!(!scratch.path().join("bb").exists());
    }
}
