//! The end of a machine's file systems: swap off, unmount from the last mount to the first, read-only what is busy, sync.
//!
//! In a child with a deadline, as a dead disk or server makes each of these calls wait for ever.

use core::ffi::CStr;

use pid1::mountinfo::{Mount, line, swap, unescape};
use rustix::mount::{MountFlags, UnmountFlags};

use crate::files;
use crate::sys::power;
use crate::sys::{Result, Symbol};
use crate::text::{Shown, buffer};

/// How often the list of mounts is gone through: what was busy may be free when others are gone.
const ROUNDS: usize = 8;
/// The longest path that is unmounted.
const PATH: usize = 4096;

/// Does all of it.
pub fn run() {
    swap_off();
    for _ in 0..ROUNDS {
        if each_mount(&mut |target| rustix::mount::unmount(target, UnmountFlags::NOFOLLOW)) == 0 {
            break;
        }
    }
    each_mount(&mut |target| {
        rustix::mount::mount_remount(target, MountFlags::RDONLY, c"").inspect_err(|e| {
            warn!("'{}' stays writable: {}", Shown(target.to_bytes()), Symbol(*e));
        })
    });
    rustix::fs::sync();
}

/// Does something to each mount that keeps data, the last first. Says how many times it worked.
fn each_mount(act: &mut dyn FnMut(&CStr) -> Result<()>) -> usize {
    let mut text = buffer::<65536>();
    let Ok(text) = files::read(c"/proc/self/mountinfo", &mut text) else {
        return 0;
    };
    let mut path = [0; PATH];
    let mut done = 0;
    // The last mount is the last line, and nothing is mounted on it.
    for mount in text.rsplit(|c| *c == b'\n').filter_map(line).filter(Mount::keeps) {
        if let Some(target) = unescape(mount.target, &mut path) {
            done += usize::from(act(target).is_ok());
        }
    }
    done
}

fn swap_off() {
    let mut text = buffer::<4096>();
    let Ok(text) = files::read(c"/proc/swaps", &mut text) else {
        return;
    };
    let mut path = [0; PATH];
    for device in text.split(|c| *c == b'\n').filter_map(swap) {
        if let Some(device) = unescape(device, &mut path)
            && let Err(e) = power::swap_off(device)
        {
            warn!("swapoff '{}': {}", Shown(device.to_bytes()), Symbol(e));
        }
    }
}
