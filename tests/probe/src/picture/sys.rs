//! System calls of the picture: uevents by netlink(7), a procfs, and the kernel's time zone.
#![allow(unsafe_code)]

use std::io::{self, Error};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

/// Room for the events of a whole coldboot, in bytes.
static ROOM: libc::c_int = 16 << 20;

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// What the kernel announces to all.
pub struct Uevents(OwnedFd);

impl Uevents {
    pub fn listen() -> io::Result<Uevents> {
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: the descriptor is new and owned from then on; option and address are ours, and their sizes are given.
        unsafe {
            let fd = checked(libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_KOBJECT_UEVENT))?;
            let fd = OwnedFd::from_raw_fd(fd);
            let (level, option) = (libc::SOL_SOCKET, libc::SO_RCVBUFFORCE);
            let size = size_of_val(&ROOM) as libc::socklen_t;
            checked(libc::setsockopt(fd.as_raw_fd(), level, option, (&raw const ROOM).cast(), size))?;
            let mut address: libc::sockaddr_nl = std::mem::zeroed();
            address.nl_family = libc::AF_NETLINK as _;
            // The kernel's own; udev's daemon repeats them in group 2.
            address.nl_groups = 1;
            let size = size_of_val(&address) as libc::socklen_t;
            checked(libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size))?;
            Ok(Uevents(fd))
        }
    }

    /// The next message, if there is one. ENOBUFS: some were lost before it.
    pub fn next(&self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; 8192];
        // SAFETY: writes into a buffer of ours, whose length is given.
        let n = unsafe { libc::recv(self.0.as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), 0) };
        match checked(n as libc::c_int) {
            Ok(n) => bytes.truncate(n as usize),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        }
        Ok(Some(bytes))
    }
}

/// Waits for a caller; false: whoever held the other end of standard input has gone.
pub fn wait(listener: &UnixListener) -> io::Result<bool> {
    let mut list = [
        libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        libc::pollfd { fd: 0, events: 0, revents: 0 },
    ];
    // SAFETY: the list is as long as is said.
    checked(unsafe { libc::poll(list.as_mut_ptr(), 2, -1) })?;
    Ok(list[1].revents & (libc::POLLHUP | libc::POLLERR) == 0)
}

/// Minutes west of Greenwich, the kernel's own (not a library's).
pub fn zone() -> io::Result<i32> {
    let mut zone = [0i32; 2];
    // SAFETY: a `struct timezone` is two ints; no time is asked for.
    let done = unsafe { libc::syscall(libc::SYS_gettimeofday, std::ptr::null::<libc::timeval>(), zone.as_mut_ptr()) };
    checked(done as libc::c_int)?;
    Ok(zone[0])
}

/// A procfs of its own, mounted nowhere: its files are looked at for the first time.
pub fn new_procfs() -> io::Result<OwnedFd> {
    // linux/syscall numbers are the same on all processors since 5.2; `FSCONFIG_CMD_CREATE` of linux/mount.h.
    const FSOPEN: libc::c_long = 430;
    const FSCONFIG: libc::c_long = 431;
    const FSMOUNT: libc::c_long = 432;
    const CREATE: libc::c_uint = 6;
    const CLOEXEC: libc::c_uint = 1;
    let null = std::ptr::null::<u8>();
    // SAFETY: the name ends with 0, the command takes neither key nor value; each descriptor is new and owned from then on.
    unsafe {
        let context = checked(libc::syscall(FSOPEN, c"proc".as_ptr(), CLOEXEC) as libc::c_int)?;
        let context = OwnedFd::from_raw_fd(context);
        checked(libc::syscall(FSCONFIG, context.as_raw_fd(), CREATE, null, null, 0) as libc::c_int)?;
        let mount = checked(libc::syscall(FSMOUNT, context.as_raw_fd(), CLOEXEC, 0) as libc::c_int)?;
        Ok(OwnedFd::from_raw_fd(mount))
    }
}
