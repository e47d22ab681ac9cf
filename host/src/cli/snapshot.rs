//! `keel snapshot`, `lxc-snapshot`: keeps states of a stopped container, lists them, goes back to them, removes them.
use super::create::interrupts;
use super::out::print;
use super::state::live;
use super::{Answer, Call};
use crate::control::protocol::State;
use crate::copy::snapshot::Snapshots;
use crate::fault::say;
use crate::store::Name;
use keel_core::commands::{Opt, UsageError};
use std::path::Path;

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    call.args.no_more()?;
    let store = call.store()?;
    if !store.is_defined(&name) {
        return Ok(say("is not defined")?);
    }
    let snapshots = Snapshots::of(&store, &name)?;
    let args = &call.args;
    if args.has(Opt::List) {
        let mut text = String::new();
        for one in snapshots.list()? {
            text += &format!("{} ({}) {}\n", one.name, snapshots.snaps.lxcpath().display(), one.time);
            if let Some(comment) = one.comment.filter(|_| args.has(Opt::ShowComments)) {
                text += &comment;
            }
        }
        print(if text.is_empty() { "No snapshots\n" } else { &text })?;
        return Ok(0);
    }
    if let Some(which) = args.value(Opt::DestroySnapshot) {
        let which = match which {
            "ALL" => snapshots.list()?.into_iter().map(|one| one.name).collect(),
            one => vec![Name::new(one)?],
        };
        for one in which {
            snapshots.remove(&one)?;
        }
        return Ok(0);
    }
    if let Some(new) = args.value(Opt::NewName)
        && !args.has(Opt::Restore)
    {
        return Err(UsageError(format!("--newname={new} goes with --restore")).into());
    }
    if let (Some(which), Some(new)) = (args.value(Opt::Restore), args.value(Opt::NewName)) {
        let (which, new) = (Name::new(which)?, Name::new(new)?);
        if new != name {
            snapshots.copy_to(&which, &new, &interrupts()?)?;
            return Ok(0);
        }
    }
    if !matches!(live(&store, &name).state, State::Stopped) {
        return Ok(say("is running: stop it first")?);
    }
    match args.value(Opt::Restore) {
        Some(which) => snapshots.restore(&Name::new(which)?, &interrupts()?)?,
        None => drop(snapshots.make(args.value(Opt::Comment).map(Path::new), &interrupts()?)?),
    }
    Ok(0)
}
