//! `lxc.namespace.share.NS`: whose namespace it is, found as a file to open.

use super::record::Record;
use crate::place::Place;
use crate::sys::process::{Cloned, clone, exit_now, join_namespace};
use crate::sys::{errno, io_errno};
use keel_core::config::{At, Config, IdKind, IdMap, Origin};
use keel_core::facts::Namespaces;
use keel_core::failure::{Errno, Failure};
use rustix::process::{Pid, WaitOptions, waitpid};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// The files of all shared namespaces: of a path, of a process by its id, or of a container by its name. Those that are the
/// caller's already are left out.
pub fn resolve(config: &Config, lxcpath: &str) -> Result<Vec<(u32, String, Origin)>, Failure> {
    let own = |(flag, path, _): &(u32, String, Origin)| {
        let name = Namespaces::NAMES.iter().find(|(_, f)| f == flag).map_or("", |(name, _)| name);
        let id = |path: &str| std::fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
        let theirs = id(path);
        theirs.is_some() && theirs == id(&format!("/proc/self/ns/{name}"))
    };
    let mut all: Vec<_> =
        config.namespace.share.iter().map(|share| one(config, share, lxcpath)).collect::<Result<_, _>>()?;
    all.retain(|shared| !own(shared));
    Ok(all)
}

/// The maps of the user namespace behind a file, as `lxc.idmap` has them.
pub fn idmap(path: &str, origin: Origin) -> Result<Vec<At<IdMap>>, Failure> {
    let fail = |e: Errno| Failure::errno(format_args!("read the maps of '{path}'"), e);
    let file = std::fs::File::open(path).map_err(|e| fail(io_errno(&e)))?;
    // Somebody in it whose maps can be read; it lives until the other end is closed.
    let (hold, release) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| fail(errno(e)))?;
    let (entered, enter) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| fail(errno(e)))?;
    match clone(0, None).map_err(fail)? {
        Cloned::Child { .. } => {
            drop((release, entered));
            let joined = join_namespace(file.as_fd(), Namespaces::USER);
            let _ = rustix::io::write(&enter, &joined.err().map_or(0, |e| e.0).to_ne_bytes());
            let _ = rustix::io::retry_on_intr(|| rustix::io::read(&hold, &mut [0; 1]));
            exit_now(0)
        }
        Cloned::Parent { pid, .. } => {
            drop((hold, enter));
            let mut code = [0; 4];
            let said = rustix::io::retry_on_intr(|| rustix::io::read(&entered, &mut code));
            let read =
                |kind: IdKind, name: &str| maps(kind, &crate::place::read(format!("/proc/{pid}/{name}").as_ref())?);
            let maps = match (said, Errno(i32::from_ne_bytes(code))) {
                (Ok(4), Errno(0)) => {
                    let both = (read(IdKind::User, "uid_map"), read(IdKind::Group, "gid_map"));
                    both.0.zip(both.1).ok_or(Errno::IO)
                }
                (Ok(4), e) => Err(e),
                _ => Err(Errno::IO),
            };
            drop(release);
            // ECHILD: reaped by a caller that reaps everything.
            let _ = rustix::io::retry_on_intr(|| waitpid(Pid::from_raw(pid), WaitOptions::empty()));
            let (users, groups) = maps.map_err(fail)?;
            Ok(users.into_iter().chain(groups).map(|value| At { value, origin }).collect())
        }
    }
}

/// Lines of /proc/PID/uid_map.
fn maps(kind: IdKind, text: &str) -> Option<Vec<IdMap>> {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(|n| n.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(IdMap { kind, inside: next()?, outside: next()?, count: next()? })
    };
    text.lines().map(line).collect()
}

fn one(config: &Config, share: &At<(u32, String)>, lxcpath: &str) -> Result<(u32, String, Origin), Failure> {
    let (flag, of) = &share.value;
    let file = config.files.get(usize::from(share.origin.file)).filter(|_| share.origin.line > 0);
    let at = file.map(|file| format!("{file}:{}: ", share.origin.line)).unwrap_or_default();
    let name = Namespaces::NAMES.iter().find(|(_, f)| f == flag).map_or("", |(name, _)| name);
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
