//! What rustix has not of terminals.

use rustix::fd::{AsRawFd, BorrowedFd};
use syscalls::{Sysno, syscall};

use super::{Result, check};

/// Hangs up this session's terminal: whoever else has it open can no longer use it.
pub fn hang_up() -> Result<()> {
    // SAFETY: no arguments.
    check(unsafe { syscall!(Sysno::vhangup) }).map(drop)
}

/// Gives up this session's terminal. The session leader's foreground group gets SIGHUP and SIGCONT.
pub fn give_up(fd: BorrowedFd<'_>) -> Result<()> {
    const TIOCNOTTY: usize = 0x5422;
    // SAFETY: the request has no argument.
    check(unsafe { syscall!(Sysno::ioctl, fd.as_raw_fd(), TIOCNOTTY, 0) }).map(drop)
}

/// Which device /dev/console leads to: major and minor.
pub fn console_device(fd: BorrowedFd<'_>) -> Result<(u32, u32)> {
    const TIOCGDEV: usize = 0x8004_5432;
    let mut device = 0u32;
    // SAFETY: the kernel writes an unsigned int, in new_encode_dev()'s form.
    check(unsafe { syscall!(Sysno::ioctl, fd.as_raw_fd(), TIOCGDEV, &raw mut device) })?;
    Ok(((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xf_ff00)))
}
