//! `keel freeze`, `keel unfreeze`, `lxc-freeze`, `lxc-unfreeze`: halts all tasks of a container, or lets them go on.
//!
//! Silent, and no failure when it is so already; unfreezing what does not run is none either, as LXC has it.
use super::state::live;
use super::{Answer, Call};
use crate::control::protocol::State;
use crate::fault::say;
use crate::freezer;
use crate::monitor::{News, tell};
use keel_core::commands::Verb;

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    call.args.no_more()?;
    let store = call.store()?;
    let lxcpath = store.lxcpath().display().to_string();
    let freeze = call.command.verb == Verb::Freeze;
    let live = live(&store, &name);
    match live.pid {
        Some(_) => {}
        None if !freeze && store.is_defined(&name) => return Ok(0),
        None => return Ok(say(format!("failed to {} '{lxcpath}:{name}': it is not running", call.command.name))?),
    }
    let dirs = &live.cgroups.0;
    let now = freezer::state(dirs);
    if now == Some(if freeze { State::Frozen } else { State::Thawed }) {
        return Ok(0);
    }
    let listeners = crate::place::monitors(&lxcpath);
    let news = |state| tell(name.as_str(), &listeners, &[News::State(state)]);
    if freeze {
        news(State::Freezing);
    }
    freezer::set(dirs, freeze)?;
    let then: &[State] = if freeze { &[State::Frozen] } else { &[State::Thawed, State::Running] };
    then.iter().for_each(|state| news(*state));
    Ok(0)
}
