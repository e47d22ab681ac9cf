//! The way that is flat with the host: the child goes to a mount namespace that is empty, and the rootfs comes as a copy of its
//! mounts that was opened before.
//!
//! A mount namespace is otherwise a copy of the caller's with every mount, and pivot_root(2) looks at every task of the machine.
//! Whoever breaks out of the rootfs by chroot(2) gets to the empty one, where there is nothing and nothing can be made.
//! Only where no step needs the host's tree between the two; what is bound from it is opened before, too.

use super::{Plan, Planned, next_slot};
use crate::facts::{Facts, Namespaces};
use crate::step::net::NetStep;
use crate::step::{Place, Step, ms};
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;

/// File systems that need no path of the host: neither as the source nor in their options.
const OF_THEIR_OWN: [&[u8]; 20] = [
    b"proc",
    b"sysfs",
    b"tmpfs",
    b"ramfs",
    b"devpts",
    b"devtmpfs",
    b"mqueue",
    b"cgroup",
    b"cgroup2",
    b"binder",
    b"debugfs",
    b"tracefs",
    b"securityfs",
    b"hugetlbfs",
    b"bpf",
    b"binfmt_misc",
    b"fusectl",
    b"configfs",
    b"pstore",
    b"efivarfs",
];

/// Changes a plan to that way, or says in it why not.
pub(super) fn go(plan: &mut Plan, facts: &Facts) {
    if !facts.empty_namespace {
        return;
    }
    match stretch(plan) {
        Ok(stretch) => change(plan, stretch),
        Err(why) => plan.in_hosts_tree = Some(why),
    }
}

/// From the first step that is about the mount namespace to the one that leaves the host's tree.
struct Stretch {
    begin: usize,
    end: usize,
    rootfs: CString,
}

fn stretch(plan: &Plan) -> Result<Stretch, String> {
    let slave = ms::SLAVE | ms::REC;
    let is_begin = |step: &Step| matches!(step, Step::SetPropagation { at: Place::Host(_), flags } if *flags == slave);
    let begin = plan.inside.iter().position(|p| is_begin(&p.step));
    let end = plan.inside.iter().position(|p| matches!(p.step, Step::PivotRoot | Step::MoveRoot));
    let (Some(begin), Some(end)) = (begin, end) else {
        return Err("there is no rootfs, or the mount namespace is another's".into());
    };
    if !plan.clone.has(Namespaces::MNT) || plan.clone.has(Namespaces::USER) {
        return Err("the container has ids of its own".into());
    }
    let between = plan.inside.get(begin + 1..end).unwrap_or_default();
    let Some(rootfs) = between.iter().find_map(|p| directory(&p.step)) else {
        return Err("the rootfs is not a directory".into());
    };
    let needs = between.iter().find(|p| match &p.step {
        Step::OpenRoot { path } => path != rootfs,
        Step::Bind { from: Place::Host(source), at: Place::Root(_), .. } => !is_elsewhere(source, rootfs),
        step => directory(step).is_none() && !stands_alone(step),
    });
    match needs {
        None => Ok(Stretch { begin, end, rootfs: rootfs.clone() }),
        Some(Planned { step, origin, .. }) => {
            let at = origin.and_then(|o| plan.place_of(o)).map(|p| format!("{p}: ")).unwrap_or_default();
            Err(format!("{at}'{step}' needs the host's tree"))
        }
    }
}

fn change(plan: &mut Plan, Stretch { begin, end, rootfs }: Stretch) {
    plan.clone.0 &= !Namespaces::MNT;
    let steps = core::mem::take(&mut plan.inside);
    for (index, Planned { step, must, origin }) in steps.into_iter().enumerate() {
        let mut inside = |step| plan.inside.push(Planned { step, must, origin });
        match step {
            step if index < begin || index > end => inside(step),
            _ if index == begin => inside(Step::EnterEmpty),
            _ if index == end => inside(Step::EnterRoot),
            Step::OpenRoot { .. } => (),
            Step::Bind { from: Place::Host(source), at, recursive } => {
                let slot = next_slot(plan);
                let is_root = source == rootfs;
                plan.outside.push(Planned { step: Step::OpenTree { source, recursive, slot }, must, origin });
                let mut inside = |step| plan.inside.push(Planned { step, must, origin });
                if is_root {
                    inside(Step::CoverRoot { slot });
                } else {
                    inside(Step::AttachTree { slot, at: at.clone() });
                    // As the whole tree is where it is a copy of the host's.
                    let flags = if recursive { ms::SLAVE | ms::REC } else { ms::SLAVE };
                    inside(Step::SetPropagation { at, flags });
                }
            }
            step => inside(step),
        }
    }
}

/// A rootfs that is a directory: bound onto itself.
fn directory(step: &Step) -> Option<&CString> {
    match step {
        Step::Bind { from: Place::Host(from), at: Place::Host(at), recursive: true } if from == at => Some(at),
        _ => None,
    }
}

/// Whether a path means the same before the child is there: neither what it has mounted itself, nor its own files of /proc.
fn is_elsewhere(source: &CString, rootfs: &CString) -> bool {
    let (source, rootfs) = (source.to_bytes(), rootfs.to_bytes());
    let below = source.strip_prefix(rootfs).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    let own = [&b"/proc/self"[..], b"/proc/thread-self", b"/dev/fd", b"/dev/std"];
    !below && rootfs != b"/" && !own.iter().any(|path| source.starts_with(path))
}

/// Whether a step needs no path of the host.
fn stands_alone(step: &Step) -> bool {
    let root = |at: &Place| matches!(at, Place::Root(_));
    match step {
        Step::MakeDir { at, .. }
        | Step::MakePath { at, .. }
        | Step::MakeNode { at, .. }
        | Step::MakeLink { at, .. }
        | Step::MakeFile { at, .. }
        | Step::SetMode { at, .. }
        | Step::Unmount { at }
        | Step::SetMountFlags { at, .. }
        | Step::SetPropagation { at, .. }
        | Step::AttachTree { at, .. }
        | Step::OpenTerminal { at, .. } => root(at),
        Step::Mount { at, fstype, .. } => root(at) && OF_THEIR_OWN.contains(&fstype.to_bytes()),
        Step::Bind { from, at, .. } => root(from) && root(at),
        Step::Net(NetStep::EnterNamespace) | Step::SetHostname { .. } | Step::LoopbackUp | Step::SendTerminals => true,
        _ => false,
    }
}
