//! What the first program may no more.

use crate::sys::{self, errno};
use keel_core::failure::Errno;

/// The bounding set without those of the mask; nothing is inheritable or ambient.
pub fn drop_capabilities(mask: u64) -> Result<(), Errno> {
    for capability in 0..64 {
        if mask & (1 << capability) != 0 {
            sys::process::drop_bounding(capability)?;
        }
    }
    // COMPAT(linux<4.3): no ambient set, and so nothing to clear.
    match rustix::thread::clear_ambient_capability_set() {
        Ok(()) | Err(rustix::io::Errno::INVAL) => (),
        Err(e) => return Err(errno(e)),
    }
    let mut sets = rustix::thread::capabilities(None).map_err(errno)?;
    sets.inheritable = rustix::thread::CapabilitySet::empty();
    rustix::thread::set_capabilities(None, sets).map_err(errno)
}

/// setgroups(2) where there is a list, setgid(2), setuid(2), of all three ids each.
pub fn set_ids(uid: u32, gid: u32, groups: Option<&[u32]>) -> Result<(), Errno> {
    use rustix::process::{Gid, Uid};
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    groups.map_or(Ok(()), sys::process::set_groups)?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(errno)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(errno)
}
