//! The system calls of virtual sockets and of loading a kernel.
#![allow(unsafe_code)]

use std::io::{self, Error};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

fn checked(result: i64) -> io::Result<i64> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// A listening stream socket at a port of this machine's virtual address (vsock(7)).
pub fn listen_virtual(port: u32) -> io::Result<OwnedFd> {
    // SAFETY: the address is zeroed, ours, and its size is given; the descriptor is new and owned from then on.
    unsafe {
        let socket = checked(libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0).into())?;
        let socket = OwnedFd::from_raw_fd(socket as i32);
        let mut address: libc::sockaddr_vm = std::mem::zeroed();
        address.svm_family = libc::AF_VSOCK as _;
        address.svm_cid = libc::VMADDR_CID_ANY;
        address.svm_port = port;
        let size = std::mem::size_of_val(&address) as libc::socklen_t;
        checked(libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size).into())?;
        checked(libc::listen(socket.as_raw_fd(), 8).into())?;
        Ok(socket)
    }
}

/// The next connection of a listening socket, read as a file.
pub fn accept(listener: &OwnedFd) -> io::Result<std::fs::File> {
    let null = std::ptr::null_mut::<u8>();
    // SAFETY: no address is asked for; the descriptor is new and owned from then on.
    unsafe {
        let fd = checked(libc::accept4(listener.as_raw_fd(), null.cast(), null.cast(), libc::SOCK_CLOEXEC).into())?;
        Ok(OwnedFd::from_raw_fd(fd as i32).into())
    }
}

/// Loads a kernel for the next restart, without a ramdisk (kexec_file_load(2), which 32-bit kernels have not).
#[cfg(target_arch = "x86_64")]
pub fn load_kernel(kernel: &str, line: &str) -> io::Result<()> {
    /// `KEXEC_FILE_NO_INITRAMFS` of linux/kexec.h.
    const NO_RAMDISK: libc::c_ulong = 4;
    let kernel = std::fs::File::open(kernel)?;
    let line = std::ffi::CString::new(line)?;
    let size = line.as_bytes_with_nul().len();
    // SAFETY: the length counts the string's final 0, as the call wants it.
    let done =
        unsafe { libc::syscall(libc::SYS_kexec_file_load, kernel.as_raw_fd(), -1, size, line.as_ptr(), NO_RAMDISK) };
    checked(done).map(drop)
}

/// Not asked for on other processors.
#[cfg(not(target_arch = "x86_64"))]
pub fn load_kernel(_kernel: &str, _line: &str) -> io::Result<()> {
    Err(Error::from_raw_os_error(libc::ENOSYS))
}
