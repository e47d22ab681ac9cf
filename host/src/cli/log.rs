//! `keel log`, `keel logcat`: what an Android says, asked of its supervisor, or what was left when it stopped.

use super::out;
use super::{Answer, Call, Refusal};
use crate::control::client::Connection;
use crate::control::protocol::{Reply, Request};
use crate::fault::symbol;
use crate::logbook::{self, Kept};
use crate::perform::beneath;
use crate::place::Place;
use crate::standing::Standing;
use keel_core::commands::{Opt, UsageError, Verb};
use keel_core::failure::Failure;
use keel_core::logger::{Filter, Format, Log, Names, kernel_line};
use keel_core::nearest;
use rustix::fs::{Mode, OFlags};
use serde_json::{Map, Value};
use std::io::Read;
use std::os::fd::AsFd;

/// A file with names of events is not longer.
const LARGEST: u64 = 1 << 20;

/// What is shown, and how.
struct View {
    logs: Vec<Log>,
    filter: Filter,
    format: Format,
    names: Names,
    /// The last so many of what there is.
    tail: Option<usize>,
}

/// One of the two.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    let lxcpath = call.store()?.lxcpath().display().to_string();
    let words = super::start::words(call.args.take_command())?;
    let is_log = call.command.verb == Verb::Log;
    if is_log && !words.is_empty() {
        return Err(UsageError(format!("'{}' is too much", words[0])).into());
    }
    let tail = match call.args.value(Opt::Tail) {
        Some(text) => {
            Some(text.parse().map_err(|_| Refusal::from(UsageError(format!("'{text}' is no number of lines"))))?)
        }
        None => None,
    };
    let mut view = View {
        logs: if is_log { vec![Log::Kernel] } else { logs(call)? },
        filter: Filter::new(words.iter().map(String::as_str), call.args.has(Opt::OthersSilent)).map_err(UsageError)?,
        format: format(call.args.value(Opt::LogFormat))?,
        names: Names::default(),
        tail,
    };
    let follow = if is_log { call.args.has(Opt::Follow) } else { !call.args.has(Opt::Dump) && tail.is_none() };
    let standing = Standing::of(name.as_str(), &lxcpath);
    let place = Place::of(name.as_str(), &lxcpath);
    if call.args.has(Opt::Clear) {
        return match standing {
            Standing::Supervised(connection, _) => {
                done(connection.ask(&Request::ClearLog(view.logs), None))?;
                Ok(0)
            }
            _ => {
                // ENOENT: nothing was kept.
                let _ = std::fs::remove_file(place.logs());
                Ok(0)
            }
        };
    }
    match standing {
        Standing::Supervised(connection, _) => {
            view.names = names(&standing_pid(&connection)?);
            view.ask(&connection, follow)?;
        }
        Standing::Orphan(..) => {
            return Err(Failure::new("its supervisor was killed, and with it went what it had read of the logs").into());
        }
        Standing::Stopped => match logbook::read(&place.logs()) {
            Some(kept) => drop(view.show(kept, view.tail)?),
            None => return Err(Failure::new("it does not run, and no log of it is there").into()),
        },
    }
    Ok(0)
}

fn logs(call: &Call) -> Result<Vec<Log>, Refusal> {
    let named: Vec<&str> = call.args.values(Opt::Buffer).flat_map(|text| text.split(',')).collect();
    if named.is_empty() {
        return Ok(vec![Log::Main, Log::System]);
    }
    let of = |name: &&str| {
        let log = Log::of(name).filter(|log| *log != Log::Kernel);
        let hint = || nearest::hint(name, Log::ALL.into_iter().skip(1).map(Log::name));
        log.ok_or_else(|| UsageError(format!("'{name}' is none of main, system, radio, events{}", hint())).into())
    };
    named.iter().map(of).collect()
}

fn format(name: Option<&str>) -> Result<Format, Refusal> {
    let Some(name) = name else { return Ok(Format::default()) };
    let found = Format::NAMES.iter().find(|(n, _)| *n == name).map(|(_, format)| *format);
    found.ok_or_else(|| {
        let hint = nearest::hint(name, Format::NAMES.iter().map(|(n, _)| *n));
        UsageError(format!("no format '{name}' (those with process ids can't be: a pipe does not say who wrote){hint}"))
            .into()
    })
}

fn done(answer: Result<Reply, rustix::io::Errno>) -> Result<Map<String, Value>, Failure> {
    match answer {
        Ok(Reply::Done(map)) => Ok(map),
        Ok(Reply::Refused { why, .. }) => Err(Failure::new(why)),
        Err(errno) => Err(Failure::new(format!("its supervisor gives no answer: {}", symbol(&errno.into())))),
    }
}

fn standing_pid(connection: &Connection) -> Result<Option<i32>, Failure> {
    let info = done(connection.ask(&Request::Info, None))?;
    Ok(info.get("pid").and_then(Value::as_i64).and_then(|pid| i32::try_from(pid).ok()))
}

/// Names of events, out of the container's own file.
fn names(pid: &Option<i32>) -> Names {
    let read = |pid: &i32| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty()).ok()?;
        let found = beneath::open(root.as_fd(), c"system/etc/event-log-tags").ok()?;
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(beneath::FdPath::new(found.as_fd()).as_c_str(), flags, Mode::empty()).ok()?;
        let mut bytes = Vec::new();
        std::fs::File::from(fd).take(LARGEST).read_to_end(&mut bytes).ok()?;
        Some(Names::read(&String::from_utf8_lossy(&bytes)))
    };
    pid.as_ref().and_then(read).unwrap_or_default()
}

impl View {
    /// Asks until there is no more, or nobody reads any more.
    fn ask(&self, connection: &Connection, follow: bool) -> Result<(), Failure> {
        let (mut from, mut held) = (0, Vec::new());
        let mut waiting = false;
        loop {
            let request = Request::Log { logs: self.logs.clone(), from, wait: waiting };
            let map = match connection.ask(&request, None) {
                // It has stopped for good while we waited.
                Err(rustix::io::Errno::CONNRESET | rustix::io::Errno::PIPE) if waiting => return Ok(()),
                answer => done(answer)?,
            };
            let entries: Vec<Kept> =
                map.get("entries").and_then(Value::as_array).into_iter().flatten().filter_map(Kept::of).collect();
            from = map.get("next").and_then(Value::as_u64).unwrap_or(from);
            let none = entries.is_empty();
            match self.tail.filter(|_| !waiting) {
                // How many there are is known at their end.
                Some(_) => held.extend(entries),
                None if !self.show(entries, None)? => return Ok(()),
                None => {}
            }
            if none {
                if !waiting && !self.show(std::mem::take(&mut held), self.tail)? {
                    return Ok(());
                }
                if !follow || map.get("over").and_then(Value::as_bool) == Some(true) {
                    return Ok(());
                }
                waiting = true;
            }
        }
    }

    /// False: nobody reads any more.
    fn show(&self, entries: Vec<Kept>, tail: Option<usize>) -> Result<bool, Failure> {
        let shown: Vec<Kept> = entries
            .into_iter()
            .filter(|kept| self.logs.contains(&kept.log))
            .map(|kept| Kept { entry: self.names.name(kept.log, kept.entry.clone()), ..kept })
            .filter(|kept| kept.log == Log::Kernel || self.filter.shows(&kept.entry))
            .collect();
        let first = tail.map_or(0, |tail| shown.len().saturating_sub(tail));
        let text: String = shown[first..]
            .iter()
            .map(|kept| {
                let time = logbook::time(kept.at_ms);
                match kept.log {
                    Log::Kernel => kernel_line(&kept.entry, &time),
                    _ => self.format.show(&kept.entry, &time),
                }
            })
            .collect();
        if text.is_empty() { Ok(true) } else { out::stream(&text) }
    }
}
