//! Cgroups as JellyBean wants them: `cpuacct` at /acct with a directory for users, `cpu` at /dev/cpuctl with the scheduler's
//! groups. Both of version 1; on a machine without them Android runs, and what is lost is said.
//!
//! libcutils reads /proc/TID/cgroup and wants exactly `/`, `/apps`, `/apps/bg_non_interactive`: the cgroup namespace gives
//! that, and without one priorities stay as they are.

use super::super::{Plan, Planned, inside, operand, outside};
use super::dir;
use crate::facts::{Facts, Namespaces};
use crate::step::Step;
use alloc::format;
use alloc::string::String;

/// Groups of the scheduler: directory, shares, and the part of a second in microseconds that real-time threads get. Less than
/// half for the container, so that there is room for a second one (the parent's must cover all children's).
const GROUPS: [(&str, &str, &str); 3] =
    [("", "1024", "400000"), ("/apps", "1024", "300000"), ("/apps/bg_non_interactive", "52", "200000")];

/// The container's directory in the hierarchy of a controller.
fn find<'a>(facts: &Facts, dirs: &'a [(usize, String)], controller: &str) -> Option<&'a str> {
    let has = |i: usize| {
        let hierarchy = facts.hierarchies.get(i)?;
        (hierarchy.version == 1 && hierarchy.controllers.iter().any(|c| c == controller)).then_some(())
    };
    dirs.iter().find(|(i, _)| has(*i).is_some()).map(|(_, dir)| dir.as_str())
}

/// Outside: the directories below the container's own.
pub(in super::super) fn groups(facts: &Facts, wanted: u32, dirs: &[(usize, String)], plan: &mut Plan) {
    let may = |step: Step| Planned::may(step);
    if let Some(dir) = find(facts, dirs, "cpuacct") {
        plan.outside.push(may(Step::MakeCgroup { path: operand(&format!("{dir}/uid")) }));
    }
    if let Some(dir) = find(facts, dirs, "cpu") {
        for (group, shares, realtime) in GROUPS {
            if !group.is_empty() {
                plan.outside.push(may(Step::MakeCgroup { path: operand(&format!("{dir}{group}")) }));
            }
            let write = |file: &str, value: &str| Step::WriteFile {
                path: operand(&format!("{dir}{group}/{file}")),
                value: operand(value),
            };
            plan.outside.push(may(write("cpu.shares", shares)));
            // Missing without CONFIG_RT_GROUP_SCHED; with it, a group without a budget runs no real-time thread.
            plan.outside.push(may(write("cpu.rt_runtime_us", realtime)));
        }
        if wanted & Namespaces::CGROUP == 0 {
            plan.notes.push(
                "android: without cgroup namespaces Android does not know its own groups: priorities of apps stay as they are"
                    .into(),
            );
        }
    }
    let missing: alloc::vec::Vec<&str> =
        ["cpuacct", "cpu"].into_iter().filter(|c| find(facts, dirs, c).is_none()).collect();
    if !missing.is_empty() {
        plan.notes.push(format!(
            "android: no version 1 cgroup with {}: no accounts by user (/acct) or priorities of apps (/dev/cpuctl) there",
            missing.join(" and ")
        ));
    }
}

/// Inside: the container's part, where init.rc would mount the whole.
pub(in super::super) fn mounted(facts: &Facts, dirs: &[(usize, String)], plan: &mut Plan) {
    for (controller, at) in [("cpuacct", "acct"), ("cpu", "dev/cpuctl")] {
        if let Some(source) = find(facts, dirs, controller) {
            plan.inside.push(dir(at));
            plan.inside.push(Planned::may(Step::Bind { from: outside(source), at: inside(at), recursive: false }));
        }
    }
}
