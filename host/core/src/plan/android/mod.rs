//! An Android container: its own, unmodified init on what has been mounted and made before.
//!
//! Android's first stage mounts /dev, /proc and /sys itself and looks at no result. So everything is there before it runs.
//! From Linux 5.0 on the supervisor answers its mounts: those of what is there are done already, and those that a daemon
//! (vold) makes are made for it. Else the right to mount (CAP_SYS_ADMIN) is not there: mounts fail, and init goes on with
//! what it finds. That works on every kernel.

mod binder;
mod cgroup;
mod cpuinfo;
mod dev;
mod filter;
mod logs;
mod proc;
mod storage;

pub(super) use cgroup::{groups, mounted};
pub(super) use filter::load as filter;
pub(super) use storage::root;

use super::{Plan, Planned, Request};
use crate::config::{At, Caps, CgroupSetting, Config, MountAuto, Origin};
use crate::facts::{Facts, Namespaces};
use crate::failure::Failure;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Capabilities by number that an Android's init does not get, and why.
const DROPPED: [(u8, &str); 9] = [
    (2, "dac_read_search: opens any file of a file system by its number, beyond what is mounted (CVE-2014-3519)"),
    (16, "sys_module: loads modules into the host's kernel"),
    (17, "sys_rawio: reaches the host's memory and disks"),
    (25, "sys_time: init.rc sets the time zone of the host's clock"),
    (32, "mac_override"),
    (33, "mac_admin: loads a policy for the whole host"),
    (34, "syslog: reads the host's kernel log"),
    (35, "wake_alarm: wakes the host"),
    (36, "block_suspend: keeps the host awake"),
];
/// Mounts over all that is prepared here, and remounts it: there only where the supervisor answers mounts.
const SYS_ADMIN: u8 = 21;
const SYS_BOOT: u8 = 22;

/// What of the devices that a container may make nodes of it may also use; the rest is denied. Its init and ueventd need the
/// right to make nodes (`m`), of whatever: that does no harm without the right to open them.
const RULES: [&str; 11] = [
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:0 rwm",
    "c 5:1 rwm",
    "c 5:2 rwm",
    "c 136:* rwm",
];

/// How much /dev holds: property areas and nodes.
const DEV_SIZE: u32 = 4 << 20;

/// The configuration as an Android's start has it: what it leaves open is filled in, what would undo the protection of the
/// host is taken out.
pub(super) fn settle(config: &Config, facts: &Facts, clone: u32, errors: &mut Vec<Failure>) -> Config {
    let mut config = config.clone();
    if !config.idmap.is_empty() {
        errors.push(Failure::new(
            "'keel.android' with 'lxc.idmap': its init makes a device node before anything else and exits with 1 where it \
             can't; in a user namespace nobody can",
        ));
    }
    if config.init.cmd.is_empty() {
        config.init.cmd = ["/init".into()].into();
    }
    config.autodev = Some(true);
    config.autodev_tmpfs_size = config.autodev_tmpfs_size.max(DEV_SIZE);
    config.pty_max = config.pty_max.max(64);
    config.tty_max = 0;
    config.tty_dir = None;
    // Both are mounted here, and masked.
    config.mount_auto = MountAuto::default();
    let mut dropped: Vec<u8> = DROPPED.iter().map(|(n, _)| *n).collect();
    // Where the kernel is the reason, no container has it.
    if clone & Namespaces::PID == 0 {
        dropped.push(SYS_BOOT);
    }
    if !filter::supervised(&config, facts, errors) {
        dropped.push(SYS_ADMIN);
    }
    match &mut config.caps {
        Caps::Drop(list) => list.extend(dropped),
        Caps::Keep(list) => list.retain(|c| !dropped.contains(c)),
    }
    devices(&mut config, facts);
    config
}

/// Whether this is an Android whose mounts the supervisor answers.
pub(super) fn supervises(config: &Config, facts: &Facts) -> bool {
    config.android.on && filter::supervised(config, facts, &mut Vec::new())
}

/// Rules for devices, in front of the configuration's own: those add devices, or begin anew with `a`.
fn devices(config: &mut Config, facts: &Facts) {
    let v1 = facts.hierarchies.iter().any(|h| h.controllers.iter().any(|c| c == "devices"));
    if !facts.has_device_rules() {
        return;
    }
    // Of two versions' rules the newer's are taken: these must be among them.
    let said = config.cgroup.iter().filter(|s| s.value.file.starts_with("devices.")).map(|s| s.value.version);
    let version = if v1 { 1 } else { said.max().unwrap_or(1) };
    let own = dev::rules(config, facts);
    // The kernel log: written by init, not read.
    let klog = (!filter::catches_klog(facts)).then_some("c 1:11 wm");
    let allowed =
        RULES.iter().copied().chain(klog).chain(own.iter().map(String::as_str)).map(|value| ("devices.allow", value));
    let rules = core::iter::once(("devices.deny", "a")).chain(allowed).map(|(file, value)| At {
        value: CgroupSetting { version, file: file.into(), value: value.into() },
        origin: Origin::default(),
    });
    config.cgroup = rules.chain(core::mem::take(&mut config.cgroup)).collect();
}

/// What is said before the start: what is lost, and why.
pub(super) fn notes(config: &Config, facts: &Facts, clone: u32) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    notes.extend(filter::notes(config, facts));
    notes.extend(logs::note(facts));
    if clone & Namespaces::PID == 0 {
        notes.push("android: without a pid namespace init is not process 1, and Android can't restart itself".into());
    }
    if !facts.has_device_rules() {
        notes.push(
            "android: no cgroup for devices (CONFIG_CGROUP_DEVICE, or version 2): root inside can open the host's disks"
                .into(),
        );
    }
    if !facts.filesystems.has("sysfs") {
        notes.push("android: the kernel has no sysfs: nothing is at /sys".into());
    }
    notes.extend(config.android.data.is_none().then(|| "android: /data is a tmpfs: nothing in it is kept".into()));
    notes.extend(dev::notes(facts));
    notes.extend(binder::note(config, facts));
    notes
}

/// Everything between the empty /dev and the terminals.
pub(super) fn fill(config: &Config, request: &Request, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) {
    dev::nodes(config, facts, plan);
    logs::pipes(facts, plan);
    binder::plan(config, request, facts, plan, errors);
    proc::mounts(config, request, facts, plan);
    storage::mounts(config, request, facts, plan);
}

/// The kernel command line that Android sees: one line.
fn cmdline(config: &Config) -> String {
    let mut line: String = config.android.cmdline.as_deref().unwrap_or_default().trim().into();
    if let Some(hardware) = &config.android.hardware
        && !line.split_ascii_whitespace().any(|word| word.starts_with("androidboot.hardware="))
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line += &format!("androidboot.hardware={hardware}");
    }
    line.push('\n');
    line
}

/// A directory and all above it; what is there stays.
fn dir(path: &str) -> Planned {
    Planned::must(crate::step::Step::MakePath { at: super::inside(path), file: false })
}
