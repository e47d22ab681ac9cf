//! `lxc.mount.auto`, `lxc.mount.fstab` and `lxc.mount.entry`.

use super::{Plan, Planned, Request, ids, inside, mount, operand, outside};
use crate::config::{At, CgroupAccess, CgroupMode, Config, Create, MountEntry, ProcMode, SysMode};
use crate::facts::{Facts, Hierarchy, Namespaces};
use crate::failure::Failure;
use crate::step::{Place, Step, ms};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const SAFE: u64 = ms::NOSUID | ms::NODEV | ms::NOEXEC;

/// /proc and /sys as `lxc.mount.auto` has them.
pub(super) fn automatic(config: &Config, facts: &Facts, plan: &mut Plan) {
    let steps = &mut plan.inside;
    if let Some((host, target)) = &config.mount_shmounts {
        // `/` was made a slave: what is mounted there on the host from now on shows up inside.
        steps.push(Planned::must(Step::MakePath { at: inside(target), file: false }));
        steps.push(Planned::must(Step::Bind { from: outside(host), at: inside(target), recursive: true }));
    }
    let writable = |path: &str| Step::Bind { from: inside(path), at: inside(path), recursive: false };
    let readonly = |path: &str| Step::SetMountFlags { at: inside(path), flags: ms::RDONLY, recursive: false };
    if let Some(mode) = config.mount_auto.proc {
        steps.push(Planned::must(Step::MakeDir { at: inside("proc"), mode: 0o555 }));
        steps.push(Planned::must(mount("proc", inside("proc"), SAFE, "")));
        if mode == ProcMode::Mixed {
            steps.push(Planned::must(writable("proc/sys")));
            // On top of the bind above, so that it stays writable. Missing where there is no network.
            steps.push(Planned::may(writable("proc/sys/net")));
            steps.push(Planned::must(readonly("proc/sys")));
            // Missing on kernels without CONFIG_MAGIC_SYSRQ.
            steps.push(Planned::may(writable("proc/sysrq-trigger")));
            steps.push(Planned::may(readonly("proc/sysrq-trigger")));
        }
    }
    if let Some(mode) = config.mount_auto.sys.filter(|_| facts.filesystems.has("sysfs")) {
        steps.push(Planned::must(Step::MakeDir { at: inside("sys"), mode: 0o555 }));
        // Mounted writable, then this mount alone is made read-only: the superblock may be the host's.
        steps.push(Planned::must(mount("sysfs", inside("sys"), SAFE, "")));
        if mode == SysMode::Mixed {
            steps.push(Planned::may(writable("sys/devices/virtual/net")));
        }
        if mode != SysMode::Rw {
            steps.push(Planned::must(readonly("sys")));
        }
    }
}

/// The lines of fstab and of `lxc.mount.entry`, in order.
pub(super) fn entries(
    config: &Config,
    request: &Request,
    rootfs: Option<&str>,
    plan: &mut Plan,
    errors: &mut Vec<Failure>,
) {
    for At { value: entry, origin } in request.fstab.iter().chain(&config.mount_entry) {
        let Some(target) = target(entry, request, rootfs) else {
            let at = plan.place_of(*origin).map(|p| format!("{p}: ")).unwrap_or_default();
            plan.notes.push(format!("{at}mount on '{}' is left out: it is not below the rootfs", entry.target));
            continue;
        };
        if target.split('/').any(|part| part == "..") {
            let at = plan.place_of(*origin).map(|p| format!("{p}: ")).unwrap_or_default();
            errors.push(Failure::new(format!("{at}mount on '{}': '..' leads out of the rootfs", entry.target)));
            continue;
        }
        let mut steps = entry_steps(entry, &inside(target));
        if let Some(whose) = &entry.options.idmap {
            let bind = steps.iter().position(|step| matches!(step, Step::Bind { from: Place::Host(_), .. }));
            let recursive = entry.options.flags & ms::REC != 0;
            let mapped = match bind {
                None => Err("'idmap=' is for binds of the host's directories".into()),
                Some(bind) => {
                    let source = (entry.source.as_str(), recursive);
                    let must = !entry.options.optional;
                    ids::mapped_tree(config, whose, source, inside(target), *origin, must, plan)
                        .map(|step| steps[bind] = step)
                }
            };
            if let Err(why) = mapped {
                let at = plan.place_of(*origin).map(|p| format!("{p}: ")).unwrap_or_default();
                errors.push(Failure::new(format!("{at}{why}")));
            }
        }
        plan.inside.extend(steps.into_iter().map(|step| Planned {
            step,
            must: !entry.options.optional,
            origin: Some(*origin),
        }));
    }
}

/// Where a mount goes, relative to the rootfs. An absolute target must name the rootfs, as LXC has it since 0.7.
fn target<'a>(entry: &'a MountEntry, request: &Request, rootfs: Option<&str>) -> Option<&'a str> {
    if !entry.target.starts_with('/') {
        return Some(&entry.target);
    }
    let Some(rootfs) = rootfs else { return Some(&entry.target) };
    let below = |root: &str| {
        let (_, rest) = entry.target.split_once(root)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    };
    below(rootfs).or_else(|| below(&format!("{}/{}/rootfs", request.lxcpath, request.name)))
}

/// The calls of one line: make the target, mount, set flags that a bind ignores, propagation.
fn entry_steps(entry: &MountEntry, at: &Place) -> Vec<Step> {
    let options = &entry.options;
    let mut steps = Vec::new();
    if let Some(create) = options.create {
        steps.push(Step::MakePath { at: at.clone(), file: create == Create::File });
    }
    // `none` with propagation alone changes a mount that is there.
    let only_propagation = !options.propagation.is_empty()
        && options.flags & ms::BIND == 0
        && matches!(entry.fstype.as_str(), "none" | "")
        && entry.source == "none";
    if options.flags & ms::BIND != 0 {
        let from = if options.relative { inside(&entry.source) } else { outside(&entry.source) };
        let recursive = options.flags & ms::REC != 0;
        steps.push(Step::Bind { from, at: at.clone(), recursive });
        let flags = options.flags & !(ms::BIND | ms::REC);
        if flags != 0 {
            steps.push(Step::SetMountFlags { at: at.clone(), flags, recursive });
        }
    } else if options.flags & ms::REMOUNT != 0 {
        let flags = options.flags & !ms::REMOUNT;
        steps.push(Step::SetMountFlags { at: at.clone(), flags, recursive: false });
    } else if !only_propagation {
        steps.push(Step::Mount {
            source: operand(&entry.source),
            at: at.clone(),
            fstype: operand(&entry.fstype),
            flags: options.flags,
            data: operand(&options.data),
        });
    }
    steps.extend(options.propagation.iter().map(|flags| Step::SetPropagation { at: at.clone(), flags: *flags }));
    steps
}

/// Cgroups inside, when `lxc.mount.auto` asks for them.
///
/// In a cgroup namespace the container mounts what it wants by itself, so LXC mounts version 1 only when forced; version 2
/// alone is always mounted.
pub(super) fn cgroups(config: &Config, facts: &Facts, wanted: u32, dirs: &[(usize, String)], plan: &mut Plan) {
    let Some(mode) = config.mount_auto.cgroup else { return };
    let namespace = wanted & Namespaces::CGROUP != 0;
    let hierarchies: Vec<_> = dirs.iter().filter_map(|(i, dir)| Some((facts.hierarchies.get(*i)?, dir))).collect();
    let only_v2 = hierarchies.iter().all(|(h, _)| h.version == 2) && !hierarchies.is_empty();
    let flags = if mode.access == CgroupAccess::Ro { SAFE | ms::RDONLY } else { SAFE };
    let root = "sys/fs/cgroup";
    if only_v2 {
        match namespace {
            true => {
                plan.inside.push(Planned::may(mount("cgroup2", inside(root), flags & !ms::RDONLY, "")));
                if mode.access == CgroupAccess::Ro {
                    plan.inside.push(Planned::may(Step::SetMountFlags { at: inside(root), flags, recursive: false }));
                }
            }
            false => plan.inside.extend(hierarchy(hierarchies[0], root, mode, flags)),
        }
        return;
    }
    if (namespace && !mode.force) || hierarchies.is_empty() {
        return;
    }
    plan.inside.push(Planned::must(mount("tmpfs", inside(root), SAFE, "size=100k,mode=755")));
    for (of, dir) in hierarchies {
        let name = match of.version {
            2 => "unified".into(),
            _ => of.controllers.join(",").replace("name=", ""),
        };
        let at = format!("{root}/{name}");
        plan.inside.push(Planned::may(Step::MakeDir { at: inside(&at), mode: 0o755 }));
        plan.inside.extend(hierarchy((of, dir), &at, mode, flags));
    }
}

/// The container's directory of a hierarchy, or the whole of it, in which only that directory is the container's to write to.
fn hierarchy((of, dir): (&Hierarchy, &String), at: &str, mode: CgroupMode, flags: u64) -> Vec<Planned> {
    let bind = |from: &str, at: &str| Step::Bind { from: outside(from), at: inside(at), recursive: false };
    let seal = |flags: u64| Step::SetMountFlags { at: inside(at), flags, recursive: false };
    if !mode.full {
        return [bind(dir, at), seal(flags)].map(Planned::may).into();
    }
    let mut steps = Vec::from([Planned::may(bind(&of.mountpoint, at))]);
    if mode.access == CgroupAccess::Mixed {
        let own = dir.strip_prefix(&of.mountpoint).unwrap_or_default();
        steps.push(Planned::must(bind(dir, &format!("{at}{own}"))));
        steps.push(Planned::must(seal(flags | ms::RDONLY)));
    } else {
        steps.push(Planned::must(seal(flags)));
    }
    steps
}
