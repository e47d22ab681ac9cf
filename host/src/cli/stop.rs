//! `keel stop`, `lxc-stop`: ends a container. 0: it is stopped; 1: it is not; 2: it did not run.
use super::{Answer, Call};
use crate::control::protocol::{Ending, Stop};
use crate::place::Place;
use crate::standing::{Standing, clear};
use keel_core::commands::{Opt, UsageError};

/// LXC's default.
const TIMEOUT_S: u32 = 60;

/// Stops it.
pub fn run(call: &mut Call) -> Answer {
    let name = call.args.take_name()?;
    let name = crate::store::Name::new(&name)?;
    call.args.no_more()?;
    let store = call.store()?;
    let lxcpath = store.lxcpath().display().to_string();
    let seconds = call.args.number(Opt::Timeout)?.unwrap_or(TIMEOUT_S);
    let has = |opt| call.args.has(opt);
    // LXC's rules for what goes together.
    for (one, other, wrong) in [
        ("-k", "--nokill", has(Opt::Kill) && has(Opt::NoKill)),
        ("-k", "-r", has(Opt::Kill) && has(Opt::Reboot)),
        ("-k", "-t", has(Opt::Kill) && has(Opt::Timeout)),
    ] {
        if wrong {
            return Err(UsageError(format!("{one} does not go with {other}")).into());
        }
    }
    if has(Opt::NoLock) && !has(Opt::Kill) {
        return Err(UsageError("--nolock goes with -k only".into()).into());
    }
    let ending = match (call.args.has(Opt::Kill), call.args.has(Opt::Reboot)) {
        (true, _) => Ending::Kill,
        (false, true) => Ending::Reboot,
        (false, false) => Ending::Halt,
    };
    let order = Stop {
        ending,
        timeout_ms: u64::from(seconds) * 1000,
        // `-t 0` sends the signal and leaves it at that, as LXC does.
        wait: !call.args.has(Opt::NoWait) && (seconds > 0 || ending == Ending::Kill),
        kill: !call.args.has(Opt::NoKill) && seconds > 0,
    };
    let standing = Standing::of(name.as_str(), &lxcpath);
    if matches!(standing, Standing::Stopped) {
        let place = Place::of(name.as_str(), &lxcpath);
        if place.dir().exists() {
            clear(&place);
        }
        // LXC's own words, which scripts look for, and its status, also for one that is not defined.
        if !call.args.has(Opt::Quiet) {
            let defined = store.is_defined(&name);
            eprintln!("{name} is not running{}", if defined { "" } else { ": it is not defined" });
        }
        return Ok(2);
    }
    call.messages.speaker = format!("{}: {name}", call.messages.speaker);
    standing.stop(order)?;
    Ok(0)
}
