//! /dev of an Android: what its init, ueventd and libraries look for. Every node is its own: a chmod inside never meets one of
//! the host's.

use super::super::{Plan, Planned, inside, operand};
use super::{cmdline, dir};
use crate::config::Config;
use crate::facts::Facts;
use crate::step::{NodeKind, Step};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Major of "misc" devices (Documentation/admin-guide/devices.txt).
const MISC: u32 = 10;

/// Devices that are each container's own by nature, or hold no state of the host: name in /proc/misc, path below /dev, mode.
/// Of the host's, they are there when the kernel has them. Input, graphics, sound, radio are real devices: a configuration
/// hands them over by `lxc.mount.entry`.
const OWN: [(&str, &str, u32); 4] =
    [("ashmem", "ashmem", 0o666), ("fuse", "fuse", 0o600), ("tun", "tun", 0o660), ("xt_qtaguid", "xt_qtaguid", 0o644)];

/// Gives the time since the boot, up to about Linux 3.19.
const ALARM: &str = "alarm";

/// Directories that daemons open or watch even when they are empty (EventHub: inotify on input).
const DIRS: [&str; 5] = ["dev/socket", "dev/input", "dev/graphics", "dev/block", "dev/snd"];

fn own(facts: &Facts) -> impl Iterator<Item = (u32, &'static str, u32)> {
    OWN.iter().filter_map(|(name, path, mode)| Some((facts.misc(name)?, *path, *mode)))
}

/// Rules for the devices made here.
pub(super) fn rules(config: &Config, facts: &Facts) -> Vec<String> {
    // Read only: whoever may write to it sets the machine's clock (ANDROID_ALARM_SET_RTC).
    let alarm = facts.misc(ALARM).map(|minor| format!("c {MISC}:{minor} rm"));
    let misc = own(facts).map(|(minor, ..)| format!("c {MISC}:{minor} rwm"));
    misc.chain(alarm).chain(super::logs::rules(facts)).chain(super::binder::rule(config, facts)).collect()
}

/// What is missing among them.
pub(super) fn notes(facts: &Facts) -> impl Iterator<Item = String> {
    let ashmem = facts.misc("ashmem").is_none().then_some(
        "android: no /dev/ashmem: the kernel has none (CONFIG_ASHMEM, up to Linux 5.17); what does not use memfd instead, as JellyBean's \
         zygote and surfaceflinger, can't run",
    );
    let alarm = (facts.misc(ALARM).is_some() && !facts.has_device_rules())
        .then_some("android: no /dev/alarm: without rules for devices a program could set the machine's clock by it");
    ashmem.into_iter().chain(alarm).map(Into::into)
}

/// What is in it besides the nodes of every container.
pub(super) fn nodes(config: &Config, facts: &Facts, plan: &mut Plan) {
    let steps = &mut plan.inside;
    steps.extend(DIRS.iter().map(|path| dir(path)));
    for (minor, path, mode) in own(facts) {
        let (at, kind) = (inside(&format!("dev/{path}")), NodeKind::Char(MISC, minor));
        steps.push(Planned::must(Step::MakeNode { at, kind, mode }));
    }
    // What could keep a program from writing to it is the rule alone.
    if let Some(minor) = facts.misc(ALARM).filter(|_| facts.has_device_rules()) {
        let (at, kind) = (inside("dev/alarm"), NodeKind::Char(MISC, minor));
        steps.push(Planned::must(Step::MakeNode { at, kind, mode: 0o444 }));
    }
    // With it ueventd does not ask the kernel to announce every device of the host again.
    steps.push(Planned::must(Step::MakeFile { at: inside("dev/.coldboot_done"), mode: 0o000, text: operand("") }));
    // init takes its console's name from the command line.
    let line = cmdline(config);
    let console = line.split_ascii_whitespace().find_map(|word| word.strip_prefix("androidboot.console="));
    if let Some(name) = console.filter(|name| !name.contains('/') && !matches!(*name, "" | "console" | "." | "..")) {
        steps.push(Planned::must(Step::MakeLink { at: inside(&format!("dev/{name}")), target: operand("console") }));
    }
}
