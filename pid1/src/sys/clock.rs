//! The time since the start of the machine, and waiting for a signal until some time: without a vDSO, which costs a page.

use syscalls::{Sysno, syscall};

/// Milliseconds of a clock that never goes back.
pub fn now_ms() -> u64 {
    // `long` on 32-bit systems, where this clock is right for 68 years of uptime.
    let mut time = [0isize; 2];
    const MONOTONIC: usize = 1;
    // SAFETY: the kernel writes a `struct timespec`, which is two longs.
    let result = unsafe { syscall!(Sysno::clock_gettime, MONOTONIC, time.as_mut_ptr()) };
    debug_assert!(result.is_ok());
    time[0] as u64 * 1000 + time[1] as u64 / 1_000_000
}
