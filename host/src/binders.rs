//! The host's binder devices, where there is no binderfs: a lock for each that a container has.
//!
//! A lock ends with its holder. A container may outlive its supervisor, so what the lock's file says is looked at, too.

use crate::place::{self, Place};
use crate::sys::errno;
use crate::watch::record::Record;
use keel_core::failure::Errno;
use rustix::fd::OwnedFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use std::ffi::CStr;
use std::path::{Path, PathBuf};

/// Where the locks are. The dot keeps it from being an lxcpath's.
pub fn dir(lxcpath: &str) -> PathBuf {
    place::base(lxcpath).join(".binders")
}

/// Devices that are taken, and by whom.
pub fn taken(dir: &Path) -> Vec<(String, String)> {
    let entry = |entry: std::fs::DirEntry| {
        let holder = Place::at(place::read(&entry.path())?.into());
        let file = std::fs::File::open(entry.path()).ok()?;
        let locked = flock(&file, FlockOperation::NonBlockingLockShared).is_err();
        let lives = || !holder.dir().as_os_str().is_empty() && Record::of_living(&holder).is_some();
        let who = holder.dir().file_name().map_or_else(|| "?".into(), |n| n.to_string_lossy().into_owned());
        (locked || lives()).then(|| Some((entry.file_name().into_string().ok()?, who)))?
    };
    std::fs::read_dir(dir).into_iter().flatten().flatten().filter_map(entry).collect()
}

/// Takes one. EBUSY: somebody was faster.
pub fn take(path: &CStr, holder: &CStr) -> Result<OwnedFd, Errno> {
    let dir = Path::new(path.to_str().map_err(|_| Errno::INVAL)?).parent().ok_or(Errno::INVAL)?;
    place::make_private(dir).map_err(|_| Errno::ACCES)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).map_err(errno)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::AGAIN) => return Err(Errno::BUSY),
        Err(e) => return Err(errno(e)),
    }
    rustix::fs::ftruncate(&file, 0).map_err(errno)?;
    rustix::io::write(&file, holder.to_bytes()).map_err(errno)?;
    Ok(file)
}

/// Gives it back; the lock itself goes with the descriptor.
pub fn release(file: &OwnedFd) {
    // What cannot be emptied names a container that has ended.
    let _ = rustix::fs::ftruncate(file, 0);
}
