//! Virtual sockets (vsock(7)), whose addresses rustix has not.

use rustix::fd::{AsRawFd, OwnedFd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use syscalls::{Sysno, syscall};

use super::{Result, check};

/// `struct sockaddr_vm`.
#[repr(C)]
struct Address {
    family: u16,
    reserved: u16,
    port: u32,
    cid: u32,
    flags: [u8; 4],
}

/// A stream to a port of a context. Waits until the other side answers, two seconds at most (the kernel's default).
pub fn connect(cid: u32, port: u32) -> Result<OwnedFd> {
    let socket = socket_with(AddressFamily::VSOCK, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let address = Address { family: AddressFamily::VSOCK.as_raw(), reserved: 0, port, cid, flags: [0; 4] };
    // SAFETY: the kernel reads the structure, whose size is passed.
    check(unsafe { syscall!(Sysno::connect, socket.as_raw_fd(), &raw const address, size_of::<Address>()) })?;
    Ok(socket)
}
