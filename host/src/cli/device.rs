//! `keel device`, `lxc-device`: gives a running container a device of the host, or takes it away.
//!
//! The node is made below the container's root by descriptor, so that no link of its own leads out. Version 1 cgroups get
//! the rule as well. Refuses interfaces of the network, which LXC's tool can move, and says where a version 2 cgroup may
//! still forbid the device: its program cannot be changed from outside.
use super::state::live;
use super::{Answer, Call};
use crate::fault::{at, say};
use crate::tree::{dir, names};
use keel_core::commands::UsageError;
use keel_core::failure::{Errno, Failure};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use std::path::Path;

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
    if !device.contains('/') && Path::new("/sys/class/net").join(device).exists() {
        return Ok(say(format!("'{device}' is an interface of the network: moving one is not available"))?);
    }
    let live = live(&call.store()?, &name);
    let Some(pid) = live.pid else { return Ok(say("not running")?) };
    let stat = fs::stat(device).map_err(|e| at("stat", device, e))?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let letter = match kind {
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        _ => return Ok(say(format!("'{device}' is not a device"))?),
    };
    let number = stat.st_rdev as u64;
    let rule = format!("{letter} {}:{} rwm", fs::major(number as _), fs::minor(number as _));
    let file = |add| if add { "devices.allow" } else { "devices.deny" };
    let cgroup = live.cgroups.0.iter().map(|dir| dir.join(file(verb == "add"))).find(|path| path.exists());
    let top = format!("/proc/{pid}/root");
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = fs::open(&top, flags, Mode::empty()).map_err(|e| at("open", &top, e))?;
    let parts: Vec<&[u8]> = names(inside.as_bytes()).collect();
    let Some((last, way)) = parts.split_last().filter(|_| !parts.contains(&&b".."[..])) else {
        return Err(UsageError(format!("'{inside}' cannot be a device's name")).into());
    };
    let fault =
        |what: &str, e: rustix::io::Errno| Failure::errno(format_args!("{what} '{inside}'"), Errno(e.raw_os_error()));
    let allow = || match &cgroup {
        Some(path) => std::fs::write(path, &rule).map_err(|e| at("write", path, e)),
        None => Ok(()),
    };
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
