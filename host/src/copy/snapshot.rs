//! States of a container that are kept: copies in the directory `snaps` below its own, `snap0` and so on, each with the
//! time in `ts` and perhaps a `comment`, as LXC has them.

use super::{Wish, copy, files, refuse_mounts, spelled, text};
use crate::create::Draft;
use crate::fault::{Result, at, say};
use crate::load::Files;
use crate::remove;
use crate::rewrite;
use crate::storage::IMAGE;
use crate::store::{Name, Store};
use keel_core::config::RootfsKind;
use keel_core::config::lxc::{edit, parse};
use keel_core::failure::Failure;
use keel_core::sorted;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

/// The snapshots of a container.
#[derive(Debug)]
pub struct Snapshots<'a> {
    store: &'a Store,
    name: &'a Name,
    /// Their directory, which is an lxcpath of its own.
    pub snaps: Store,
}

/// One of them.
#[derive(Debug)]
pub struct Snapshot {
    /// `snap0`.
    pub name: Name,
    /// When it was made; empty: nobody knows.
    pub time: String,
    /// What was said about it.
    pub comment: Option<String>,
}

impl<'a> Snapshots<'a> {
    /// Those of a container.
    pub fn of(store: &'a Store, name: &'a Name) -> Result<Snapshots<'a>> {
        let path = store.dir(name).join("snaps");
        let snaps = Store::open(path.to_str())?;
        Ok(Snapshots { store, name, snaps })
    }

    /// All, in the order of their numbers.
    pub fn list(&self) -> Result<Vec<Snapshot>> {
        let mut names = self.snaps.names()?;
        sorted::by_key(&mut names, |name| (number(name).unwrap_or(u32::MAX), name.clone()));
        let read = |name: &Name, file: &str| fs::read_to_string(self.snaps.dir(name).join(file)).ok();
        let one = |name: Name| Snapshot {
            time: read(&name, "ts").unwrap_or_default().trim().to_owned(),
            comment: read(&name, "comment"),
            name,
        };
        Ok(names.into_iter().map(one).collect())
    }

    /// Keeps the state of now; its name.
    pub fn make(&self, comment: Option<&Path>, interrupted: &dyn Fn() -> bool) -> Result<Name> {
        let comment = match comment {
            Some(path) => Some(fs::read(path).map_err(|e| at("read", path, e))?),
            None => None,
        };
        let taken = self.snaps.names()?;
        let next = (0..).map(|n| format!("snap{n}")).find(|free| !taken.iter().any(|name| name.as_str() == free));
        let name = Name::new(&next.unwrap_or_default())?;
        let wish = Wish {
            from: self.store,
            source: self.name,
            to: &self.snaps,
            name: &name,
            keep_name: true,
            keep_mac: true,
            linked: false,
            backing: None,
            sized: false,
            dirs: Vec::new(),
            more: Vec::new(),
            arguments: Vec::new(),
        };
        copy(&wish, interrupted)?;
        let dir = self.snaps.dir(&name);
        let write =
            |file: &str, bytes: &[u8]| fs::write(dir.join(file), bytes).map_err(|e| at("write", dir.join(file), e));
        write("ts", crate::sys::clock::local_time().as_bytes())?;
        if let Some(bytes) = comment {
            write("comment", &bytes)?;
        }
        Ok(name)
    }

    /// Removes one.
    pub fn remove(&self, name: &Name) -> Result<()> {
        self.must_be(name)?;
        let dir = self.snaps.dir(name);
        refuse_mounts(&dir)?;
        let parents = fs::read_to_string(dir.join(super::PARENTS)).unwrap_or_default();
        let parent = files::open(self.snaps.lxcpath())?;
        remove::tree(parent.as_fd(), name.as_str(), Some("config"))
            .map_err(|(below, errno)| at("remove", dir.join(below), errno))?;
        super::disown(&parents, self.snaps.lxcpath(), name);
        // The last one takes the directory along.
        let _ = fs::remove_dir(self.snaps.lxcpath());
        Ok(())
    }

    /// Goes back to one: its root file system and its configuration take the place of the container's.
    pub fn restore(&self, name: &Name, interrupted: &dyn Fn() -> bool) -> Result<()> {
        self.must_be(name)?;
        let (from, to) = (self.snaps.dir(name), self.store.dir(self.name));
        let (_, kept) = rewrite::read(&self.snaps.config(name))?;
        let (config, _) = parse("", kept.as_bytes(), &mut Files);
        let mut wanted = text::moved(&kept, &from, &to);
        let inside = |path: &str| Path::new(path).strip_prefix(&from).ok().map(Path::to_owned);
        // The part of the storage that is the snapshot's own.
        let part = match (&config.rootfs.path, &config.rootfs.kind) {
            (None, _) => None,
            (Some(path), RootfsKind::Overlay) => inside(path.value.rsplit(':').next().unwrap_or_default()),
            (Some(path), _) => inside(&path.value),
        };
        if let (Some(path), RootfsKind::Dir) = (&config.rootfs.path, &config.rootfs.kind) {
            let moved = text::replaced(&path.value, &from.display().to_string(), &to.display().to_string());
            let path = spelled(&format!("dir:{moved}"), config.dialect);
            wanted = edit::set(&wanted, "lxc.rootfs.path", &path).map_err(|e| Failure::new(e.to_string()))?;
        }
        let Some(part) = part else { return say(format!("snapshot '{name}' has no storage of its own")) };
        let (source, target) = (from.join(&part), to.join(&part));
        let parent = target.parent().unwrap_or(&to);
        fs::create_dir_all(parent).map_err(|e| at("mkdir", parent, e))?;
        if target.exists() {
            refuse_mounts(&target)?;
        }
        // An image is copied beside its place, in a directory of its own.
        let draft = Draft::begin(parent, "restored", 0o755)?;
        let is_dir = source.is_dir();
        if is_dir {
            files::tree(files::open(&source)?.as_fd(), draft.tree.top(), &source, interrupted)?;
        } else {
            files::image(&source, draft.tree.top())?;
        }
        // From here on, what fails leaves the old state under this name.
        let old = parent.join(format!("{}-old-{}", crate::store::OWN_PREFIX, std::process::id()));
        let had = match fs::rename(&target, &old) {
            Ok(()) => true,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => false,
            Err(e) => return Err(at("rename", &target, e)),
        };
        if is_dir {
            draft.place(&target)?.keep();
        } else {
            let made = parent.join(draft.name()).join(IMAGE);
            fs::rename(&made, &target).map_err(|e| at("rename to", &target, e))?;
        }
        rewrite::replace(&self.store.config(self.name), &wanted)?;
        if had && !is_dir {
            fs::remove_file(&old).map_err(|e| at("unlink", &old, e))?;
        } else if had {
            let name = old.file_name().unwrap_or_default().to_string_lossy().into_owned();
            remove::tree(files::open(parent)?.as_fd(), &name, None)
                .map_err(|(below, errno)| at("remove", old.join(below), errno))?;
        }
        Ok(())
    }

    /// Makes a container from one.
    pub fn copy_to(&self, name: &Name, new: &Name, interrupted: &dyn Fn() -> bool) -> Result<()> {
        self.must_be(name)?;
        copy(
            &Wish {
                from: &self.snaps,
                source: name,
                to: self.store,
                name: new,
                keep_name: false,
                keep_mac: false,
                linked: false,
                backing: None,
                sized: false,
                dirs: Vec::new(),
                more: Vec::new(),
                arguments: Vec::new(),
            },
            interrupted,
        )
    }

    fn must_be(&self, name: &Name) -> Result<()> {
        if self.snaps.is_defined(name) {
            return Ok(());
        }
        let names = self.snaps.names()?;
        let hint = keel_core::nearest::hint(name.as_str(), names.iter().map(Name::as_str));
        say(format!("no snapshot '{name}'{hint}"))
    }
}

/// Of `snap7`: 7.
fn number(name: &Name) -> Option<u32> {
    name.as_str().strip_prefix("snap")?.parse().ok()
}
