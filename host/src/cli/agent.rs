//! `keel agent`: what keel does as process 1, beside another init: one process for all containers of a path.
//!
//! Stays where it was started; refuses where there is one already.
use super::{Answer, Call};
use crate::control::client::Connection;
use crate::fault::say;
use crate::place::agent_socket;
use crate::sys::descriptors::close_from;

/// Runs until it is told to end.
pub fn run(call: &mut Call) -> Answer {
    close_from(3);
    call.args.no_more()?;
    let lxcpath = call.store()?.lxcpath().display().to_string();
    if Connection::open(&agent_socket(&lxcpath)).is_ok() {
        return Ok(say("there is one already")?);
    }
    Err(crate::boot::supervise(lxcpath).into())
}
