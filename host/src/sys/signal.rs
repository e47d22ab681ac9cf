//! Signal masks and dispositions.

use std::mem::MaybeUninit;

/// All signals have their default action again, but for those that can't be set, and none is blocked: what a new program
/// expects and execve(2) does not do by itself.
pub fn reset() {
    // The kernel's own call: a C library refuses to touch those that it keeps for itself (32 and 33), which it ignores in
    // what it spawns. All zero is `struct sigaction` with SIG_DFL; it has at most 32 bytes on our processors.
    const SIGSET_BYTES: usize = 8;
    let default = [0u64; 4];
    // SAFETY: SIG_DFL installs no handler; numbers that can't be set answer EINVAL, which is what we want of them.
    unsafe {
        for signal in 1..=64 {
            let none = std::ptr::null_mut::<libc::c_void>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), none, SIGSET_BYTES);
        }
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
    }
}
