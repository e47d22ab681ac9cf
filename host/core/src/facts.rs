//! What the system is, as far as a plan depends on it. Filled by `host/src/observe.rs`, read by `plan`.
//!
//! Parses the kernel's text files, opens none.

mod link;
mod rights;
mod text;

pub use link::Link;
pub use rights::{Caller, Lsm, Seccomp, Status};
pub use text::{Filesystems, fields};

use alloc::string::String;
use alloc::vec::Vec;
use text::lines;

/// Everything that a plan depends on and that is not in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Version of the kernel, uname(2): major and minor.
    pub kernel: (u16, u16),
    /// The caller's mount table, in the kernel's order.
    pub mounts: Vec<Mount>,
    /// Whether the host's own root file system is an Android's.
    pub android_host: bool,
    /// Types in /proc/filesystems.
    pub filesystems: Filesystems,
    /// Controllers in /proc/cgroups that are enabled, by name.
    pub controllers: Vec<String>,
    /// Mounted cgroup hierarchies that can be written.
    pub hierarchies: Vec<Hierarchy>,
    /// Namespaces that the kernel was built with (the entries of /proc/self/ns).
    pub namespaces: Namespaces,
    /// The highest capability that the kernel knows, /proc/sys/kernel/cap_last_cap.
    pub last_cap: u8,
    /// Devices of /proc/misc that Android asks for: name and minor number.
    pub misc: Vec<(String, u32)>,
    /// The protocol that /dev/binder of the host says it speaks (BINDER_VERSION); none: there is no such device.
    pub binder_protocol: Option<u32>,
    /// The major number that binderfs gives its devices, /proc/devices.
    pub binder_major: Option<u32>,
    /// The host's binder devices that running containers have, and which; only where an Android is to be started.
    pub binders_taken: Vec<(String, String)>,
    /// Cgroups of version 2 take no programs that rule devices (CONFIG_CGROUP_BPF is not there); only where an Android is to be
    /// started.
    pub no_device_programs: bool,
    /// The caller is the first process of its pid namespace.
    pub pid1: bool,
    /// Network interfaces of the caller's namespace; only where the configuration has interfaces of its own.
    pub links: Vec<Link>,
    /// A number for names and addresses that are left to chance.
    pub random: u64,
    /// The processor, as uname(2) names it.
    pub machine: String,
    /// Whether system calls can be filtered.
    pub seccomp: Seccomp,
    /// Whether filtered calls can be answered by another process (Linux 5.0).
    pub seccomp_notify: bool,
    /// The security modules that are in force.
    pub lsm: Lsm,
    /// Who starts the container holds a mount namespace that is empty (an agent on Linux 5.12 or later).
    pub empty_namespace: bool,
    /// Whose process this is.
    pub caller: Caller,
}

impl Facts {
    /// Whether `/` of the caller is the kernel's first mount, out of which pivot_root(2) can't lead. That mount alone is
    /// its own parent (fs/namespace.c, init_mount_tree).
    pub fn root_is_initramfs(&self) -> bool {
        self.mounts.iter().rfind(|m| m.target == "/").is_some_and(|m| m.id == m.parent)
    }

    /// Whether a file system of this type is mounted exactly there.
    pub fn mounted(&self, target: &str, fstype: &str) -> bool {
        self.mounts.iter().rfind(|m| m.target == target).is_some_and(|m| m.fstype == fstype)
    }

    /// Whether a container's use of devices can be ruled: the controller of version 1, or version 2, which has programs.
    pub fn has_device_rules(&self) -> bool {
        let rules = |h: &Hierarchy| match h.version {
            2 => !self.no_device_programs,
            _ => h.controllers.iter().any(|c| c == "devices"),
        };
        self.hierarchies.iter().any(rules)
    }

    /// The minor number of a device in /proc/misc.
    pub fn misc(&self, name: &str) -> Option<u32> {
        self.misc.iter().find(|(n, _)| n == name).map(|(_, minor)| *minor)
    }
}

/// A line of /proc/PID/mountinfo, proc(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Mount id.
    pub id: u32,
    /// Id of the mount it is on.
    pub parent: u32,
    /// The directory of the file system that is its root.
    pub root: String,
    /// Where it is mounted, seen from the process's root.
    pub target: String,
    /// Options of the mount.
    pub options: String,
    /// File system type.
    pub fstype: String,
    /// What is mounted.
    pub source: String,
    /// Options of the file system.
    pub super_options: String,
}

/// A mounted cgroup hierarchy and where containers go in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// 1 or 2.
    pub version: u8,
    /// Controllers: of version 1 those it is mounted with (`name=systemd` for a named one), of version 2 those in
    /// `cgroup.controllers` of `base`.
    pub controllers: Vec<String>,
    /// Where it is mounted.
    pub mountpoint: String,
    /// The directory that gets one directory for each container.
    pub base: String,
    /// Files have no controller in front of their names (Android's cpuset, mount option `noprefix`).
    pub noprefix: bool,
}

/// A set of namespaces, as CLONE_NEW* flags of clone(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces(pub u32);

#[allow(missing_docs)]
impl Namespaces {
    pub const TIME: u32 = 0x0000_0080;
    pub const MNT: u32 = 0x0002_0000;
    pub const CGROUP: u32 = 0x0200_0000;
    pub const UTS: u32 = 0x0400_0000;
    pub const IPC: u32 = 0x0800_0000;
    pub const USER: u32 = 0x1000_0000;
    pub const PID: u32 = 0x2000_0000;
    pub const NET: u32 = 0x4000_0000;
    /// Names as in /proc/PID/ns.
    pub const NAMES: [(&'static str, u32); 8] = [
        ("mnt", Self::MNT),
        ("cgroup", Self::CGROUP),
        ("uts", Self::UTS),
        ("ipc", Self::IPC),
        ("user", Self::USER),
        ("pid", Self::PID),
        ("net", Self::NET),
        ("time", Self::TIME),
    ];

    /// Whether it holds a flag.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// Reads /proc/self/mountinfo. A line that is not of the documented form is left out.
pub fn mountinfo(text: &str) -> Vec<Mount> {
    lines(text).filter_map(mountinfo_line).collect()
}

/// Those that the start of a container depends on, of thousands perhaps: what is at `/`, and cgroups.
pub fn mounts_of_a_start(text: &str) -> Vec<Mount> {
    lines(text).filter(|line| text::counts_for_a_start(line)).filter_map(mountinfo_line).collect()
}

fn mountinfo_line(line: &str) -> Option<Mount> {
    let mut words = line.split(' ');
    let id = words.next()?.parse().ok()?;
    let parent = words.next()?.parse().ok()?;
    words.next()?;
    let root = unescape(words.next()?);
    let target = unescape(words.next()?);
    let options = words.next()?.into();
    // Optional fields (`shared:1`) end with a dash of its own.
    words.by_ref().find(|w| *w == "-")?;
    let fstype = words.next()?.into();
    let source = unescape(words.next()?);
    let super_options = words.next().unwrap_or("").into();
    Some(Mount { id, parent, root, target, options, fstype, source, super_options })
}

/// Undoes the `\040` escapes of mountinfo and fstab(5). A backslash that begins no octal number stands for itself.
pub fn unescape(word: &str) -> String {
    let bytes = word.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let octal = |k: usize| bytes.get(i + k).filter(|b| (b'0'..=b'7').contains(*b)).map(|b| u32::from(b - b'0'));
        match (bytes[i], octal(1), octal(2), octal(3)) {
            (b'\\', Some(a), Some(b), Some(c)) if a < 4 => {
                out.push((a * 64 + b * 8 + c) as u8);
                i += 4;
            }
            (byte, ..) => {
                out.push(byte);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Reads /proc/cgroups: the names of the enabled controllers.
pub fn controllers(text: &str) -> Vec<String> {
    text.lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| {
            let mut words = l.split_whitespace();
            let name = words.next()?;
            (words.nth(2) == Some("1")).then(|| name.into())
        })
        .collect()
}

/// Reads /proc/misc: a minor number and a name a line.
pub fn misc(text: &str) -> Vec<(String, u32)> {
    let line = |line: &str| {
        let (minor, name) = line.trim().split_once(' ')?;
        Some((name.trim().into(), minor.parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// Reads /proc/devices: the major number of a driver's character devices.
pub fn char_major(text: &str, driver: &str) -> Option<u32> {
    let lines = text.lines().take_while(|l| !l.starts_with("Block devices"));
    let mut pairs = lines.filter_map(|l| l.trim().split_once(' '));
    pairs.find(|(_, name)| name.trim() == driver).and_then(|(major, _)| major.parse().ok())
}

/// Options of a version 1 hierarchy that are no controllers (kernel/cgroup/cgroup-v1.c, cgroup1_show_options).
const NOT_CONTROLLERS: &[&str] =
    &["rw", "ro", "noprefix", "xattr", "clone_children", "cpuset_v2_mode", "favordynmods", "nofavordynmods", "none"];

/// Finds the hierarchies in a mount table: anywhere, whatever they are mounted with.
///
/// `own` is /proc/1/cgroup of the caller's pid namespace: containers go beside PID 1, as LXC has it, without the
/// `/init.scope` where systemd keeps itself. A hierarchy that is mounted more than once is taken where it comes first.
/// A mount that shows another part of the hierarchy than the one PID 1 is in is left out. The controllers of version 2
/// are not in the mount table: the caller fills them in.
pub fn hierarchies(mounts: &[Mount], own: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for m in mounts {
        let version = match m.fstype.as_str() {
            "cgroup" => 1,
            "cgroup2" => 2,
            _ => continue,
        };
        let controllers: Vec<String> = match version {
            1 => m
                .super_options
                .split(',')
                .filter(|o| !NOT_CONTROLLERS.contains(o) && !o.starts_with("release_agent="))
                .map(String::from)
                .collect(),
            _ => Vec::new(),
        };
        let Some(path) = own_path(own, version, &controllers) else { continue };
        let path = path.strip_suffix("/init.scope").unwrap_or(path);
        let Some(base) = beneath(path, &m.root) else { continue };
        if found.iter().any(|h| h.version == version && (version == 2 || h.controllers == controllers)) {
            continue;
        }
        let mut full = m.target.clone();
        if !base.is_empty() {
            full.push('/');
            full.push_str(base);
        }
        let noprefix = m.super_options.split(',').any(|o| o == "noprefix");
        found.push(Hierarchy { version, controllers, mountpoint: m.target.clone(), base: full, noprefix });
    }
    found
}

/// The path of a hierarchy in /proc/PID/cgroup: the line whose controllers are these, or `0::` for version 2.
fn own_path<'a>(own: &'a str, version: u8, controllers: &[String]) -> Option<&'a str> {
    lines(own).find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (id, names, path) = (fields.next()?, fields.next()?, fields.next()?);
        let same = match version {
            2 => id == "0" && names.is_empty(),
            // Mount options stand in the kernel's order, and so do the names here.
            _ => {
                names.split(',').count() == controllers.len()
                    && names.split(',').all(|n| controllers.iter().any(|c| c == n))
            }
        };
        same.then_some(path)
    })
}

/// What is left of an absolute path below a root; nothing when it is not below it.
fn beneath<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(root.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const HYBRID: &str = "\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpu,cpuacct
34 31 0:31 / /dev/cpuset rw,relatime - cgroup none rw,cpuset,noprefix,release_agent=/sbin/cpuset_release_agent
35 31 0:32 /lxc/a /acct rw - cgroup none rw,memory
40 31 0:37 / /sys/fs/cgroup/with\\040blank rw,relatime master:1 shared:2 - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const OWN: &str = "5:name=systemd:/init.scope\n4:memory:/lxc/a/b\n3:cpuset:/\n2:cpu,cpuacct:/\n0::/init.scope\n";

    #[test]
    fn hierarchies_are_found_wherever_they_are() {
        let found = hierarchies(&mountinfo(HYBRID), OWN);
        let (all, few) = (mountinfo(HYBRID), mounts_of_a_start(HYBRID));
        assert!(few.len() < all.len() && hierarchies(&few, OWN) == found);
        let root = |mounts: Vec<Mount>| mounts.into_iter().rfind(|m| m.target == "/");
        assert_eq!(root(few), root(all));
        let row =
            |i: usize| (found[i].version, found[i].controllers.join(","), found[i].base.as_str(), found[i].noprefix);
        assert_eq!(found.len(), 5);
        assert_eq!(row(0), (1, "cpu,cpuacct".into(), "/sys/fs/cgroup/cpu,cpuacct", false));
        assert_eq!(row(1), (1, "cpuset".into(), "/dev/cpuset", true));
        assert_eq!(row(2), (1, "memory".into(), "/acct/b", false));
        assert_eq!(row(3), (1, "name=systemd".into(), "/sys/fs/cgroup/with blank", false));
        assert_eq!(row(4), (2, "".into(), "/sys/fs/cgroup/unified", false));
    }

    #[test]
    fn a_hierarchy_whose_mount_does_not_show_our_part_is_left_out() {
        let own = OWN.replace("/lxc/a/b", "/lxc/other");
        assert!(hierarchies(&mountinfo(HYBRID), &own).iter().all(|h| h.mountpoint != "/acct"));
        let own = OWN.replace("/lxc/a/b", "/lxc/ab");
        assert!(hierarchies(&mountinfo(HYBRID), &own).iter().all(|h| h.mountpoint != "/acct"));
    }

    #[test]
    fn the_initramfs_is_known_by_having_no_parent() {
        let facts = |text: &str| Facts { mounts: mountinfo(text), ..Facts::default() };
        assert!(facts("1 1 0:2 / / rw - rootfs rootfs rw").root_is_initramfs());
        assert!(!facts(HYBRID).root_is_initramfs());
        // After `/` was bound onto itself, seen from outside and from inside of the bind.
        assert!(!facts("1 1 0:2 / / rw - rootfs none rw\n20 1 0:2 / / rw - rootfs none rw").root_is_initramfs());
        assert!(!facts("20 1 0:2 / / rw - rootfs none rw").root_is_initramfs());
    }

    #[test]
    fn escapes_and_broken_lines() {
        assert_eq!(unescape("a\\040b\\134c\\9\\77"), "a b\\c\\9\\77");
        assert!(mountinfo("garbage\n1 2 3\n").is_empty());
        assert_eq!(
            controllers("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t3\t1\nmemory\t0\t1\t0\n"),
            vec!["cpu"]
        );
        assert_eq!(misc(" 58 binder\n130 watchdog\nbroken\n"), vec![("binder".into(), 58), ("watchdog".into(), 130)]);
        let devices = "Character devices:\n  1 mem\n509 binder\n\nBlock devices:\n  7 loop\n";
        assert_eq!((char_major(devices, "binder"), char_major(devices, "loop")), (Some(509), None));
    }
}
