//! The system calls of virtual sockets, of loading a kernel, and of encrypted directories.
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

/// What names the key: eight bytes, the same as hexadecimal digits.
const KEY: &[u8; 8] = b"\x4b\x65\x65\x6c\x4b\x65\x65\x6c";
const KEY_NAME: &std::ffi::CStr = c"fscrypt:4b65656c4b65656c";

/// Adds the key of encrypted directories to the keyring of all processes of this user that have no session keyring of their own
/// (the first version of fscrypt's policies, as Android had it).
pub fn add_key() -> io::Result<()> {
    const USER_SESSION_KEYRING: libc::c_long = -5;
    // `struct fscrypt_key`: a mode that is not looked at, 64 bytes, their number.
    let mut payload = [0u8; 72];
    // No two blocks of it alike: XTS takes no key whose halves are.
    (0..64u8).for_each(|n| payload[4 + usize::from(n)] = n);
    payload[68..].copy_from_slice(&64u32.to_ne_bytes());
    // SAFETY: names end with 0; the payload is as long as is said.
    let added = unsafe {
        let (kind, name) = (c"logon".as_ptr(), KEY_NAME.as_ptr());
        libc::syscall(libc::SYS_add_key, kind, name, payload.as_ptr(), payload.len(), USER_SESSION_KEYRING)
    };
    // A long, which has 32 bits on some processors.
    #[allow(clippy::useless_conversion)]
    checked(i64::from(added)).map(drop)
}

/// An empty directory in which everything is encrypted with that key from now on (fscrypt: AES-256 in XTS and CTS).
pub fn encrypt(dir: &str) -> io::Result<()> {
    const SET_POLICY: u32 = 0x800c_6613;
    let dir = std::fs::File::open(dir)?;
    let mut policy = [0u8, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    policy[4..].copy_from_slice(KEY);
    // SAFETY: reads a `struct fscrypt_policy_v1`, of twelve bytes.
    let set = unsafe { libc::ioctl(dir.as_raw_fd(), SET_POLICY as _, policy.as_ptr()) };
    checked(set.into()).map(drop)
}
