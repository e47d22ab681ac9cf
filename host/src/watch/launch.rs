//! From a container's name to a child that is being set up: read its file, observe, plan, begin.
use super::container::Definition;
use super::failure;
use super::filters::Filters;
use super::record::Record;
pub use crate::control::protocol::Asked;
use crate::place::{Lock, Place};
use crate::spawn::{self, Starting};
use keel_core::config::{At, Config};
use keel_core::facts::{Facts, Namespaces};
use keel_core::failure::Failure;
use keel_core::plan::{self, Found, Plan};
use keel_core::step::Step;
use std::path::Path;

/// A child on its way.
pub(super) struct Begun {
    /// The child.
    pub starting: Starting,
    /// It has a pid namespace of its own.
    pub own_pid_namespace: bool,
    /// What the plan left out or reads differently.
    pub notes: Vec<String>,
    /// The filters of system calls that it loads.
    pub filters: Filters,
    /// The rules for devices that are a program.
    pub devices: String,
    /// The state file, begun.
    pub announced: Option<std::fs::File>,
}

/// What a container's file says, and what was asked besides.
pub fn define(asked: &Asked) -> Result<Definition, Failure> {
    let file = match &asked.file {
        Some(file) => file.into(),
        None => Path::new(&asked.lxcpath).join(&asked.name).join("config"),
    };
    let (config, warnings) = crate::load::config(&file, &asked.define)?;
    Ok(Definition {
        name: asked.name.clone(),
        lxcpath: asked.lxcpath.clone(),
        config,
        command: asked.command.clone(),
        fail_at: asked.fail_at.clone(),
        inherit: false,
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

/// Become the container's supervisor; none when there is one, or when its first program outlived the last one.
pub fn take(name: &str, lxcpath: &str) -> Result<Option<Lock>, Failure> {
    let place = Place::of(name, lxcpath);
    let lock = place.lock().map_err(|e| failure(format_args!("lock '{}'", place.control().display()), &e.into()))?;
    // Its supervisor was killed: the container is running all the same.
    Ok(lock.filter(|_| crate::standing::take_back(&place)))
}

/// The steps of a start, as things are now. Several mistakes are several lines.
pub fn plan(definition: &Definition) -> Result<Plan, Failure> {
    let look = crate::observe::Look {
        mounts: false,
        capabilities: definition.config.caps != Default::default(),
        android: definition.config.android.on,
        notify: definition.config.seccomp.proxy.is_some(),
    };
    let mut facts = crate::observe::facts(look)?;
    facts.empty_namespace = crate::observe::keeps() && crate::perform::empty::there_is();
    let shared = super::shared::resolve(&definition.config, &definition.lxcpath)?;
    let (of_another, numbered);
    let config = match shared.iter().find(|(kind, ..)| *kind == Namespaces::USER) {
        None => &definition.config,
        Some((_, path, origin)) => {
            if !definition.config.idmap.is_empty() {
                let why = "'lxc.idmap' and 'lxc.namespace.share.user' exclude each other: the maps are another's";
                return Err(Failure::new(why));
            }
            let idmap = super::shared::idmap(path, *origin)?;
            of_another = Config { idmap, ..definition.config.clone() };
            &of_another
        }
    };
    let config = match crate::devices::has_paths(config) {
        false => config,
        true => {
            let mut config = config.clone();
            crate::devices::number_all(&mut config)?;
            numbered = config;
            &numbered
        }
    };
    // Beside process 1 an ordinary user can make nothing.
    if definition.config.cgroup_dir.relative || facts.caller.uid != 0 {
        crate::observe::below_caller(&mut facts);
    }
    let parent = definition.config.cgroup_dir.parent.as_ref().map_or("", |dir| dir.value.as_str());
    let mut binders = String::new();
    if definition.config.android.on {
        let dir = crate::binders::dir(&definition.lxcpath);
        binders = dir.display().to_string();
        facts.binders_taken = crate::binders::taken(&dir);
        // What it has now, its next start can have: a plan is asked for while it runs, too.
        facts.binders_taken.retain(|(_, holder)| *holder != definition.name);
    }
    if definition.config.has_interfaces() {
        crate::observe::network(&mut facts, &definition.config)?;
    }
    let request = plan::Request {
        name: definition.name.clone(),
        lxcpath: definition.lxcpath.clone(),
        cgroup: crate::observe::free_cgroup_name(&definition.name, parent, &facts),
        shared,
        rootfs: definition.config.rootfs.path.as_ref().map_or(Found::Dir, |p| crate::observe::rootfs(&p.value)),
        android: {
            let android = &definition.config.android;
            let found =
                |path: &Option<_>| path.as_ref().map_or(Found::Dir, |p: &At<String>| crate::observe::rootfs(&p.value));
            [found(&android.system), found(&android.data), found(&android.cache)]
        },
        cpuinfo: cpuinfo(&definition.config)?,
        staging: Place::of(&definition.name, &definition.lxcpath).dir().display().to_string(),
        binders,
        command: definition.command.clone(),
        seccomp: seccomp(&definition.config)?,
        fstab: Vec::new(),
        environment: crate::observe::environment(&definition.config),
    };
    let planned = |facts: &Facts| {
        plan::container(config, &request, facts).map_err(|mistakes| {
            let lines: Vec<_> = mistakes.into_iter().map(|m| m.message).collect();
            Failure::new(lines.join("\n"))
        })
    };
    let mut plan = planned(&facts)?;
    // A name that was written stays taken; one by chance is another then.
    for _ in 0..3 {
        if !crate::observe::has_taken_name(&plan) {
            break;
        }
        facts.random = crate::observe::random();
        plan = planned(&facts)?;
    }
    let config = &definition.config;
    if std::process::id() == 1 && (config.log.file.is_some() || config.log.syslog.is_some() || config.monitor.unshare) {
        let what = "'lxc.log.*' and 'lxc.monitor.unshare' are not in force: process 1 supervises all containers in one";
        plan.notes.push(format!("{what} mount namespace, and its messages go to /dev/kmsg"));
    }
    if definition.inherit {
        // What connects 0 to 2 with the console.
        plan.inside.retain(|planned| !matches!(planned.step, Step::NewSession { .. }));
    }
    if let Some(text) = &definition.fail_at {
        plan.fail_at_text(text).map_err(|why| Failure::new(format!("--fail-at: {why}")))?;
    }
    Ok(plan)
}

/// The file of `lxc.seccomp.profile`.
fn seccomp(config: &Config) -> Result<Vec<u8>, Failure> {
    let Some(profile) = &config.seccomp.profile else { return Ok(Vec::new()) };
    named(config, "lxc.seccomp.profile", profile)
}

/// What `keel.android.cpuinfo` adds to.
fn cpuinfo(config: &Config) -> Result<String, Failure> {
    let android = &config.android;
    let bytes = match &android.cpuinfo_file {
        Some(file) if android.on => named(config, "keel.android.cpuinfo", file)?,
        // A kernel without /proc has none.
        None if android.on && !android.cpuinfo.is_empty() => std::fs::read("/proc/cpuinfo").unwrap_or_default(),
        _ => Vec::new(),
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The content of a file that a key names.
fn named(config: &Config, key: &str, file: &At<String>) -> Result<Vec<u8>, Failure> {
    let place = config.files.get(usize::from(file.origin.file)).filter(|_| file.origin.line > 0);
    let at = place.map(|name| format!("{name}:{}: ", file.origin.line)).unwrap_or_default();
    crate::load::bytes(Path::new(&file.value))
        .map_err(|e| Failure::errno(format!("{at}{key}: open '{}'", file.value), e))
}

pub(super) fn begin(definition: &Definition) -> Result<Begun, Failure> {
    let plan = plan(definition)?;
    let all = plan.inside.iter().chain(plan.rounds.iter().flatten());
    let mut devices = all.filter_map(|planned| match &planned.step {
        Step::AttachDeviceProgram { rules, .. } => Some(rules.to_string_lossy().into_owned()),
        _ => None,
    });
    let devices = devices.next().unwrap_or_default();
    let filters = Filters::of_plan(&plan);
    let (own_pid_namespace, notes) = (plan.clone.has(Namespaces::PID), plan.notes.clone());
    let cgroups = plan.outside.iter().filter_map(|planned| match &planned.step {
        Step::MakeCgroup { path } => Some(path.clone()),
        _ => None,
    });
    let record = Record {
        name: definition.name.clone(),
        lxcpath: definition.lxcpath.clone(),
        init: None,
        cgroups: cgroups.collect(),
        left: Vec::new(),
        own_pid_namespace,
        halt_signal: definition.config.signal.halt,
        filters: filters.clone(),
        devices: devices.clone(),
    };
    // Without it the container runs all the same.
    let announced = match record.announce(&Place::of(&definition.name, &definition.lxcpath)) {
        Ok(file) => Some(file),
        Err(cause) => {
            log::warn!("{}: {cause}", definition.name);
            None
        }
    };
    Ok(Begun { starting: spawn::begin(plan)?, own_pid_namespace, notes, filters, devices, announced })
}
