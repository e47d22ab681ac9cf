//! `keel poweroff`, `keel reboot`, `keel halt`: tells keel as process 1 to end the machine.
//!
//! Refuses where process 1 is another program: what a signal means to that is not ours to know.
use super::{Answer, Call};
use crate::control::client::Connection;
use crate::fault::say;
use crate::place::agent_socket;
use crate::store::Store;
use crate::sys::{peer, signalfd};
use keel_core::commands::Verb;
use keel_core::failure::Failure;

/// Sends the signal that busybox's command of that name sends.
pub fn run(call: &mut Call) -> Answer {
    call.args.no_more()?;
    let lxcpath = Store::open(None)?.lxcpath().display().to_string();
    let agent = Connection::open(&agent_socket(&lxcpath)).ok();
    let is_keel = agent.and_then(|agent| peer::peer(&agent).ok()).is_some_and(|(pid, _)| pid == 1);
    if !is_keel {
        return Ok(say("process 1 is not keel")?);
    }
    let signal = match call.command.verb {
        Verb::Reboot => libc::SIGTERM,
        Verb::Halt => libc::SIGUSR1,
        _ => libc::SIGUSR2,
    };
    signalfd::send(1, signal).map_err(|e| Failure::errno("kill 1", e))?;
    Ok(0)
}
