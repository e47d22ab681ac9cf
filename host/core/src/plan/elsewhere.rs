//! `lxc.namespace.share.*`: what of the container is another's.
//!
//! A pid or user namespace is entered by being born there; the others are entered by the child, that of mounts last of all,
//! where a container of its own takes its rootfs.

use super::{Plan, Planned, Request, operand};
use crate::config::{Config, Console, ConsolePath, MountAuto};
use crate::facts::Namespaces;
use crate::sorted;
use crate::step::Step;

/// Whether a namespace of this kind is another's.
pub(super) fn has(request: &Request, kind: u32) -> bool {
    request.shared.iter().any(|shared| shared.0 == kind)
}

/// The ways into all namespaces but that of mounts. Whoever is born in a user namespace has no rights any more over what is
/// not that namespace's, so the others come before it.
pub(super) fn join(request: &Request, plan: &mut Plan) {
    let born = has(request, Namespaces::PID) || has(request, Namespaces::USER);
    let mut all: alloc::vec::Vec<_> = request.shared.iter().filter(|shared| shared.0 != Namespaces::MNT).collect();
    sorted::by_key(&mut all, |shared| shared.0 == Namespaces::USER);
    for (kind, path, origin) in all {
        let (path, kind) = (operand(path), *kind);
        match born {
            true => plan.outside.push(Planned::must(Step::BornIn { path, kind }).from(*origin)),
            false => plan.inside.push(Planned::must(Step::JoinNamespace { path, kind }).from(*origin)),
        }
    }
}

/// The way into another's mounts.
pub(super) fn mounts(request: &Request) -> Option<Planned> {
    let (kind, path, origin) = request.shared.iter().find(|shared| shared.0 == Namespaces::MNT)?;
    Some(Planned::must(Step::JoinNamespace { path: operand(path), kind: *kind }).from(*origin))
}

/// The configuration of a container among another's mounts: what would change them is left out.
pub(super) fn settle(config: &Config, plan: &mut Plan) -> Config {
    let mut own = config.clone();
    own.rootfs.path = None;
    own.mount_entry.clear();
    own.mount_fstab = None;
    own.mount_auto = MountAuto::default();
    own.mount_shmounts = None;
    own.autodev = Some(false);
    (own.tty_max, own.pty_max) = (0, 0);
    own.console = Console { path: ConsolePath::None, ..Console::default() };
    plan.notes.push(
        "with 'lxc.namespace.share.mnt' the mounts are another's: its root file system, no mounts, no /dev and no \
         console of its own"
            .into(),
    );
    own
}
