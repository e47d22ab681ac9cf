//! `keel console`, `lxc-console`: connects this terminal to a tty of a container.
use super::{Answer, Call};
use crate::console::escape::Escape;
use crate::console::proxy::{Outcome, Proxy};
use crate::control::protocol::{Reply, Request};
use crate::fault::{say, symbol};
use crate::standing::Standing;
use keel_core::commands::{Opt, UsageError};
use rustix::termios::isatty;
use serde_json::Value;
use std::os::fd::AsFd;
use std::time::Duration;

/// Stays until the escape key, or until the container stops.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    call.args.no_more()?;
    let lxcpath = call.store()?.lxcpath().display().to_string();
    let tty = call.args.number(Opt::Tty)?;
    let key = match call.args.value(Opt::Escape) {
        None => 1,
        Some(word) => Escape::parse(word)
            .ok_or_else(|| UsageError(format!("--escape: '{word}' is not a key: '^a' or a letter")))?,
    };
    if !isatty(rustix::stdio::stdin()) {
        return Ok(say("standard input is not a terminal")?);
    }
    let connection = match Standing::of(name.as_str(), &lxcpath) {
        Standing::Supervised(connection, _) => connection,
        Standing::Orphan(..) => return Ok(say("its supervisor is gone, and its console with it")?),
        Standing::Stopped => return Ok(say("not running")?),
    };
    let asked = connection.ask_for_descriptor(&Request::Console(tty), Some(Duration::from_secs(10)));
    let (reply, master) = match asked {
        Ok((Reply::Done(map), Some(master))) => (map, master),
        Ok((Reply::Refused { why, .. }, _)) => return Ok(say(why)?),
        Ok((Reply::Done(_), None)) => return Ok(say("its supervisor lent no tty")?),
        Err(errno) => return Ok(say(format!("its supervisor gives no answer: {}", symbol(&errno.into())))?),
    };
    let number = reply.get("tty").and_then(Value::as_u64).unwrap_or(0);
    let letter = Escape::letter(key);
    if !call.args.has(Opt::Quiet) {
        eprint!(
            "\nConnected to tty {number}\nType <Ctrl+{letter} q> to exit the console, <Ctrl+{letter} Ctrl+{letter}> to enter Ctrl+{letter} itself\n"
        );
    }
    let proxy = Proxy {
        master: master.as_fd(),
        keyboard: true,
        escape: Some(Escape::new(key)),
        loan: Some(connection.as_fd()),
        child: None,
        log: None,
    };
    match proxy.run() {
        Ok(outcome) => {
            eprintln!();
            match outcome {
                Outcome::Signal(signal) => Ok(128 + signal as u8),
                Outcome::Left | Outcome::TakenBack | Outcome::Ended(_) => Ok(0),
            }
        }
        Err(errno) => Ok(say(format!("the terminal: {}", symbol(&errno.into())))?),
    }
}
