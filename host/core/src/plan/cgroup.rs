//! Cgroups of a container: a directory in every hierarchy, the limits, and how the child gets in.

use super::devices::Rules;
use super::{Plan, Planned, Request, ids, operand, translate};
use crate::config::{At, CgroupSetting, Config, IdKind};
use crate::facts::{Facts, Hierarchy};
use crate::failure::Failure;
use crate::sorted;
use crate::step::{Slot, Step};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Controllers of the kernel's own (include/linux/cgroup_subsys.h). Others, a vendor's, are left alone unless a setting
/// names them: some allow no directories at all (Android's schedtune, ENOMEM after the fifth).
const KNOWN: &[&str] = &[
    "cpuset",
    "cpu",
    "cpuacct",
    "blkio",
    "memory",
    "devices",
    "freezer",
    "net_cls",
    "perf_event",
    "net_prio",
    "hugetlb",
    "pids",
    "rdma",
    "misc",
];

/// The child's part, and the directories by hierarchy (an index into `Facts::hierarchies`).
#[derive(Default)]
pub(super) struct Cgroups {
    /// First thing in the child.
    pub join: Vec<Planned>,
    /// After the mounts and the nodes: rules for devices.
    pub late: Vec<Planned>,
    /// The container's directories.
    pub dirs: Vec<(usize, String)>,
}

/// Plans directories, limits and the way in. Steps of the parent go into `plan.outside`.
pub(super) fn plan(
    config: &Config,
    request: &Request,
    facts: &Facts,
    plan: &mut Plan,
    errors: &mut Vec<Failure>,
) -> Cgroups {
    let mut cgroups = Cgroups::default();
    let settings = assign(config, facts, plan, errors);
    let devices = device_rules(config, facts, plan, errors);
    let mut slots = 0;
    for (key, dir) in [("monitor", &config.cgroup_dir.monitor), ("monitor.pivot", &config.cgroup_dir.pivot)] {
        if let Some(dir) = dir.as_ref().filter(|_| facts.pid1) {
            let at = plan.place_of(dir.origin).map(|p| format!("{p}: ")).unwrap_or_default();
            plan.notes.push(format!(
                "{at}'lxc.cgroup.dir.{key}' is not in force: process 1 supervises all containers, and what it uses is counted \
                 in its own cgroup"
            ));
        }
    }
    for (index, hierarchy) in facts.hierarchies.iter().enumerate() {
        let mine: Vec<_> = settings.iter().filter(|s| s.hierarchy == index).collect();
        let devices = devices.as_ref().filter(|_| hierarchy.version == 2);
        let known = |c: &String| KNOWN.contains(&c.as_str()) || c.starts_with("name=");
        if mine.is_empty() && hierarchy.version == 1 && !hierarchy.controllers.iter().any(known) {
            continue;
        }
        // Without a setting it serves accounting and freezing: the container runs without, too.
        let rule = |step: Step| Planned { step, must: !mine.is_empty() || devices.is_some(), origin: None };
        let below = below(config, request);
        let dir = format!("{}/{below}", hierarchy.base);
        let file = |file: &str| operand(&format!("{dir}/{file}"));
        let mut parent = hierarchy.base.clone();
        for name in below.split('/') {
            if hierarchy.version == 2 {
                enable_controllers(&parent, &mine, &mut plan.outside);
            }
            let child = format!("{parent}/{name}");
            let path = operand(&child);
            let step = if child == dir { Step::MakeCgroup { path } } else { Step::MakeCgroupParent { path } };
            plan.outside.push(rule(step));
            plan.outside.extend(inherit(hierarchy, &parent, &child).map(rule));
            parent = child;
        }
        let slot = |slots: &mut u16| {
            *slots += 1;
            Slot(*slots - 1)
        };
        for setting in &mine {
            let path = file(&setting.file);
            if setting.file.starts_with("devices.") {
                let slot = slot(&mut slots);
                plan.outside.push(Planned::must(Step::OpenSlot { path: path.clone(), slot }).from(setting.of.origin));
                let step = Step::WriteSlot { slot, name: path, value: operand(&setting.value) };
                cgroups.late.push(Planned::must(step).from(setting.of.origin));
            } else {
                let step = Step::WriteFile { path, value: operand(&setting.value) };
                plan.outside.push(Planned::must(step).from(setting.of.origin));
            }
        }
        if let (Some(uid), Some(gid)) = (ids::root(config, IdKind::User), ids::root(config, IdKind::Group)) {
            plan.outside.push(rule(Step::ChownCgroup { path: operand(&dir), uid, gid }));
        }
        // The settings are of the outer one; the container is in the inner one, if there is one.
        let dir = match &config.cgroup_dir.inner {
            None => dir,
            Some(inner) => {
                let below = format!("{dir}/{}", inner.value);
                plan.outside.push(rule(Step::MakeCgroup { path: operand(&below) }).from(inner.origin));
                plan.outside.extend(inherit(hierarchy, &dir, &below).map(rule));
                if let (Some(uid), Some(gid)) = (ids::root(config, IdKind::User), ids::root(config, IdKind::Group)) {
                    plan.outside.push(rule(Step::ChownCgroup { path: operand(&below), uid, gid }));
                }
                below
            }
        };
        let file = |file: &str| operand(&format!("{dir}/{file}"));
        let slot = slot(&mut slots);
        if hierarchy.version == 2 {
            plan.outside.push(rule(Step::OpenCgroup { path: operand(&dir), slot }));
            cgroups.join.push(rule(Step::JoinCgroup { slot }));
            if let Some((rules, text)) = devices {
                let step = Step::AttachDeviceProgram { slot, program: rules.program(), rules: operand(text) };
                cgroups.late.push(Planned::must(step));
            }
        } else {
            // `tasks`, and a zero for the writer itself: cgroup.procs would wait for an RCU grace period, 11 ms when cold.
            let path = file("tasks");
            plan.outside.push(rule(Step::OpenSlot { path: path.clone(), slot }));
            cgroups.join.push(rule(Step::WriteSlot { slot, name: path, value: operand("0") }));
        }
        cgroups.dirs.push((index, dir));
    }
    cgroups
}

/// The container's directory below the base of each hierarchy.
fn below(config: &Config, request: &Request) -> String {
    let dirs = &config.cgroup_dir;
    let name = match request.cgroup.as_str() {
        "" => format!("lxc.payload.{}", request.name),
        name => name.into(),
    };
    match (&dirs.container, &dirs.parent) {
        (Some(dir), _) => dir.value.clone(),
        (None, Some(parent)) => format!("{}/{name}", parent.value),
        (None, None) => name,
    }
}

/// The files of a cpuset: empty in a new directory of version 1, and no process can join while they are
/// (kernel/cgroup/cpuset-v1.c).
fn inherit<'a>(hierarchy: &'a Hierarchy, from: &'a str, to: &'a str) -> impl Iterator<Item = Step> + 'a {
    let needed = hierarchy.version == 1 && hierarchy.controllers.iter().any(|c| c == "cpuset");
    let files = ["cpus", "mems"].into_iter().filter(move |_| needed);
    files.map(move |what| {
        let what = if hierarchy.noprefix { what.into() } else { format!("cpuset.{what}") };
        Step::InheritCgroupFile { from: operand(&format!("{from}/{what}")), to: operand(&format!("{to}/{what}")) }
    })
}

/// A setting with the hierarchy that it is written to, in the words of that hierarchy's version.
struct Assigned<'a> {
    of: &'a At<CgroupSetting>,
    hierarchy: usize,
    file: String,
    value: String,
}

/// Finds the hierarchy of each setting. A key of the other version is translated where a meaning exists; where the
/// configuration says the same in both versions, as portable ones do, the one that is not there is left out.
fn assign<'a>(config: &'a Config, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) -> Vec<Assigned<'a>> {
    let mut assigned = Vec::new();
    for setting in &config.cgroup {
        let CgroupSetting { version, file, value } = &setting.value;
        if device_rule(file).is_some() && by_program(facts) {
            continue;
        }
        let key = format!("lxc.cgroup{}.{file}", if *version == 2 { "2" } else { "" });
        let at = plan.place_of(setting.origin).map(|p| format!("{p}: ")).unwrap_or_default();
        if file.contains('/') || !file.contains('.') {
            errors.push(Failure::new(format!("{at}'{key}' names no file of a cgroup (CONTROLLER.FILE)")));
            continue;
        }
        if let Some((hierarchy, file)) = find(facts, *version, file) {
            assigned.push(Assigned { of: setting, hierarchy, file, value: value.clone() });
            continue;
        }
        let other = 3 - *version;
        let says = |version: u8, file: &str| {
            let mut all = config.cgroup.iter().map(|s| &s.value).rev();
            all.find(|s| s.version == version && s.file == file).map(|s| s.value.as_str())
        };
        let meant = translate::setting(*version, file, value, &|file| says(*version, file));
        let has_other = config.cgroup.iter().any(|s| s.value.version == other);
        let both = |all: &Vec<(String, String)>| all.iter().any(|(file, _)| says(other, file).is_some());
        if meant.as_ref().is_some_and(both) || (meant.is_none() && has_other) {
            plan.notes
                .push(format!("{at}'{key}' is left out: cgroups of version {version} have no such controller here"));
            continue;
        }
        let there = |(file, value): (String, String)| find(facts, other, &file).map(|(h, file)| (h, file, value));
        let translated = meant.and_then(|all| all.into_iter().map(there).collect::<Option<Vec<_>>>());
        let controller = file.split('.').next().unwrap_or("");
        match translated {
            Some(all) => {
                for (hierarchy, file, value) in all {
                    plan.notes
                        .push(format!("{at}'{key}' becomes '{file} = {value}': cgroups are of version {other} here"));
                    assigned.push(Assigned { of: setting, hierarchy, file, value });
                }
            }
            None if facts.hierarchies.is_empty() => {
                errors.push(Failure::new(format!("{at}'{key}': no cgroup hierarchy is mounted")));
            }
            // As LXC: a file for both versions starts on either.
            None if facts.hierarchies.iter().all(|h| h.version == other || h.controllers.is_empty()) => {
                plan.notes.push(format!(
                    "{at}'{key} = {value}' is not in force: cgroups are of version {other} here, which has nothing that \
                     means that"
                ));
            }
            None => errors.push(Failure::new(format!(
                "{at}'{key}': no mounted cgroup hierarchy has the controller '{controller}'"
            ))),
        }
    }
    // With memory the limit of memory and swap can't be below that of memory, so it comes last.
    sorted::by_key(&mut assigned, |s| s.file.starts_with("memory.memsw."));
    assigned
}

/// Whether a file takes rules for devices, and which: allow or deny.
fn device_rule(file: &str) -> Option<bool> {
    match file {
        "devices.allow" => Some(true),
        "devices.deny" => Some(false),
        _ => None,
    }
}

/// Rules for devices become a program where version 2 is there and version 1's controller is not.
fn by_program(facts: &Facts) -> bool {
    find(facts, 1, "devices.allow").is_none() && facts.hierarchies.iter().any(|h| h.version == 2)
}

/// All rules for devices, of either version's keys, in file order; and how they are printed.
fn device_rules(config: &Config, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) -> Option<(Rules, String)> {
    if !by_program(facts) {
        return None;
    }
    let (mut rules, mut words) = (Rules::default(), Vec::new());
    // The same list in both versions' keys is the portable idiom: one is enough.
    let all = || config.cgroup.iter().filter(|s| device_rule(&s.value.file).is_some());
    let version = all().map(|s| s.value.version).max()?;
    for setting in all().filter(|s| s.value.version == version) {
        let allow = device_rule(&setting.value.file)?;
        if let Err(why) = rules.add(allow, &setting.value.value) {
            let at = plan.place_of(setting.origin).map(|p| format!("{p}: ")).unwrap_or_default();
            errors.push(Failure::new(format!("{at}{why}")));
        }
        words.push(format!("{} {}", if allow { "allow" } else { "deny" }, setting.value.value));
    }
    Some((rules, words.join(", ")))
}

/// The hierarchy that has a file's controller, and the file's name there.
fn find(facts: &Facts, version: u8, file: &str) -> Option<(usize, String)> {
    let controller = file.split('.').next()?;
    let fits = |h: &Hierarchy| {
        h.version == version
            && (h.controllers.iter().any(|c| c == controller) || (version == 2 && controller == "cgroup"))
    };
    let index = facts.hierarchies.iter().position(fits)?;
    let name = match facts.hierarchies[index].noprefix {
        true => file.split_once('.').map_or(file, |(_, rest)| rest),
        false => file,
    };
    Some((index, name.into()))
}

/// Version 2: the parent must give its children the controllers that settings need. Only those: it is the host's file.
fn enable_controllers(parent: &str, settings: &[&Assigned<'_>], steps: &mut Vec<Planned>) {
    let mut enabled: Vec<&str> = Vec::new();
    for setting in settings {
        let controller = setting.file.split('.').next().unwrap_or("");
        if controller == "cgroup" || enabled.contains(&controller) {
            continue;
        }
        enabled.push(controller);
        let path = operand(&format!("{parent}/cgroup.subtree_control"));
        let value = operand(&format!("+{controller}"));
        steps.push(Planned::must(Step::WriteFile { path, value }).from(setting.of.origin));
    }
}
