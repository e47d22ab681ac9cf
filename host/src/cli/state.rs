//! What runs of a container, for the commands that list and remove.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use keel_core::commands::Opt;
use keel_core::failure::Failure;

use super::Call;
use crate::control::protocol::{Ending, Stop};
use crate::fault::{Result, say};
use crate::place::Place;
use crate::standing::Standing;
use crate::store::{Name, Store};
use crate::watch::record::Record;

/// A container as it is now.
#[derive(Debug)]
pub struct Live {
    /// LXC's word.
    pub state: &'static str,
    /// Of its first program.
    pub pid: Option<i32>,
    /// Bytes, where the memory controller counts them.
    pub ram: Option<u64>,
    /// Bytes.
    pub swap: Option<u64>,
}

/// Looks. A supervisor that gives no sensible answer has a container that runs, as far as anybody can tell.
pub fn live(store: &Store, name: &Name) -> Live {
    let lxcpath = store.lxcpath().display().to_string();
    let (state, pid) = match Standing::of(name.as_str(), &lxcpath).state() {
        Ok((state, pid)) => (state.name(), pid),
        Err(_) => ("RUNNING", None),
    };
    let memory = pid.and_then(|_| Record::of_living(&Place::of(name.as_str(), &lxcpath))).map(memory);
    let (ram, swap) = memory.unwrap_or_default();
    Live { state, pid, ram, swap }
}

/// Bytes of memory and of swap that its cgroups count.
fn memory(record: Record) -> (Option<u64>, Option<u64>) {
    let number = |file: &str| {
        let dirs = record.cgroups.iter().map(|dir| Path::new(OsStr::from_bytes(dir.as_bytes())));
        let mut read = dirs.filter_map(|dir| std::fs::read_to_string(dir.join(file)).ok());
        read.find_map(|text| text.trim().parse::<u64>().ok())
    };
    match number("memory.current") {
        Some(ram) => (Some(ram), number("memory.swap.current")),
        None => {
            let ram = number("memory.usage_in_bytes");
            // Version 1 counts both together.
            let both = number("memory.memsw.usage_in_bytes");
            (ram, both.zip(ram).map(|(both, ram)| both.saturating_sub(ram)))
        }
    }
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
