//! How a container starts: the order of it all.
//!
//! Outside: cgroups and their limits. Then one clone with all namespaces. Inside: join the cgroups, take the rootfs, mount,
//! make devices and terminals, change the root, give up rights, become the first program. The order is that of LXC 6
//! (`lxc_setup`), since what a configuration means depends on it.

use super::{
    Plan, Planned, android, apart, cgroup, dev, elsewhere, hooks, ids, inside, mounts, net, operand, outside, rights,
    rootfs, round,
};
use crate::config::{At, Config, ConsolePath, Hook, Limit, MountEntry, NetKind, Origin, Personality};
use crate::facts::{Facts, Namespaces};
use crate::failure::Failure;
use crate::step::net::NetStep;
use crate::step::{Step, ms};
use alloc::ffi::CString;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// What a start is told besides the configuration.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Name of the container.
    pub name: String,
    /// Where the container's directory is, without its name.
    pub lxcpath: String,
    /// Name of its directory in each cgroup hierarchy; empty: `lxc.payload.NAME`.
    pub cgroup: String,
    /// Namespaces that are somebody else's: kind, file to open, and the line that asked for it.
    pub shared: Vec<(u32, String, Origin)>,
    /// What is at the path of the rootfs.
    pub rootfs: rootfs::Found,
    /// What is at `keel.android.system`, `.data` and `.cache`.
    pub android: [rootfs::Found; 3],
    /// What `keel.android.cpuinfo` adds to: the text of its file, or of the host's /proc/cpuinfo; read by the caller.
    pub cpuinfo: String,
    /// A directory that an overlay or an image is mounted on, in the container's mount namespace only.
    pub staging: String,
    /// Where the locks of the host's binder devices are.
    pub binders: String,
    /// A program to run instead of the configured one, with its arguments.
    pub command: Vec<String>,
    /// The file of `lxc.seccomp.profile`, read by the caller.
    pub seccomp: Vec<u8>,
    /// The lines of `lxc.mount.fstab`, read by the caller.
    pub fstab: Vec<At<MountEntry>>,
    /// Values of the caller's environment, for `lxc.environment = NAME`.
    pub environment: Rc<[(String, String)]>,
}

/// Plans the start of a container, or says everything that keeps it from being planned.
pub fn container(config: &Config, request: &Request, facts: &Facts) -> Result<Plan, Vec<Failure>> {
    let mut errors = Vec::new();
    let mut plan = Plan { files: config.files.clone(), ..Plan::default() };

    let wanted = namespaces(config, facts, &mut plan, &mut errors);
    plan.clone = Namespaces(wanted & !(Namespaces::CGROUP | Namespaces::TIME));
    let settled;
    let config = match config.android.on {
        true => {
            settled = android::settle(config, facts, wanted, &mut errors);
            plan.notes.extend(android::notes(&settled, facts, wanted));
            &settled
        }
        false => config,
    };
    let guest;
    let config = match elsewhere::mounts(request) {
        Some(_) => {
            guest = elsewhere::settle(config, &mut plan);
            &guest
        }
        None => config,
    };
    plan.outside.extend(hooks::hooks(config, request, Hook::PreStart, &[]));
    let mapped = !config.idmap.is_empty();
    let cgroups = cgroup::plan(config, request, facts, &mut plan, &mut errors);
    if config.android.on {
        android::groups(facts, wanted, &cgroups.dirs, &mut plan);
    }
    rootfs::pin(config, request, &mut plan);
    let place = rootfs::place(config, request);
    let rootfs = place.as_deref();
    let autodev = rootfs.is_some() && config.autodev.unwrap_or(config.dialect.autodev());

    // A namespace that is kept or shared has its interfaces already.
    let network = match plan.clone.has(Namespaces::NET) || !facts.namespaces.has(Namespaces::NET) {
        true => net::plan(config, request, facts, &plan, &mut errors),
        false => Vec::new(),
    };
    let interfaces = !network.is_empty();
    if interfaces && !mapped {
        // Made by the parent, so that everything in it is there before the child.
        plan.clone.0 &= !Namespaces::NET;
        plan.outside.push(Planned::must(Step::Net(NetStep::MakeNamespace)));
        plan.outside.extend(network.iter().cloned());
        plan.inside.push(Planned::must(Step::Net(NetStep::EnterNamespace)));
    }
    plan.inside.extend(cgroups.join);
    elsewhere::join(request, &mut plan);
    let label = rights::label(config, request, facts, &mut plan, &mut errors);
    // An Android's encrypted /data has its keys in the session keyring of its init: with one of its own a container could not read
    // what it is on.
    if config.keyring_session.unwrap_or(!facts.android_host) {
        // ENOSYS without CONFIG_KEYS.
        plan.inside.push(Planned::may(Step::NewKeyring));
    }
    if mapped {
        ids::write_maps(config, elsewhere::has(request, Namespaces::USER), facts, &mut plan, &mut errors);
    }
    if mapped && interfaces {
        // The child's own, so that its user namespace has the rights over it.
        let take = Planned::must(Step::Net(NetStep::TakeNamespace));
        round(&mut plan, core::iter::once(take).chain(network).collect());
    }
    if wanted & Namespaces::TIME != 0 {
        let crate::config::TimeOffsets { boot, monotonic } = config.time;
        // Of seconds and nanoseconds, the latter not negative (time_namespaces(7)).
        let line =
            |clock, ns: i64| format!("{clock} {} {}\n", ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000));
        let offsets = operand(&format!("{}{}", line("monotonic", monotonic), line("boottime", boot)));
        plan.inside.push(Planned::must(Step::EnterTime { offsets }));
    }
    if wanted & Namespaces::CGROUP != 0 && !cgroups.dirs.is_empty() {
        plan.inside.push(Planned::may(Step::UnshareCgroup));
    }
    if elsewhere::mounts(request).is_none() {
        plan.inside.push(Planned::must(Step::SetPropagation { at: outside("/"), flags: ms::SLAVE | ms::REC }));
    }
    plan.inside.extend(hooks::hooks(config, request, Hook::PreMount, &[]));
    if plan.clone.has(Namespaces::UTS)
        && let Some(name) = &config.uts_name
    {
        plan.inside.push(Planned::must(Step::SetHostname { name: operand(name) }));
    }
    if (plan.clone.has(Namespaces::NET) || interfaces) && config.net.iter().any(|n| n.kind.value == NetKind::Empty) {
        plan.inside.push(Planned::may(Step::LoopbackUp));
    }
    // The container's own procfs is not there yet, but the host's has the child, too.
    plan.inside.extend(config.proc.iter().filter(|_| !mapped).map(|At { value: (file, value), origin }| {
        let path = operand(&format!("/proc/self/{file}"));
        Planned::must(Step::WriteFile { path, value: operand(value) }).from(*origin)
    }));
    plan.inside.extend(elsewhere::mounts(request));
    rootfs::take(config, request, facts, &mut plan, &mut errors);
    if mapped {
        // Only now: the directories above the rootfs may be closed to who root inside is outside.
        plan.inside.push(Planned::must(Step::BecomeRoot { keep_groups: ids::own_alone(config, facts) }));
    }
    if autodev {
        plan.inside.extend(dev::tmpfs(config));
    }
    if config.android.on {
        android::fill(config, request, facts, &mut plan, &mut errors);
        android::mounted(facts, &cgroups.dirs, &mut plan);
    }
    mounts::automatic(config, facts, &mut plan);
    mounts::entries(config, request, rootfs, &mut plan, &mut errors);
    mounts::cgroups(config, facts, wanted, &cgroups.dirs, &mut plan);
    plan.inside.extend(hooks::hooks(config, request, Hook::Mount, &[]));
    if autodev {
        plan.inside.extend(hooks::hooks(config, request, Hook::Autodev, &[]));
        plan.inside.extend(dev::nodes(config, facts));
    }
    let terminals = dev::terminals(config, autodev, rootfs.is_some(), &mut plan);
    if rootfs.is_some() {
        rootfs::seal(config, &mut plan);
        let step = if facts.root_is_initramfs() { Step::MoveRoot } else { Step::PivotRoot };
        plan.inside.push(Planned::must(step));
        plan.inside.push(Planned::must(Step::SetPropagation { at: outside("/"), flags: ms::SHARED | ms::REC }));
    }
    plan.inside.extend(config.sysctl.iter().map(|At { value: (file, value), origin }| {
        let at = inside(&format!("proc/sys/{file}"));
        Planned::must(Step::WriteProc { at, value: operand(value) }).from(*origin)
    }));
    let mut late = cgroups.late;
    if mapped {
        // As a higher limit is, the rules are the host's to make: the child has no rights outside of its user namespace.
        late.extend(limits(config));
        if !late.is_empty() {
            round(&mut plan, late);
        }
    } else {
        plan.inside.extend(late);
    }
    hooks::start_host(config, request, &mut plan);
    let last = become_init(config, request, facts, (terminals, label), &mut plan.notes, &mut errors);
    if let Some(Step::Supervise { proxy: Some(proxy), .. }) =
        last.iter().map(|p| &p.step).find(|s| matches!(s, Step::Supervise { .. }))
    {
        // Behind the hooks that may have started it.
        let origin = config.seccomp.proxy.as_ref().map(|p| p.origin).unwrap_or_default();
        plan.outside.push(Planned::must(Step::Reach { path: operand(&proxy.path) }).from(origin));
    }
    plan.inside.extend(last);
    apart::go(&mut plan, facts);

    if errors.is_empty() { Ok(plan) } else { Err(errors) }
}

/// The namespaces that are wanted and that the kernel has. What is lost without one is said.
fn namespaces(config: &Config, facts: &Facts, plan: &mut Plan, errors: &mut Vec<Failure>) -> u32 {
    let mut wanted = Namespaces::MNT | Namespaces::PID | Namespaces::UTS | Namespaces::IPC | Namespaces::CGROUP;
    // LXC up to 0.9 shared the host's network where no network was named; since 1.0 it is an empty one.
    let shared = match config.net.is_empty() {
        true => config.dialect.host_network() && !config.net_cleared,
        false => config.net.iter().all(|n| n.kind.value == NetKind::None),
    };
    if !shared {
        wanted |= Namespaces::NET;
    }
    if config.time != crate::config::TimeOffsets::default() {
        wanted |= Namespaces::TIME;
        if !facts.namespaces.has(Namespaces::TIME) {
            let why =
                "'lxc.time.offset' needs time namespaces, which the kernel does not have (CONFIG_TIME_NS, Linux 5.6)";
            errors.push(Failure::new(why));
        }
    }
    let keys = &config.namespace;
    let all = wanted | Namespaces::NET;
    match (&keys.clone, &keys.keep) {
        // Nothing can be mounted for a container without a mount namespace of its own.
        (Some(only), _) => wanted = only.value & !Namespaces::USER | Namespaces::MNT | wanted & Namespaces::TIME,
        (None, Some(kept)) => wanted = all & !kept.value | Namespaces::MNT,
        (None, None) => (),
    }
    wanted &= !keys.share.iter().fold(0, |all, share| all | share.value.0);
    for (name, flag) in Namespaces::NAMES {
        if wanted & flag == 0 || facts.namespaces.has(flag) {
            continue;
        }
        wanted &= !flag;
        let lost = match flag {
            Namespaces::MNT => {
                errors
                    .push(Failure::new("the kernel has no mount namespaces (CONFIG_NAMESPACES): no container can run"));
                continue;
            }
            Namespaces::UTS => "the container has the host's name",
            Namespaces::IPC => "the container shares the host's message queues and shared memory",
            // Root's way to another's root is /proc/PID/root; an init is process 1 for most that there are.
            Namespaces::PID => {
                "the container sees the host's processes, can signal them and reaches their files, and its first program is not \
                 process 1, without which busybox's init and systemd do not begin"
            }
            Namespaces::NET => "the container shares the host's network",
            // Older than the cgroup file systems' own masks; nothing that a user would miss is lost.
            _ => continue,
        };
        plan.notes.push(format!("the kernel has no {name} namespaces: {lost}"));
    }
    wanted
}

fn limits(config: &Config) -> impl Iterator<Item = Planned> {
    config.limits.iter().map(|At { value: Limit { resource, soft, hard }, origin }| {
        Planned::must(Step::SetLimit { resource: *resource, soft: *soft, hard: *hard }).from(*origin)
    })
}

/// The last steps: from the new root to the first program.
fn become_init(
    config: &Config,
    request: &Request,
    facts: &Facts,
    (terminals, label): (u32, Option<Planned>),
    notes: &mut Vec<String>,
    errors: &mut Vec<Failure>,
) -> Vec<Planned> {
    let mut steps = Vec::new();
    if let Some(arch) = config.arch {
        // PER_LINUX and PER_LINUX32 (include/uapi/linux/personality.h).
        let persona = if arch == Personality::Linux32 { 8 } else { 0 };
        steps.push(Planned::must(Step::SetPersonality { persona }));
    }
    if config.idmap.is_empty() {
        steps.extend(limits(config));
    }
    steps.push(Planned::must(Step::ResetProcess));
    if config.android.on {
        // When nobody reads the pipes of its logs any more: writing fails then, and nobody dies of it.
        steps.push(Planned::must(Step::IgnorePipes));
    }
    let console = config.console.path != ConsolePath::None;
    steps.push(Planned::must(Step::NewSession { console }));
    steps.push(Planned::must(Step::ChangeDir { path: operand(config.init.cwd.as_deref().unwrap_or("/")) }));
    if config.sched_core {
        steps.push(Planned::must(Step::IsolateCore));
    }
    let asking = rights::give_up(config, request, facts, label, &mut steps, notes, errors);
    steps.extend(hooks::hooks(config, request, Hook::Start, &[]));
    steps.extend(asking);
    if config.android.on {
        // Behind the hooks: whoever answers calls does so from the exec on.
        steps.extend(android::filter(config, facts));
    }
    let init = &config.init;
    if init.uid != 0 || init.gid != 0 || !init.groups.is_empty() {
        steps.push(Planned::must(Step::SetIds { uid: init.uid, gid: init.gid, groups: init.groups.clone() }));
    }
    if let Some(signal) = config.monitor.pdeath.filter(|signal| *signal != 0) {
        // After the ids: a change of them clears it.
        steps.push(Planned::must(Step::SetParentDeathSignal { signal }));
    }
    let environment = environment(config, request, terminals, errors);
    let words = if !request.command.is_empty() { &request.command } else { &config.init.cmd };
    let argv: Vec<CString> = match words.is_empty() {
        true => vec![operand("/sbin/init")],
        false => words.iter().map(|w| operand(w)).collect(),
    };
    let paths = paths(&argv[0], &environment);
    let envp = environment.iter().map(|(name, value)| operand(&format!("{name}={value}"))).collect();
    steps.push(Planned::must(Step::Exec { paths, argv, envp }));
    steps
}

/// The first program's environment: `container=lxc`, the ttys, and what is configured; nothing of the caller's.
fn environment(config: &Config, request: &Request, terminals: u32, errors: &mut Vec<Failure>) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = vec![("container".into(), "lxc".into())];
    if terminals > 0 {
        let names: Vec<String> = (0..terminals).map(|n| format!("pts/{n}")).collect();
        all.push(("container_ttys".into(), names.join(" ")));
    }
    for At { value: (name, value), .. } in config.environment.iter().chain(&config.environment_runtime) {
        let inherited = || request.environment.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        match value.clone().or_else(inherited) {
            Some(value) => {
                all.retain(|(n, _)| n != name);
                all.push((name.clone(), value));
            }
            None => {
                errors.push(Failure::new(format!("'lxc.environment = {name}' takes the caller's '{name}': ENOENT")))
            }
        }
    }
    all
}

/// Where a program is looked for: itself when it has a slash, else in PATH as it is inside.
fn paths(program: &CString, environment: &[(String, String)]) -> Vec<CString> {
    let name = program.to_string_lossy();
    if name.contains('/') {
        return vec![program.clone()];
    }
    let path = environment.iter().find(|(n, _)| n == "PATH").map(|(_, v)| v.to_string());
    let path = path.unwrap_or_else(|| super::PATH.into());
    path.split(':').filter(|d| !d.is_empty()).map(|dir| operand(&format!("{dir}/{name}"))).collect()
}
