//! Calls that fail, by strace(1): PID 1 lives on, and what failed is tried again.

use crate::fixture::{Ended, Guest, able, command_with, find};
use crate::skip_unless;

fn traceable() -> Result<(), String> {
    able()?;
    find("strace").map(drop)
}

/// Runs a payload under `pid1` with one call failing. strace(1) runs beside it (-D), so that `pid1` stays PID 1, and follows nobody.
fn inject(reaper: &str, fault: &str) -> Ended {
    let strace = format!("{} -D -qq -o /dev/null -e inject={fault} chroot", find("strace").unwrap().display());
    let words = ["/pid1", reaper, "keel.grace_ms=300", "--", "sh", "-c", "(true &); (true &); sleep 0.1; exit 6"];
    Guest { child: command_with(&strace, &words).spawn().expect("unshare runs") }.finish()
}

#[test]
fn every_call_of_the_wait_stage_may_fail() {
    skip_unless!(traceable());
    let faults = [
        "clone:error=ENOMEM:when=1",
        "clone:error=EAGAIN:when=1..2",
        "poll,ppoll:error=EINTR:when=1..5",
        "poll,ppoll:error=ENOMEM:when=1..5",
        "signalfd4:error=EMFILE",
        "signalfd4:error=ENOMEM:when=1",
        "signalfd4:error=ENOSYS",
        "rt_sigtimedwait:error=EINTR:when=1..5",
        "rt_sigtimedwait:error=EINVAL:when=1..5",
        "pidfd_open:error=EMFILE",
        "madvise:error=ENOMEM",
        "wait4:error=EINTR:when=1..5",
        "wait4:error=EINVAL:when=1",
        "kill:error=EPERM",
        "rt_sigaction:error=EINVAL:when=1",
        "statx:error=ENOSYS",
        "close_range:error=ENOSYS",
    ];
    for reaper in ["keel.reap=auto", "keel.reap=wait"] {
        for fault in faults {
            // Without a list of processes to be asked, the rest of the namespace is killed by the kernel.
            let ended = inject(reaper, fault);
            assert_eq!(ended.code(), 6, "{reaper}, {fault}: {}", ended.err);
        }
    }
}
