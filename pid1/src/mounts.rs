//! What is mounted at the start, as a table. What is mounted already is left alone by whoever performs it.
//!
//! /dev is special: where the kernel has no devtmpfs it becomes a tmpfs, and [`NODES`] and [`LINKS`] fill it.

use core::ffi::CStr;

/// mount(2)'s MS_NOSUID.
pub const NOSUID: u32 = 2;
/// mount(2)'s MS_NODEV.
pub const NODEV: u32 = 4;
/// mount(2)'s MS_NOEXEC.
pub const NOEXEC: u32 = 8;

/// A row: one mount.
#[derive(Debug)]
pub struct Entry {
    /// The file system's type.
    pub kind: &'static CStr,
    /// Where.
    pub target: &'static CStr,
    /// Its mount flags.
    pub flags: u32,
    /// Its own options.
    pub data: &'static CStr,
    /// The mode of the directory, if it has to be made.
    pub mode: u16,
    /// Also in a container, where it is missing there? What would show the host or hide the image's files is not.
    pub in_container: bool,
}

const fn entry(
    kind: &'static CStr,
    target: &'static CStr,
    flags: u32,
    data: &'static CStr,
    in_container: bool,
) -> Entry {
    Entry { kind, target, flags, data, mode: 0o755, in_container }
}

/// The table, in order.
pub static TABLE: [Entry; 7] = [
    entry(c"proc", c"/proc", NOSUID | NODEV | NOEXEC, c"", true),
    entry(c"sysfs", c"/sys", NOSUID | NODEV | NOEXEC, c"", false),
    entry(c"devtmpfs", c"/dev", NOSUID | NOEXEC, c"mode=0755", false),
    // An instance of its own: COMPAT(linux<4.7), where the default would share the first one.
    entry(c"devpts", c"/dev/pts", NOSUID | NOEXEC, c"newinstance,ptmxmode=0666,mode=0620,gid=5", true),
    entry(c"tmpfs", c"/dev/shm", NOSUID | NODEV, c"mode=1777", true),
    entry(c"tmpfs", c"/run", NOSUID | NODEV, c"mode=0755", true),
    entry(c"tmpfs", c"/tmp", NOSUID | NODEV, c"mode=1777", false),
];

/// The options of the tmpfs that stands for devtmpfs.
pub const DEV_TMPFS: &CStr = c"mode=0755";

/// A character device: path, mode, major, minor.
pub type Node = (&'static CStr, u16, u32, u32);

/// The nodes of a /dev without devtmpfs (Documentation/admin-guide/devices.txt).
pub static NODES: [Node; 9] = [
    (c"/dev/null", 0o666, 1, 3),
    (c"/dev/zero", 0o666, 1, 5),
    (c"/dev/full", 0o666, 1, 7),
    (c"/dev/random", 0o666, 1, 8),
    (c"/dev/urandom", 0o666, 1, 9),
    (c"/dev/kmsg", 0o644, 1, 11),
    (c"/dev/tty", 0o666, 5, 0),
    (c"/dev/console", 0o600, 5, 1),
    (c"/dev/tty0", 0o620, 4, 0),
];

/// The links of every /dev: path, where it leads. `ptmx` must lead into the instance mounted on /dev/pts.
pub static LINKS: [(&CStr, &CStr); 5] = [
    (c"/dev/fd", c"/proc/self/fd"),
    (c"/dev/stdin", c"/proc/self/fd/0"),
    (c"/dev/stdout", c"/proc/self/fd/1"),
    (c"/dev/stderr", c"/proc/self/fd/2"),
    (c"/dev/ptmx", c"pts/ptmx"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_children() {
        for (i, e) in TABLE.iter().enumerate() {
            let below = format!("{}/", e.target.to_str().unwrap());
            assert!(
                TABLE[..i].iter().all(|before| !before.target.to_str().unwrap().starts_with(&below)),
                "{:?}",
                e.target
            );
        }
    }

    #[test]
    fn only_dev_allows_devices() {
        for e in &TABLE {
            assert_eq!(e.flags & NODEV == 0, [c"/dev", c"/dev/pts"].contains(&e.target), "{:?}", e.target);
            assert_ne!(e.flags & NOSUID, 0, "{:?}", e.target);
        }
        let shm = TABLE.iter().find(|e| e.target == c"/dev/shm").unwrap();
        assert_eq!((shm.kind, shm.flags, shm.data), (c"tmpfs", NOSUID | NODEV, c"mode=1777"));
    }
}
