//! cgroups, mounted when `keel.cgroup=` asks for them.
//!
//! A controller that is in use by the other version cannot be mounted (EBUSY): it is logged and left.

use core::ffi::CStr;

use pid1::cgroups::controllers;
use pid1::settings::{Cgroup, Settings};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::MountFlags;

use crate::files;
use crate::sys::{Result, Symbol};
use crate::text::{Shown, Text, buffer};

const FLAGS: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Mounts what is asked for.
pub fn mount(settings: &Settings<'_>) {
    let Some(root) = Text::<512>::of(&[settings.cgroup_root]) else {
        warn!("keel.cgroup.root='{}': ENAMETOOLONG", Shown(settings.cgroup_root));
        return;
    };
    let result = match settings.cgroup {
        Cgroup::None => Ok(()),
        Cgroup::V2 => one(root.c_str(), c"cgroup2", c""),
        Cgroup::V1 => separate(root.c_str(), false),
        Cgroup::Hybrid => separate(root.c_str(), true),
    };
    if let Err(e) = result {
        warn!("cgroups on '{}': {}", Shown(settings.cgroup_root), Symbol(e));
    }
}

fn one(target: &CStr, kind: &CStr, data: &CStr) -> Result<()> {
    make_directories(target.to_bytes())?;
    if files::is_mount_point(target)? {
        return Ok(());
    }
    rustix::mount::mount(c"cgroup", target, kind, FLAGS, data)
}

fn separate(root: &CStr, unified: bool) -> Result<()> {
    make_directories(root.to_bytes())?;
    if !files::is_mount_point(root)? {
        rustix::mount::mount(c"cgroup", root, c"tmpfs", FLAGS, c"mode=0755")?;
    }
    let mut text = buffer::<2048>();
    for name in controllers(files::read(c"/proc/cgroups", &mut text)?) {
        let (Some(target), Some(data)) = (Text::<512>::of(&[root.to_bytes(), b"/", name]), Text::<64>::of(&[name]))
        else {
            continue;
        };
        if let Err(e) = one(target.c_str(), c"cgroup", data.c_str()) {
            warn!("cgroup '{}': {}", Shown(name), Symbol(e));
        }
    }
    if unified {
        let target = Text::<512>::of(&[root.to_bytes(), b"/unified"]).ok_or(Errno::NAMETOOLONG)?;
        one(target.c_str(), c"cgroup2", c"")?;
    }
    Ok(())
}

/// Makes a directory and those above it.
fn make_directories(path: &[u8]) -> Result<()> {
    for (i, _) in path.iter().enumerate().skip(1).filter(|(_, c)| **c == b'/').chain([(path.len(), &b'/')]) {
        let part = Text::<512>::of(&[&path[..i]]).ok_or(Errno::NAMETOOLONG)?;
        match rustix::fs::mkdir(part.c_str(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) if rustix::fs::stat(part.c_str()).is_ok() => {
                let _ = e;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
