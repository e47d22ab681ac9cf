//! User namespaces: the maps of ids, and what is different for a container whose root is nobody outside.

use super::{Plan, Planned, inside, operand, outside, round};
use crate::config::{At, Config, IdKind, IdMap, Origin};
use crate::facts::{Facts, Namespaces};
use crate::failure::Failure;
use crate::step::{Place, Step};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The first round: the parent writes the maps, which is what the child waits for before anything else. Another's user
/// namespace, which the child is born in, has them already.
pub(super) fn write_maps(config: &Config, born: bool, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) {
    if !facts.namespaces.has(Namespaces::USER) {
        errors.push(Failure::new("'lxc.idmap' needs user namespaces, which the kernel does not have (CONFIG_USER_NS)"));
    }
    for (kind, name) in [(IdKind::User, "user"), (IdKind::Group, "group")] {
        if root(config, kind).is_none() {
            errors.push(Failure::new(format!("'lxc.idmap' does not map {name} 0: the container would have no root")));
        }
    }
    if !born {
        plan.clone.0 |= Namespaces::USER;
    }
    let file = |kind: IdKind, file: &str| {
        let lines: Vec<String> = (config.idmap.iter().map(|m| &m.value))
            .filter(|m| m.kind == kind)
            .map(|m| format!("{} {} {}\n", m.inside, m.outside, m.count))
            .collect();
        let value = operand(&lines.concat());
        let origin = config.idmap.first().map(|m| m.origin).unwrap_or_default();
        Planned::must(Step::WriteChildFile { file: operand(file), value }).from(origin)
    };
    // The child has no right any more to lower its own score for the OOM killer, say.
    let proc = config.proc.iter().map(|At { value: (file, value), origin }| {
        Planned::must(Step::WriteChildFile { file: operand(file), value: operand(value) }).from(*origin)
    });
    let maps = [file(IdKind::Group, "gid_map"), file(IdKind::User, "uid_map")].into_iter().filter(|_| !born);
    let steps: Vec<Planned> = maps.chain(proc).collect();
    if !steps.is_empty() {
        round(plan, steps);
    }
}

/// The maps of users and of groups as the kernel takes them.
fn maps(config: &Config) -> [String; 2] {
    [IdKind::User, IdKind::Group].map(|kind| {
        let mine = config.idmap.iter().map(|m| &m.value).filter(|m| m.kind == kind);
        mine.map(|m| format!("{} {} {}\n", m.inside, m.outside, m.count)).collect()
    })
}

/// `idmap=`: the mount of a directory of the host as whoever `whose` names sees it, opened outside; the step that mounts it.
pub(super) fn mapped_tree(
    config: &Config,
    whose: &str,
    (source, recursive): (&str, bool),
    at: Place,
    origin: Origin,
    must: bool,
    plan: &mut Plan,
) -> Result<Step, String> {
    let namespace = match whose {
        "container" if config.idmap.is_empty() => {
            return Err("'idmap=container' without lxc.idmap has no ids to show".into());
        }
        "container" => None,
        path => Some(operand(path)),
    };
    let slot = super::next_slot(plan);
    let maps = maps(config).map(|map| operand(&map));
    let step = Step::OpenMappedTree { source: operand(source), recursive, namespace, maps, slot };
    plan.outside.push(Planned { step, must, origin: Some(origin) });
    Ok(Step::AttachTree { slot, at })
}

/// Who root inside is outside.
pub(super) fn root(config: &Config, kind: IdKind) -> Option<u32> {
    outside_id(&config.idmap, kind, 0)
}

/// Whether a group has a meaning inside.
pub(super) fn has_group(config: &Config, gid: u32) -> bool {
    config.idmap.is_empty() || outside_id(&config.idmap, IdKind::Group, gid).is_some()
}

fn outside_id(maps: &[At<IdMap>], kind: IdKind, id: u32) -> Option<u32> {
    let fits = |m: &&IdMap| m.kind == kind && id >= m.inside && id - m.inside < m.count;
    maps.iter().map(|m| &m.value).find(fits).map(|m| m.outside + (id - m.inside))
}

/// A device node: no mknod(2) in a user namespace, so the host's node is bound over a file.
pub(super) fn node(name: &str) -> [Planned; 2] {
    let at = inside(&format!("dev/{name}"));
    [
        Planned::must(Step::MakePath { at: at.clone(), file: true }),
        Planned::must(Step::Bind { from: outside(&format!("/dev/{name}")), at, recursive: false }),
    ]
}
