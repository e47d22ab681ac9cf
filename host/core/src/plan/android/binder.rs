//! /dev/binder: an instance of binderfs of the container's own, or a node of the host's that is its alone.
//!
//! The ioctls of protocol 7 and 8 differ in size: programs of one get EINVAL from a kernel of the other, for ever. So what the
//! kernel speaks is compared before the start.

use super::super::{Plan, Planned, inside, mount, operand};
use super::dir;
use crate::config::Config;
use crate::config::android::Binder;
use crate::facts::Facts;
use crate::failure::Failure;
use crate::step::{NodeKind, Step, ms};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How the container gets it.
enum Way {
    /// A mount of binderfs.
    Filesystem,
    /// The host's node: its minor number.
    Node(u32),
    /// Not at all, and why.
    Missing(String),
}

fn way(config: &Config, facts: &Facts) -> Way {
    let android = &config.android;
    let name = android.binder_device.as_deref().unwrap_or("binder");
    let filesystem = facts.has_filesystem("binder") && android.binder_device.is_none();
    let minor = facts.misc(name);
    if !filesystem && minor.is_none() {
        let why = match &android.binder_device {
            Some(name) => format!("the kernel has no binder device '{name}'"),
            None => "the kernel has no binder (CONFIG_ANDROID_BINDER_IPC, or its module is not loaded)".into(),
        };
        return Way::Missing(why);
    }
    // COMPAT(linux<4.18): a kernel could still be built for protocol 7 (CONFIG_ANDROID_BINDER_IPC_32BIT).
    let kernels = facts.binder_protocol.or((facts.kernel >= (4, 18)).then_some(8));
    match (android.binder_protocol, kernels) {
        (wanted @ 1.., Some(kernels)) if wanted != kernels => Way::Missing(format!(
            "binder speaks protocol {kernels} on this kernel, and the container's programs speak {wanted} (JellyBean's 7 needs \
             Linux 4.17 or before with CONFIG_ANDROID_BINDER_IPC_32BIT)"
        )),
        _ => match minor.filter(|_| !filesystem) {
            Some(minor) => Way::Node(minor),
            None => Way::Filesystem,
        },
    }
}

/// The rule that lets it be opened.
pub(super) fn rule(config: &Config, facts: &Facts) -> Option<String> {
    if config.android.binder == Binder::None {
        return None;
    }
    match way(config, facts) {
        Way::Node(minor) => Some(format!("c 10:{minor} rwm")),
        // Which of the driver's devices can be reached, its mount says.
        Way::Filesystem => facts.binder_major.map(|major| format!("c {major}:* rwm")),
        Way::Missing(_) => None,
    }
}

/// What is said when it is missing and need not be there.
pub(super) fn note(config: &Config, facts: &Facts) -> Option<String> {
    match (config.android.binder, way(config, facts)) {
        (Binder::Auto, Way::Missing(why)) => Some(format!(
            "android: no /dev/binder: {why}; what needs it (servicemanager, zygote, surfaceflinger, media) can't run, and init \
             restarts Android when servicemanager, a critical service, has failed five times"
        )),
        _ => None,
    }
}

pub(super) fn plan(config: &Config, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) {
    let binder = inside("dev/binder");
    let steps: Vec<Step> = match (config.android.binder, way(config, facts)) {
        (Binder::None, _) => return,
        (Binder::Require, Way::Missing(why)) => {
            return errors.push(Failure::new(format!("'keel.android.binder = require': {why}")));
        }
        (Binder::Auto, Way::Missing(_)) => return,
        (_, Way::Node(minor)) => [Step::MakeNode { at: binder, kind: NodeKind::Char(10, minor), mode: 0o666 }].into(),
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
