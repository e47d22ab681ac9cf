//! Calls about mounts and devices that rustix does not have.

use super::{checked, errno};
use keel_core::failure::Errno;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ffi::CStr;

/// `struct mount_attr` (include/uapi/linux/mount.h).
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Number of mount_setattr(2), the same for every processor.
const SYS_MOUNT_SETATTR: libc::c_long = 442;

/// mount_setattr(2) of the mount that a descriptor is on: sets attributes (MOUNT_ATTR_*), clears none.
/// ENOSYS before Linux 5.12.
pub fn mount_setattr(mount: BorrowedFd<'_>, set: u64, recursive: bool) -> Result<(), Errno> {
    setattr(mount, MountAttr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 }, recursive)
}

/// The same with MOUNT_ATTR_IDMAP: a detached mount shows the ids of a user namespace.
pub fn mount_map_ids(mount: BorrowedFd<'_>, namespace: BorrowedFd<'_>, recursive: bool) -> Result<(), Errno> {
    const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;
    let userns_fd = namespace.as_raw_fd() as u64;
    setattr(mount, MountAttr { attr_set: MOUNT_ATTR_IDMAP, attr_clr: 0, propagation: 0, userns_fd }, recursive)
}

/// Makes a mount and all below it slaves: what is mounted in it stays here.
pub fn mount_slave(mount: BorrowedFd<'_>) -> Result<(), Errno> {
    setattr(mount, MountAttr { attr_set: 0, attr_clr: 0, propagation: keel_core::step::ms::SLAVE, userns_fd: 0 }, true)
}

fn setattr(mount: BorrowedFd<'_>, attr: MountAttr, recursive: bool) -> Result<(), Errno> {
    const AT_RECURSIVE: i32 = 0x8000;
    let flags = libc::AT_EMPTY_PATH | if recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty string, `attr` outlives the call and its size is what is passed.
    let result = unsafe {
        libc::syscall(
            SYS_MOUNT_SETATTR,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    checked(result).map(drop)
}

/// The slave of a pseudo-terminal's master: TIOCGPTPEER, which does not go through a path; not the controlling terminal.
/// ENOTTY or EINVAL before Linux 4.13.
pub fn pty_peer(master: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    use rustix::pty::OpenptFlags;
    rustix::pty::ioctl_tiocgptpeer(master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .map_err(errno)
}

/// The number of a pseudo-terminal: TIOCGPTN.
pub fn pty_number(master: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut number: libc::c_uint = 0;
    // SAFETY: TIOCGPTN writes one unsigned int.
    checked(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTN as _, &raw mut number) })?;
    Ok(number)
}

/// Sets a network device up: SIOCGIFFLAGS, SIOCSIFFLAGS (netdevice(7)).
pub fn interface_up(name: &CStr) -> Result<(), Errno> {
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )
    .map_err(errno)?;
    // SAFETY: all zeroes is a valid ifreq.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let bytes = name.to_bytes();
    if bytes.len() >= request.ifr_name.len() {
        return Err(Errno::INVAL);
    }
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: both requests read and write an ifreq, whose name ends with a zero.
    unsafe {
        checked(libc::ioctl(fd, libc::SIOCGIFFLAGS as _, &raw mut request))?;
        request.ifr_ifru.ifru_flags |= libc::IFF_UP as libc::c_short;
        checked(libc::ioctl(fd, libc::SIOCSIFFLAGS as _, &raw const request))?;
    }
    Ok(())
}

/// personality(2).
pub fn personality(persona: u32) -> Result<(), Errno> {
    // SAFETY: takes a number; changes what uname(2) says to this process.
    checked(unsafe { libc::personality(persona as _) }).map(drop)
}

/// Numbers of a device node as makedev(3) joins them.
pub fn makedev(major: u32, minor: u32) -> u64 {
    rustix::fs::makedev(major, minor)
}
