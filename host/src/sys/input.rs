//! Power keys of input devices (include/uapi/linux/input.h) and swapoff(2).
use super::{checked, last};
use keel_core::failure::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd};

const EV_KEY: u16 = 1;
const KEY_POWER: usize = 116;
/// Bytes of a bitmap of all keys (KEY_CNT is 0x300).
const KEYS: usize = 0x300 / 8;

/// Whether the device has a power key.
pub fn has_power_key(fd: impl AsFd) -> bool {
    const EVIOCGBIT_KEY: u32 = 2 << 30 | (KEYS as u32) << 16 | (b'E' as u32) << 8 | (0x20 + EV_KEY as u32);
    let mut keys = [0u8; KEYS];
    // SAFETY: the request carries the size of the bitmap, and that is as large.
    let got = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), EVIOCGBIT_KEY as _, keys.as_mut_ptr()) };
    got >= 0 && keys[KEY_POWER / 8] & (1 << (KEY_POWER % 8)) != 0
}

/// What `struct input_event` is: two longs of time, type and code in 16 bits each, the value in 32.
const EVENT: usize = 2 * size_of::<libc::c_long>() + 8;

/// Reads all that the device has to say: whether its power key was pressed. An error: the device is gone.
pub fn power_pressed(fd: impl AsFd) -> Result<bool, Errno> {
    let mut events = [0u8; 16 * EVENT];
    let mut pressed = false;
    loop {
        // SAFETY: at most the bytes of `events` are written.
        let n = unsafe { libc::read(fd.as_fd().as_raw_fd(), events.as_mut_ptr().cast(), events.len()) };
        match usize::try_from(n) {
            Err(_) => match last() {
                Errno(libc::EAGAIN | libc::EINTR) => return Ok(pressed),
                e => return Err(e),
            },
            Ok(0) => return Ok(pressed),
            Ok(n) => pressed |= events[..n].chunks_exact(EVENT).any(is_power_key),
        }
    }
}

fn is_power_key(event: &[u8]) -> bool {
    let tail = &event[EVENT - 8..];
    let half = |at: usize| u16::from_ne_bytes([tail[at], tail[at + 1]]);
    half(0) == EV_KEY && usize::from(half(2)) == KEY_POWER && tail[4..] == 1i32.to_ne_bytes()
}

/// swapoff(2).
pub fn swap_off(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the path is a string with an end.
    checked(unsafe { libc::swapoff(path.as_ptr()) }).map(drop)
}
