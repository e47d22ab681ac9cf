//! `keel cgroup`, `lxc-cgroup`: reads or writes a file of a running container's cgroup.
//!
//! The file is looked for in the container's own directories only, so that no name leads elsewhere.
use super::out::print;
use super::state::live;
use super::{Answer, Call};
use crate::fault::{say, symbol};
use keel_core::commands::UsageError;
use keel_core::failure::Failure;
use std::io::Write;

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    let mut words = call.args.take_command().into_iter().map(|w| String::from_utf8_lossy(&w).into_owned());
    let Some(file) = words.next() else {
        return Err(UsageError("no file of the cgroup given".into()).into());
    };
    let value = words.next();
    if let Some(more) = words.next() {
        return Err(UsageError(format!("unexpected argument '{more}'")).into());
    }
    if file.is_empty() || file.contains('/') || file.starts_with('.') {
        return Err(UsageError(format!("'{file}' cannot be a file of a cgroup")).into());
    }
    let store = call.store()?;
    let shown = format!("{}:{name}", store.lxcpath().display());
    let live = live(&store, &name);
    if live.pid.is_none() {
        return Ok(say(format!("'{shown}' is not running"))?);
    }
    let path = live.cgroups.0.iter().map(|dir| dir.join(&file)).find(|path| path.exists());
    let missing = || std::io::Error::from_raw_os_error(libc::ENOENT);
    match value {
        None => {
            let read = path.ok_or_else(missing).and_then(std::fs::read);
            let bytes = read.map_err(|e| {
                Failure::new(format!("failed to retrieve value of '{file}' for '{shown}': {}", symbol(&e)))
            })?;
            // One line break more than the file has.
            print(&format!("{}\n", String::from_utf8_lossy(&bytes)))?;
        }
        // Version 2 has no such file: its rules are a program.
        Some(value) if matches!(file.as_str(), "devices.allow" | "devices.deny") => {
            let place = crate::place::Place::of(name.as_str(), &store.lxcpath().display().to_string());
            let rule = crate::devices::by_number(&value)?;
            if !crate::devices::change(&place, &live.cgroups.0, file == "devices.allow", &rule)? {
                return Ok(say(format!("'{name}' has no cgroup that keeps rules for devices"))?);
            }
        }
        Some(value) => {
            let write = |path| std::fs::OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes());
            path.ok_or_else(missing).and_then(write).map_err(|e| {
                Failure::new(format!("failed to assign '{value}' value to '{file}' for '{name}': {}", symbol(&e)))
            })?;
        }
    }
    Ok(0)
}
