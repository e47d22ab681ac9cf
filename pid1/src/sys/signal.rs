//! Signals: all blocked, read from a descriptor; sent; and set back for children.

use core::mem::MaybeUninit;

use pid1::signals::MAX;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use syscalls::{Sysno, syscall};

use super::{Result, check};

const SIZE: usize = 8;

/// All but those that a fault of this very process raises: blocking these would hide it (ILL TRAP ABRT BUS FPE SEGV SYS).
const BLOCKED: u64 = !(bit(4) | bit(5) | bit(6) | bit(7) | bit(8) | bit(11) | bit(31));

const fn bit(signal: u8) -> u64 {
    1 << (signal - 1)
}

fn set_mask(mask: u64) {
    const SETMASK: usize = 2;
    // SAFETY: the kernel reads eight bytes.
    let result = unsafe { syscall!(Sysno::rt_sigprocmask, SETMASK, &raw const mask, 0, SIZE) };
    debug_assert!(result.is_ok());
}

/// Blocks what can be.
pub fn block() {
    set_mask(BLOCKED);
}

/// Lets all through.
pub fn unblock() {
    set_mask(0);
}

/// The kernel's `struct sigaction`: handler, flags and restorer in longs, then the mask, without a space between them on any CPU.
#[repr(C)]
struct Disposition {
    longs: [usize; 3],
    mask: [u32; 2],
}

/// Sets what a signal does: the default, or nothing.
fn dispose(signal: u8, ignored: bool) {
    let disposition = Disposition { longs: [usize::from(ignored), 0, 0], mask: [0, 0] };
    // SAFETY: the kernel reads the structure. No handler is set. SIGKILL and SIGSTOP are EINVAL.
    let _ = unsafe { syscall!(Sysno::rt_sigaction, usize::from(signal), &raw const disposition, 0, SIZE) };
}

/// Ignores a signal. For SIGCHLD it means that the kernel reaps.
pub fn ignore(signal: u8) {
    dispose(signal, true);
}

/// Gives a signal back its default.
pub fn default(signal: u8) {
    dispose(signal, false);
}

/// Gives all signals back their defaults and lets them through, for a program to be executed.
///
/// exec does that itself but for those that are ignored: by this process, or by whoever started it. Which these are only /proc tells, and
/// to read it takes as long as all the calls (9 µs).
pub fn reset() {
    (1..=MAX).for_each(default);
    unblock();
}

/// A signal that came.
#[derive(Clone, Copy)]
pub struct Received {
    /// Its number.
    pub number: u8,
    /// Its sender's id; 0 for the kernel.
    pub sender: i32,
}

/// A descriptor that all blocked signals can be read from.
pub fn descriptor() -> Result<OwnedFd> {
    const CLOEXEC_NONBLOCK: usize = 0o2_000_000 | 0o4000;
    let mask = BLOCKED;
    // SAFETY: the kernel reads eight bytes.
    let fd = check(unsafe { syscall!(Sysno::signalfd4, -1isize, &raw const mask, SIZE, CLOEXEC_NONBLOCK) })?;
    // SAFETY: a new descriptor, which nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Reads one signal. `None`: there is none.
pub fn receive(fd: BorrowedFd<'_>) -> Option<Received> {
    // `struct signalfd_siginfo`: 128 bytes that begin with the number, errno, code and the sender's id.
    let mut info = [MaybeUninit::<u32>::zeroed(); 32];
    // SAFETY: the kernel writes at most the 128 bytes of `info`.
    let n = check(unsafe { syscall!(Sysno::read, fd.as_raw_fd(), info.as_mut_ptr(), 128) }).ok()?;
    // SAFETY: zeroed before.
    let field = |i: usize| unsafe { info[i].assume_init() };
    (n == 128).then(|| Received { number: field(0) as u8, sender: field(3) as i32 })
}

/// Waits for a signal, some milliseconds at most. `None`: none came.
pub fn wait(timeout_ms: Option<u64>) -> Option<Received> {
    let mask = BLOCKED;
    // `struct timespec` with longs, and a `siginfo_t`: 128 bytes that begin with the number, errno and code.
    let timeout = timeout_ms.map(|ms| [(ms / 1000) as isize, (ms % 1000 * 1_000_000) as isize]);
    let timeout = timeout.as_ref().map_or(core::ptr::null(), |t| t.as_ptr());
    let mut info = [0u32; 32];
    // SAFETY: the kernel reads mask and time, if there is one, and writes at most the 128 bytes of `info`.
    let n =
        check(unsafe { syscall!(Sysno::rt_sigtimedwait, &raw const mask, info.as_mut_ptr(), timeout, SIZE) }).ok()?;
    // The sender's id is behind the code, which 64-bit systems pad.
    Some(Received { number: n as u8, sender: info[if size_of::<usize>() == 8 { 4 } else { 3 }] as i32 })
}

/// Sends a signal to a process, or to the group of a negative id.
///
/// -1, which means all processes, is refused with EINVAL unless this is PID 1 of its namespace.
pub fn send(pid: i32, signal: u8) -> Result<()> {
    if pid == -1 && !rustix::process::getpid().is_init() {
        return Err(Errno::INVAL);
    }
    // SAFETY: numbers only.
    check(unsafe { syscall!(Sysno::kill, pid as isize, usize::from(signal)) }).map(drop)
}
