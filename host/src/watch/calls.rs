//! System calls of containers that wait for an answer: each is answered by a process of its own, so that a slow mount, memory
//! that takes long to be read, or a proxy that thinks keeps nobody else waiting. Mounts of Androids are made (`mounting`),
//! `lxc.seccomp.notify.proxy` is asked (`proxy`).
//!
//! The first program and its children ask through one listener; each program that is attached later brings one.

use super::container::{ClientId, Id, Supervised};
use super::events::{Events, Interest, Token};
use super::{Watch, What};
use crate::control::protocol::Reply;
use crate::spawn::Asked;
use crate::sys::process::{self, Cloned};
use crate::sys::seccomp;
use crate::{mounting, proxy};
use keel_core::facts::Mount;
use keel_core::failure::Errno;
use keel_core::seccomp::Proxy;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// So many answers at once for a container; further calls wait.
const MOST: usize = 8;
/// So many listeners for a container. COMPAT(linux<5.8): nothing tells when the last who asks through one has ended, and they add up.
const LISTENERS: usize = 256;

/// How long the end of a process that was killed is waited for.
const DYING: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Who answers.
#[derive(Debug)]
enum By {
    /// The supervisor, which makes mounts; not upon those that the start prepared.
    Mounts(Vec<Mount>),
    /// Somebody else, about this first program.
    Proxy(Proxy, i32),
}

/// The calls of one container.
#[derive(Debug)]
pub(super) struct Calls {
    listeners: Vec<Listener>,
    /// So many there were.
    made: u32,
    by: By,
    answering: Vec<Answer>,
}

#[derive(Debug)]
struct Listener {
    /// Of which none comes twice.
    number: u32,
    fd: OwnedFd,
    /// None while enough calls are being answered.
    token: Option<Token>,
}

/// A process that answers, and what.
#[derive(Debug)]
struct Answer {
    pid: i32,
    listener: u32,
    notice: u64,
}

impl Calls {
    fn add(&mut self, fd: OwnedFd) {
        self.listeners.push(Listener { number: self.made, fd, token: None });
        self.made += 1;
    }

    fn end(&mut self, number: u32, events: &mut Events<What>) {
        let Some(at) = self.listeners.iter().position(|l| l.number == number) else { return };
        let listener = self.listeners.swap_remove(at);
        if let Some(token) = listener.token {
            events.remove(token, &listener.fd);
        }
    }
}

impl Watch {
    /// Answer a container's calls from now on. It has made none that was answered: its mounts are those of its start.
    pub(super) fn hear_calls(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(running) = &mut container.running else { return };
        let Some(Asked { listener, proxy }) = running.listener.take() else { return };
        let by = match proxy {
            Some(proxy) => By::Proxy(proxy, running.pid),
            None => By::Mounts(mounting::of_process(running.pid)),
        };
        let mut calls = Calls { listeners: Vec::new(), made: 0, by, answering: Vec::new() };
        calls.add(listener);
        container.calls = Some(calls);
        self.listen_for_calls(id);
    }

    /// The same for a program that a client attaches; says to the client how it went.
    pub(super) fn supervise(&mut self, number: ClientId, id: Id, listener: Option<OwnedFd>) {
        let container = self.containers.get_mut(&id);
        let reply = match (container.and_then(|c| c.calls.as_mut()), listener.filter(is_listener)) {
            (None, _) => Reply::refused("its supervisor answers no system calls"),
            (_, None) => Reply::refused("no listener of system calls came along"),
            (Some(calls), _) if calls.listeners.len() >= LISTENERS => Reply::refused(format!(
                "the calls of {LISTENERS} programs that were attached are being answered already"
            )),
            (Some(calls), Some(listener)) => {
                calls.add(listener);
                Reply::done()
            }
        };
        self.listen_for_calls(id);
        self.answer(number, &reply);
    }

    fn listen_for_calls(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(calls) = &mut container.calls else { return };
        if calls.answering.len() >= MOST {
            return;
        }
        let name = &container.definition.name;
        calls.listeners.retain_mut(|listener| {
            if listener.token.is_some() {
                return true;
            }
            match self.events.add(&listener.fd, Interest::Readable, What::Call(id, listener.number)) {
                Ok(token) => {
                    listener.token = Some(token);
                    true
                }
                Err(e) => {
                    // ENOMEM. Without a listener they return ENOSYS, and nobody waits for ever.
                    log::warn!(
                        "{name}: epoll_ctl: {}; calls that wait for an answer fail",
                        crate::fault::symbol(&e.into())
                    );
                    false
                }
            }
        });
    }

    /// A call waits, or all that could make one have ended.
    pub(super) fn called(&mut self, id: Id, number: u32) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let cgroups = container.record().cgroups;
        let Some(calls) = &mut container.calls else { return };
        let Some(Listener { fd, .. }) = calls.listeners.iter().find(|l| l.number == number) else { return };
        // Nobody is left who could call, which is reported as well (Linux 5.8): to ask now could wait for ever.
        if !is_readable(fd) {
            return calls.end(number, &mut self.events);
        }
        let notice = match seccomp::receive(fd.as_fd()) {
            Ok(notice) => notice,
            // It was killed meanwhile, or a signal interrupted it.
            Err(Errno::NOENT | Errno(libc::EINTR)) => return,
            Err(_) => return calls.end(number, &mut self.events),
        };
        match process::fork() {
            Ok(Cloned::Child { .. }) => {
                // EINVAL cannot be. Else a mount that hangs would hold our locks when we are gone.
                let _ = process::set_parent_death_signal(libc::SIGKILL);
                match &calls.by {
                    By::Mounts(prepared) => mounting::answer(fd.as_fd(), &notice, prepared, &cgroups),
                    By::Proxy(proxy, init) => proxy::answer(fd.as_fd(), &notice, proxy, *init),
                }
                process::exit_now(0);
            }
            Ok(Cloned::Parent { pid, .. }) => {
                calls.answering.push(Answer { pid, listener: number, notice: notice.id });
            }
            Err(errno) => drop(seccomp::answer(fd.as_fd(), notice.id, Err(errno))),
        }
        if calls.answering.len() >= MOST {
            for listener in &mut calls.listeners {
                if let Some(token) = listener.token.take() {
                    self.events.remove(token, &listener.fd);
                }
            }
        }
    }

    /// A child has ended. False: it answered no call.
    pub(super) fn answered(&mut self, pid: i32) -> bool {
        let of = |c: &Supervised| c.calls.as_ref().is_some_and(|calls| calls.answering.iter().any(|a| a.pid == pid));
        let Some(id) = self.containers.iter().find(|(_, c)| of(c)).map(|(id, _)| *id) else { return false };
        if let Some(calls) = self.containers.get_mut(&id).and_then(|c| c.calls.as_mut()) {
            for answer in calls.answering.extract_if(.., |a| a.pid == pid) {
                let Some(listener) = calls.listeners.iter().find(|l| l.number == answer.listener) else { continue };
                // ENOENT: answered, as it should be. Else it died over it.
                let _ = seccomp::answer(listener.fd.as_fd(), answer.notice, Err(Errno::IO));
            }
        }
        self.listen_for_calls(id);
        true
    }

    /// The container has ended, and nobody waits for an answer.
    pub(super) fn end_calls(&mut self, id: Id) {
        let Some(mut calls) = self.containers.get_mut(&id).and_then(|c| c.calls.take()) else { return };
        while let Some(number) = calls.listeners.first().map(|l| l.number) {
            calls.end(number, &mut self.events);
        }
        for pid in calls.answering.iter().filter_map(|answer| Pid::from_raw(answer.pid)) {
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

/// Whether that is what it should be: the ioctls of another file mean something else.
fn is_listener(fd: &OwnedFd) -> bool {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    link.is_ok_and(|link| link.as_os_str() == "anon_inode:seccomp notify")
}
