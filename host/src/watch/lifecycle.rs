//! What happens to a container: start, ready, end, stop, start again.
//!
//! Nothing here waits; each function is called when an event has come.
use super::container::{Definition, Hold, Id, Supervised};
use super::end::{self, End, Next};
use super::ending::{self, Finishing};
use super::events::Interest;
use super::outlets::LogFile;
use super::{Event, Watch, What, failure, launch};
use crate::control::protocol::{Ending, State};
use crate::control::server::Listener;
use crate::monitor::News;
use crate::place::{Lock, Place};
use crate::spawn::{self, Progress};
use keel_core::config::Hook;
use keel_core::failure::Failure;
use rustix::process::WaitStatus;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

/// How many lines of a dead container's console are logged.
const LAST_LINES: usize = 8;

impl Watch {
    /// Take a container under supervision; `lock` is the caller's proof that nobody else has it. It is not started yet.
    pub fn adopt(&mut self, definition: Definition, lock: Lock) -> Result<Id, Failure> {
        let place = Place::of(&definition.name, &definition.lxcpath);
        let path = place.control();
        let listener = match Listener::bind(&path) {
            Ok(listener) => listener,
            Err(e) => {
                lock.clear();
                return Err(failure(format_args!("bind '{}'", path.display()), &e.into()));
            }
        };
        // A name that was here before is the same container, stopped: the new start takes its place.
        let old = self.named(&definition.name).find(|(_, c)| c.place == place).map(|(id, _)| id);
        let id = old.unwrap_or_else(|| self.containers.keys().next_back().map_or(0, |last| last + 1));
        let token = self.events.add(&listener, Interest::Readable, What::Control(id));
        let token = token.map_err(|e| failure("epoll_ctl", &e.into()))?;
        let hold = Hold { lock, listener, token };
        if old.is_none() {
            self.names.push((crate::place::hash(&definition.name), id));
        }
        self.containers.insert(id, Box::new(Supervised::new(definition, place, hold)));
        Ok(id)
    }

    /// Start a container that was adopted and is stopped. A failure that comes at once and one that comes later are both
    /// told by [`Event::Changed`] and the container's `last_failure`.
    pub fn launch(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.again_at = None;
        container.last_failure = None;
        container.state = State::Starting;
        container.recorded = false;
        let begun = launch::begin(&container.definition).and_then(|begun| {
            container.own_pid_namespace = begun.own_pid_namespace;
            container.notes = begun.notes;
            container.filters = begun.filters;
            container.devices = begun.devices;
            container.announced = begun.announced;
            let token = match begun.starting.descriptor().filter(|_| !begun.starting.has_reported()) {
                None => None,
                Some(report) => {
                    let token = self.events.add(report, Interest::Readable, What::Starting(id));
                    Some(token.map_err(|e| failure("epoll_ctl", &e.into()))?)
                }
            };
            Ok((begun.starting, token))
        });
        container.since = Some(Instant::now());
        match begun {
            Ok(starting) => {
                let reported = starting.1.is_none();
                container.starting = Some(starting);
                container.write_record();
                container.tell(&[News::State(State::Starting)]);
                self.changed(id);
                if reported {
                    self.reported(id);
                }
            }
            Err(cause) => self.never_started(id, cause, false),
        }
    }

    /// The child has reported: it was executed, or it failed.
    pub(super) fn reported(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some((starting, token)) = container.starting.take() else { return };
        let had_child = starting.child().is_some();
        match starting.advance() {
            Ok(Progress::Starting(still)) => {
                // One that is ending, and whose end is not to be seen yet.
                let token = token.or_else(|| {
                    still.descriptor().and_then(|fd| self.events.add(fd, Interest::Readable, What::Starting(id)).ok())
                });
                container.starting = Some((still, token));
                container.write_record();
            }
            // The descriptor was closed on the way, and epoll forgets it by itself then.
            Ok(Progress::Running(running)) => {
                if let Some(token) = token {
                    self.events.forget(token);
                }
                self.started(id, running);
            }
            Err(cause) => {
                if let Some(token) = token {
                    self.events.forget(token);
                }
                self.never_started(id, cause, had_child);
            }
        }
    }

    fn started(&mut self, id: Id, running: spawn::Running) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        if let Some(path) = &container.definition.config.console.logfile
            && container.log.is_none()
        {
            match LogFile::open(path, &container.definition.config.console) {
                Ok(file) => container.log = Some(file),
                Err(e) => log::warn!("{}", failure(format_args!("{}: open '{path}'", container.definition.name), &e)),
            }
        }
        for master in running.console.iter().chain(&running.ttys) {
            // The loop and its clients read when there is something; F_SETFL cannot fail for O_NONBLOCK alone.
            let _ = rustix::fs::fcntl_getfl(master)
                .and_then(|flags| rustix::fs::fcntl_setfl(master, flags | rustix::fs::OFlags::NONBLOCK));
        }
        for note in &container.notes {
            log::warn!("{}: {note}", container.name());
        }
        // Steps that were allowed to fail: what this kernel does not have, the same at each start.
        for note in &running.notes {
            log::info!("{}: {note}", container.name());
        }
        log::info!("{}: running, pid {}", container.name(), running.pid);
        if container.definition.config.hooks.iter().any(|h| h.value.0 == Hook::Stop) {
            container.namespaces = ending::namespaces(running.pid);
        }
        container.forward_adb(running.pid);
        self.first_programs.push((running.pid, id));
        container.running = Some(running);
        container.state = State::Running;
        container.tell(&[News::State(State::Running)]);
        container.ring.clear();
        container.write_record();
        self.connect_outside(id);
        self.hear_console(id);
        self.hear_logs(id);
        self.hear_calls(id);
        self.changed(id);
        // Told to stop while it was being started.
        if let Some(order) = self.containers.get_mut(&id).and_then(|c| c.order.take()) {
            self.stop(id, order);
        }
    }

    /// `had_child`: so much of it was there that hooks may have to undo what others did.
    fn never_started(&mut self, id: Id, cause: Failure, had_child: bool) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.last_failure = Some(cause);
        container.state = State::Aborting;
        container.tell(&[State::Aborting, State::Stopping].map(News::State));
        if had_child {
            container.finishing = Some(Finishing::new(&container.definition, None, false, None, Vec::new()));
            return self.finish(id);
        }
        self.gave_up(id);
    }

    /// A start that failed is over.
    fn gave_up(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.state = State::Stopped;
        let _ = std::fs::remove_file(container.place.state());
        container.tell(&[News::State(State::Stopped)]);
        // The first start has somebody who is told, and what is wrong with it will not mend itself. Later on, a policy
        // that brought it so far goes on.
        if container.last_end.is_some()
            && container.order.is_none()
            && !matches!(container.definition.config.restart, None | Some(keel_core::config::Restart::No))
        {
            let cause = container.last_words().unwrap_or_default();
            log::warn!("{}: {cause}", container.name());
            self.again_later(id);
        } else {
            self.let_go(id);
        }
        self.changed(id);
    }

    /// A child of this process has ended. False: it is none of the containers'.
    pub(super) fn child_ended(&mut self, pid: i32, status: WaitStatus) -> bool {
        let at = self.first_programs.iter().position(|(first, _)| *first == pid);
        let id = at.map(|at| self.first_programs.swap_remove(at).1);
        let Some((id, container)) = id.and_then(|id| Some((id, self.containers.get_mut(&id)?))) else {
            return self.answered(pid) || self.helper_ended(pid);
        };
        let end = End::of(status, container.own_pid_namespace);
        // What it said last is still in the pty.
        container.held = false;
        self.drain_console(id);
        self.disconnect_outside(id);
        // The order was heard, or this init never will.
        self.events.cancel(|what| matches!(what, What::Tell(i) if *i == id));
        self.end_logs(id);
        self.end_calls(id);
        let Some(container) = self.containers.get_mut(&id) else { return true };
        let ordered = container.order.is_some_and(|o| o.ending != Ending::Reboot);
        let next = end::next(end, container.definition.config.restart, ordered);
        if end.is_clean() || ordered {
            log::info!("{}: {}", container.name(), container.in_words(end));
        } else {
            log::warn!("{}: {}", container.name(), container.in_words(end));
            for line in container.ring.last_lines(LAST_LINES) {
                log::warn!("{}: its console's end: {line}", container.name());
            }
            for line in container.last_log_lines(LAST_LINES) {
                log::warn!("{}: its log's end: {line}", container.name());
            }
        }
        container.say_in_log(container.in_words(end));
        container.last_end = Some(end);
        container.end_processes();
        container.state = State::Stopping;
        if let (Some(token), Some(master)) =
            (container.console.take(), container.running.as_ref().and_then(|r| r.console.as_ref()))
        {
            self.events.remove(token, master);
        }
        container.lent.retain(|_, _| false);
        container.input.clear();
        let code = if let End::Exited(code) = end { code } else { 0 };
        // In LXC's order, which calls a container stopping only when its first program has ended.
        container.tell(&[News::Exit(code), News::State(State::Stopping)]);
        let undo = container.running.take().map(|running| running.undo);
        let namespaces = std::mem::take(&mut container.namespaces);
        let again = next == Next::Again;
        container.finishing = Some(Finishing::new(&container.definition, Some(end), again, undo, namespaces));
        self.finish(id);
        true
    }

    /// All that was to be done after its end is done.
    pub(super) fn finished(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(finishing) = container.finishing.take() else { return };
        let Some(end) = finishing.end else { return self.gave_up(id) };
        // Left by the dead: a state file that names nobody.
        let _ = std::fs::remove_file(container.place.state());
        container.state = State::Stopped;
        container.tell(&[News::State(State::Stopped)]);
        let ordered = container.order.is_some_and(|o| o.ending != Ending::Reboot);
        match end::next(end, container.definition.config.restart, ordered) {
            Next::Again if finishing.failed => {
                log::warn!("{}: stays stopped, as a post-stop hook failed", container.name());
                self.let_go(id);
            }
            Next::Stay => self.let_go(id),
            Next::Again => {
                container.restarts += 1;
                container.order = None;
                self.events.cancel(|what| matches!(what, What::StopDeadline(i) if *i == id));
                self.launch(id);
            }
            Next::AgainLater => self.again_later(id),
        }
        self.changed(id);
    }

    fn again_later(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let wait = container.backoff.after(container.since.map_or(Duration::ZERO, |since| since.elapsed()));
        container.restarts += 1;
        container.again_at = Some(Instant::now() + wait);
        log::warn!("{}: starts again in {} s", container.name(), wait.as_secs());
        self.events.after(wait, What::Restart(id));
    }

    /// The back-off is over.
    pub(super) fn restart_due(&mut self, id: Id) {
        if self.containers.get(&id).is_some_and(|c| c.again_at.is_some()) {
            self.launch(id);
        }
    }

    /// Stopped for good: others may have it.
    pub(super) fn let_go(&mut self, id: Id) {
        self.events.cancel(|what| matches!(what, What::Restart(i) | What::StopDeadline(i) if *i == id));
        let Some(container) = self.containers.get_mut(&id) else { return };
        container.again_at = None;
        container.order = None;
        container.log = None;
        if let Err(cause) = container.logs.book.write(&container.place.logs()) {
            log::warn!("{}: {cause}", container.definition.name);
        }
        if let Some(hold) = container.hold.take() {
            self.events.remove(hold.token, &hold.listener);
            drop(hold.listener);
            hold.lock.clear();
        }
        if container.definition.config.ephemeral && container.last_end.is_some() {
            destroy(&container.definition);
        }
    }

    /// Send a signal to a container's first program.
    pub fn signal_init(&mut self, id: Id, signal: i32) {
        if let Some(container) = self.containers.get(&id) {
            // EINVAL of a number that came from outside: nothing to be done about it here.
            let _ = container.send(signal);
        }
    }

    pub(super) fn changed(&mut self, id: Id) {
        self.answer_waiting(id);
        // Told once for all that has changed since the owner looked last.
        if !matches!(self.out.back(), Some(Event::Changed)) {
            self.out.push_back(Event::Changed);
        }
    }
}

/// `lxc.ephemeral`: it has run, and goes. By a process of its own, since removing a large tree takes its time; it is
/// reaped as any child.
fn destroy(definition: &Definition) {
    let started = std::process::Command::new("/proc/self/exe")
        .arg0("keel")
        .args(["destroy", "-q", "-P", &definition.lxcpath, &definition.name])
        .stdin(std::process::Stdio::null())
        .spawn();
    if let Err(e) = started {
        log::warn!("{}: lxc.ephemeral: {}", definition.name, failure("run keel destroy", &e));
    }
}
