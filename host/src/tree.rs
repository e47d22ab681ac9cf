//! Directory trees that somebody else filled, by descriptor: paths of any bytes, no component of which is a symbolic
//! link, and the marks of a file (owner, extended attributes, permission bits, times).
//!
//! For copying and unpacking; `create::tree` makes trees of Keel's own, whose paths are plain.

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A directory and never a link to one.
pub const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a directory below `top`, name by name. ENOTDIR or ELOOP for a link on the way, EXDEV for `..`.
pub fn dir(top: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut at = fs::openat(top, c".", DIR, Mode::empty())?;
    for name in names(path) {
        if name == b".." {
            return Err(Errno::XDEV);
        }
        at = fs::openat(&at, name, DIR, Mode::empty())?;
    }
    Ok(at)
}

/// The names of a path.
pub fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|b| *b == b'/').filter(|name| !name.is_empty() && *name != b".")
}

/// Entries of a directory, without itself and its parent.
pub fn entries(dir: BorrowedFd<'_>) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in fs::Dir::read_from(dir)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// What a file has besides its content.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Permission bits.
    pub mode: u32,
    /// Last change: seconds and nanoseconds.
    pub mtime: (i64, u32),
    /// Last access.
    pub atime: (i64, u32),
    /// Extended attributes: names and values.
    pub xattrs: Vec<(CString, Vec<u8>)>,
}

/// An entry of a directory, not followed.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The directory.
    pub dir: BorrowedFd<'a>,
    /// Its name.
    pub name: &'a CStr,
}

impl Entry<'_> {
    /// A path for the calls on extended attributes, which have no form with a directory (xattr(7)). The last name is not
    /// followed by those that begin with `l`.
    fn path(&self) -> CString {
        let mut path = format!("/proc/self/fd/{}/", self.dir.as_raw_fd()).into_bytes();
        path.extend(self.name.to_bytes());
        CString::new(path).unwrap_or_default()
    }

    /// Its extended attributes; none where the file system has none or /proc is missing.
    pub fn xattrs(&self) -> Result<Vec<(CString, Vec<u8>)>, Errno> {
        let path = self.path();
        let mut list = vec![0u8; 1 << 16];
        let length = match fs::llistxattr(&path, &mut list[..]) {
            Err(Errno::NOTSUP | Errno::NOENT | Errno::PERM) => return Ok(Vec::new()),
            length => length?,
        };
        let mut found = Vec::new();
        for name in list[..length].split_inclusive(|b| *b == 0) {
            let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
            let mut value = vec![0u8; 1 << 16];
            match fs::lgetxattr(&path, name, &mut value[..]) {
                Ok(length) => found.push((name.to_owned(), value[..length].to_vec())),
                Err(Errno::NODATA | Errno::NOTSUP | Errno::PERM) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(found)
    }

    /// Gives it these marks. In this order, since each step undoes what of the later ones was there: chown(2) clears
    /// capabilities and set-id bits.
    pub fn mark(&self, marks: &Marks, link: bool) -> Result<(), Errno> {
        let (uid, gid) = (Uid::from_raw(marks.uid), Gid::from_raw(marks.gid));
        match fs::chownat(self.dir, self.name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW) {
            // A user has files of his own only.
            Err(Errno::PERM) if !rustix::process::geteuid().is_root() => {}
            done => done?,
        }
        if !marks.xattrs.is_empty() {
            let path = self.path();
            for (name, value) in &marks.xattrs {
                match fs::lsetxattr(&path, name, value, XattrFlags::empty()) {
                    // Not on this file system; of a label or for a user that may not.
                    Ok(()) | Err(Errno::NOTSUP | Errno::PERM) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
        if !link {
            // Never a link here: what the name is was made by this process, in a tree that nobody else has.
            fs::chmodat(self.dir, self.name, Mode::from_raw_mode((marks.mode & 0o7777) as _), AtFlags::empty())?;
        }
        let time = |(seconds, nanos): (i64, u32)| Timespec { tv_sec: seconds as _, tv_nsec: nanos as _ };
        let times = Timestamps { last_access: time(marks.atime), last_modification: time(marks.mtime) };
        fs::utimensat(self.dir, self.name, &times, AtFlags::SYMLINK_NOFOLLOW)
    }
}

/// The marks of an entry, as stat(2) has them.
// The fields' types differ between processors.
#[allow(clippy::unnecessary_cast)]
pub fn marks(stat: &fs::Stat, xattrs: Vec<(CString, Vec<u8>)>) -> Marks {
    Marks {
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode as u32 & 0o7777,
        mtime: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
        atime: (stat.st_atime as i64, stat.st_atime_nsec as u32),
        xattrs,
    }
}

/// A new empty file, nobody else's yet.
pub fn new_file(dir: impl AsFd, name: &CStr) -> Result<std::fs::File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?.into())
}
