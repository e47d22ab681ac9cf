//! Loop devices: ioctls of /dev/loop-control and /dev/loopN (loop(4)).

use super::{checked, errno};
use keel_core::failure::Errno;
use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use std::ffi::CStr;

const LOOP_SET_FD: u32 = 0x4c00;
const LOOP_CLR_FD: u32 = 0x4c01;
const LOOP_SET_STATUS64: u32 = 0x4c04;
const LOOP_CTL_GET_FREE: u32 = 0x4c82;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
/// How often another process may be faster in taking the device that was free.
const TRIES: u32 = 64;

/// `struct loop_info64` (include/uapi/linux/loop.h).
#[repr(C)]
struct Info {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    sizelimit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// The name `/dev/loopN`.
pub struct Name([u8; 32]);

impl Name {
    fn of(dir: &str, number: i32) -> Name {
        let mut name = Name([0; 32]);
        let _ = std::io::Write::write_fmt(&mut &mut name.0[..31], format_args!("/dev/{dir}loop{number}"));
        name
    }

    /// As a C string.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

/// Puts a file on a free device, which is let go of with its last user. Allocates nothing.
pub fn attach(file: BorrowedFd<'_>, readonly: bool) -> Result<(OwnedFd, Name), Errno> {
    let open = |path: &CStr, flags| rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).map_err(errno);
    let control = match open(c"/dev/loop-control", OFlags::RDWR) {
        Ok(control) => Some(control),
        // COMPAT(linux<3.1): the devices are tried one after the other.
        Err(Errno::NOENT) => None,
        Err(e) => return Err(e),
    };
    let flags = if readonly { OFlags::RDONLY } else { OFlags::RDWR };
    for tried in 0..TRIES as i32 {
        let number = match &control {
            // SAFETY: takes no argument; answers the number of a device that is free now.
            Some(control) => checked(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE as _) })?,
            None => tried,
        };
        let mut name = Name::of("", number);
        let device = match open(name.as_c_str(), flags) {
            // Where Android's ueventd makes the nodes.
            Err(Errno::NOENT) => {
                name = Name::of("block/", number);
                open(name.as_c_str(), flags)?
            }
            device => device?,
        };
        // SAFETY: takes a descriptor, which is open.
        match checked(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_SET_FD as _, file.as_raw_fd()) }) {
            Err(Errno::BUSY) => continue,
            result => result?,
        };
        let info = Info {
            device: 0,
            inode: 0,
            rdevice: 0,
            offset: 0,
            sizelimit: 0,
            number: 0,
            encrypt_type: 0,
            encrypt_key_size: 0,
            flags: LO_FLAGS_AUTOCLEAR | if readonly { LO_FLAGS_READ_ONLY } else { 0 },
            file_name: [0; 64],
            crypt_name: [0; 64],
            encrypt_key: [0; 32],
            init: [0; 2],
        };
        // SAFETY: reads a loop_info64, which outlives the call.
        if let Err(e) = checked(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_SET_STATUS64 as _, &raw const info) }) {
            // SAFETY: takes no argument. Without autoclear nobody else would let go of it.
            unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CLR_FD as _) };
            return Err(e);
        }
        return Ok((device, name));
    }
    Err(Errno::BUSY)
}
