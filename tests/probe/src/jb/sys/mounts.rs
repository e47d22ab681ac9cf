//! mount(2) and what belongs to it.

use super::{checked, text};
use std::io;
use std::sync::atomic::Ordering;

pub const NOSUID: libc::c_ulong = libc::MS_NOSUID;

pub fn mount(source: &str, at: &str, kind: &str, flags: libc::c_ulong, data: &str) -> io::Result<()> {
    let (source, at, kind, data) = (text(source), text(at), text(kind), text(data));
    let data = if data.is_empty() { std::ptr::null() } else { data.as_ptr().cast() };
    // SAFETY: strings end with 0 and live as long as the call.
    checked(unsafe { libc::mount(source.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, data) }).map(drop)
}

pub fn unmount(at: &str) -> io::Result<()> {
    // SAFETY: the string ends with 0.
    checked(unsafe { libc::umount2(text(at).as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// A copy of the mount namespace, as zygote makes it for each app from 4.2 on.
pub fn unshare_mounts() -> io::Result<()> {
    // SAFETY: takes a number; one thread.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNS) }).map(drop)
}

/// mount(2) whose type is changed by another thread again and again: `first` or `second`, of the same length. So often, and until
/// either has been seen; on a machine with one processor at most a thousand times as often.
pub fn racing_mounts(first: &str, second: &str, at: &str, times: u32) -> (u32, u32) {
    use std::sync::atomic::{AtomicBool, AtomicU64};
    let word = |text: &str| {
        let mut bytes = [0; 8];
        bytes[..text.len().min(7)].copy_from_slice(&text.as_bytes()[..text.len().min(7)]);
        u64::from_ne_bytes(bytes)
    };
    let (kind, over) = (AtomicU64::new(word(first)), AtomicBool::new(false));
    let (source, at) = (text("none"), text(at));
    let (mut made, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                kind.store(word(second), Ordering::Relaxed);
                std::thread::yield_now();
                kind.store(word(first), Ordering::Relaxed);
                std::thread::yield_now();
            }
        });
        for n in 0..times.saturating_mul(1000) {
            if n >= times && made > 0 && refused > 0 {
                break;
            }
            // SAFETY: eight bytes of which the last is 0 at any time; the kernel and the supervisor read only.
            let done = unsafe { libc::mount(source.as_ptr(), at.as_ptr(), kind.as_ptr().cast(), 0, std::ptr::null()) };
            if done == 0 { made += 1 } else { refused += 1 }
        }
        over.store(true, Ordering::Relaxed);
    });
    (made, refused)
}

/// Words of an rc file's mount; 0: data for the file system.
pub fn mount_flag(word: &str) -> libc::c_ulong {
    match word {
        "ro" => libc::MS_RDONLY,
        "remount" => libc::MS_REMOUNT,
        "nosuid" => libc::MS_NOSUID,
        "nodev" => libc::MS_NODEV,
        "noatime" => libc::MS_NOATIME,
        "shared" => libc::MS_SHARED,
        "rec" => libc::MS_REC,
        "bind" => libc::MS_BIND,
        "move" => libc::MS_MOVE,
        "slave" => libc::MS_SLAVE,
        "private" => libc::MS_PRIVATE,
        _ => 0,
    }
}
