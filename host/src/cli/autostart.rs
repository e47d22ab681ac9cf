//! `keel autostart`, `lxc-autostart`: starts the containers that start with the host, or stops, reboots or kills them.
//!
//! One after the other, as LXC does; keel as process 1 starts those of one order side by side.
use super::out::print;
use super::state::live;
use super::{Answer, Call};
use crate::control::protocol::{Ending, State, Stop};
use crate::fault::Result;
use crate::load;
use crate::standing::Standing;
use crate::store::{Name, Store};
use crate::sys::descriptors::close_from;
use crate::watch::launch;
use keel_core::commands::Opt;
use keel_core::config::Start;
use keel_core::failure::Failure;
use keel_core::sorted;
use std::time::{Duration, Instant};

/// LXC's default.
const TIMEOUT_S: u32 = 60;

/// What is done with each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Start,
    Stop(Ending),
}

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    close_from(3);
    call.args.no_more()?;
    let deed = match (call.args.has(Opt::Kill), call.args.has(Opt::HaltThem), call.args.has(Opt::Reboot)) {
        (true, ..) => Deed::Stop(Ending::Kill),
        (_, true, _) => Deed::Stop(Ending::Halt),
        (.., true) => Deed::Stop(Ending::Reboot),
        _ => Deed::Start,
    };
    let timeout_s = call.args.number(Opt::Timeout)?.unwrap_or(TIMEOUT_S);
    let store = call.store()?;
    let mut all = Vec::new();
    for name in store.names()? {
        match load::config(&store.config(&name), &[]) {
            Ok((config, _)) => all.push((name, config.start)),
            // What cannot be read does not start by itself, as at boot.
            Err(cause) => cause.message.lines().for_each(|line| call.messages.print(&format!("{name}: {line}"))),
        }
    }
    let groups = call.args.value(Opt::Groups);
    let chosen = choose(&all, groups, call.args.has(Opt::All), call.args.has(Opt::IgnoreAuto));
    let mut failed = 0;
    for (name, start) in &chosen {
        let stopped = matches!(live(&store, name).state, State::Stopped);
        if stopped != (deed == Deed::Start) {
            continue;
        }
        let delays = matches!(deed, Deed::Start | Deed::Stop(Ending::Reboot));
        if call.args.has(Opt::List) {
            let delay = start.delay_s;
            print(&if delays { format!("{name} {delay}\n") } else { format!("{name}\n") })?;
            continue;
        }
        let done = match deed {
            Deed::Start => begin(call, &store, name),
            Deed::Stop(ending) => {
                let timeout_ms = u64::from(timeout_s) * 1000;
                let order = Stop { ending, timeout_ms, wait: true, kill: true };
                Standing::of(name.as_str(), &store.lxcpath().display().to_string()).stop(order)
            }
        };
        match done {
            Ok(()) if delays => pass(Duration::from_secs(start.delay_s.into())),
            Ok(()) => {}
            Err(cause) => {
                failed += 1;
                for line in cause.message.lines() {
                    call.messages.print(&format!("{name}: {line}"));
                }
            }
        }
    }
    Ok(match failed {
        0 => 0,
        n if n == all.len() => 1,
        _ => 2,
    })
}

fn begin(call: &Call, store: &Store, name: &Name) -> Result<()> {
    let asked = launch::Asked {
        name: name.to_string(),
        lxcpath: store.lxcpath().display().to_string(),
        ..launch::Asked::default()
    };
    match super::start::background(&call.messages, asked, None) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::new("not started")),
        Err(super::Refusal::Failed(cause)) => Err(cause),
        Err(super::Refusal::Usage(error)) => Err(Failure::new(error.0)),
    }
}

/// Lets the time of lxc.start.delay pass.
fn pass(time: Duration) {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let left = rustix::event::Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        // EINTR is a look too many.
        let _ = rustix::event::poll(&mut [], Some(&left));
    }
}

/// Which, in the order in which they are to be taken: group by group, in a group by lxc.start.order and name.
///
/// `groups` is a list with commas; an empty word stands for no group, which is also the default.
fn choose<'a>(all: &'a [(Name, Start)], groups: Option<&str>, any: bool, ignore_auto: bool) -> Vec<&'a (Name, Start)> {
    let mut sorted: Vec<&(Name, Start)> = all.iter().filter(|(_, start)| start.auto || ignore_auto).collect();
    sorted::by_key(&mut sorted, |(_, start)| start.order);
    if any {
        return sorted;
    }
    let mut chosen: Vec<&(Name, Start)> = Vec::new();
    for group in groups.unwrap_or("").split(',').map(str::trim) {
        let in_it = |start: &Start| match group {
            "" => start.groups.is_empty(),
            group => start.groups.iter().any(|g| g == group),
        };
        for one in &sorted {
            if in_it(&one.1) && !chosen.iter().any(|other| other.0 == one.0) {
                chosen.push(one);
            }
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The containers and answers of a run of LXC 5.0.2, but for a comma in front or two of them: there LXC forgets what
    /// follows, apart from its manual.
    #[test]
    fn groups_and_orders_are_lxcs() {
        let one = |name: &str, auto: bool, order: i32, groups: &[&str]| {
            let groups = groups.iter().map(|g| String::from(*g)).collect();
            (Name::new(name).unwrap(), Start { auto, order, groups, ..Start::default() })
        };
        let all = [
            one("a", true, 5, &[]),
            one("b", true, 2, &["g1"]),
            one("c", false, 0, &["g1", "onboot"]),
            one("d", true, 9, &["onboot"]),
        ];
        for (groups, any, ignore, expected) in [
            (None, false, false, "a"),
            (None, true, false, "bad"),
            (None, false, true, "a"),
            (Some("g1"), false, false, "b"),
            (Some("onboot,g1"), false, false, "db"),
            (Some("g1,"), false, false, "ba"),
            (Some(",g1"), false, false, "ab"),
            (Some("g1,,onboot"), false, false, "bad"),
            (None, true, true, "cbad"),
            (Some("g1"), false, true, "cb"),
            (Some("g1"), true, false, "bad"),
            (Some("nosuch"), false, false, ""),
        ] {
            let found = choose(&all, groups, any, ignore);
            let names: String = found.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, expected, "{groups:?} {any} {ignore}");
        }
    }
}
