//! Who reads an Android's logs when its supervisor was killed: a process that waits for that, and then throws away what comes.
//! Without it whoever opens a log would wait for a reader for ever, and whoever has one open would get EPIPE.
//!
//! Process 1 needs none: without it there is no container either.

use super::container::Supervised;
use crate::sys::descriptors::close_all_but;
use crate::sys::process::{self, Cloned};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// One that waits.
#[derive(Debug)]
pub(super) struct Keeper {
    pid: i32,
    /// Its end is the sign.
    _alive: OwnedFd,
}

impl Keeper {
    /// For these pipes of the container, as long as its first program lives.
    pub(super) fn start(container: &Supervised, pipes: &[BorrowedFd<'_>]) -> Option<Keeper> {
        // COMPAT(linux<5.3): no pidfd that would tell it when to end.
        let init = container.running.as_ref()?.pidfd.as_ref()?;
        if pipes.is_empty() || std::process::id() == 1 {
            return None;
        }
        let (sign, alive) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).ok()?;
        match process::fork() {
            Ok(Cloned::Child { .. }) => {
                let mut keep: Vec<i32> = pipes.iter().map(AsRawFd::as_raw_fd).collect();
                keep.extend([sign.as_raw_fd(), init.as_raw_fd()]);
                // Locks, sockets and terminals are the supervisor's alone.
                close_all_but(&mut keep);
                read_after(&sign, init, pipes);
                process::exit_now(0);
            }
            Ok(Cloned::Parent { pid, .. }) => Some(Keeper { pid, _alive: alive }),
            Err(errno) => {
                log::warn!("{}: fork: {errno}; its logs end with its supervisor", container.name());
                None
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            // Our child. ESRCH: it has ended by itself, with the first program, and was reaped.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Waits for the supervisor's end, then reads until the first program's.
fn read_after(sign: &OwnedFd, init: &OwnedFd, pipes: &[BorrowedFd<'_>]) {
    while matches!(poll(&mut [PollFd::new(sign, PollFlags::IN)], None), Err(Errno::INTR)) {}
    let mut waste = [0u8; 4096];
    loop {
        let mut fds: Vec<PollFd<'_>> = pipes.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        fds.push(PollFd::new(init, PollFlags::IN));
        match poll(&mut fds, None) {
            Ok(_) if fds.last().is_some_and(|init| !init.revents().is_empty()) => return,
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        for pipe in pipes {
            while rustix::io::read(pipe, &mut waste).is_ok_and(|n| n > 0) {}
        }
    }
}
