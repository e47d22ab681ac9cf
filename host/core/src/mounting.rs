//! Mounts that programs of an Android ask for, and that its supervisor makes for them: which of them, and how.
//!
//! Pure: the supervisor looks and performs (`host/src/mounting.rs`). What was mounted before the first program ran is
//! *prepared*: it protects the host, and stays. So nothing prepared is unmounted, moved, remounted or shown at another place
//! without what lies over it; file systems of the kernel's are not mounted anew. A remount never reaches the file system
//! itself, which may be the host's.

use crate::facts::Mount;
use crate::failure::Errno;
use crate::step::ms;

/// File systems on a device, whose opening the rules for devices decide.
const DISKS: [&str; 14] = [
    "ext2", "ext3", "ext4", "vfat", "msdos", "exfat", "f2fs", "ntfs", "ntfs3", "fuseblk", "squashfs", "erofs",
    "iso9660", "udf",
];
/// File systems of memory, and of a program of the container's.
const OTHERS: [&str; 3] = ["tmpfs", "ramfs", "fuse"];
/// File systems that show the kernel: a second view of them would be without the masks of the first.
const KERNELS: [&str; 13] = [
    "proc",
    "sysfs",
    "cgroup",
    "cgroup2",
    "debugfs",
    "tracefs",
    "securityfs",
    "configfs",
    "bpf",
    "pstore",
    "devtmpfs",
    "efivarfs",
    "selinuxfs",
];

/// The magic number in the upper half of the flags (MS_MGC_VAL), which says nothing.
const MAGIC: u64 = 0xffff_0000;
const MAGIC_VALUE: u64 = 0xc0ed_0000;
/// Changes of propagation.
const PROPAGATION: u64 = ms::SHARED | ms::PRIVATE | ms::SLAVE | ms::UNBINDABLE;

/// A place that a call names.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'a> {
    /// The mount that it is in.
    pub mount: &'a Mount,
    /// It is that mount's root.
    pub is_root: bool,
    /// The mount was prepared.
    pub prepared: bool,
    /// A prepared one is somewhere on it.
    pub covered: bool,
}

impl<'a> Spot<'a> {
    /// A place by its mount's number, among the mounts of its namespace; none: it is in none of them.
    pub fn new(id: u32, is_root: bool, mounts: &'a [Mount], prepared: &[Mount]) -> Option<Spot<'a>> {
        let mount = mounts.iter().find(|m| m.id == id)?;
        // In a copy of the namespace mounts have other numbers, and stay where they were.
        let was = |mount: &Mount| {
            prepared.iter().any(|p| (&p.root, &p.target, &p.fstype) == (&mount.root, &mount.target, &mount.fstype))
        };
        let on_it = |mount: &Mount| {
            let mut above = mount;
            while let Some(next) = mounts.iter().find(|m| m.id == above.parent && m.id != above.id) {
                if next.id == id {
                    return true;
                }
                above = next;
            }
            false
        };
        let covered = mounts.iter().any(|m| was(m) && on_it(m));
        Some(Spot { mount, is_root, prepared: was(mount), covered })
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It returns 0: what was asked for is there.
    Done,
    /// It returns an error.
    Refused(Errno),
    /// It is made, with these flags.
    Made(u64),
}

/// Whether the source of such a mount is a place, which is looked up.
pub fn has_place(flags: u64) -> bool {
    flags & ms::REMOUNT == 0 && flags & (ms::BIND | ms::MOVE) != 0
}

/// Whether such a mount opens a device, which rules may forbid.
pub fn opens_device(flags: u64, fstype: &str) -> bool {
    flags & (ms::REMOUNT | ms::BIND | ms::MOVE | PROPAGATION) == 0 && DISKS.contains(&fstype)
}

/// mount(2). `source` is the place for which [`has_place`]; `device` is the text for all others.
pub fn mount(flags: u64, fstype: &str, device: &str, target: Spot<'_>, source: Option<Spot<'_>>) -> Verdict {
    let flags = if flags & MAGIC == MAGIC_VALUE { flags & !MAGIC } else { flags };
    if flags & ms::REMOUNT != 0 {
        let readonly = target.mount.options.split(',').any(|o| o == "ro");
        return match (target.prepared, flags & ms::RDONLY != 0) {
            // init.rc makes `/` read-only.
            (true, true) => Verdict::Done,
            (true, false) if !readonly => Verdict::Done,
            (true, false) => Verdict::Refused(Errno::PERM),
            (false, _) => Verdict::Made(flags | ms::BIND),
        };
    }
    if flags & (ms::BIND | ms::MOVE) != 0 {
        let Some(source) = source else { return Verdict::Refused(Errno::NOENT) };
        let whole = flags & (ms::MOVE | ms::REC) != 0;
        let moved = flags & ms::BIND == 0;
        return match () {
            () if KERNELS.contains(&source.mount.fstype.as_str()) => Verdict::Refused(Errno::PERM),
            () if moved && source.prepared || whole && source.covered => Verdict::Refused(Errno::PERM),
            () => Verdict::Made(flags),
        };
    }
    if flags & PROPAGATION != 0 {
        return Verdict::Made(flags);
    }
    if target.prepared && target.is_root && target.mount.fstype == fstype {
        return Verdict::Done;
    }
    match () {
        () if OTHERS.contains(&fstype) => Verdict::Made(flags),
        // Else it would be looked up where the supervisor stands.
        () if DISKS.contains(&fstype) && device.starts_with('/') => Verdict::Made(flags),
        () if DISKS.contains(&fstype) => Verdict::Refused(Errno::NOENT),
        () => Verdict::Refused(Errno::PERM),
    }
}

/// umount2(2).
pub fn unmount(flags: u64, target: Spot<'_>) -> Verdict {
    match (target.is_root, target.prepared || target.covered) {
        (false, _) => Verdict::Refused(Errno::INVAL),
        (true, true) => Verdict::Refused(Errno::PERM),
        (true, false) => Verdict::Made(flags),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::mountinfo;
    use alloc::vec::Vec;

    const PREPARED: &str = "\
10 1 0:40 / / rw - tmpfs tmpfs rw
11 10 0:41 / /proc rw - proc proc rw
12 11 0:41 /sys /proc/sys ro - proc proc rw
13 11 0:42 /kmsg /proc/kmsg rw - tmpfs tmpfs rw
14 10 0:43 / /dev rw - tmpfs tmpfs rw
15 10 8:1 /srv/data /data rw - ext4 /dev/sda1 rw
16 10 0:44 / /sys ro - sysfs sysfs rw
";
    /// A copy of the namespace, with two mounts of the container's own.
    const COPY: &str = "\
50 1 0:40 / / rw - tmpfs tmpfs rw
51 50 0:41 / /proc rw - proc proc rw
52 51 0:41 /sys /proc/sys ro - proc proc rw
53 51 0:42 /kmsg /proc/kmsg rw - tmpfs tmpfs rw
54 50 0:43 / /dev rw - tmpfs tmpfs rw
55 50 8:1 /srv/data /data rw - ext4 /dev/sda1 rw
56 50 0:44 / /sys ro - sysfs sysfs rw
60 50 0:50 / /mnt rw - tmpfs tmpfs rw
61 55 8:1 /srv/data/a /data/b rw - ext4 /dev/sda1 rw
";

    struct Scene(Vec<Mount>, Vec<Mount>);

    impl Scene {
        fn spot(&self, id: u32, is_root: bool) -> Spot<'_> {
            Spot::new(id, is_root, &self.0, &self.1).unwrap()
        }
    }

    fn scene() -> Scene {
        Scene(mountinfo(COPY), mountinfo(PREPARED))
    }

    #[test]
    fn what_init_mounts_first_is_there() {
        let s = scene();
        for (fstype, id) in [("tmpfs", 54), ("proc", 51), ("sysfs", 56)] {
            assert_eq!(mount(0, fstype, fstype, s.spot(id, true), None), Verdict::Done, "{fstype}");
        }
        assert_eq!(mount(ms::REMOUNT | ms::RDONLY, "rootfs", "rootfs", s.spot(50, true), None), Verdict::Done);
        assert_eq!(mount(ms::REMOUNT, "rootfs", "rootfs", s.spot(50, true), None), Verdict::Done);
        assert_eq!(mount(ms::REMOUNT, "", "", s.spot(52, true), None), Verdict::Refused(Errno::PERM));
    }

    #[test]
    fn what_protects_the_host_stays() {
        let s = scene();
        let refused = Verdict::Refused(Errno::PERM);
        let anywhere = s.spot(60, false);
        for kernels in ["proc", "sysfs", "cgroup", "debugfs", "overlay", "devtmpfs", ""] {
            assert_eq!(mount(0, kernels, "x", anywhere, None), refused, "{kernels}");
        }
        // All that is prepared, at its place and in a copy of the namespace.
        for id in 50..=56 {
            assert_eq!(unmount(2, s.spot(id, true)), refused, "{id}");
            assert_eq!(mount(ms::MOVE, "", "", anywhere, Some(s.spot(id, true))), refused, "{id}");
        }
        for id in [51, 52, 56] {
            assert_eq!(mount(ms::BIND, "", "", anywhere, Some(s.spot(id, false))), refused, "{id}");
        }
        assert_eq!(mount(ms::BIND | ms::REC, "", "", anywhere, Some(s.spot(50, false))), refused);
        assert_eq!(unmount(0, s.spot(54, false)), Verdict::Refused(Errno::INVAL));
    }

    #[test]
    fn what_daemons_do_is_done() {
        let s = scene();
        let own = s.spot(60, true);
        assert_eq!(mount(ms::NOSUID, "tmpfs", "none", s.spot(50, false), None), Verdict::Made(ms::NOSUID));
        assert_eq!(mount(MAGIC_VALUE | ms::NODEV, "vfat", "/dev/block/x", own, None), Verdict::Made(ms::NODEV));
        assert_eq!(mount(0, "vfat", "x", own, None), Verdict::Refused(Errno::NOENT));
        assert_eq!(mount(ms::BIND, "", "", own, Some(s.spot(55, false))), Verdict::Made(ms::BIND));
        assert_eq!(mount(ms::MOVE, "", "", own, Some(s.spot(61, true))), Verdict::Made(ms::MOVE));
        assert_eq!(mount(ms::REC | ms::SLAVE, "", "", s.spot(50, true), None), Verdict::Made(ms::REC | ms::SLAVE));
        // Of this mount alone: the file system is the host's.
        let remount = ms::REMOUNT | ms::RDONLY;
        assert_eq!(mount(remount, "", "", s.spot(61, true), None), Verdict::Made(remount | ms::BIND));
        assert_eq!(unmount(2, own), Verdict::Made(2));
        assert_eq!(unmount(0, s.spot(61, true)), Verdict::Made(0));
    }
}
