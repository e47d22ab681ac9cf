//! User namespaces: the maps of ids, and what is different for a container whose root is nobody outside.

use super::{Plan, Planned, inside, operand, outside, round};
use crate::config::{At, Config, IdKind, IdMap, Origin};
use crate::facts::{Caller, Facts, Namespaces};
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
    let origin = config.idmap.first().map(|m| m.origin).unwrap_or_default();
    let write = |(file, value): (&str, &str)| {
        Planned::must(Step::WriteChildFile { file: operand(file), value: operand(value) }).from(origin)
    };
    let [users, groups] = maps(config);
    let alone = own_alone(config, facts);
    let steps: Vec<Planned> = match (facts.caller, born) {
        (_, true) => Vec::new(),
        (Caller { uid: 0, .. }, _) => [("gid_map", groups.as_str()), ("uid_map", users.as_str())].map(write).into(),
        _ if alone => {
            [("setgroups", "deny"), ("gid_map", groups.as_str()), ("uid_map", users.as_str())].map(write).into()
        }
        (Caller { id_helpers: true, .. }, _) => [("newgidmap", groups), ("newuidmap", users)]
            .map(|(program, map)| helper(program, &map).from(origin))
            .into(),
        _ => {
            let why = "'lxc.idmap' maps ids that are not the caller's: who is not root needs newuidmap and newgidmap";
            errors.push(Failure::new(format!(
                "{why} (Debian's package uidmap) and ranges in /etc/subuid and /etc/subgid"
            )));
            Vec::new()
        }
    };
    // The child has no right any more to lower its own score for the OOM killer, say.
    let proc = config.proc.iter().map(|At { value: (file, value), origin }| {
        Planned::must(Step::WriteChildFile { file: operand(file), value: operand(value) }).from(*origin)
    });
    let steps: Vec<Planned> = steps.into_iter().chain(proc).collect();
    if !steps.is_empty() {
        round(plan, steps);
    }
}

/// Whether an ordinary user maps nobody but himself, which takes no help (user_namespaces(7)).
pub(super) fn own_alone(config: &Config, facts: &Facts) -> bool {
    let Caller { uid, gid, .. } = facts.caller;
    uid != 0 && maps(config) == [format!("0 {uid} 1\n"), format!("0 {gid} 1\n")]
}

/// newuidmap(1) for the child: it is setuid root, and looks into /etc/subuid whether the caller may.
fn helper(program: &str, map: &str) -> Planned {
    let words = map.split_whitespace().collect::<Vec<_>>().join(" ");
    let argv = ["sh", "-c", &format!("exec {program} \"$LXC_PID\" {words}")].map(operand).into();
    let envp = [operand(&format!("PATH={}", super::PATH))].into();
    Planned::must(Step::RunHook { shells: super::SHELLS.map(operand).into(), argv, envp })
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
