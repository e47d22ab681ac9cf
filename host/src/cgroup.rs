//! Directories of cgroups after a container: taken away with what it made below them.

use crate::sys::io_errno;
use keel_core::failure::{Errno, Failure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Removes a directory and all below it, deepest first. One that is gone already is fine. Who is left in it is killed: a
/// container without a pid namespace of its own has nobody else who does it.
/// EBUSY: a process does not end.
pub fn remove(dir: &CStr) -> Result<(), Failure> {
    let path = Path::new(OsStr::from_bytes(dir.to_bytes()));
    remove_tree(path).map_err(|e| Failure::errno(format!("rmdir {}", path.display()), e))
}

fn remove_tree(path: &Path) -> Result<(), Errno> {
    let gone = |e: &std::io::Error| e.kind() == std::io::ErrorKind::NotFound;
    match std::fs::remove_dir(path) {
        Ok(()) => return Ok(()),
        Err(e) if gone(&e) => return Ok(()),
        // EBUSY for one that has children or processes; which, is seen below.
        Err(_) => (),
    }
    let entries = match std::fs::read_dir(path) {
        Err(e) if gone(&e) => return Ok(()),
        entries => entries.map_err(|e| io_errno(&e))?,
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove_tree(&entry.path())?;
        }
    }
    // One that makes another while it is being killed leaves that behind: until none is left.
    let end = Instant::now() + PATIENCE;
    loop {
        match std::fs::remove_dir(path) {
            Err(e)
                if e.kind() == std::io::ErrorKind::ResourceBusy && Instant::now() < end && end_processes(path, end) => {
            }
            Err(e) if !gone(&e) => return Err(io_errno(&e)),
            _ => return Ok(()),
        }
    }
}

/// How long processes may take to end by SIGKILL, all others waiting for it meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// Kills those who are in a cgroup and waits for their end; whether there were any.
fn end_processes(path: &Path, end: Instant) -> bool {
    let Some(text) = crate::place::read(&path.join("cgroup.procs")) else { return false };
    // 0 stands for one that this pid namespace does not see.
    let pids = text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).filter(|pid| *pid != getpid());
    let ending: Vec<_> = pids
        .map(|pid| {
            // COMPAT(linux<5.3): no pidfd, and nothing to wait with.
            let fd = pidfd_open(pid, PidfdFlags::empty()).ok();
            // ESRCH: it ended just now.
            let _ = kill_process(pid, Signal::KILL);
            fd
        })
        .collect();
    for fd in ending.iter().flatten() {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        // EINTR: it is looked after by the removal.
        let _ = poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&left));
    }
    !ending.is_empty()
}
