//! How the host comes up when keel is /init: the steps before the first container.
//!
//! `early` is what must be there before anything can be observed; `boot` follows from what was observed. Leaves alone what is
//! mounted already.

use super::{Plan, Planned, mount, operand, outside};
use crate::facts::Facts;
use crate::step::{NodeKind, Step, ms};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What the kernel command line says about the boot, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootParams {
    /// Which cgroups.
    pub cgroups: BootCgroups,
    /// Where: each version 1 controller in a directory of its name below it.
    pub cgroup_root: String,
    /// The host's name.
    pub hostname: Option<String>,
    /// Modules to load, in order: file, parameters.
    pub modules: Vec<(String, String)>,
    /// The disk for containers.
    pub data: Option<DataDisk>,
}

impl Default for BootParams {
    fn default() -> Self {
        BootParams {
            cgroups: BootCgroups::Auto,
            cgroup_root: "/sys/fs/cgroup".into(),
            hostname: None,
            modules: Vec::new(),
            data: None,
        }
    }
}

/// Which cgroup hierarchies are mounted at boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootCgroups {
    /// Everything that the kernel has: version 1 controllers, and version 2 beside them.
    Auto,
    /// Version 1, one controller in each directory.
    V1,
    /// Version 2.
    V2,
    /// Version 1, and version 2 without controllers in `unified`.
    Hybrid,
    /// None.
    None,
}

/// A block device and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDisk {
    /// The device's node.
    pub device: String,
    /// File system type; none: the kernel's types are tried.
    pub fstype: Option<String>,
    /// MS_* flags.
    pub flags: u64,
    /// Options for the file system.
    pub data: String,
    /// Where it is mounted.
    pub at: String,
    /// How long to wait for the device.
    pub wait_ms: u32,
}

/// Before anything can be seen: /proc.
pub fn early() -> Plan {
    let outside_steps = [
        Planned::must(Step::MakeDir { at: outside("/proc"), mode: 0o555 }),
        Planned::must(mount("proc", outside("/proc"), ms::NOSUID | ms::NODEV | ms::NOEXEC, "")),
    ];
    Plan { outside: outside_steps.into(), ..Plan::default() }
}

/// Everything up to the first container.
pub fn boot(params: &BootParams, facts: &Facts) -> Plan {
    let mut plan = Plan::default();
    if facts.root_is_initramfs() {
        // pivot_root(2) can't leave the kernel's first mount, for any container ever after.
        plan.outside.push(Planned::must(Step::BindRootOnItself));
    }
    file_systems(facts, &mut plan);
    cgroups(params, facts, &mut plan);
    let steps = &mut plan.outside;
    if let Some(name) = &params.hostname {
        steps.push(Planned::may(Step::SetHostname { name: operand(name) }));
    }
    steps.push(Planned::may(Step::LoopbackUp));
    for (file, parameters) in &params.modules {
        steps.push(Planned::may(Step::LoadModule { path: operand(file), parameters: operand(parameters) }));
    }
    if let Some(disk) = &params.data {
        let device = operand(&disk.device);
        steps.push(Planned::must(Step::WaitForDevice { path: device.clone(), timeout_ms: disk.wait_ms }));
        steps.push(Planned::must(Step::MakePath { at: outside(&disk.at), file: false }));
        steps.push(Planned::must(match &disk.fstype {
            None => Step::MountProbed {
                source: device,
                at: outside(&disk.at),
                flags: disk.flags,
                data: operand(&disk.data),
                fstypes: Vec::new(),
            },
            Some(fstype) => Step::Mount {
                source: device,
                at: outside(&disk.at),
                fstype: operand(fstype),
                flags: disk.flags,
                data: operand(&disk.data),
            },
        }));
    }
    plan
}

/// /sys, /dev and what is in it, /run, /tmp.
fn file_systems(facts: &Facts, plan: &mut Plan) {
    let mut place = |fstype: &str, at: &str, flags: u64, data: &str, must: bool| {
        if facts.mounted(at, fstype) {
            return;
        }
        let mode = if at == "/tmp" || at == "/dev/shm" { 0o1777 } else { 0o755 };
        let rule = |step| Planned { step, must, origin: None };
        plan.outside.push(rule(Step::MakeDir { at: outside(at), mode }));
        plan.outside.push(rule(mount(fstype, outside(at), flags, data)));
    };
    let safe = ms::NOSUID | ms::NODEV | ms::NOEXEC;
    place("sysfs", "/sys", safe, "", true);
    // Security modules are asked and told there.
    if facts.filesystems.has("securityfs") {
        place("securityfs", "/sys/kernel/security", safe, "", false);
    }
    if facts.filesystems.has("selinuxfs") {
        place("selinuxfs", "/sys/fs/selinux", ms::NOSUID | ms::NOEXEC, "", false);
    }
    let devtmpfs = facts.filesystems.has("devtmpfs");
    if devtmpfs {
        place("devtmpfs", "/dev", ms::NOSUID, "mode=755", true);
    } else {
        place("tmpfs", "/dev", ms::NOSUID, "mode=755", true);
    }
    place("devpts", "/dev/pts", ms::NOSUID | ms::NOEXEC, "newinstance,gid=5,mode=620,ptmxmode=666", false);
    place("tmpfs", "/dev/shm", safe, "mode=1777", true);
    place("tmpfs", "/run", ms::NOSUID | ms::NODEV, "mode=755", true);
    place("tmpfs", "/tmp", ms::NOSUID | ms::NODEV, "mode=1777", false);
    let steps = &mut plan.outside;
    if !devtmpfs {
        // These have no entry below /sys/dev that could be missed at boot, and nothing works without them.
        for (name, major, minor, mode) in [("null", 1, 3, 0o666), ("console", 5, 1, 0o600), ("tty", 5, 0, 0o666)] {
            let at = outside(&format!("/dev/{name}"));
            steps.push(Planned::must(Step::MakeNode { at, kind: NodeKind::Char(major, minor), mode }));
        }
        steps.push(Planned::may(Step::MakeNodesFromSysfs));
        steps.push(Planned::may(Step::MakeLink { at: outside("/dev/ptmx"), target: operand("pts/ptmx") }));
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        let at = outside(&format!("/dev/{name}"));
        steps.push(Planned::may(Step::MakeLink { at, target: operand(target) }));
    }
}

/// Cgroup hierarchies as asked for. A controller that can't be mounted is a line in the log.
fn cgroups(params: &BootParams, facts: &Facts, plan: &mut Plan) {
    let root = params.cgroup_root.trim_end_matches('/');
    let (v1, v2) = (!facts.controllers.is_empty() && facts.filesystems.has("cgroup"), facts.filesystems.has("cgroup2"));
    let (v1, v2, said) = match params.cgroups {
        BootCgroups::Auto => (v1, v2, "the kernel has no cgroups"),
        BootCgroups::V1 => (v1, false, "the kernel has no cgroups of version 1"),
        BootCgroups::V2 => (false, v2, "the kernel has no cgroups of version 2"),
        BootCgroups::Hybrid => (v1, v2, "the kernel has no cgroups"),
        BootCgroups::None => return,
    };
    if !v1 && !v2 {
        plan.notes.push(format!("{said}: limits of containers can't be set"));
        return;
    }
    let safe = ms::NOSUID | ms::NODEV | ms::NOEXEC;
    let already = |at: &str| facts.mounts.iter().any(|m| m.target == at && m.fstype.starts_with("cgroup"));
    let steps = &mut plan.outside;
    steps.push(Planned::may(Step::MakePath { at: outside(root), file: false }));
    if !v1 {
        if !already(root) {
            steps.push(Planned::must(mount("cgroup2", outside(root), safe, "")));
        }
        return;
    }
    if !facts.mounted(root, "tmpfs") {
        steps.push(Planned::must(mount("tmpfs", outside(root), safe, "mode=755")));
    }
    for controller in &facts.controllers {
        let at = format!("{root}/{controller}");
        if already(&at) {
            continue;
        }
        steps.push(Planned::may(Step::MakeDir { at: outside(&at), mode: 0o755 }));
        steps.push(Planned::may(Step::Mount {
            source: operand("cgroup"),
            at: outside(&at),
            fstype: operand("cgroup"),
            flags: safe,
            data: operand(controller),
        }));
        // So that a new directory can have processes (cpuset) and counts its children (memory, always so since 5.11).
        let file = match controller.as_str() {
            "cpuset" => "cgroup.clone_children",
            "memory" => "memory.use_hierarchy",
            _ => continue,
        };
        let path = operand(&format!("{at}/{file}"));
        steps.push(Planned::may(Step::WriteFile { path, value: operand("1") }));
    }
    let unified = format!("{root}/unified");
    if v2 && !already(&unified) {
        steps.push(Planned::may(Step::MakeDir { at: outside(&unified), mode: 0o755 }));
        steps.push(Planned::may(mount("cgroup2", outside(&unified), safe, "")));
    }
}
