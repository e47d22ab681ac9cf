//! Signal masks and dispositions.

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
