//! Supervised system calls of Android containers: each is answered by a process of its own (`mounting`), so that a slow
//! mount, or memory that takes long to be read, keeps nobody else waiting.

use super::container::{Id, Supervised};
use super::events::{Interest, Token};
use super::{Watch, What};
use crate::mounting;
use crate::sys::process::{self, Cloned};
use crate::sys::seccomp;
use keel_core::facts::Mount;
use keel_core::failure::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::os::fd::{AsFd, OwnedFd};

/// So many answers at once for a container; further calls wait.
const MOST: usize = 8;

/// How long the end of a process that was killed is waited for.
const DYING: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The calls of one container.
#[derive(Debug)]
pub(super) struct Calls {
    listener: OwnedFd,
    /// None while enough are being answered.
    token: Option<Token>,
    prepared: Vec<Mount>,
    /// Processes that answer, and what.
    answering: Vec<(i32, u64)>,
}

impl Watch {
    /// Answer a container's calls from now on. It has made none that was answered: its mounts are those of its start.
    pub(super) fn hear_calls(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(running) = &mut container.running else { return };
        let Some(listener) = running.listener.take() else { return };
        let prepared = mounting::of_process(running.pid);
        container.calls = Some(Calls { listener, token: None, prepared, answering: Vec::new() });
        self.listen_for_calls(id);
    }

    fn listen_for_calls(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(calls) = &mut container.calls else { return };
        if calls.token.is_some() || calls.answering.len() >= MOST {
            return;
        }
        match self.events.add(&calls.listener, Interest::Readable, What::Call(id)) {
            Ok(token) => calls.token = Some(token),
            Err(e) => {
                // ENOMEM. Without a listener mounts return ENOSYS, and nobody waits for ever.
                log::warn!("{}: epoll_ctl: {}; mounts fail", container.name(), crate::fault::symbol(&e.into()));
                container.calls = None;
            }
        }
    }

    /// A call waits, or all that could make one have ended.
    pub(super) fn called(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let cgroups = container.record().cgroups;
        let Some(calls) = &mut container.calls else { return };
        // Nobody is left who could call, which is reported as well (Linux 5.8): to ask now could wait for ever.
        if !is_readable(&calls.listener) {
            return self.end_calls(id);
        }
        let notice = match seccomp::receive(calls.listener.as_fd()) {
            Ok(notice) => notice,
            // It was killed meanwhile, or a signal interrupted it.
            Err(Errno::NOENT | Errno(libc::EINTR)) => return,
            Err(_) => return self.end_calls(id),
        };
        match process::fork() {
            Ok(Cloned::Child { .. }) => {
                // EINVAL cannot be. Else a mount that hangs would hold our locks when we are gone.
                let _ = process::set_parent_death_signal(libc::SIGKILL);
                mounting::answer(calls.listener.as_fd(), &notice, &calls.prepared, &cgroups);
                process::exit_now(0);
            }
            Ok(Cloned::Parent { pid, .. }) => calls.answering.push((pid, notice.id)),
            Err(errno) => drop(seccomp::answer(calls.listener.as_fd(), notice.id, Err(errno))),
        }
        if calls.answering.len() >= MOST
            && let Some(token) = calls.token.take()
        {
            self.events.remove(token, &calls.listener);
        }
    }

    /// A child has ended. False: it answered no call.
    pub(super) fn answered(&mut self, pid: i32) -> bool {
        let of = |c: &Supervised| c.calls.as_ref().is_some_and(|calls| calls.answering.iter().any(|(p, _)| *p == pid));
        let Some(id) = self.containers.iter().find(|(_, c)| of(c)).map(|(id, _)| *id) else { return false };
        if let Some(calls) = self.containers.get_mut(&id).and_then(|c| c.calls.as_mut()) {
            for (_, notice) in calls.answering.extract_if(.., |(p, _)| *p == pid) {
                // ENOENT: answered, as it should be. Else it died over it.
                let _ = seccomp::answer(calls.listener.as_fd(), notice, Err(Errno::IO));
            }
        }
        self.listen_for_calls(id);
        true
    }

    /// The container has ended, and nobody waits for an answer.
    pub(super) fn end_calls(&mut self, id: Id) {
        let Some(calls) = self.containers.get_mut(&id).and_then(|c| c.calls.take()) else { return };
        if let Some(token) = calls.token {
            self.events.remove(token, &calls.listener);
        }
        for pid in calls.answering.iter().filter_map(|(pid, _)| Pid::from_raw(*pid)) {
            // Our child, not reaped: no other process has its pid.
            let _ = kill_process(pid, Signal::KILL);
            // It may be in the container's cgroups, which are removed next. One that the kernel does not let die is not waited for.
            // COMPAT(linux<5.3): no pidfd_open.
            if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
                let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&DYING));
            }
        }
    }
}

fn is_readable(fd: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut fds = [PollFd::new(fd, PollFlags::IN)];
    poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().contains(PollFlags::IN)
}
