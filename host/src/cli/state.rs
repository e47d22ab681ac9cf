//! What runs of a container, for the commands that list and remove.

use keel_core::commands::Opt;
use keel_core::failure::Failure;
use serde_json::Value;

use super::Call;
use crate::control::protocol::{Ending, State, Stop};
use crate::fault::{Result, say};
use crate::standing::Standing;
use crate::store::{Name, Store};
use crate::usage::Cgroups;

/// A container as it is now.
#[derive(Debug)]
pub struct Live {
    /// Where it is.
    pub state: State,
    /// Of its first program.
    pub pid: Option<i32>,
    /// Its cgroups.
    pub cgroups: Cgroups,
}

/// Looks. A supervisor that gives no sensible answer has a container that runs, as far as anybody can tell.
pub fn live(store: &Store, name: &Name) -> Live {
    let Ok(info) = Standing::of(name.as_str(), &store.lxcpath().display().to_string()).info() else {
        return Live { state: State::Running, pid: None, cgroups: Cgroups::default() };
    };
    let dirs = info.get("cgroups").and_then(Value::as_array).into_iter().flatten();
    let cgroups = Cgroups(dirs.filter_map(Value::as_str).map(Into::into).collect());
    let state = info.get("state").and_then(Value::as_str).and_then(State::parse).unwrap_or(State::Stopped);
    let state = crate::freezer::refine(state, &cgroups.0);
    Live { state, pid: info.get("pid").and_then(Value::as_i64).and_then(|pid| i32::try_from(pid).ok()), cgroups }
}

/// LXC's default.
const STOP_TIMEOUT_MS: u64 = 60_000;

/// Before its files go: a container that runs is refused, or with `-f` stopped.
pub fn stop_for_removal(call: &Call, store: &Store, name: &Name) -> Result<()> {
    let standing = Standing::of(name.as_str(), &store.lxcpath().display().to_string());
    if matches!(standing, Standing::Stopped) {
        return Ok(());
    }
    if !call.args.has(Opt::Force) {
        return say("is running [-f stops it first]");
    }
    standing.stop(Stop { ending: Ending::Halt, timeout_ms: STOP_TIMEOUT_MS, wait: true, kill: true })?;
    match Standing::of(name.as_str(), &store.lxcpath().display().to_string()) {
        Standing::Stopped => Ok(()),
        _ => Err(Failure::new("is running again")),
    }
}
