//! `keel device`, `lxc-device`: gives a running container a device of the host, or takes it away.
//!
//! The node is made below the container's root by descriptor, so that no link of its own leads out. Its cgroup gets
//! the rule as well. Interfaces of the network are moved
//! in and out.
use super::state::live;
use super::{Answer, Call};
use crate::fault::{at, say};
use crate::net::moving;
use crate::place::Place;
use crate::tree::{dir, names};
use keel_core::commands::UsageError;
use keel_core::failure::{Errno, Failure};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use std::ffi::CString;

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    let words = super::start::words(call.args.take_command())?;
    let strs: Vec<&str> = words.iter().map(String::as_str).collect();
    let (verb, device, inside) = match strs.as_slice() {
        [verb @ ("add" | "del"), device] => (*verb, *device, *device),
        [verb @ ("add" | "del"), device, inside] => (*verb, *device, *inside),
        [] => return Err(UsageError("no command given: add or del".into()).into()),
        [other, ..] if !matches!(*other, "add" | "del") => {
            return Err(UsageError(format!("'{other}' is neither add nor del")).into());
        }
        _ => return Err(UsageError("add or del DEVICE [NAME-INSIDE]".into()).into()),
    };
    let store = call.store()?;
    let live = live(&store, &name);
    let Some(pid) = live.pid else { return Ok(say("not running")?) };
    // A device is a path, an interface of the network is none.
    if !device.contains('/') {
        return interface(verb, device, inside, pid);
    }
    let stat = fs::stat(device).map_err(|e| at("stat", device, e))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let letter = match kind {
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        _ => return Ok(say(format!("'{device}' is not a device"))?),
    };
    let number = stat.st_rdev as u64;
    let rule = format!("{letter} {}:{} rwm", fs::major(number as _), fs::minor(number as _));
    let place = Place::of(name.as_str(), &store.lxcpath().display().to_string());
    let top = format!("/proc/{pid}/root");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = fs::open(&top, flags, Mode::empty()).map_err(|e| at("open", &top, e))?;
    let parts: Vec<&[u8]> = names(inside.as_bytes()).collect();
    let Some((last, way)) = parts.split_last().filter(|_| !parts.contains(&&b".."[..])) else {
        return Err(UsageError(format!("'{inside}' cannot be a device's name")).into());
    };
    let fault =
        |what: &str, e: rustix::io::Errno| Failure::errno(format_args!("{what} '{inside}'"), Errno(e.raw_os_error()));
    let allow = || crate::devices::change(&place, &live.cgroups.0, verb == "add", &rule);
    if verb == "add" {
        allow()?;
        let mut parent = dir(std::os::fd::AsFd::as_fd(&root), b"").map_err(|e| fault("open", e))?;
        for part in way {
            match fs::mkdirat(&parent, *part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(errno) => return Err(fault("mkdir", errno).into()),
            }
            parent = fs::openat(&parent, *part, crate::tree::DIR, Mode::empty()).map_err(|e| fault("open", e))?;
        }
        fs::mknodat(&parent, *last, kind, Mode::empty(), number as _).map_err(|e| fault("mknod", e))?;
        let mode = Mode::from_raw_mode((stat.st_mode as u32 & 0o777) as _);
        fs::chmodat(&parent, *last, mode, AtFlags::empty()).map_err(|e| fault("chmod", e))?;
    } else {
        let parent = dir(std::os::fd::AsFd::as_fd(&root), &way.join(&b'/')).map_err(|e| fault("open", e))?;
        let there = fs::statat(&parent, *last, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| fault("stat", e))?;
        if FileType::from_raw_mode(there.st_mode) != kind || there.st_rdev != stat.st_rdev {
            return Ok(say(format!("'{inside}' is another device inside, or none"))?);
        }
        fs::unlinkat(&parent, *last, AtFlags::empty()).map_err(|e| fault("unlink", e))?;
        allow()?;
    }
    Ok(0)
}

/// `add eth1 [NAME-INSIDE]`, `del NAME-INSIDE [NAME]`: the second name is what it is called where it goes.
fn interface(verb: &str, name: &str, new: &str, pid: i32) -> Answer {
    let text = |name: &str| CString::new(name).map_err(|_| UsageError("an argument has a NUL in it".into()));
    let (from, to) = (text(name)?, text(new)?);
    let moved = match verb {
        "add" => moving::take_in(&from, pid, &to),
        _ => moving::take_out(&from, pid, &to),
    };
    match moved {
        Ok(()) => Ok(0),
        Err(Errno(libc::ENODEV)) => Ok(say(format!("no interface '{name}' [a device is a path: /dev/{name}]"))?),
        Err(errno) => Err(Failure::errno(format_args!("move interface '{name}'"), errno).into()),
    }
}
