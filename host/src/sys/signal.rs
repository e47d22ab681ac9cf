//! Signal masks and dispositions.

use super::last;
use keel_core::failure::Errno;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

/// Signals that may be ignored: bit N-1 stands for signal N. All, until it is known better.
static IGNORED: AtomicU64 = AtomicU64::new(u64::MAX);

/// Says which signals this process ignores, which no part of it changes any more; none: not known.
pub fn ignored_are(mask: Option<u64>) {
    IGNORED.store(mask.unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// A signal is ignored, as what is executed inherits it.
pub fn ignore(signal: i32) -> Result<(), Errno> {
    // SAFETY: SIG_IGN installs no handler.
    match unsafe { libc::signal(signal, libc::SIG_IGN) } {
        libc::SIG_ERR => Err(last()),
        _ => Ok(()),
    }
}

/// All signals have their default action again, but for those that can't be set, and none is blocked: what a new program
/// expects and execve(2) does not do by itself.
pub fn reset() {
    // The kernel's own call: a C library refuses to touch those that it keeps for itself (32 and 33), which it ignores in
    // what it spawns. All zero is `struct sigaction` with SIG_DFL; it has at most 32 bytes on our processors.
    const SIGSET_BYTES: usize = 8;
    let default = [0u64; 4];
    // A handler is gone with the exec anyway; what is ignored stays so.
    let ignored = IGNORED.load(Ordering::Relaxed);
    // SAFETY: SIG_DFL installs no handler; numbers that can't be set answer EINVAL, which is what we want of them.
    unsafe {
        for signal in (1..=64).filter(|n| ignored >> (n - 1) & 1 == 1) {
            let none = std::ptr::null_mut::<libc::c_void>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, SIGSET_BYTES);
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}
