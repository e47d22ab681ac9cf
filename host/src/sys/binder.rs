//! ioctls of binder (include/uapi/linux/android/binder.h, binderfs.h).

use super::checked;
use keel_core::failure::Errno;
use rustix::fd::{AsRawFd, BorrowedFd};
use std::ffi::CStr;

/// `_IOWR('b', 9, struct binder_version)`, of one 32-bit number.
const BINDER_VERSION: u32 = 0xc004_6209;
/// `_IOWR('b', 1, struct binderfs_device)`.
const BINDER_CTL_ADD: u32 = 0xc108_6201;
/// BINDERFS_MAX_NAME, with its end.
const NAME: usize = 256;

/// `struct binderfs_device`.
#[repr(C)]
struct Device {
    name: [u8; NAME],
    major: u32,
    minor: u32,
}

/// The protocol that a binder device speaks.
pub fn protocol(device: BorrowedFd<'_>) -> Result<u32, Errno> {
    let mut version: i32 = 0;
    // SAFETY: writes one 32-bit number, which outlives the call.
    checked(unsafe { libc::ioctl(device.as_raw_fd(), BINDER_VERSION as _, &raw mut version) })?;
    u32::try_from(version).map_err(|_| Errno::INVAL)
}

/// Makes a device in the binderfs of a control file.
pub fn add_device(control: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    let mut device = Device { name: [0; NAME], major: 0, minor: 0 };
    let bytes = name.to_bytes();
    device.name.get_mut(..bytes.len()).filter(|_| bytes.len() < NAME).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(bytes);
    // SAFETY: reads and writes one binderfs_device, which outlives the call; its name ends with a zero.
    checked(unsafe { libc::ioctl(control.as_raw_fd(), BINDER_CTL_ADD as _, &raw mut device) }).map(drop)
}
