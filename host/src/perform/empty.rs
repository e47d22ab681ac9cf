//! A mount namespace in which there is nothing: an empty tmpfs, read-only and without room for a single file.
//!
//! An agent makes one and keeps it. The child of a start goes there and copies that one mount for a namespace of its own, where
//! another start copies all that the machine has mounted. What is beneath a container's root is this, whatever it does.

use super::{beneath, errno, open};
use crate::sys::process::{Cloned, clone, exit_now, join_namespace, unshare};
use keel_core::facts::Namespaces;
use keel_core::failure::Errno;
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use std::ffi::CString;
use std::sync::OnceLock;

/// What is kept: the namespace, and the /proc of this one, for names of descriptors.
struct Empty {
    namespace: OwnedFd,
    proc: OwnedFd,
}

/// None: there can be none here.
static EMPTY: OnceLock<Option<Empty>> = OnceLock::new();

/// Whether there is one; the first time, it is made. The kernel is asked for the calls that a start needs then, so that one which
/// has not got them (Linux before 5.12, or a filter around us) is known before.
pub fn there_is() -> bool {
    EMPTY.get_or_init(|| make().ok()).is_some()
}

/// The highest number of a descriptor that `enter` needs.
pub fn highest_descriptor() -> Option<i32> {
    let empty = EMPTY.get()?.as_ref()?;
    Some(empty.namespace.as_raw_fd().max(empty.proc.as_raw_fd()))
}

/// In the child: into a copy of it. The working directory is /proc.
pub fn enter() -> Result<(), Errno> {
    let empty = EMPTY.get().and_then(Option::as_ref).ok_or(Errno::INVAL)?;
    join_namespace(empty.namespace.as_fd(), Namespaces::MNT)?;
    unshare(Namespaces::MNT)?;
    rustix::process::fchdir(&empty.proc).map_err(errno)?;
    beneath::in_proc(true);
    Ok(())
}

fn make() -> Result<Empty, Errno> {
    let tree = super::mounts::open_tree(c"/proc", false)?;
    // ENOSYS before Linux 5.12; what was opened is nobody else's.
    crate::sys::mount::mount_slave(tree.as_fd())?;
    let proc = open(c"/proc", OFlags::PATH | OFlags::DIRECTORY)?;
    let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(errno);
    let ((made, tell), (hold, release)) = (pipe()?, pipe()?);
    match clone(Namespaces::MNT, None)? {
        Cloned::Child { .. } => {
            drop((made, release));
            if become_empty().is_ok() {
                // Nobody reads it when the parent is gone.
                let _ = rustix::io::write(&tell, &[1]);
                // Until the other end is closed.
                let _ = rustix::io::retry_on_intr(|| rustix::io::read(&hold, &mut [0; 1]));
            }
            exit_now(0)
        }
        Cloned::Parent { pid, .. } => {
            drop((tell, hold));
            let opened = match rustix::io::retry_on_intr(|| rustix::io::read(&made, &mut [0; 1])) {
                Ok(1) => CString::new(format!("/proc/{pid}/ns/mnt"))
                    .map_err(|_| Errno::INVAL)
                    .and_then(|path| open(&path, OFlags::RDONLY)),
                _ => Err(Errno::INVAL),
            };
            drop(release);
            // ECHILD: reaped by a caller that reaps everything.
            let pid = rustix::process::Pid::from_raw(pid);
            let _ = rustix::io::retry_on_intr(|| rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()));
            Ok(Empty { namespace: opened?, proc })
        }
    }
}

/// EINVAL where the root is the initramfs.
fn become_empty() -> Result<(), Errno> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change(c"/", private).map_err(errno)?;
    // The one directory that is surely there. Its only inode is its root: no file can be made in it.
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount(c"keel", c"/proc", c"tmpfs", flags, c"size=4k,nr_inodes=1,mode=555").map_err(errno)?;
    rustix::process::chdir(c"/proc").map_err(errno)?;
    rustix::process::pivot_root(c".", c".").map_err(errno)?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH).map_err(errno)
}
