//! The freezer of a container's cgroup: all of its tasks halted, or going on.
//!
//! Version 1 by `freezer.state`, version 2 by `cgroup.freeze` (Linux 5.2). Only the container's own directories are read
//! and written.
use crate::control::protocol::State;
use crate::fault::{Result, at, say};
use crate::place::read;
use crate::usage::field;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long all tasks may take to halt: one in an uninterruptible call (NFS) never does.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the freezer has a container; none where no cgroup of it has one.
pub fn state(cgroups: &[PathBuf]) -> Option<State> {
    cgroups.iter().find_map(|dir| of(dir))
}

/// The same with what a supervisor calls running: it does not look at the freezer.
pub fn refine(state: State, cgroups: &[PathBuf]) -> State {
    match (state, self::state(cgroups)) {
        (State::Running, Some(frozen @ (State::Freezing | State::Frozen))) => frozen,
        _ => state,
    }
}

fn of(dir: &Path) -> Option<State> {
    if let Some(text) = read(&dir.join("freezer.state")) {
        return Some(match text.trim() {
            "FROZEN" => State::Frozen,
            "FREEZING" => State::Freezing,
            _ => State::Thawed,
        });
    }
    let asked = read(&dir.join("cgroup.freeze"))?;
    let events = read(&dir.join("cgroup.events")).unwrap_or_default();
    Some(match (field(&events, "frozen"), asked.trim()) {
        (Some(1), _) => State::Frozen,
        (_, "1") => State::Freezing,
        _ => State::Thawed,
    })
}

/// Halts all tasks, or lets them go on; returns when it is so.
pub fn set(cgroups: &[PathBuf], freeze: bool) -> Result<()> {
    let files = [("freezer.state", ["THAWED", "FROZEN"]), ("cgroup.freeze", ["0", "1"])];
    let there = |(file, words)| {
        let dir = cgroups.iter().find(|dir| dir.join(file).exists())?;
        Some((dir, dir.join(file), words))
    };
    let Some((dir, file, words)) = files.into_iter().find_map(there) else {
        return say("no cgroup of it has a freezer [version 1: mount the freezer controller; version 2: Linux 5.2]");
    };
    std::fs::write(&file, words[usize::from(freeze)]).map_err(|e| at("write", &file, e))?;
    let wanted = if freeze { State::Frozen } else { State::Thawed };
    let end = Instant::now() + PATIENCE;
    // Version 2 tells of changes here (kernfs: POLLPRI); version 1 does not, so it is asked again.
    let events = File::open(dir.join("cgroup.events")).ok();
    loop {
        // Read before it is waited for, so that no change is missed.
        if of(dir) == Some(wanted) {
            return Ok(());
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let now = of(dir).map_or("gone", State::name);
            return say(format!("still {now} after {} s [a task hangs in a call of the kernel]", PATIENCE.as_secs()));
        }
        let step = left.min(Duration::from_millis(if events.is_some() { 200 } else { 2 }));
        let step = Timespec { tv_sec: step.as_secs() as _, tv_nsec: step.subsec_nanos() as _ };
        let mut fds: Vec<PollFd> = events.iter().map(|file| PollFd::new(file, PollFlags::PRI)).collect();
        // EINTR is a look too many.
        let _ = poll(&mut fds, Some(&step));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn both_versions_say_how_far_it_is() {
        let scratch = Scratch::new();
        let dirs = [scratch.path().to_owned()];
        let write = |file: &str, text: &str| std::fs::write(scratch.path().join(file), text).unwrap();
        assert_eq!(state(&dirs), None);
        assert!(set(&dirs, true).unwrap_err().message.starts_with("no cgroup of it has a freezer"));
        write("cgroup.freeze", "1\n");
        write("cgroup.events", "populated 1\nfrozen 0\n");
        assert_eq!(state(&dirs), Some(State::Freezing));
        write("cgroup.events", "populated 1\nfrozen 1\n");
        assert_eq!(refine(State::Running, &dirs), State::Frozen);
        assert_eq!(refine(State::Stopping, &dirs), State::Stopping);
        write("freezer.state", "THAWED\n");
        assert_eq!(refine(State::Running, &dirs), State::Running);
        write("freezer.state", "FREEZING\n");
        assert_eq!(state(&dirs), Some(State::Freezing));
        set(&dirs, true).unwrap();
        assert_eq!(state(&dirs), Some(State::Frozen));
    }
}
