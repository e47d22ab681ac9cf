//! Names of LXC 0.7 to 0.9 that later became options of others: lxc-kill, lxc-shutdown, lxc-restart.
//!
//! lxc-restart of that time restarted a checkpoint; there are none here, and it stops and starts.
use super::{Answer, Call};
use crate::control::protocol::{Ending, Stop};
use crate::fault::say;
use crate::standing::Standing;
use crate::sys::descriptors::close_from;
use crate::sys::signalfd;
use crate::watch::launch;
use keel_core::commands::{Opt, UsageError};
use keel_core::failure::Failure;
use serde_json::Value;

/// LXC's default.
const TIMEOUT_S: u32 = 60;

/// `lxc-kill -n NAME [SIGNAL]`
pub fn kill(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    let word =
        (!call.args.operands.is_empty()).then(|| String::from_utf8_lossy(&call.args.operands.remove(0)).into_owned());
    call.args.no_more()?;
    let signal = match &word {
        None => libc::SIGKILL,
        Some(word) => signal(word)?,
    };
    let lxcpath = call.store()?.lxcpath().display().to_string();
    let info = Standing::of(name.as_str(), &lxcpath).info()?;
    match info.get("pid").and_then(Value::as_i64).and_then(|pid| i32::try_from(pid).ok()) {
        None => Ok(say("not running")?),
        Some(pid) => match signalfd::send(pid, signal) {
            Ok(()) => Ok(0),
            Err(errno) => Err(Failure::errno(format_args!("kill {pid}"), errno).into()),
        },
    }
}

/// A number, or a name as lxc.signal.halt takes it.
fn signal(word: &str) -> Result<i32, UsageError> {
    use keel_core::config::lxc::{NoFiles, Reader};
    let mut reader = Reader::default();
    reader.define(&format!("lxc.signal.halt={word}"), &mut NoFiles);
    let (config, _) = reader.finish();
    config.signal.halt.ok_or_else(|| UsageError(format!("'{word}' is not a signal")))
}

/// `lxc-shutdown -n NAME [-w] [-r] [-t SECONDS]`
pub fn shutdown(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    call.args.no_more()?;
    let lxcpath = call.store()?.lxcpath().display().to_string();
    let seconds = call.args.number(Opt::Timeout)?;
    let order = Stop {
        ending: if call.args.has(Opt::Reboot) { Ending::Reboot } else { Ending::Halt },
        timeout_ms: seconds.map_or(u64::from(u32::MAX), |s| u64::from(s) * 1000),
        wait: call.args.has(Opt::NoWait) || seconds.is_some(),
        // Only with a time to wait, lxc-shutdown ended it by force.
        kill: seconds.is_some(),
    };
    let standing = Standing::of(name.as_str(), &lxcpath);
    if matches!(standing, Standing::Stopped) {
        return Ok(say("not running")?);
    }
    standing.stop(order)?;
    Ok(0)
}

/// `keel restart NAME`: stop it if it runs, then start it.
pub fn restart(call: &mut Call) -> Answer {
    close_from(3);
    let name = call.take_name()?;
    call.args.no_more()?;
    let lxcpath = call.store()?.lxcpath().display().to_string();
    let timeout_ms = u64::from(call.args.number(Opt::Timeout)?.unwrap_or(TIMEOUT_S)) * 1000;
    let standing = Standing::of(name.as_str(), &lxcpath);
    if !matches!(standing, Standing::Stopped) {
        standing.stop(Stop { ending: Ending::Halt, timeout_ms, wait: true, kill: true })?;
    }
    let asked = launch::Asked { name: name.to_string(), lxcpath, ..launch::Asked::default() };
    super::start::background(&call.messages, asked, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_numbers_or_names() {
        assert_eq!(signal("15"), Ok(15));
        assert_eq!(signal("SIGUSR1"), Ok(libc::SIGUSR1));
        assert!(signal("x").is_err() && signal("").is_err());
    }
}
