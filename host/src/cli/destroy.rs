//! `keel destroy`, `lxc-destroy`: removes a container and its files.
//!
//! Refuses a container that runs (unless `-f`), one that others were cloned from, and one with something mounted below
//! its directory. Nothing outside of LXCPATH/NAME is touched, whatever the configuration says.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::Path;

use keel_core::commands::Opt;
use keel_core::config::RootfsKind;
use keel_core::config::{Config, Hook};
use keel_core::facts::mountinfo;
use keel_core::failure::Failure;
use keel_core::plan;
use keel_core::step::Step;

use super::out::print;
use super::{Answer, Call};
use crate::copy;
use crate::fault::{Result, at, say};
use crate::load;
use crate::perform::hook::Program;
use crate::remove;
use crate::store::{Name, Store};

/// Removes it.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    call.args.no_more()?;
    let store = call.store()?;
    let dir = store.dir(&name);
    if !store.is_defined(&name) {
        return Err(Failure::new("container is not defined").into());
    }
    super::state::stop_for_removal(call, &store, &name)?;
    refuse_parents(&dir, call.args.has(Opt::Snapshots))?;
    refuse_mounts(&dir)?;
    // A configuration that can't be read has no hooks and no rootfs elsewhere: it can still be removed.
    let config = load::config(&store.config(&name), &[]).ok().map(|(config, _)| config);
    let kept = config.as_ref().and_then(|config| rootfs_elsewhere(config, &dir));
    if let Some(config) = &config {
        // Also where `-f` is given: what nobody else has is not taken away by a habit.
        if kept.is_none() && config.rootfs.path.is_some() && config.rootfs_managed == Some(false) {
            return Err(Failure::new(format!(
                "its rootfs below '{}' is not to be removed (lxc.rootfs.managed = 0) [move it away first]",
                dir.display()
            ))
            .into());
        }
        run_hooks(config, &store, &name)?;
    }

    let parents = fs::read_to_string(dir.join(copy::PARENTS)).unwrap_or_default();
    // First: when its directory is gone, another of its name may be made.
    copy::disown(&parents, store.lxcpath(), &name);
    if let Err(cause) = remove_dir(&store, &name) {
        copy::children(&parents, &store, &name)?;
        return Err(cause.into());
    }
    // ENOENT: it was no Android, or never ran.
    let _ = fs::remove_file(crate::place::Place::of(name.as_str(), &store.lxcpath().display().to_string()).logs());
    if let Some(kept) = kept
        && !call.args.has(Opt::Quiet)
    {
        print(&format!("{name}: rootfs '{kept}' is not below '{}' and is left alone\n", dir.display()))?;
    }
    Ok(0)
}

/// Removes its directory and all below it.
pub fn remove_dir(store: &Store, name: &Name) -> Result<()> {
    let dir = store.dir(name);
    let parent = File::open(store.lxcpath()).map_err(|e| at("open", store.lxcpath(), e))?;
    remove::tree(parent.as_fd(), name.as_str(), Some("config")).map_err(|(below, errno)| {
        let path = if below == name.as_str() { dir.clone() } else { dir.join(below) };
        at("remove", path, errno)
    })
}

/// `lxc.hook.destroy`: the first that fails ends it, and nothing is removed.
fn run_hooks(config: &Config, store: &Store, name: &Name) -> Result<()> {
    let request = plan::Request {
        name: name.as_str().to_owned(),
        lxcpath: store.lxcpath().display().to_string(),
        environment: crate::observe::environment(config),
        ..plan::Request::default()
    };
    for planned in plan::hooks(config, &request, Hook::Destroy, &[]) {
        let Step::RunHook { shells, argv, envp } = &planned.step else { continue };
        Program::new(shells, argv, envp).run().map_err(|errno| Failure::errno(&planned.step, errno))?;
    }
    Ok(())
}

/// Clones need its files; snapshots are its own, and go with it when that is asked for. LXC notes in these files who was made from this container's files.
fn refuse_parents(dir: &Path, with_snapshots: bool) -> Result<()> {
    let filled = |file: &str| fs::metadata(dir.join(file)).is_ok_and(|meta| meta.len() > 0);
    if filled(copy::CHILDREN) {
        return say(format!("has clones, see '{}'", dir.join(copy::CHILDREN).display()));
    }
    let snaps = fs::read_dir(dir.join("snaps")).is_ok_and(|mut entries| entries.next().is_some());
    if snaps && !with_snapshots { say("has snapshots [-s removes them too]") } else { Ok(()) }
}

/// What is mounted would lose its files, or be EBUSY in the middle of it all.
fn refuse_mounts(dir: &Path) -> Result<()> {
    let real = fs::canonicalize(dir).map_err(|e| at("open", dir, e))?;
    // Without /proc nothing can be known; the removal itself enters no mount.
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mountinfo(&String::from_utf8_lossy(&text));
    match mounts.iter().find(|mount| Path::new(&mount.target).starts_with(&real)) {
        Some(mount) => say(format!("'{}' is mounted [umount it first]", mount.target)),
        None => Ok(()),
    }
}

/// The rootfs, when it is a path that does not go with the container's directory.
fn rootfs_elsewhere(config: &Config, dir: &Path) -> Option<String> {
    let rootfs = &config.rootfs;
    let mut path = rootfs.path.as_ref()?.value.clone();
    if rootfs.kind == RootfsKind::Overlay {
        // The lower directories are others' in any case.
        path = path.rsplit(':').next()?.to_owned();
    }
    (!Path::new(&path).starts_with(dir)).then_some(path)
}
