//! The one event loop: containers, their consoles, the clients of their control sockets, signals, deadlines.
//!
//! PID 1 runs one for all its containers; `keel start` runs the same loop for its one. Every child of the process is
//! reaped here and nowhere else, so that no two places wait for the same pid. Needs /proc for state files; without
//! it containers run all the same.
mod android;
mod calls;
mod clients;
pub mod container;
pub mod end;
mod ending;
pub mod events;
pub mod filters;
mod forward;
mod keeper;
pub mod launch;
mod lifecycle;
mod logs;
mod outlets;
mod own_cgroup;
#[cfg(test)]
mod quiet_tests;
pub mod record;
mod shared;
pub mod solo;
mod stopping;
mod terminals;

use crate::control::server::Listener;
use crate::sys::signalfd;
use container::{ClientId, Id, Supervised};
use events::{Events, Interest, Token};
use keel_core::failure::Failure;
use keel_core::logger::Log;
use keel_core::sorted::Map;
use rustix::process::WaitOptions;
use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

pub use stopping::halt_signal;

/// What a descriptor or a deadline of the loop stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Signals,
    Agent,
    Control(Id),
    Client(ClientId),
    Starting(Id),
    Console(Id),
    StopDeadline(Id),
    Tell(Id),
    Restart(Id),
    Hook(Id),
    Outside(Id),
    Log(Id, Log),
    Call(Id, u32),
    Own(u32),
}

/// What the owner of the loop is told.
#[derive(Debug)]
pub enum Event {
    /// A signal other than SIGCHLD.
    Signal(signalfd::Caught),
    /// A child ended that is no container's first program.
    Ended(i32),
    /// One of the owner's descriptors is readable, or one of its deadlines is over.
    Own(u32),
    /// A container's state has changed.
    Changed,
    /// A console has taken all input that was typed on it.
    Room,
    /// A console with `forward` said this.
    Output(Vec<u8>),
}

/// The loop.
pub struct Watch {
    events: Events<What>,
    signals: OwnedFd,
    agent: Option<(Listener, Token)>,
    containers: Map<Id, Box<Supervised>>,
    clients: Map<ClientId, clients::Attached>,
    clients_made: ClientId,
    /// Whose first program a process is.
    first_programs: Vec<(i32, Id)>,
    /// Who has a name, by its hash: a thousand containers are looked through in a few lines of the cache.
    names: Vec<(u64, Id)>,
    out: VecDeque<Event>,
}

impl Watch {
    /// A loop without containers. Blocks all signals: from here on they are events.
    pub fn new() -> Result<Watch, Failure> {
        signalfd::block_all();
        let mut events = Events::new().map_err(|e| failure("epoll_create", &e.into()))?;
        let signals = signalfd::descriptor().map_err(|e| Failure::errno("signalfd", e))?;
        events.add(&signals, Interest::Readable, What::Signals).map_err(|e| failure("epoll_ctl", &e.into()))?;
        Ok(Watch {
            events,
            signals,
            agent: None,
            containers: Map::new(),
            clients: Map::new(),
            clients_made: 0,
            first_programs: Vec::new(),
            names: Vec::new(),
            out: VecDeque::new(),
        })
    }

    /// Listen for requests that concern no container of this loop yet.
    pub fn listen(&mut self, path: &Path) -> Result<(), Failure> {
        let listener =
            Listener::bind(path).map_err(|e| failure(format_args!("bind '{}'", path.display()), &e.into()))?;
        let token = self.events.add(&listener, Interest::Readable, What::Agent);
        self.agent = Some((listener, token.map_err(|e| failure("epoll_ctl", &e.into()))?));
        Ok(())
    }

    /// Report [`Event::Own`] when a descriptor is readable.
    pub fn own(&mut self, fd: impl AsFd, number: u32) -> Result<Token, rustix::io::Errno> {
        self.events.add(fd, Interest::Readable, What::Own(number))
    }

    /// Report [`Event::Own`] when a descriptor has become readable or writable.
    pub fn own_changes(&mut self, fd: impl AsFd, number: u32) -> Result<Token, rustix::io::Errno> {
        self.events.add(fd, Interest::Changes, What::Own(number))
    }

    /// No longer report a descriptor.
    pub fn disown(&mut self, token: Token, fd: impl AsFd) {
        self.events.remove(token, fd);
    }

    /// Report [`Event::Own`] after a while.
    pub fn own_deadline(&mut self, wait: Duration, number: u32) {
        self.events.after(wait, What::Own(number));
    }

    /// Drop a deadline of the owner's.
    pub fn cancel_own(&mut self, number: u32) {
        self.events.cancel(|what| *what == What::Own(number));
    }

    /// A container.
    pub fn container(&self, id: Id) -> Option<&Supervised> {
        self.containers.get(&id).map(|c| &**c)
    }

    /// A container, to be changed.
    pub fn container_mut(&mut self, id: Id) -> Option<&mut Supervised> {
        self.containers.get_mut(&id).map(|c| &mut **c)
    }

    /// The containers of a name: one for each lxcpath.
    fn named(&self, name: &str) -> impl Iterator<Item = (Id, &Supervised)> {
        let hash = crate::place::hash(name);
        let all = self.names.iter().filter(move |(other, _)| *other == hash);
        all.filter_map(|(_, id)| Some((*id, &**self.containers.get(id)?)))
    }

    /// All containers.
    pub fn containers(&self) -> impl Iterator<Item = (Id, &Supervised)> {
        self.containers.iter().map(|(id, c)| (*id, &**c))
    }

    /// The next thing that concerns the owner. Waits for it; an error is one of the kernel's that nothing can be done
    /// about (ENOMEM).
    pub fn next(&mut self) -> Result<Event, Failure> {
        loop {
            if let Some(event) = self.out.pop_front() {
                return Ok(event);
            }
            let happened = self.events.wait().map_err(|e| failure("epoll_wait", &e.into()))?;
            // A child that failed before exec has reported first and ended then: its report is to be read before it is
            // reaped.
            for first in [true, false] {
                for (token, what) in happened.iter().copied() {
                    if matches!(what, What::Starting(_)) == first && token.is_none_or(|t| self.events.knows(t)) {
                        self.handle(what);
                    }
                }
            }
            self.events.reuse(happened);
        }
    }

    /// What a console with `forward` said and the owner has not been told yet.
    pub fn next_output(&mut self) -> Option<Vec<u8>> {
        let at = self.out.iter().position(|event| matches!(event, Event::Output(_)))?;
        match self.out.remove(at) {
            Some(Event::Output(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn handle(&mut self, what: What) {
        match what {
            What::Signals => self.read_signals(),
            What::Agent => self.accept(None),
            What::Control(id) => self.accept(Some(id)),
            What::Client(number) => self.hear(number),
            What::Starting(id) => self.reported(id),
            What::Console(id) => self.drain_console(id),
            What::StopDeadline(id) => self.stop_overdue(id),
            What::Tell(id) => self.tell_again(id),
            What::Restart(id) => self.restart_due(id),
            What::Hook(id) => self.hook_ended(id),
            What::Outside(id) => self.outside_changed(id),
            What::Call(id, number) => self.called(id, number),
            What::Log(id, log) => self.drain_log(id, log),
            What::Own(number) => self.out.push_back(Event::Own(number)),
        }
    }

    fn read_signals(&mut self) {
        let mut children = false;
        while let Some(caught) = signalfd::next(&self.signals) {
            match caught.signal {
                libc::SIGCHLD => children = true,
                _ => self.out.push_back(Event::Signal(caught)),
            }
        }
        if children {
            self.reap();
        }
    }

    /// SIGCHLD stands for any number of children (signal(7)): all that have ended.
    fn reap(&mut self) {
        let starting: Vec<Id> = self.containers.iter().filter(|(_, c)| c.has_reported()).map(|(id, _)| *id).collect();
        for id in starting {
            self.reported(id);
        }
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let pid = pid.as_raw_nonzero().get();
            if !self.child_ended(pid, status) {
                self.out.push_back(Event::Ended(pid));
            }
        }
    }
}

/// `what: ESYMBOL`.
pub fn failure(what: impl std::fmt::Display, error: &std::io::Error) -> Failure {
    Failure::new(format!("{what}: {}", crate::fault::symbol(error)))
}
