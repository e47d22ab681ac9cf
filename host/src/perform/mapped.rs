//! Mounts that show other ids, made outside: the right to it is that of the file system's user namespace.

use super::{errno, open as open_file};
use crate::sys::process::{Cloned, clone, exit_now};
use crate::sys::{self, io_errno};
use keel_core::facts::Namespaces;
use keel_core::failure::Errno;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, OFlags};
use rustix::mount::{OpenTreeFlags, open_tree};
use std::ffi::{CStr, CString};

/// A copy of the mount at `source`, not mounted anywhere. ENOSYS before Linux 5.12.
pub fn open(source: &CStr, recursive: bool, namespace: Option<&CStr>, maps: &[CString; 2]) -> Result<OwnedFd, Errno> {
    let namespace = match namespace {
        Some(path) => open_file(path, OFlags::RDONLY)?,
        None => user_namespace(maps)?,
    };
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = open_tree(CWD, source, flags).map_err(errno)?;
    sys::mount::mount_map_ids(tree.as_fd(), namespace.as_fd(), recursive)?;
    Ok(tree)
}

/// A user namespace with these maps; its only process is gone when this returns.
fn user_namespace(maps: &[CString; 2]) -> Result<OwnedFd, Errno> {
    let (hold, release) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(errno)?;
    match clone(Namespaces::USER, None)? {
        Cloned::Child { .. } => {
            drop(release);
            // Until the other end is closed.
            let _ = rustix::io::retry_on_intr(|| rustix::io::read(&hold, &mut [0; 1]));
            exit_now(0)
        }
        Cloned::Parent { pid, .. } => {
            drop(hold);
            let write = |file: &str, map: &CStr| {
                std::fs::write(format!("/proc/{pid}/{file}"), map.to_bytes()).map_err(|e| io_errno(&e))
            };
            let opened = write("gid_map", &maps[1]).and_then(|()| write("uid_map", &maps[0])).and_then(|()| {
                let path = CString::new(format!("/proc/{pid}/ns/user")).map_err(|_| Errno::INVAL)?;
                open_file(&path, OFlags::RDONLY)
            });
            drop(release);
            // ECHILD: reaped by a caller that reaps everything.
            let pid = rustix::process::Pid::from_raw(pid);
            let _ = rustix::io::retry_on_intr(|| rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()));
            opened
        }
    }
}
