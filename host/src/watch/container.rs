//! One supervised container: what is known of it. What happens to it is `lifecycle`.
use super::end::{Backoff, End};
use super::ending::Finishing;
use super::events::Token;
use super::filters::Filters;
use super::outlets::{LogFile, Outside};
use super::record::Record;
use crate::console::ring::Ring;
use crate::control::protocol::{State, Stop};
use crate::control::server::Listener;
use crate::freezer;
use crate::monitor::{self, News};
use crate::place::{Lock, Place};
use crate::spawn::{Running, Starting};
use crate::sys::signalfd;
use keel_core::config::Config;
use keel_core::failure::{Errno, Failure};
use keel_core::sorted;
use keel_core::step::net::Left;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::time::Instant;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The container's name.
    pub name: String,
    /// Where it is defined.
    pub lxcpath: String,
    /// What its file says. Kept for restarts: edits count from the next `keel start` on, as with LXC.
    pub config: Config,
    /// What of the file does not do what it says.
    pub warnings: Vec<String>,
    /// A program to run instead of the configured one.
    pub command: Vec<String>,
    /// A step that shall fail: `STEP[:ERRNO]`.
    pub fail_at: Option<String>,
    /// The first program has the caller's descriptors 0 to 2, none of which is a terminal, and not the console.
    pub inherit: bool,
}

/// Names a container of a loop.
pub type Id = u32;
/// Names a client of a loop.
pub type ClientId = u64;

/// How much of an unattended console is kept.
const RING: usize = 16 * 1024;

/// A container under supervision.
pub struct Supervised {
    /// What is run.
    pub definition: Definition,
    /// Where its run-time files are.
    pub place: Place,
    /// Where it is in its life.
    pub state: State,
    /// Held while it is supervised: lock and socket. None once it has stopped for good.
    pub(super) hold: Option<Hold>,
    /// Between clone and exec; without a token when there is nothing to wait for.
    pub(super) starting: Option<(Starting, Option<Token>)>,
    /// From exec on.
    pub(super) running: Option<Running>,
    /// Its console's registration, while nobody else reads it.
    pub(super) console: Option<Token>,
    /// Input for its console that did not fit yet.
    pub(super) input: Vec<u8>,
    /// Who has which tty.
    pub(super) lent: sorted::Map<u32, ClientId>,
    /// What it said last.
    pub(super) ring: Ring,
    /// `lxc.console.logfile`.
    pub(super) log: Option<LogFile>,
    /// `lxc.console.path`.
    pub(super) outside: Option<Outside>,
    /// Its console's output is handed to the owner of the loop.
    pub forward: bool,
    /// Its state file is written.
    pub(super) recorded: bool,
    /// The state file, begun: who the first program is comes when there is one.
    pub(super) announced: Option<std::fs::File>,
    /// Its console is not read for now: who shows it is behind.
    pub(super) held: bool,
    /// Its namespaces, where hooks want to enter them after its end.
    pub(super) namespaces: Vec<(&'static str, File)>,
    /// From its end on until it is stopped.
    pub(super) finishing: Option<Finishing>,
    /// An order to stop that is being followed.
    pub(super) order: Option<Stop>,
    /// The kernel gave it a pid namespace of its own.
    pub(super) own_pid_namespace: bool,
    /// When it was started last.
    pub(super) since: Option<Instant>,
    /// When it will be started again.
    pub(super) again_at: Option<Instant>,
    /// How often it was started again.
    pub(super) restarts: u32,
    /// How it ended last.
    pub(super) last_end: Option<End>,
    /// What of its start the user should know.
    pub notes: Vec<String>,
    /// Why it could not be started last.
    pub(super) last_failure: Option<Failure>,
    pub(super) backoff: Backoff,
    /// What its Android says.
    pub(super) logs: super::logs::Logs,
    /// Its supervised system calls.
    pub(super) calls: Option<super::calls::Calls>,
    /// A process that stops its services.
    pub(super) helper: Option<i32>,
    /// A process that leads a port of the host into it.
    pub(super) forwarder: Option<i32>,
    /// The filters of system calls that its plan loads.
    pub(super) filters: Filters,
    /// The rules for devices that are a program.
    pub(super) devices: String,
    /// What its supervisor leaves on the host when it is killed.
    pub(super) left_by_supervisor: Vec<Left>,
}

/// What a supervisor holds of a container.
#[derive(Debug)]
pub(super) struct Hold {
    pub lock: Lock,
    pub listener: Listener,
    pub token: Token,
}

impl Supervised {
    pub(super) fn new(definition: Definition, place: Place, hold: Hold) -> Supervised {
        let ring = match definition.config.console.buffer_size {
            0 => RING,
            size => usize::try_from(size).unwrap_or(RING),
        };
        Supervised {
            definition,
            place,
            state: State::Stopped,
            hold: Some(hold),
            starting: None,
            running: None,
            console: None,
            input: Vec::new(),
            lent: sorted::Map::new(),
            ring: Ring::new(ring),
            log: None,
            outside: None,
            forward: false,
            held: false,
            recorded: false,
            announced: None,
            namespaces: Vec::new(),
            finishing: None,
            order: None,
            own_pid_namespace: true,
            since: None,
            again_at: None,
            restarts: 0,
            last_end: None,
            notes: Vec::new(),
            last_failure: None,
            backoff: Backoff::default(),
            logs: super::logs::Logs::default(),
            calls: None,
            helper: None,
            forwarder: None,
            filters: Filters::default(),
            devices: String::new(),
            left_by_supervisor: Vec::new(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The pid of its first program.
    pub fn pid(&self) -> Option<i32> {
        self.running.as_ref().map(|r| r.pid)
    }

    /// Send a signal to its first program, which is our child: nobody else can have its pid before we reap it.
    pub(super) fn send(&self, signal: i32) -> Result<(), Errno> {
        match &self.running {
            Some(running) => signalfd::send_to(running.pid, running.pidfd.as_ref(), signal),
            None => Err(Errno(libc::ESRCH)),
        }
    }

    /// Tell whoever listens.
    pub(super) fn tell(&self, news: &[News]) {
        monitor::tell(self.name(), &self.place.monitors(), news);
    }

    /// A frozen task follows no signal, not even SIGKILL on version 1.
    pub(super) fn thaw(&self) {
        let dirs: Vec<_> = self.record().cgroups.iter().filter_map(|dir| Some(dir.to_str().ok()?.into())).collect();
        if !matches!(freezer::state(&dirs), Some(State::Freezing | State::Frozen)) {
            return;
        }
        match freezer::set(&dirs, false) {
            Ok(()) => self.tell(&[News::State(State::Thawed)]),
            Err(cause) => log::warn!("{}: {cause}", self.name()),
        }
    }

    /// Nothing runs, and nothing will without being asked for.
    pub fn is_over(&self) -> bool {
        self.state == State::Stopped && self.again_at.is_none()
    }

    /// An order to stop is being followed.
    pub fn is_told_to_stop(&self) -> bool {
        self.order.is_some()
    }

    /// How it ended or why it did not start, for people.
    pub fn last_words(&self) -> Option<String> {
        match (&self.last_failure, self.last_end) {
            (Some(failure), _) => Some(failure.to_string()),
            (None, end) => end.map(|e| self.in_words(e)),
        }
    }

    /// How it ended last.
    pub fn last_end(&self) -> Option<End> {
        self.last_end
    }

    /// Why it could not be started last.
    pub fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_ref()
    }

    /// What the state file says of it.
    pub(super) fn record(&self) -> Record {
        Record {
            name: self.definition.name.clone(),
            lxcpath: self.definition.lxcpath.clone(),
            init: self.pid().or(self.starting.as_ref().and_then(|(s, _)| s.child())),
            cgroups: match (&self.running, &self.starting) {
                (Some(running), _) => running.undo.cgroups.clone(),
                (None, Some((starting, _))) => starting.cgroups().to_vec(),
                (None, None) => Vec::new(),
            },
            left: {
                let net = match (&self.running, &self.starting) {
                    (Some(running), _) => running.undo.net.left.as_slice(),
                    (None, Some((starting, _))) => starting.left(),
                    (None, None) => &[],
                };
                [self.left_by_supervisor.as_slice(), net].concat()
            },
            own_pid_namespace: self.own_pid_namespace,
            halt_signal: self.definition.config.signal.halt,
            filters: self.filters.clone(),
            devices: self.devices.clone(),
        }
    }

    /// The child has said how it went, or is gone.
    pub(super) fn has_reported(&self) -> bool {
        let Some(report) = self.starting.as_ref().and_then(|(starting, _)| starting.descriptor()) else { return false };
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        matches!(poll(&mut [PollFd::new(&report, PollFlags::IN)], Some(&now)), Ok(1..))
    }

    /// Write the state file as soon as there is a child, and before it is known how the start goes: whenever this process
    /// is killed, what it made can be found.
    pub(super) fn write_record(&mut self) {
        let record = self.record();
        if self.recorded || record.init.is_none() {
            return;
        }
        self.recorded = true;
        if let Some(Err(cause)) = self.announced.take().map(|file| record.complete(file, &self.place)) {
            log::warn!("{}: {cause}", self.name());
        }
    }

    /// What `keel info` gets.
    pub(super) fn info(&self) -> Map<String, Value> {
        let again = self.again_at.map(|at| at.saturating_duration_since(Instant::now()).as_millis() as u64);
        let ttys = self.running.as_ref().map_or(0, |r| r.ttys.len());
        let value = json!({
            "name": self.name(),
            "lxcpath": self.definition.lxcpath,
            "state": self.state.name(),
            "pid": self.pid(),
            "supervisor": std::process::id(),
            "restarts": self.restarts,
            "last_end": self.last_words(),
            "restart_in_ms": again,
            "up_ms": self.pid().and(self.since).map(|since| since.elapsed().as_millis() as u64),
            "cgroups": self.record().cgroups.iter().filter_map(|p| p.to_str().ok()).collect::<Vec<_>>(),
            "warnings": self.definition.warnings,
            "notes": self.notes,
            "adb_port": Some(self.definition.config.android.adb).filter(|port| *port != 0),
            "adb_forwarded": self.forwarder.is_some(),
            "ttys": ttys,
            "ttys_in_use": self.lent.keys().collect::<Vec<_>>(),
        });
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}
