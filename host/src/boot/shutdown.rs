//! The last steps of the machine: unmount, sync, reboot(2). Bounded in time, whatever a disk does.
use crate::sys::process::{Cloned, exit_now, fork};
use crate::sys::{input, signalfd};
use keel_core::facts::{Mount, mountinfo};
use pid1::signals::Outcome;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::process::{WaitOptions, wait};
use rustix::system::{RebootCommand, reboot};
use std::ffi::CString;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long unmounting and syncing may take, in milliseconds.
static SYNC_MS: AtomicU64 = AtomicU64::new(10_000);

/// From the command line.
pub fn set_sync_time(time: Duration) {
    SYNC_MS.store(time.as_millis() as u64, Ordering::Relaxed);
}

/// End the machine. Processes are gone, or are not to be asked.
pub fn finish(outcome: Outcome) -> ! {
    log::info!("{outcome}");
    // A disk that does not answer would hold PID 1: a child unmounts and syncs, and it is waited for so long only.
    match fork() {
        Ok(Cloned::Child { .. }) => {
            unmount_all();
            rustix::fs::sync();
            exit_now(0);
        }
        Ok(Cloned::Parent { pid, .. }) => {
            if !wait_for(pid, Duration::from_millis(SYNC_MS.load(Ordering::Relaxed))) {
                log::error!("unmounting and syncing took too long: the {outcome} goes on without");
            }
        }
        // ENOMEM, EAGAIN: at the risk of waiting for ever.
        Err(_) => {
            unmount_all();
            rustix::fs::sync();
        }
    }
    let command = match outcome {
        Outcome::Halt => RebootCommand::Halt,
        Outcome::PowerOff => RebootCommand::PowerOff,
        Outcome::Reboot | Outcome::Kexec => RebootCommand::Restart,
    };
    // The kernel may end the caller (kernel/reboot.c, do_exit after a halt), and the end of PID 1 is a panic.
    if !matches!(fork(), Ok(Cloned::Parent { .. })) {
        if outcome == Outcome::Kexec {
            // EINVAL: no kernel is loaded, an ordinary restart follows.
            let _ = reboot(RebootCommand::Kexec);
        }
        let _ = reboot(command);
        // No way to power off: stopping is what is left.
        let _ = reboot(RebootCommand::Halt);
    }
    loop {
        // ECHILD at once is what remains when even the child is gone: then sleep in poll for ever.
        if wait(WaitOptions::empty()).is_err() {
            let _ = poll(&mut [], None);
        }
    }
}

/// Wait for a child; false: it takes too long.
fn wait_for(child: i32, time: Duration) -> bool {
    let end = Instant::now() + time;
    let signals = signalfd::descriptor();
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, _))) if pid.as_raw_nonzero().get() == child => return true,
            Ok(Some(_)) => continue,
            Ok(None) => {}
            Err(_) => return true,
        }
        let left = end.saturating_duration_since(Instant::now());
        let Ok(signals) = &signals else { return false };
        if left.is_zero() {
            return false;
        }
        let left = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        // An error is a look at once.
        let _ = poll(&mut [PollFd::new(signals, PollFlags::IN)], Some(&left));
        while signalfd::next(signals).is_some() {}
    }
}

/// Swap off, file systems off, deepest first; what cannot go is made read-only.
fn unmount_all() {
    for line in crate::place::read("/proc/swaps".as_ref()).unwrap_or_default().lines().skip(1) {
        let path = line.split_whitespace().next().map(keel_core::facts::unescape);
        if let Some(path) = path.and_then(|p| CString::new(p).ok()) {
            // ENOMEM: it does not fit into memory; the machine ends anyway.
            let _ = input::swap_off(&path);
        }
    }
    // One that lies on another goes in the first pass and the other in the next.
    for _ in 0..8 {
        let all = mounts();
        let gone = all.iter().rev().filter(|m| unmount(m.target.as_str(), UnmountFlags::NOFOLLOW).is_ok()).count();
        if gone == 0 {
            break;
        }
    }
    for mount in mounts().iter().rev().filter(|m| m.source.starts_with("/dev/")) {
        let _ = mount_remount(mount.target.as_str(), MountFlags::RDONLY, "");
        log::warn!("'{}' cannot be unmounted: read-only now", mount.target);
    }
}

/// What can go: not the root, and not /proc and /dev, which are needed to the end.
fn mounts() -> Vec<Mount> {
    let text = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mut all = mountinfo(&String::from_utf8_lossy(&text));
    all.retain(|m| !matches!(m.target.as_str(), "/" | "/proc" | "/dev"));
    all
}
