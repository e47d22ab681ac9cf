//! Logs of Android containers: their pipes are read, and what came out of them is kept, over restarts, too.

use super::container::{Id, Supervised};
use super::events::{Interest, Token};
use super::keeper::Keeper;
use super::{Watch, What};
use crate::control::protocol::Reply;
use crate::logbook::{Kept, Logbook};
use keel_core::logger::{self, Entry, Log};
use rustix::io::Errno;
use serde_json::{Map, Value};
use std::os::fd::{AsFd, OwnedFd};

/// How often in a round a pipe is read: who writes without end must not keep the loop.
const ROUNDS: usize = 16;

/// The logs of one container.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// What is kept.
    pub book: Logbook,
    pipes: Vec<Pipe>,
    /// Reads on when this process does not any more.
    keeper: Option<Keeper>,
    /// The number of the first entry of the present run.
    began: u64,
}

#[derive(Debug)]
struct Pipe {
    log: Log,
    fd: OwnedFd,
    token: Token,
    /// The beginning of a record.
    rest: Vec<u8>,
}

impl Supervised {
    /// Says something in its kernel log, between what its init says.
    pub(super) fn say_in_log(&mut self, text: String) {
        if self.definition.config.android.on {
            self.logs.book.push(Log::Kernel, Entry { priority: 5, tag: String::new(), text: format!("keel: {text}") });
        }
    }

    /// What its init said last in this run.
    pub(super) fn last_log_lines(&self, most: usize) -> Vec<String> {
        let mut lines: Vec<String> =
            self.logs.book.of(Log::Kernel, self.logs.began).rev().take(most).map(|k| k.entry.text.clone()).collect();
        lines.reverse();
        lines
    }

    /// The critical service whose ends made init restart Android, as init said it.
    pub(super) fn critical_service(&self) -> Option<String> {
        self.logs.book.of(Log::Kernel, self.logs.began).rev().find_map(|kept| {
            let (_, rest) = kept.entry.text.split_once("critical process '")?;
            Some(rest.split_once('\'')?.0.into())
        })
    }

    /// Entries from a number on; none while there are none and some may come.
    pub(super) fn log_reply(&self, from: u64, logs: &[Log], wait: bool) -> Option<Reply> {
        let found = self.logs.book.since(from, logs);
        if found.is_empty() && wait && !self.is_over() {
            return None;
        }
        let mut map = Map::new();
        map.insert("next".into(), found.last().map_or(self.logs.book.next(), |kept| kept.number + 1).into());
        map.insert("over".into(), (found.is_empty() && self.is_over()).into());
        map.insert("entries".into(), Value::from_iter(found.into_iter().map(Kept::value)));
        Some(Reply::Done(map))
    }
}

impl Watch {
    /// Read a container's pipes from now on.
    pub(super) fn hear_logs(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(running) = &mut container.running else { return };
        let pipes = std::mem::take(&mut running.logs);
        let pid = running.pid;
        container.logs.began = container.logs.book.next();
        container.say_in_log(format!("started, pid {pid}"));
        for (log, fd) in pipes {
            match self.events.add(&fd, Interest::Readable, What::Log(id, log)) {
                Ok(token) => container.logs.pipes.push(Pipe { log, fd, token, rest: Vec::new() }),
                // ENOMEM: who writes gets EPIPE, and goes on.
                Err(e) => log::warn!("{}: epoll_ctl: {}", container.name(), crate::fault::symbol(&e.into())),
            }
        }
        let fds: Vec<_> = container.logs.pipes.iter().map(|pipe| pipe.fd.as_fd()).collect();
        let keeper = Keeper::start(container, &fds);
        container.logs.keeper = keeper;
    }

    /// Read what a pipe holds.
    pub(super) fn drain_log(&mut self, id: Id, log: Log) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let logs = &mut container.logs;
        let Some(pipe) = logs.pipes.iter_mut().find(|pipe| pipe.log == log) else { return };
        let mut buffer = [0u8; 4096];
        for _ in 0..ROUNDS {
            match rustix::io::read(&pipe.fd, &mut buffer) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => break,
                Ok(n) => {
                    pipe.rest.extend_from_slice(&buffer[..n]);
                    for entry in logger::take(log, &mut pipe.rest) {
                        logs.book.push(log, entry);
                    }
                }
            }
        }
        self.answer_waiting(id);
    }

    /// The container has ended: what is left in its pipes is the last of it.
    pub(super) fn end_logs(&mut self, id: Id) {
        for log in Log::ALL {
            self.drain_log(id, log);
        }
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.logs.keeper = None;
        for pipe in std::mem::take(&mut container.logs.pipes) {
            self.events.remove(pipe.token, &pipe.fd);
        }
    }
}
