//! `lxc.namespace.share.NS`: whose namespace it is, found as a file to open.

use super::record::Record;
use crate::place::Place;
use keel_core::config::{At, Config, Origin};
use keel_core::facts::Namespaces;
use keel_core::failure::Failure;

/// The files of all shared namespaces: of a path, of a process by its id, or of a container by its name.
pub fn resolve(config: &Config, lxcpath: &str) -> Result<Vec<(u32, String, Origin)>, Failure> {
    config.namespace.share.iter().map(|share| one(config, share, lxcpath)).collect()
}

fn one(config: &Config, share: &At<(u32, String)>, lxcpath: &str) -> Result<(u32, String, Origin), Failure> {
    let (flag, of) = &share.value;
    let file = config.files.get(usize::from(share.origin.file)).filter(|_| share.origin.line > 0);
    let at = file.map(|file| format!("{file}:{}: ", share.origin.line)).unwrap_or_default();
    let name = Namespaces::NAMES.iter().find(|(_, f)| f == flag).map_or("", |(name, _)| name);
    // Joining them takes effect for children only, or needs all else to be mounted anew.
    if [Namespaces::PID, Namespaces::USER, Namespaces::MNT].contains(flag) {
        return Err(Failure::new(format!(
            "{at}sharing the {name} namespace is not there yet (uts, ipc, net and cgroup are)"
        )));
    }
    if of.starts_with('/') {
        return Ok((*flag, of.clone(), share.origin));
    }
    let pid = match of.parse::<i32>() {
        Ok(pid) => pid,
        Err(_) => match Record::of_living(&Place::of(of, lxcpath)).and_then(|record| record.init) {
            Some(pid) => pid,
            None => return Err(Failure::new(format!("{at}'{of}' is no container that runs, no process and no path"))),
        },
    };
    Ok((*flag, format!("/proc/{pid}/ns/{name}"), share.origin))
}
