//! Sockets for the report: virtual ones (vsock(7)), whose addresses rustix has not, and datagrams to a path.

use rustix::fd::{AsRawFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use syscalls::{Sysno, syscall};

use super::{Result, check};

const AF_UNIX: u16 = 1;
const AF_VSOCK: u16 = 40;
const STREAM: usize = 1;
const DATAGRAM: usize = 2;
const CLOEXEC: usize = 0o2_000_000;

/// `struct sockaddr_vm`.
#[repr(C)]
struct Virtual {
    family: u16,
    reserved: u16,
    port: u32,
    cid: u32,
    flags: [u8; 4],
}

/// `struct sockaddr_un`.
#[repr(C)]
struct Local {
    family: u16,
    path: [u8; 108],
}

/// A socket that is connected to an address of `size` bytes.
///
/// # Safety
/// `address` must hold `size` bytes.
unsafe fn connect(family: u16, kind: usize, address: *const u8, size: usize) -> Result<OwnedFd> {
    // SAFETY: numbers only.
    let fd = check(unsafe { syscall!(Sysno::socket, usize::from(family), kind | CLOEXEC, 0) })?;
    // SAFETY: a new descriptor, which nobody else owns.
    let socket = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    // SAFETY: the caller's promise.
    check(unsafe { syscall!(Sysno::connect, socket.as_raw_fd(), address, size) })?;
    Ok(socket)
}

/// A stream to a port of a context. Waits until the other side answers, two seconds at most (the kernel's default).
pub fn connect_virtual(cid: u32, port: u32) -> Result<OwnedFd> {
    let address = Virtual { family: AF_VSOCK, reserved: 0, port, cid, flags: [0; 4] };
    // SAFETY: the structure and its size.
    unsafe { connect(AF_VSOCK, STREAM, (&raw const address).cast(), size_of::<Virtual>()) }
}

/// A datagram socket to a path, or to an abstract name where it begins with `@`.
pub fn connect_local(path: &[u8]) -> Result<OwnedFd> {
    let mut address = Local { family: AF_UNIX, path: [0; 108] };
    // A path keeps a NUL at its end.
    if path.is_empty() || path.len() >= address.path.len() {
        return Err(Errno::NAMETOOLONG);
    }
    address.path[..path.len()].copy_from_slice(path);
    let mut size = 2 + path.len() + 1;
    if path[0] == b'@' {
        address.path[0] = 0;
        size -= 1;
    }
    // SAFETY: at most the whole structure, as the path is shorter than its place.
    unsafe { connect(AF_UNIX, DATAGRAM, (&raw const address).cast(), size) }
}
