//! /proc and /sys of an Android: its own, with a private file over each that belongs to the whole machine.
//!
//! init.rc changes owner and mode of some files of /proc, which are the kernel's own (`proc_dir_entry`): every procfs of the
//! machine would show the change. Each file has a mask of its own, which may be changed like that; one for all, or a node of
//! /dev, would carry the mode of one over to the others.

use super::super::{Plan, Planned, Request, inside, mount, operand};
use super::{cmdline, cpuinfo};
use crate::config::Config;
use crate::facts::{Facts, Namespaces};
use crate::step::{Place, Step, ms};
use alloc::format;

const SAFE: u64 = ms::NOSUID | ms::NODEV | ms::NOEXEC;

/// Files of /proc that are masked, with the modes that the kernel gives them; whether every kernel has them.
const MASKS: [(&str, u32, bool); 6] = [
    ("cmdline", 0o444, true),
    ("kmsg", 0o400, false),
    ("sysrq-trigger", 0o200, false),
    ("vmallocinfo", 0o400, false),
    ("slabinfo", 0o400, false),
    ("last_kmsg", 0o400, false),
];

/// init.rc makes process 1 the last to be killed when memory is short. Without a pid namespace that is the host's.
const FIRST: [(&str, u32, bool); 2] = [("1/oom_adj", 0o644, false), ("1/oom_score_adj", 0o644, false)];

/// Below /proc/sys, what is of a namespace: the namespace, and the path.
const OF_NAMESPACES: [(u32, &str); 3] = [
    (Namespaces::NET, "proc/sys/net"),
    (Namespaces::UTS, "proc/sys/kernel/hostname"),
    (Namespaces::UTS, "proc/sys/kernel/domainname"),
];

/// Where the masks are made, on a tmpfs that is taken away again when they are bound: sysfs comes there.
const MAKING: &str = "sys";

pub(super) fn mounts(config: &Config, request: &Request, facts: &Facts, plan: &mut Plan) {
    let clone = plan.clone;
    let steps = &mut plan.inside;
    let mut must = |step: Step| steps.push(Planned::must(step));
    let bind = |from: Place, at: Place| Step::Bind { from, at, recursive: false };
    let readonly = |path: &str| Step::SetMountFlags { at: inside(path), flags: ms::RDONLY, recursive: false };
    must(Step::MakeDir { at: inside("proc"), mode: 0o555 });
    must(mount("proc", inside("proc"), SAFE, ""));
    must(bind(inside("proc/sys"), inside("proc/sys")));
    for (flag, path) in OF_NAMESPACES {
        if clone.has(flag) {
            // On top of the bind above, so that it stays writable. Missing where the kernel has no such settings.
            steps.push(Planned::may(bind(inside(path), inside(path))));
        }
    }
    let mut must = |step: Step| steps.push(Planned::must(step));
    must(readonly("proc/sys"));
    must(Step::MakeDir { at: inside(MAKING), mode: 0o555 });
    let (line, cpus) = (cmdline(config), cpuinfo::text(config, request));
    let size = 64 + cpus.as_ref().map_or(0, |text| text.len().div_ceil(1024));
    must(mount("tmpfs", inside(MAKING), SAFE, &format!("size={size}k,mode=700")));
    let own = cpus.is_some().then_some(("cpuinfo", 0o444, true));
    let hosts_first = if clone.has(Namespaces::PID) { &[][..] } else { &FIRST };
    for (name, mode, always) in MASKS.into_iter().chain(own).chain(hosts_first.iter().copied()) {
        let text = match name {
            "cmdline" => line.as_str(),
            "cpuinfo" => cpus.as_deref().unwrap_or_default(),
            _ => "",
        };
        let mask = inside(&format!("{MAKING}/{}", name.rsplit('/').next().unwrap_or(name)));
        steps.push(Planned::must(Step::MakeFile { at: mask.clone(), mode, text: operand(text) }));
        let step = bind(mask, inside(&format!("proc/{name}")));
        steps.push(Planned { step, must: always, origin: None });
    }
    steps.push(Planned::must(Step::Unmount { at: inside(MAKING) }));
    if facts.filesystems.has("sysfs") {
        steps.push(Planned::must(mount("sysfs", inside("sys"), SAFE, "")));
        // This mount alone: the superblock may be the host's. Without it ueventd makes the kernel announce all devices again, and
        // init.rc sets the host's power states.
        steps.push(Planned::must(readonly("sys")));
    }
}
