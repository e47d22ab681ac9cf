//! Processes of this host: found by what they hold, waited for by descriptor.

use crate::ran::{PATIENCE, timespec};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// A process, held so that its number cannot become another's.
#[derive(Debug)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    held: OwnedFd,
}

impl Process {
    /// None: it has ended.
    pub fn hold(pid: i32) -> Option<Process> {
        let held = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        Some(Process { pid, held })
    }

    /// Waits for its end; false: it goes on.
    pub fn ends_within(&self, patience: Duration) -> bool {
        poll(&mut [PollFd::new(&self.held, PollFlags::IN)], Some(&timespec(patience))).is_ok_and(|n| n > 0)
    }

    /// Sends a signal; false: it has ended.
    pub fn signal(&self, signal: Signal) -> bool {
        pidfd_send_signal(&self.held, signal).is_ok()
    }

    /// A line of its /proc/PID/status.
    pub fn status(&self, key: &str) -> Option<String> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':')).map(|v| v.trim().to_owned())
    }
}

/// Processes that have something of this directory: it is in their command line or environment, or mounted in their
/// namespace (a container's, whose root is below it).
pub fn touching(path: &Path) -> Vec<i32> {
    let wanted = path.to_string_lossy();
    let has = |pid: &i32| {
        ["cmdline", "environ", "mountinfo"].iter().any(|file| {
            let text = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            // Another directory's name may begin with this one's: `x-1` and `x-18`.
            let text = String::from_utf8_lossy(&text);
            text.match_indices(wanted.as_ref())
                .any(|(at, _)| !text[at + wanted.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()))
        })
    };
    let own = std::process::id() as i32;
    all().into_iter().filter(|pid| *pid != own).filter(has).collect()
}

/// Waits until `look` finds something; it is asked again whenever something changes in one of the directories at and below
/// `base` (inotify(7)), and once a second, since a directory may be made and filled between two looks.
#[track_caller]
pub fn until<T>(what: &str, base: &Path, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let events = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).expect("inotify");
    loop {
        watch(&events, base, 3);
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        let _ = poll(&mut [PollFd::new(&events, PollFlags::IN)], Some(&timespec(Duration::from_secs(1))));
        let mut buffer = [0; 4096];
        while rustix::io::read(&events, &mut buffer).is_ok_and(|n| n > 0) {}
    }
}

/// A directory that is watched already stays so.
fn watch(events: &OwnedFd, dir: &Path, depth: u32) {
    use inotify::WatchFlags;
    let flags =
        WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::ONLYDIR;
    if inotify::add_watch(events, dir, flags).is_err() || depth == 0 {
        return;
    }
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            watch(events, &entry.path(), depth - 1);
        }
    }
}

/// Every process number.
pub fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// The parent's number.
pub fn parent(pid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
