//! Copies a container: its root file system, its configuration with paths and names adapted, the hooks in its directory.
//!
//! Built under a name that no container can have and renamed when it is whole, as `create` does. Refuses what is mounted
//! below a root file system (it would be copied as well, /proc and all) and storage that is neither a directory, an
//! overlay nor an image file.

pub mod files;
mod hooks;
pub mod snapshot;
mod text;

use crate::create::{Draft, Tree};
use crate::fault::{Result, at, say};
use crate::load::Files;
use crate::rewrite;
use crate::storage::{Backing, DELTA, IMAGE, Mounted, make_image};
use crate::store::{Name, Store};
use keel_core::config::lxc::parse;
use keel_core::config::{Config, Dialect, RootfsKind};
use keel_core::facts::mountinfo;
use keel_core::failure::Failure;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Who was copied from a container without files of its own: two lines for each, lxcpath and name.
pub const CHILDREN: &str = "lxc_snapshots";
/// Of whom a container has no files of its own: two lines for each.
pub const PARENTS: &str = "lxc_rdepends";

/// What is to be copied.
#[derive(Debug)]
pub struct Wish<'a> {
    /// Where the original is.
    pub from: &'a Store,
    /// Its name.
    pub source: &'a Name,
    /// Where the copy goes.
    pub to: &'a Store,
    /// Its name.
    pub name: &'a Name,
    /// Leave the host name.
    pub keep_name: bool,
    /// Leave the hardware addresses.
    pub keep_mac: bool,
    /// Only what differs is the copy's own: an overlay.
    pub linked: bool,
    /// On what it is to be kept; none: as the original.
    pub backing: Option<Backing>,
    /// The size of its image was asked for: an image is then not copied as it is.
    pub sized: bool,
    /// Further directories of the copy's own, by name.
    pub dirs: Vec<String>,
    /// Lines that the copy's configuration gets besides: keys and values.
    pub more: Vec<(String, String)>,
    /// Arguments for its lxc.hook.clone.
    pub arguments: Vec<String>,
}

/// A root file system as a configuration names it.
struct Rootfs {
    kind: RootfsKind,
    path: String,
}

/// Makes the copy.
pub fn copy(wish: &Wish, interrupted: &dyn Fn() -> bool) -> Result<()> {
    let (old, new) = (wish.from.dir(wish.source), wish.to.dir(wish.name));
    if !wish.from.is_defined(wish.source) {
        return say(format!("'{}' is not defined", wish.source));
    }
    if fs::symlink_metadata(&new).is_ok() {
        return say(format!("container '{}' already exists", wish.name));
    }
    let file = wish.from.config(wish.source);
    let (_, text) = rewrite::read(&file)?;
    // What is wrong with it is the start's to say; a copy is as good as its original.
    let (config, _) = parse(&file.display().to_string(), text.as_bytes(), &mut Files);
    let mut edited = text::Edited::new(&text, &old, &new, wish.keep_mac);
    let lxcpath = wish.to.lxcpath();
    fs::create_dir_all(lxcpath).map_err(|e| at("mkdir", lxcpath, e))?;
    let draft = Draft::begin(lxcpath, wish.name.as_str(), 0o770)?;
    let mut parents = fs::read_to_string(old.join(PARENTS)).unwrap_or_default();
    if let Some(path) = &config.rootfs.path {
        let rootfs = Rootfs { kind: config.rootfs.kind.clone(), path: path.value.clone() };
        if wish.linked && rootfs.kind == RootfsKind::Dir {
            parents = format!("{}\n{}\n", wish.from.lxcpath().display(), wish.source);
        }
        let (is_dir, is_file) = (Path::new(&rootfs.path).is_dir(), Path::new(&rootfs.path).is_file());
        let other = wish.backing.as_ref().filter(|backing| match backing {
            Backing::Dir => !(rootfs.kind == RootfsKind::Dir && is_dir),
            Backing::Image(..) => wish.sized || !is_file,
            Backing::Overlay => false,
        });
        let path = match other {
            Some(backing) => moved(backing, &rootfs, &draft, wish.to.lxcpath(), &new, interrupted)?,
            None => storage(wish, &rootfs, &draft.tree, &new, interrupted)?,
        };
        edited.set("lxc.rootfs.path", &spelled(&path, config.dialect))?;
        if path.starts_with("dir:") && !wish.keep_name {
            hostname(&draft.tree, wish.name)?;
        }
    }
    if !wish.keep_name {
        edited.set("lxc.uts.name", wish.name.as_str())?;
    }
    for name in &wish.dirs {
        draft.tree.dir(name, 0o755).map_err(|e| at("mkdir", new.join(name), e))?;
    }
    for (key, value) in &wish.more {
        edited.add(key, value)?;
    }
    for (from, name) in &edited.files {
        let bytes = fs::read(from).map_err(|e| at("read", from, e))?;
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(from).map_err(|e| at("stat", from, e))?);
        let path = name.to_string_lossy();
        let made = draft.tree.parents(&path).map_err(std::io::Error::from);
        made.and_then(|()| draft.tree.file(&path, mode & 0o7777, &bytes))
            .map_err(|e| at("write", new.join(name), e))?;
    }
    let write = |name: &str, mode, text: &str| {
        draft.tree.file(name, mode, text.as_bytes()).map_err(|e| at("write", new.join(name), e))
    };
    if !parents.is_empty() {
        write(PARENTS, 0o644, &parents)?;
    }
    write("config", 0o640, &edited.text)?;
    if interrupted() {
        return say("interrupted");
    }
    let placed = draft.place(&new)?;
    hooks::clone(&edited.text, wish, &new)?;
    if !parents.is_empty() {
        children(&parents, wish.to, wish.name)?;
    }
    placed.keep();
    Ok(())
}

/// Makes the copy's storage in the draft; what `lxc.rootfs.path` is to say.
fn storage(wish: &Wish, rootfs: &Rootfs, tree: &Tree, new: &Path, interrupted: &dyn Fn() -> bool) -> Result<String> {
    let made = |path: &str| tree.subtree(path, 0o755).map_err(|e| at("mkdir", new.join(path), e));
    let delta = format!("{}/{DELTA}", new.display());
    match &rootfs.kind {
        RootfsKind::Dir if Path::new(&rootfs.path).is_dir() => {
            let path = fs::canonicalize(&rootfs.path).map_err(|e| at("open", &rootfs.path, e))?;
            if path == Path::new("/") {
                return say("its rootfs is '/', the host's own: that is not copied");
            }
            if wish.linked {
                // The mount point, as LXC has it, and the parts of the overlay.
                made("rootfs")?;
                let overlay = made("overlay")?;
                overlay.subtree("delta", 0o755).map_err(|e| at("mkdir", &delta, e))?;
                return Ok(format!("overlay:{}:{delta}", rootfs.path));
            }
            refuse_mounts(&path)?;
            let from = files::open(&path)?;
            files::tree(from.as_fd(), made("rootfs")?.top(), &path, interrupted)?;
            Ok(format!("dir:{}/rootfs", new.display()))
        }
        RootfsKind::Overlay => {
            let Some((lower, upper)) = rootfs.path.rsplit_once(':') else {
                return say(format!("'overlay:{}' has no ':UPPER' behind the lower directories", rootfs.path));
            };
            made("rootfs")?;
            let overlay = made("overlay")?;
            let copy = overlay.subtree("delta", 0o755).map_err(|e| at("mkdir", &delta, e))?;
            // None before its first start.
            if Path::new(upper).is_dir() {
                refuse_mounts(Path::new(upper))?;
                files::tree(files::open(Path::new(upper))?.as_fd(), copy.top(), Path::new(upper), interrupted)?;
            }
            Ok(format!("overlay:{lower}:{delta}"))
        }
        RootfsKind::Loop | RootfsKind::Dir if Path::new(&rootfs.path).is_file() => {
            if wish.linked {
                return say("a linked copy of an image file is not available [without -s the image is copied]");
            }
            files::image(Path::new(&rootfs.path), tree.top())?;
            Ok(format!("loop:{}/{IMAGE}", new.display()))
        }
        RootfsKind::Other(kind) => {
            say(format!("storage of type '{kind}' is not copied, there is dir, overlay and loop"))
        }
        _ => say(format!("rootfs '{}' is neither a directory nor an image file", rootfs.path)),
    }
}

/// Makes a copy that is kept on something else than the original; what `lxc.rootfs.path` is to say.
fn moved(
    backing: &Backing,
    rootfs: &Rootfs,
    draft: &Draft,
    lxcpath: &Path,
    new: &Path,
    interrupted: &dyn Fn() -> bool,
) -> Result<String> {
    let dir = lxcpath.join(draft.name());
    let made = |name: &str| draft.tree.subtree(name, 0o755).map_err(|e| at("mkdir", new.join(name), e));
    // The original as a directory, whatever it is kept on.
    let path = Path::new(&rootfs.path);
    let source = match &rootfs.kind {
        RootfsKind::Dir if path.is_dir() => None,
        RootfsKind::Dir | RootfsKind::Loop if path.is_file() => {
            made("source")?;
            Some(Mounted::image(path, &dir.join("source"), true)?)
        }
        RootfsKind::Overlay if rootfs.path.contains(':') => {
            let (lower, upper) = rootfs.path.rsplit_once(':').unwrap_or_default();
            made("source")?;
            Some(Mounted::overlay(lower, upper, &dir.join("source"))?)
        }
        _ => return say(format!("rootfs '{}' is neither a directory, an overlay nor an image file", rootfs.path)),
    };
    let top = made("rootfs")?;
    let image = match backing {
        Backing::Image(size, fstype) => {
            make_image(&dir.join(IMAGE), *size, fstype)?;
            Some(Mounted::image(&dir.join(IMAGE), &dir.join("rootfs"), false)?)
        }
        _ => None,
    };
    {
        let from = match &source {
            Some(source) => source.open()?,
            None => {
                refuse_mounts(path)?;
                files::open(path)?
            }
        };
        let to = match &image {
            Some(image) => image.tree()?,
            None => top,
        };
        files::tree(from.as_fd(), to.top(), path, interrupted)?;
    }
    let value = match image {
        Some(image) => {
            image.finish()?;
            format!("loop:{}/{IMAGE}", new.display())
        }
        None => format!("dir:{}/rootfs", new.display()),
    };
    if let Some(source) = source {
        source.finish()?;
        fs::remove_dir(dir.join("source")).map_err(|e| at("rmdir", dir.join("source"), e))?;
    }
    Ok(value)
}

/// LXC before 2.1 has no type in front of a directory.
fn spelled(path: &str, dialect: Dialect) -> String {
    match path.strip_prefix("dir:") {
        Some(bare) if dialect != Dialect::Current => bare.to_owned(),
        _ => path.to_owned(),
    }
}

/// What is mounted below a directory is no part of it.
pub fn refuse_mounts(dir: &Path) -> Result<()> {
    let real = fs::canonicalize(dir).map_err(|e| at("open", dir, e))?;
    // Without /proc nothing can be known.
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mountinfo(&String::from_utf8_lossy(&text));
    let below = |target: &str| Path::new(target) != real && Path::new(target).starts_with(&real);
    match mounts.iter().find(|mount| below(&mount.target)) {
        Some(mount) => say(format!("'{}' is mounted [umount it first]", mount.target)),
        None => Ok(()),
    }
}

/// Writes the new name into etc/hostname, if the image has that file.
fn hostname(tree: &Tree, name: &Name) -> Result<()> {
    let open = || {
        let etc = crate::tree::dir(tree.top(), b"rootfs/etc")?;
        let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC;
        let flags = flags | rustix::fs::OFlags::NONBLOCK;
        rustix::fs::openat(&etc, "hostname", flags, rustix::fs::Mode::empty())
    };
    // No such file, or a link, which leads anywhere.
    let Ok(file) = open().map(fs::File::from) else { return Ok(()) };
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(());
    }
    let text = format!("{name}\n");
    let written = file.set_len(0).and_then(|()| std::io::Write::write_all(&mut &file, text.as_bytes()));
    written.map_err(|e| at("write", "etc/hostname", e))
}

/// Tells the parents of a child.
pub fn children(parents: &str, lxcpath: &Store, child: &Name) -> Result<()> {
    for file in of(parents).map(|dir| dir.join(CHILDREN)) {
        let open = fs::OpenOptions::new().append(true).create(true).open(&file);
        let line = format!("{}\n{child}\n", lxcpath.lxcpath().display());
        open.and_then(|mut f| std::io::Write::write_all(&mut f, line.as_bytes())).map_err(|e| at("write", &file, e))?;
    }
    Ok(())
}

/// Tells the parents of a container that it is no more.
pub fn disown(parents: &str, lxcpath: &Path, child: &Name) {
    for file in of(parents).map(|dir| dir.join(CHILDREN)) {
        let Ok((real, text)) = rewrite::read(&file) else { continue };
        let lines: Vec<&str> = text.lines().collect();
        let is_child = |pair: &&[&str]| Path::new(pair[0]) == lxcpath && pair.get(1) == Some(&child.as_str());
        let left: String =
            lines.chunks(2).filter(|pair| !is_child(pair)).flatten().map(|line| format!("{line}\n")).collect();
        // An empty list is none: LXC removes the file. What cannot be written says of a child that is gone.
        let _ = if left.is_empty() {
            fs::remove_file(&real).map_err(|e| at("unlink", &real, e))
        } else {
            rewrite::replace(&real, &left)
        };
    }
}

/// The directories that two lines each name.
fn of(pairs: &str) -> impl Iterator<Item = PathBuf> + '_ {
    let lines: Vec<&str> = pairs.lines().collect();
    let dir = |pair: &[&str]| Some(Path::new(pair[0]).join(Name::new(pair.get(1)?).ok()?.as_str()));
    lines.chunks(2).filter_map(dir).collect::<Vec<_>>().into_iter()
}

/// Gives a container another name, and its paths with it.
pub fn rename(wish: &Wish) -> Result<()> {
    let (old, new) = (wish.from.dir(wish.source), wish.to.dir(wish.name));
    if fs::metadata(old.join(CHILDREN)).is_ok_and(|meta| meta.len() > 0) {
        return say(format!("has clones, see '{}'", old.join(CHILDREN).display()));
    }
    if fs::symlink_metadata(&new).is_ok() {
        return say(format!("container '{}' already exists", wish.name));
    }
    let (real, before) = rewrite::read(&wish.from.config(wish.source))?;
    let config: Config = parse("", before.as_bytes(), &mut Files).0;
    let mut text = text::moved(&before, &old, &new);
    if !wish.keep_name && config.uts_name.is_some() {
        text = keel_core::config::lxc::edit::set(&text, "lxc.uts.name", wish.name.as_str())
            .map_err(|e| Failure::new(e.to_string()))?;
    }
    rewrite::replace(&real, &text)?;
    if let Err(e) = fs::rename(&old, &new) {
        rewrite::replace(&real, &before)?;
        return Err(at("rename to", &new, e));
    }
    let parents = fs::read_to_string(new.join(PARENTS)).unwrap_or_default();
    disown(&parents, wish.from.lxcpath(), wish.source);
    children(&parents, wish.to, wish.name)
}
