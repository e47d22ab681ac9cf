//! /dev/binder: an instance of binderfs of the container's own, or a node of the host's that is its alone.
//!
//! The ioctls of protocol 7 and 8 differ in size: programs of one get EINVAL from a kernel of the other, for ever. So what the
//! kernel speaks is compared before the start. Nodes of the host's are dealt out: a lock each, held as long as the container
//! runs, says which are free.

use super::super::{Plan, Planned, Request, inside, mount, operand};
use super::dir;
use crate::config::Config;
use crate::config::android::Wish;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::sorted;
use crate::step::{NodeKind, Step, ms};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How the container gets it.
enum Way<'a> {
    /// A mount of binderfs.
    Filesystem,
    /// The host's node: its name and minor number.
    Node(&'a str, u32),
    /// Not at all, and why.
    Missing(String),
}

/// Nodes that can be dealt out: binder0 and so on, and last the one that a host would use itself.
fn nodes<'a>(config: &'a Config, facts: &'a Facts) -> Vec<(&'a str, u32)> {
    let number = |name: &str| name.strip_prefix("binder").and_then(|n| n.parse::<u32>().ok());
    let wanted = |name: &str| match &config.android.binder_device {
        Some(device) => name == device,
        None => name == "binder" || number(name).is_some(),
    };
    let mut nodes: Vec<_> = facts.misc.iter().map(|(n, minor)| (n.as_str(), *minor)).filter(|n| wanted(n.0)).collect();
    sorted::by_key(&mut nodes, |(name, _)| number(name).unwrap_or(u32::MAX));
    nodes
}

fn way<'a>(config: &'a Config, facts: &'a Facts) -> Way<'a> {
    let filesystem = facts.filesystems.has("binder") && config.android.binder_device.is_none();
    let nodes = nodes(config, facts);
    if !filesystem && nodes.is_empty() {
        let why = match &config.android.binder_device {
            Some(name) => format!("the kernel has no binder device '{name}'"),
            None => "the kernel has no binder (CONFIG_ANDROID_BINDER_IPC, or its module is not loaded)".into(),
        };
        return Way::Missing(why);
    }
    // COMPAT(linux<4.18): a kernel could still be built for protocol 7 (CONFIG_ANDROID_BINDER_IPC_32BIT).
    let kernels = facts.binder_protocol.or((facts.kernel >= (4, 18)).then_some(8));
    match (config.android.binder_protocol, kernels) {
        (wanted @ 1.., Some(kernels)) if wanted != kernels => {
            return Way::Missing(format!(
                "binder speaks protocol {kernels} on this kernel, and the container's programs speak {wanted} (JellyBean's 7 needs \
                 Linux 4.17 or before with CONFIG_ANDROID_BINDER_IPC_32BIT)"
            ));
        }
        _ if filesystem => return Way::Filesystem,
        _ => (),
    }
    // COMPAT(linux<5.0): no binderfs, where a mount has contexts of its own.
    let holder = |name: &str| facts.binders_taken.iter().find(|(taken, _)| taken == name).map(|(_, by)| by.as_str());
    match nodes.iter().find(|(name, _)| holder(name).is_none()) {
        Some((name, minor)) => Way::Node(name, *minor),
        None => {
            let taken: Vec<String> = nodes
                .iter()
                .map(|(name, _)| format!("'{name}' is that of '{}'", holder(name).unwrap_or("?")))
                .collect();
            Way::Missing(format!(
                "no binder device is free: {} (modprobe binder_linux devices=binder0,binder1,.. makes more)",
                taken.join(", ")
            ))
        }
    }
}

/// The rule that lets it be opened.
pub(super) fn rule(config: &Config, facts: &Facts) -> Option<String> {
    if config.android.binder == Wish::None {
        return None;
    }
    match way(config, facts) {
        Way::Node(_, minor) => Some(format!("c 10:{minor} rwm")),
        // Which of the driver's devices can be reached, its mount says.
        Way::Filesystem => facts.binder_major.map(|major| format!("c {major}:* rwm")),
        Way::Missing(_) => None,
    }
}

/// What is said when it is missing and need not be there.
pub(super) fn note(config: &Config, facts: &Facts) -> Option<String> {
    match (config.android.binder, way(config, facts)) {
        (Wish::Auto, Way::Missing(why)) => Some(format!(
            "android: no /dev/binder: {why}; what needs it (servicemanager, zygote, surfaceflinger, media) can't run, and init \
             restarts Android when servicemanager, a critical service, has failed five times"
        )),
        _ => None,
    }
}

pub(super) fn plan(config: &Config, request: &Request, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) {
    let binder = inside("dev/binder");
    let steps: Vec<Step> = match (config.android.binder, way(config, facts)) {
        (Wish::None, _) => return,
        (Wish::Require, Way::Missing(why)) => {
            return errors.push(Failure::new(format!("'keel.android.binder = require': {why}")));
        }
        (Wish::Auto, Way::Missing(_)) => return,
        (_, Way::Node(name, minor)) => {
            let path = operand(&format!("{}/{name}", request.binders));
            // Who holds it, for whoever finds the lock without a holder.
            plan.outside.push(Planned::must(Step::HoldLock { path, text: operand(&request.staging) }));
            [Step::MakeNode { at: binder, kind: NodeKind::Char(10, minor), mode: 0o666 }].into()
        }
        (_, Way::Filesystem) => {
            let node = || inside("dev/binderfs/binder");
            plan.inside.push(dir("dev/binderfs"));
            [
                // A new instance at each mount, with contexts of its own (drivers/android/binderfs.c).
                mount("binder", inside("dev/binderfs"), ms::NOSUID | ms::NOEXEC, "max=16"),
                Step::AddBinder { at: inside("dev/binderfs/binder-control"), name: operand("binder") },
                Step::SetMode { at: node(), mode: 0o666 },
                Step::MakePath { at: binder.clone(), file: true },
                Step::Bind { from: node(), at: binder, recursive: false },
            ]
            .into()
        }
    };
    plan.inside.extend(steps.into_iter().map(Planned::must));
}
