//! Signal masks and dispositions.

use super::checked;
use keel_core::failure::Errno;
use std::mem::MaybeUninit;

/// All signals have their default action again, but for those that can't be set, and none is blocked: what a new program
/// expects and execve(2) does not do by itself.
pub fn reset() {
    // SAFETY: SIG_DFL installs no handler; numbers that can't be set answer EINVAL, which is what we want of them.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}

/// Blocks these signals, in addition to those blocked.
pub fn block(signals: &[i32]) -> Result<(), Errno> {
    let set = set(signals);
    // SAFETY: `set` was initialised by sigemptyset.
    checked(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) }).map(drop)
}

/// A signal set of these.
pub fn set(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the whole set; numbers out of range are refused by sigaddset and left out.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}
