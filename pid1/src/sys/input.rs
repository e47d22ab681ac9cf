//! Power buttons among the input devices (include/uapi/linux/input.h).

use rustix::fd::{AsRawFd, BorrowedFd};
use syscalls::{Sysno, syscall};

use super::check;

const EV_KEY: u32 = 1;
const KEY_POWER: usize = 116;
/// Bytes of a bitmap of all keys (KEY_CNT is 0x300).
const KEYS: usize = 0x300 / 8;

/// `struct input_mask`.
#[repr(C)]
struct Mask {
    kind: u32,
    size: u32,
    pointer: u64,
}

/// Has the device a power key?
pub fn has_power_key(fd: BorrowedFd<'_>) -> bool {
    const EVIOCGBIT_KEY: usize = 2 << 30 | KEYS << 16 | (b'E' as usize) << 8 | (0x20 + EV_KEY as usize);
    let mut keys = [0u8; KEYS];
    // SAFETY: the request has the size of the bitmap in it.
    let got = check(unsafe { syscall!(Sysno::ioctl, fd.as_raw_fd(), EVIOCGBIT_KEY, keys.as_mut_ptr()) });
    got.is_ok() && keys[KEY_POWER / 8] & (1 << (KEY_POWER % 8)) != 0
}

/// Lets through the power key only, so that typing on a keyboard that has one wakes nobody.
///
/// COMPAT(linux<4.4): no such call; everything comes, and is read.
pub fn only_power_key(fd: BorrowedFd<'_>) {
    const EVIOCSMASK: usize = 1 << 30 | size_of::<Mask>() << 16 | (b'E' as usize) << 8 | 0x93;
    let mut keys = [0u8; KEYS];
    keys[KEY_POWER / 8] = 1 << (KEY_POWER % 8);
    let kinds = [1u8 << EV_KEY; 1];
    for (kind, bits) in [(EV_KEY, &keys[..]), (0, &kinds[..])] {
        let mask = Mask { kind, size: bits.len() as u32, pointer: bits.as_ptr() as usize as u64 };
        // SAFETY: the kernel reads the structure, and `size` bytes at the pointer in it.
        let _ = unsafe { syscall!(Sysno::ioctl, fd.as_raw_fd(), EVIOCSMASK, &raw const mask) };
    }
}

/// Reads what the device has to say: was its power key pressed? An error means that the device is gone.
pub fn power_pressed(fd: BorrowedFd<'_>) -> super::Result<bool> {
    // `struct input_event`: two longs of time, then type and code in 16 bits and the value in 32.
    const SIZE: usize = 2 * size_of::<usize>() + 8;
    const TAIL: usize = SIZE - 8;
    let mut events = [0u8; 8 * SIZE];
    let mut pressed = false;
    loop {
        // SAFETY: the kernel writes at most the bytes of `events`.
        let n = match check(unsafe { syscall!(Sysno::read, fd.as_raw_fd(), events.as_mut_ptr(), events.len()) }) {
            Ok(n) => n,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(pressed),
            Err(e) => return Err(e),
        };
        for event in events[..n].chunks_exact(SIZE) {
            let half = |at: usize| u16::from_ne_bytes([event[TAIL + at], event[TAIL + at + 1]]);
            pressed |= u32::from(half(0)) == EV_KEY
                && usize::from(half(2)) == KEY_POWER
                && event[TAIL + 4..] == 1u32.to_ne_bytes();
        }
        if n < events.len() {
            return Ok(pressed);
        }
    }
}
