//! Where a container is, found out and not believed: its supervisor answers; or it has none and its first program lives;
//! or it is stopped.
//!
//! A container outlives a supervisor that was killed. It can then be looked at, entered and stopped; its console and its
//! restarts are gone with the supervisor.
use crate::control::client::Connection;
use crate::control::protocol::{Ending, Reply, Request, State, Stop};
use crate::fault::symbol;
use crate::place::{Place, agent_socket};
use crate::process::Process;
use crate::spawn::Undo;
use crate::watch::halt_signal;
use crate::watch::record::Record;
use keel_core::failure::Failure;
use rustix::io::Errno;
use serde_json::{Map, Value};
use std::time::Duration;

/// How long a supervisor may take to say what it knows.
const PATIENCE: Duration = Duration::from_secs(10);

/// What runs.
#[derive(Debug)]
pub enum Standing {
    /// A supervisor answers.
    Supervised(Connection, Place),
    /// No supervisor, but its first program lives.
    Orphan(Place, Record),
    /// Nothing.
    Stopped,
}

impl Standing {
    /// Look.
    pub fn of(name: &str, lxcpath: &str) -> Standing {
        let place = Place::of(name, lxcpath);
        match Connection::open(&place.control()) {
            Ok(connection) => Standing::Supervised(connection, place),
            Err(errno) => match Record::of_living(&place) {
                Some(record) => Standing::Orphan(place, record),
                None => {
                    // A socket that nobody answers is left by one that was killed.
                    sweep(&place, errno == Errno::CONNREFUSED);
                    Standing::Stopped
                }
            },
        }
    }

    /// Everything that its supervisor says; for the others what can be known.
    pub fn info(&self) -> Result<Map<String, Value>, Failure> {
        let mut map = Map::new();
        match self {
            Standing::Supervised(connection, place) => match connection.ask(&Request::Info, Some(PATIENCE)) {
                // It ended while it was asked.
                Err(Errno::CONNRESET | Errno::PIPE) => orphaned(&mut map, Record::of_living(place).as_ref()),
                answer => return done(answer),
            },
            Standing::Orphan(_, record) => orphaned(&mut map, Some(record)),
            Standing::Stopped => orphaned(&mut map, None),
        }
        Ok(map)
    }

    /// End it. With `order.wait` it is over, or an error, when this returns.
    pub fn stop(&self, order: Stop) -> Result<(), Failure> {
        match self {
            Standing::Supervised(connection, place) => match connection.ask(&Request::Stop(order), None) {
                // It ended while it was asked, and with it its container; unless it was killed.
                Err(Errno::CONNRESET | Errno::PIPE) => match Record::of_living(place) {
                    Some(record) => stop_orphan(place, &record, order),
                    None => Ok(()),
                },
                answer => done(answer).map(drop),
            },
            Standing::Orphan(place, record) => stop_orphan(place, record, order),
            Standing::Stopped => Ok(()),
        }
    }
}

/// What PID 1 remembers of a container that is stopped: how it ended last, or why it did not start.
pub fn remembered(name: &str, lxcpath: &str) -> Option<Map<String, Value>> {
    let agent = Connection::open(&agent_socket(lxcpath)).ok()?;
    let Ok(Reply::Done(mut map)) = agent.ask(&Request::List, Some(PATIENCE)) else { return None };
    let Value::Array(all) = map.remove("containers")? else { return None };
    all.into_iter().find_map(|value| match value {
        Value::Object(map) if map.get("name")? == name && map.get("lxcpath")? == lxcpath => Some(map),
        _ => None,
    })
}

fn orphaned(map: &mut Map<String, Value>, record: Option<&Record>) {
    let state = if record.is_some() { State::Running } else { State::Stopped };
    map.insert("state".into(), state.name().into());
    if let Some(record) = record {
        map.insert("pid".into(), record.init.into());
        let cgroups = record.cgroups.iter().filter_map(|p| p.to_str().ok()).map(Value::from);
        map.insert("cgroups".into(), Value::Array(cgroups.collect()));
    }
}

fn done(answer: Result<Reply, Errno>) -> Result<Map<String, Value>, Failure> {
    match answer {
        Ok(Reply::Done(map)) => Ok(map),
        Ok(Reply::Refused { why, .. }) => Err(Failure::new(why)),
        Err(errno) => Err(Failure::new(format!("its supervisor gives no answer: {}", symbol(&errno.into())))),
    }
}

/// Takes back what a container has left that ended when nobody was there to do it.
fn sweep(place: &Place, killed: bool) {
    if Record::of_dead(place).is_some() || killed && place.has_old_lock() {
        clear(place);
    }
}

/// The same without a look at how old a lock is, that somebody may just be taking.
pub fn clear(place: &Place) {
    // Whoever has the lock does it, or starts it.
    let Ok(Some(lock)) = place.lock() else { return };
    take_back(place);
    lock.clear();
}

/// The same for who has the lock. False: there is nothing to be taken back, since its first program lives.
pub fn take_back(place: &Place) -> bool {
    let record = match Record::read(place) {
        None => return true,
        Some((_, true)) => return false,
        Some((record, false)) => record,
    };
    let net = crate::net::Undo::new(record.left, None);
    for cause in (Undo { cgroups: record.cgroups, net, ..Undo::default() }).run() {
        log::warn!("{}: {cause}", record.name);
    }
    let _ = std::fs::remove_file(place.state());
    true
}

fn stop_orphan(place: &Place, record: &Record, order: Stop) -> Result<(), Failure> {
    let Some(pid) = record.init else { return Ok(()) };
    if order.ending == Ending::Reboot {
        return Err(Failure::new("it has no supervisor that could start it again: stop it and start it"));
    }
    // The lock keeps a `keel start` out until everything is removed.
    let lock = place.lock_within(PATIENCE).map_err(|e| Failure::new(format!("lock: {}", symbol(&e.into()))))?;
    let Some(lock) = lock else { return Err(Failure::new("a supervisor is just taking it")) };
    let process = Process::open(pid);
    let process = process.map_err(|e| Failure::new(format!("pidfd_open {pid}: {}", symbol(&e.into()))))?;
    // Before its last process goes, and the namespace with it.
    let namespace = crate::net::Namespace::of(pid).ok();
    // Between the look and the open the number may have gone to another process.
    if Record::of_living(place).is_some() {
        let first = match order.ending {
            Ending::Kill => libc::SIGKILL,
            _ => halt_signal(record.halt_signal, pid),
        };
        let dirs: Vec<_> = record.cgroups.iter().filter_map(|dir| Some(dir.to_str().ok()?.into())).collect();
        if matches!(crate::freezer::state(&dirs), Some(State::Freezing | State::Frozen)) {
            // A frozen task follows no signal, not even SIGKILL on version 1.
            crate::freezer::set(&dirs, false)?;
        }
        process.send(first)?;
        if !order.wait {
            return Ok(());
        }
        if !process.wait(Duration::from_millis(order.timeout_ms))? {
            if !order.kill {
                return Err(Failure::new(format!("it did not stop within {} ms", order.timeout_ms)));
            }
            process.send(libc::SIGKILL)?;
            if !process.wait(PATIENCE)? {
                return Err(Failure::new("it did not end by SIGKILL: a call in the kernel does not return"));
            }
        }
    }
    let net = crate::net::Undo::new(record.left.clone(), namespace);
    let left = Undo { net, cgroups: record.cgroups.clone(), ..Undo::default() }.run();
    lock.clear();
    left.into_iter().next().map_or(Ok(()), Err)
}
