//! keel run from a place where it cannot be written to, before anything of it is near a container.
//!
//! What enters a container can be opened there as /proc/PID/exe, and written to once nobody executes it (CVE-2019-5736;
//! Linux 6.11 and 6.12 do not even wait for that). So it runs from a read-only mount of its own file that is in no
//! namespace: nobody can change the flags of that (fs/namespace.c: `check_mnt`), and no other way to the file leads
//! into the container. Where that is not to be had it runs from a sealed memfd, which costs a copy of the program.
use crate::sys::errno;
use crate::sys::mount::mount_setattr;
use crate::sys::process::exec_again;
use keel_core::failure::Errno;
use rustix::fs::{CWD, MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::mount::{OpenTreeFlags, open_tree};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

const SELF: &str = "/proc/self/exe";

/// Execute that with the same arguments; returns when this process is one already, or where it cannot be had:
/// before Linux 3.17 (COMPAT(linux<3.17)), or by `vm.memfd_noexec`.
pub fn run_from_copy() {
    if is_out_of_reach() {
        return;
    }
    // COMPAT(linux<5.12): no mount_setattr. Also a program whose mount is in another namespace.
    let Some(place) = read_only_mount().ok().or_else(sealed_copy) else { return };
    // EACCES of a system that forbids it: as before.
    let _ = exec_again(&CString::new(format!("/proc/self/fd/{}", place.as_raw_fd())).unwrap_or_default());
}

/// Whether this process is what is executed below. The root of a mount that is nowhere has no name but `/`, and no program
/// else is there; and only a memfd can have seals.
fn is_out_of_reach() -> bool {
    let sealed = || File::open(SELF).is_ok_and(|own| fcntl_get_seals(&own).is_ok_and(|s| s.contains(SealFlags::WRITE)));
    std::fs::read_link(SELF)
        .is_ok_and(|path| path.as_os_str() == "/" || path.starts_with("/memfd:keel (deleted)") && sealed())
}

/// The file of this program as a mount of its own, which goes with the last process that runs from it.
fn read_only_mount() -> Result<OwnedFd, Errno> {
    const MOUNT_ATTR_RDONLY: u64 = 1;
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let mount = open_tree(CWD, SELF, flags).map_err(errno)?;
    mount_setattr(mount.as_fd(), MOUNT_ATTR_RDONLY, false)?;
    Ok(mount)
}

/// A copy that nobody can write to any more.
fn sealed_copy() -> Option<OwnedFd> {
    let mut own = File::open(SELF).ok()?;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = match memfd_create("keel", flags | MemfdFlags::EXEC) {
        // COMPAT(linux<6.3): no MFD_EXEC, all are executable.
        Err(rustix::io::Errno::INVAL) => memfd_create("keel", flags),
        made => made,
    };
    let mut copy = File::from(made.ok()?);
    std::io::copy(&mut own, &mut copy).ok()?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&copy, seals).ok()?;
    Some(copy.into())
}
