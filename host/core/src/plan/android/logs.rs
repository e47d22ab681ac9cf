//! The logs of an Android: pipes that the supervisor reads.
//!
//! liblog opens /dev/log/* for writing and drops everything when one of them is missing; so they are there from the start,
//! as the kernel's devices where it has them (up to about 3.19), else as pipes. A record that is written at once comes out
//! whole (PIPE_BUF). What a pipe can't do is `logcat` inside: that asks the driver.

use super::super::{Plan, Planned, inside};
use super::{dir, filter};
use crate::facts::Facts;
use crate::logger::Log;
use crate::step::{NodeKind, Step};
use alloc::format;
use alloc::string::String;

/// Major of "misc" devices.
const MISC: u32 = 10;

/// Whether the kernel has the logger's devices, by their names in /proc/misc.
fn kernels(facts: &Facts, log: Log) -> Option<u32> {
    facts.misc(&format!("log_{}", log.name()))
}

/// The logger's devices of the kernel.
pub(super) fn rules(facts: &Facts) -> impl Iterator<Item = String> {
    Log::ALL.into_iter().filter_map(|log| Some(format!("c {MISC}:{} rwm", kernels(facts, log)?)))
}

/// What of them is not the container's own.
pub(super) fn note(facts: &Facts) -> Option<String> {
    if kernels(facts, Log::Main).is_some() {
        return Some(
            "android: /dev/log/* are the kernel's, and so the same in all containers; 'keel attach NAME -- logcat' shows them"
                .into(),
        );
    }
    (!filter::catches_klog(facts)).then(|| {
        "android: the kernel has no filters of system calls (CONFIG_SECCOMP_FILTER, Linux 3.5): init's messages are in the \
         host's kernel log"
            .into()
    })
}

pub(super) fn pipes(facts: &Facts, plan: &mut Plan) {
    let steps = &mut plan.inside;
    if filter::catches_klog(facts) {
        let pipe = || inside("dev/__kmsg__");
        steps.push(Planned::must(Step::OpenLog { log: Log::Kernel, at: pipe() }));
        // What is mounted can't be unlinked: the name is still there when ueventd comes. Later Androids look for the other one.
        for at in ["dev/__kmsg__", "dev/kmsg"] {
            steps.push(Planned::must(Step::MakePath { at: inside(at), file: true }));
            steps.push(Planned::must(Step::Bind { from: pipe(), at: inside(at), recursive: false }));
        }
    }
    steps.push(dir("dev/log"));
    for log in Log::ALL.into_iter().skip(1) {
        let at = inside(&format!("dev/log/{}", log.name()));
        steps.push(Planned::must(match kernels(facts, log) {
            Some(minor) => Step::MakeNode { at, kind: NodeKind::Char(MISC, minor), mode: 0o666 },
            None => Step::OpenLog { log, at },
        }));
    }
}
