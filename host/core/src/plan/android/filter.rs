//! The filter of an Android's system calls: its kernel log is a pipe, and its mounts are the supervisor's matter.
//!
//! init makes a node of device 1:11 at /dev/__kmsg__ and opens it for writing. There is a pipe of that name already, and the
//! call that would make the node is answered with success, by the filter itself: no process has to. That works since Linux
//! 3.5; on older ones, the messages go to the host's kernel log.
//!
//! Where the supervisor answers mounts, what would go around it is refused: the newer calls for mounts with ENOSYS, so that
//! programs take the old ones, and what CAP_SYS_ADMIN allows beyond mounts and concerns the whole machine with EPERM.

use super::super::{Planned, operand};
use crate::config::Config;
use crate::config::android::Wish;
use crate::facts::{Facts, Seccomp};
use crate::failure::{Errno, Failure};
use crate::seccomp::{self, Action, Arch, Compare, Condition, Filter, Rule};
use crate::step::Step;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Calls that the supervisor answers. `umount` is i386's, without flags.
pub const SUPERVISED: [&str; 3] = ["mount", "umount", "umount2"];

/// Newer ways to mount: as on a kernel before 5.2.
const NEWER: [&str; 7] = ["open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"];
const ENOSYS: u16 = Errno::NOSYS.0 as u16;

/// What CAP_SYS_ADMIN allows and concerns the machine.
const MACHINES: [&str; 8] =
    ["pivot_root", "swapon", "swapoff", "quotactl", "syslog", "bpf", "perf_event_open", "fanotify_init"];
const EPERM: u16 = Errno::PERM.0 as u16;

/// Whether a filter can be loaded, for which processors' calls.
fn arches(facts: &Facts) -> Option<&'static [Arch]> {
    Arch::of_machine(&facts.machine).filter(|_| facts.seccomp != Seccomp::Missing)
}

/// Whether init's kernel log is a pipe.
pub(super) fn catches_klog(facts: &Facts) -> bool {
    arches(facts).is_some()
}

fn can_supervise(facts: &Facts) -> bool {
    // COMPAT(linux<5.0): no SECCOMP_RET_USER_NOTIF; mounts are refused.
    arches(facts).is_some() && facts.seccomp_notify
}

/// Whether mounts are answered by the supervisor.
pub(super) fn supervised(config: &Config, facts: &Facts, errors: &mut Vec<Failure>) -> bool {
    let wish = config.android.supervise;
    if wish == Wish::Require && !can_supervise(facts) {
        errors.push(Failure::new(
            "'keel.android.supervise = require': the kernel has no filters whose calls another process answers (Linux 5.0, \
             CONFIG_SECCOMP_FILTER)",
        ));
    }
    wish != Wish::None && can_supervise(facts)
}

/// Which of the two ways it is, and what is lost by it.
pub(super) fn notes(config: &Config, facts: &Facts) -> Option<String> {
    if supervised(config, facts, &mut Vec::new()) {
        return None;
    }
    let why = match config.android.supervise {
        Wish::None => "'keel.android.supervise = none'",
        _ => "the kernel has no filters whose calls another process answers (Linux 5.0)",
    };
    Some(format!(
        "android: {why}: init may not mount, and finds all mounted: daemons that mount (vold, zygote of 4.2) can't"
    ))
}

fn rule(arches: &[Arch], name: &str, action: Action, conditions: &[Condition]) -> Vec<Rule> {
    let call = |arch: &Arch| {
        let call = seccomp::number(*arch, name)?;
        Some(Rule { arch: *arch, call, action, conditions: conditions.to_vec() })
    };
    arches.iter().filter_map(call).collect()
}

/// The step that loads it.
pub(in super::super) fn load(config: &Config, facts: &Facts) -> Option<Planned> {
    let arches = arches(facts)?;
    let mut rules = Vec::new();
    // S_IFCHR of S_IFMT, and the number of the device as the call takes it (include/linux/kdev_t.h, new_decode_dev).
    for (name, at) in [("mknod", 1), ("mknodat", 2)] {
        let kind = Condition { index: at, compare: Compare::Masked(0o170_000), value: 0o020_000 };
        let device = Condition { index: at + 1, compare: Compare::Equal, value: 1 << 8 | 11 };
        rules.extend(rule(arches, name, Action::Errno(0), &[kind, device]));
    }
    let supervised = supervised(config, facts, &mut Vec::new());
    if supervised {
        let all = SUPERVISED.iter().map(|name| (name, Action::Notify));
        let all = all.chain(NEWER.iter().map(|name| (name, Action::Errno(ENOSYS))));
        let all = all.chain(MACHINES.iter().map(|name| (name, Action::Errno(EPERM))));
        rules.extend(all.flat_map(|(name, action)| rule(arches, name, action, &[])));
    }
    let program = seccomp::compile(&Filter { arches: arches.into(), default: Action::Allow, rules });
    Some(Planned::must(match supervised {
        true => {
            Step::Supervise { program, text: operand("mounts are answered, the kernel log is a pipe"), proxy: None }
        }
        false => Step::LoadSeccomp { program, text: operand("the kernel log is a pipe") },
    }))
}
