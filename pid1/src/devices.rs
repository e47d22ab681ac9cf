//! The mounts of the start, and the nodes and links of /dev.
//!
//! What is mounted already is left alone. Nothing here stops the start: what fails is logged. In a container EPERM is no news.

use core::ffi::CStr;

use pid1::mounts::{self, Entry, LINKS, NODES, TABLE};
use pid1::signals::Mode;
use rustix::fs::{CWD, FileType, Mode as Permissions, makedev};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};

use crate::files;
use crate::sys::{Result, Symbol};
use crate::text::{Shown, Text, buffer};

/// Mounts a row of the table, unless something is mounted there.
pub fn mount(entry: &Entry, mode: Mode) {
    if let Err(e) = try_mount(entry) {
        // The runtime decides what a container has.
        if mode == Mode::Machine || !matches!(e, Errno::PERM | Errno::ACCESS | Errno::ROFS) {
            warn!("mount {} on '{}': {}", Shown(entry.kind.to_bytes()), Shown(entry.target.to_bytes()), Symbol(e));
        }
    }
}

fn try_mount(entry: &Entry) -> Result<()> {
    make_directory(entry.target, entry.mode)?;
    if files::is_mount_point(entry.target)? {
        return Ok(());
    }
    let flags = MountFlags::from_bits_retain(entry.flags);
    let mounted = match rustix::mount::mount(entry.kind, entry.target, entry.kind, flags, entry.data) {
        // COMPAT(linux<2.6.32), and kernels without CONFIG_DEVTMPFS
        Err(Errno::NODEV) if entry.kind == c"devtmpfs" => {
            rustix::mount::mount(c"dev", entry.target, c"tmpfs", flags, mounts::DEV_TMPFS)
        }
        result => result,
    };
    match mounted {
        Err(Errno::BUSY) => Ok(()),
        result => result,
    }
}

fn make_directory(path: &CStr, mode: u16) -> Result<()> {
    match rustix::fs::mkdir(path, Permissions::from_raw_mode(mode.into())) {
        Err(Errno::EXIST) => Ok(()),
        // A read-only root may have it.
        Err(e) if rustix::fs::stat(path).is_ok() => {
            let _ = e;
            Ok(())
        }
        result => result,
    }
}

/// The mounts after /proc, in the table's order, and what belongs into /dev.
pub fn mount_rest(mode: Mode) {
    for entry in TABLE.iter().skip(1).filter(|entry| mode == Mode::Machine || entry.in_container) {
        mount(entry, mode);
        if entry.target == c"/dev" {
            fill_dev();
        }
    }
}

/// Nodes that are missing, and links.
fn fill_dev() {
    for (path, mode, major, minor) in &NODES {
        make_node(path, *mode, *major, *minor);
    }
    for (path, target) in &LINKS {
        // devtmpfs has a node of this name; it leads to the first instance of devpts on old kernels.
        if *path == c"/dev/ptmx" {
            let _ = rustix::fs::unlink(*path);
        }
        match rustix::fs::symlink(*target, *path) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => warn!("'{}': {}", Shown(path.to_bytes()), Symbol(e)),
        }
    }
}

fn make_node(path: &CStr, mode: u16, major: u32, minor: u32) {
    match rustix::fs::mknodat(
        CWD,
        path,
        FileType::CharacterDevice,
        Permissions::from_raw_mode(mode.into()),
        makedev(major, minor),
    ) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(e) => warn!("node '{}': {}", Shown(path.to_bytes()), Symbol(e)),
    }
}

/// Makes the node of a device below /dev that is not there, with the number that sysfs has for it in `class`: for a /dev without
/// devtmpfs. Devices without an entry in sysfs are left to fail where they are opened.
pub fn make_from_sysfs(class: &[u8], name: &[u8]) {
    let (Some(node), Some(number)) =
        (Text::<64>::of(&[b"/dev/", name]), Text::<512>::of(&[b"/sys/class/", class, b"/", name, b"/dev"]))
    else {
        return;
    };
    if rustix::fs::stat(node.c_str()).is_ok() {
        return;
    }
    let mut text = buffer::<32>();
    let Ok(text) = files::read(number.c_str(), &mut text) else {
        return;
    };
    let mut parts = text.trim_ascii().split(|c| *c == b':').map(pid1::settings::number);
    if let (Some(Some(major)), Some(Some(minor))) = (parts.next(), parts.next()) {
        make_node(node.c_str(), 0o620, major, minor);
    }
}

/// In the first process of a pid namespace with mounts of its own: its own /proc.
pub fn mount_own_proc() {
    let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    let mounted = rustix::mount::mount_change(c"/", flags).and_then(|()| {
        rustix::mount::mount(c"proc", c"/proc", c"proc", MountFlags::from_bits_retain(TABLE[0].flags), TABLE[0].data)
    });
    if let Err(e) = mounted {
        warn!("mount proc on '/proc' of the namespace: {}", Symbol(e));
    }
}
