//! Directories of cgroups after a container: taken away with what it made below them.

use crate::sys::io_errno;
use keel_core::failure::{Errno, Failure};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Removes a directory and all below it, deepest first. One that is gone already is fine.
/// EBUSY: a process is left in it.
pub fn remove(dir: &CStr) -> Result<(), Failure> {
    let path = Path::new(OsStr::from_bytes(dir.to_bytes()));
    remove_tree(path).map_err(|e| Failure::errno(format!("rmdir {}", path.display()), e))
}

fn remove_tree(path: &Path) -> Result<(), Errno> {
    let gone = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
    match std::fs::remove_dir(path) {
        Ok(()) => return Ok(()),
        Err(e) if gone(&e) => return Ok(()),
        // EBUSY for one that has children or processes; which, is seen below.
        Err(_) => (),
    }
    let entries = match std::fs::read_dir(path) {
        Err(e) if gone(&e) => return Ok(()),
        entries => entries.map_err(|e| io_errno(&e))?,
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    match std::fs::remove_dir(path) {
        Err(e) if !gone(&e) => Err(io_errno(&e)),
        _ => Ok(()),
    }
}
