//! Device nodes where the kernel makes none itself, and waiting for a device.
//!
//! Only for the boot, in process 1: allocates.

use crate::sys;
use keel_core::failure::Errno;
use rustix::fs::{FileType, Mode};
use std::ffi::CStr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Makes a node for each device in /sys/dev/char and /sys/dev/block, named by DEVNAME of its uevent file.
/// A node that is there is left as it is.
pub fn nodes_from_sysfs() -> Result<(), Errno> {
    for (dir, kind) in [("/sys/dev/char", FileType::CharacterDevice), ("/sys/dev/block", FileType::BlockDevice)] {
        for entry in std::fs::read_dir(dir).map_err(|e| sys::io_errno(&e))?.flatten() {
            let Ok(uevent) = std::fs::read_to_string(entry.path().join("uevent")) else { continue };
            node_of_uevent(&uevent, kind);
        }
    }
    Ok(())
}

/// A node that can't be made is one device less, not the end of the boot.
fn node_of_uevent(uevent: &str, kind: FileType) -> Option<()> {
    let value = |key: &str| uevent.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
    let number = |key: &str| value(key)?.parse::<u32>().ok();
    let (major, minor, name) = (number("MAJOR")?, number("MINOR")?, value("DEVNAME")?);
    if name.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return None;
    }
    // What the kernel's devtmpfs would have: the driver's word, else 0600 (drivers/base/devtmpfs.c).
    let mode = value("DEVMODE").and_then(|m| u32::from_str_radix(m.trim_start_matches('0'), 8).ok()).unwrap_or(0o600);
    let path = Path::new("/dev").join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).ok()?;
    }
    rustix::fs::mknodat(rustix::fs::CWD, &path, kind, Mode::from_raw_mode(mode), sys::mount::makedev(major, minor)).ok()
}

/// Waits until a block device can be opened. The kernel says when a device comes: its uevents wake us, nothing polls.
pub fn wait_for(path: &CStr, timeout_ms: u32) -> Result<(), Errno> {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::fs::OFlags;
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
    let deadline = Instant::now() + Duration::from_millis(timeout_ms.into());
    let kind = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let events = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        kind,
        Some(rustix::net::netlink::KOBJECT_UEVENT),
    )
    .map_err(sys::errno)?;
    // Group 1: the kernel's own events.
    rustix::net::bind(&events, &rustix::net::netlink::SocketAddrNetlink::new(0, 1)).map_err(sys::errno)?;
    loop {
        match rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NXIO | rustix::io::Errno::NODEV) => (),
            Err(e) => return Err(sys::errno(e)),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Errno::NOENT);
        }
        let timeout = rustix::event::Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ };
        match poll(&mut [PollFd::new(&events, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => (),
            Err(e) => return Err(sys::errno(e)),
        }
        // On a kernel without devtmpfs the node is ours to make.
        let mut event = [0; 8192];
        while let Ok((n, _)) = rustix::net::recv(&events, &mut event[..], RecvFlags::empty()) {
            let text: String = String::from_utf8_lossy(&event[..n]).replace('\0', "\n");
            if text.contains("SUBSYSTEM=block") && !crate::observe::has_filesystem("devtmpfs") {
                node_of_uevent(&text, FileType::BlockDevice);
            }
        }
    }
}
