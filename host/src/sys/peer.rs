//! SO_PEERCRED with a pid that may be 0.
//!
//! rustix's `UCred` holds a pid that is never 0, but a peer of a foreign pid namespace has just that (unix(7)).
use super::last;
use keel_core::failure::Errno;
use std::os::fd::{AsFd, AsRawFd};

/// Who connected: `(pid, uid)`; pid 0 is a process that this pid namespace cannot see.
pub fn peer(socket: impl AsFd) -> Result<(i32, u32), Errno> {
    let mut who = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `who` and `length` live through the call and `length` says the size of `who`.
    let rc = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut who).cast(),
            &mut length,
        )
    };
    if rc == 0 { Ok((who.pid, who.uid)) } else { Err(last()) }
}
