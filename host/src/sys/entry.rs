//! `main` without the start-up of std.
//!
//! std's own start-up aborts when descriptors 0 to 2 are closed and there is no /dev/null: just what a kernel hands to
//! /init in a ramdisk without /dev/console. So the C library's `main` is taken, and the three descriptors are made here.

use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStringExt;

/// Called by the C library. Ends with the program's exit code.
///
/// # Safety
/// `argv` must hold `argc` strings, as execve(2) gives them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(argc: i32, argv: *const *const libc::c_char) -> i32 {
    let argc = usize::try_from(argc).unwrap_or(0);
    super::process::remember_arguments(argv);
    let args = (0..argc)
        .map(|i| {
            // SAFETY: `i` is below `argc`, and each entry below it is a string that lives as long as the process.
            let arg = unsafe { CStr::from_ptr(*argv.add(i)) };
            OsString::from_vec(arg.to_bytes().to_vec())
        })
        .collect();
    open_standard_descriptors();
    // SAFETY: no handler is installed; EPIPE is returned to writers instead, as std has it. A caller that ignores SIGCHLD hands
    // that down, and the kernel would then reap our children before they can be waited for.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
    crate::run(args)
}

/// Makes sure that descriptors 0 to 2 are open, so that no file that is opened later becomes one of them: /dev/null, or
/// where there is none a pipe that nobody writes to or reads from.
fn open_standard_descriptors() {
    for fd in 0..3 {
        // SAFETY: F_GETFD takes no pointer; the descriptor may be closed, that is the question.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1 {
            continue;
        }
        // The lowest free descriptor is `fd`, since all below it are open.
        // SAFETY: the path is a string of static life.
        if unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) } != -1 {
            continue;
        }
        let mut ends = [-1; 2];
        // SAFETY: `ends` has room for the two descriptors that pipe(2) writes.
        if unsafe { libc::pipe(ends.as_mut_ptr()) } == -1 {
            return;
        }
        for end in ends {
            if end > 2 {
                // SAFETY: the descriptor was made above and is known to nobody else.
                unsafe { libc::close(end) };
            }
        }
    }
}
