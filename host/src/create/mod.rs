//! Makes a container: its directory, a configuration in LXC's form, a root file system from a template.
//!
//! Nothing is half made: all that can be wrong with the template, the programs and the choices is found before the
//! first write; the container is built under a name that no container can have and renamed when it is whole; what was
//! begun is removed again on any failure and when the user interrupts. What exists is never touched.

pub mod android;
mod draft;
mod head;
mod manifest;
mod oci;
mod password;
mod program;
mod progress;
mod script;
mod template;
mod through;
mod tree;
mod unpack;
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use keel_core::config::lxc::edit;
use keel_core::failure::Failure;

use crate::fault::{Result, at, say};
use crate::storage::{Backing, DELTA, IMAGE, Mounted, make_image};
use crate::store::{Name, Store};
use work::{Choices, Work};

pub use draft::Draft;
pub use head::Head;
pub use program::Program;
pub use template::Template;
pub use tree::Tree;

/// sethostname(2): __NEW_UTS_LEN.
const UTS_NAME_LIMIT: usize = 64;

/// The first program of the new container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Keel's own.
    Pid1,
    /// busybox's.
    Busybox,
}

/// How root gets in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Password {
    /// Not at all.
    #[default]
    Locked,
    /// With this password.
    Plain(String),
    /// With the password that this hash is of, crypt(5).
    Hash(String),
}

/// What is to be made.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where.
    pub store: &'a Store,
    /// Its name.
    pub name: &'a Name,
    /// From what.
    pub template: Template,
    /// Text that the configuration begins with (`-f`, /etc/lxc/default.conf).
    pub head: Option<Head>,
    /// The busybox to copy; none: the one in PATH.
    pub busybox: Option<PathBuf>,
    /// The pid1 to copy; none: the one beside this program, or in PATH.
    pub pid1: Option<PathBuf>,
    /// The first program; none: pid1, and where there is none beside keel, busybox's.
    pub init: Option<Init>,
    /// root's password.
    pub password: Password,
    /// Who is logged in on the console without a password.
    pub autologin: Option<String>,
    /// Device nodes in the image instead of a /dev made at each start.
    pub static_dev: bool,
    /// Where the root file system goes; none: into the container's directory.
    pub rootfs: Option<PathBuf>,
    /// What it is kept on.
    pub backing: Backing,
    /// Say nothing about progress.
    pub quiet: bool,
    /// What an Android is made from.
    pub android: Option<android::Source>,
    /// A directory that will be `/` of the machine the container is for: taken off the paths in the configuration.
    pub sysroot: Option<PathBuf>,
}

/// Makes it. Returns what the user should know, a line each. `interrupted` is asked between two writes.
pub fn create(request: &Request, interrupted: &dyn Fn() -> bool) -> Result<Vec<String>> {
    let dir = request.store.dir(request.name);
    script::sweep(request.store.lxcpath(), request.name.as_str())?;
    if fs::symlink_metadata(&dir).is_ok_and(|meta| !meta.is_dir()) || request.store.is_defined(request.name) {
        return say("container already exists");
    }
    let rootfs = match &request.rootfs {
        Some(path) => std::path::absolute(path).map_err(|e| at("getcwd for", path, e))?,
        None => dir.join("rootfs"),
    };
    let elsewhere = rootfs != dir.join("rootfs");
    if elsewhere && fs::symlink_metadata(&rootfs).is_ok() {
        return say(format!("rootfs '{}' exists already", rootfs.display()));
    }
    if elsewhere && request.backing != Backing::Dir {
        return say("--dir and --rootfs go with storage of type 'dir' only");
    }
    if let Template::Script(program, arguments) = &request.template {
        script::create(request, program, arguments)?;
        return Ok(Vec::new());
    }
    let mut notes = Vec::new();
    let (mut config, work) = prepare(request, &rootfs, &mut notes)?;
    let beside = match &work {
        Fill::Work(_, beside) => beside.clone(),
        _ => Vec::new(),
    };

    let lxcpath = request.store.lxcpath();
    fs::create_dir_all(lxcpath).map_err(|e| at("mkdir", lxcpath, e))?;
    let draft = Draft::begin(lxcpath, request.name.as_str(), 0o770)?;
    // Elsewhere: its own draft beside the place it is for, since rename(2) does not leave a file system.
    let outside = match (&work, elsewhere) {
        (work, true) if !matches!(work, Fill::Nothing) => {
            Some(Draft::begin(parent_of(&rootfs)?, &format!("{}.rootfs", request.name), 0o755)?)
        }
        _ => None,
    };
    if !matches!(work, Fill::Nothing) {
        let mut mounted = None;
        config += &match &outside {
            Some(draft) => fill(request, &work, &draft.tree, &rootfs, interrupted)?,
            None => {
                let made = draft.tree.subtree("rootfs", 0o755).map_err(|e| at("mkdir", &rootfs, e))?;
                mounted = mount_image(request, &lxcpath.join(draft.name()))?;
                let top = match &mounted {
                    Some(mounted) => mounted.tree()?,
                    None => made,
                };
                fill(request, &work, &top, &rootfs, interrupted)?
            }
        };
        if let Some(mounted) = mounted {
            mounted.finish()?;
        }
        if request.backing == Backing::Overlay {
            draft.tree.parents(DELTA).map_err(|e| at("mkdir", dir.join(DELTA), e))?;
            draft.tree.dir(DELTA, 0o755).map_err(|e| at("mkdir", dir.join(DELTA), e))?;
        }
        if let Some(path) = kept(request, &dir)? {
            config = edit::set(&config, "lxc.rootfs.path", &path).map_err(|e| Failure::new(e.to_string()))?;
        }
    }
    for one in beside {
        one.make(&draft.tree, &dir)?;
    }
    draft.tree.file("config", 0o640, config.as_bytes()).map_err(|e| at("write", dir.join("config"), e))?;
    if interrupted() {
        return say("interrupted");
    }
    let mut placed = None;
    if let Some(outside) = outside {
        placed = Some(outside.place(&rootfs)?);
    }
    draft.place(&dir)?.keep();
    if let Some(placed) = placed {
        placed.keep();
    }
    Ok(notes)
}

/// Makes the image that a root file system is kept in, and mounts it at `rootfs` in the container's directory `dir`.
fn mount_image(request: &Request, dir: &Path) -> Result<Option<Mounted>> {
    let Backing::Image(size, fstype) = &request.backing else { return Ok(None) };
    let image = dir.join(IMAGE);
    make_image(&image, *size, fstype)?;
    Mounted::image(&image, &dir.join("rootfs"), false).map(Some)
}

/// lxc.rootfs.path of what is no directory; `dir` is the container's.
fn kept(request: &Request, dir: &Path) -> Result<Option<String>> {
    let dir = seen(request, dir)?;
    Ok(match request.backing {
        Backing::Dir => None,
        Backing::Overlay => Some(format!("overlay:{dir}/rootfs:{dir}/{DELTA}")),
        Backing::Image(..) => Some(format!("loop:{dir}/{IMAGE}")),
    })
}

/// What comes into the root file system.
enum Fill {
    /// There is none.
    Nothing,
    /// What a template says, and what is beside the rootfs.
    Work(Vec<Work>, Vec<android::Beside>),
    /// An archive; `-` is standard input.
    Tar(PathBuf),
    /// An image.
    Oci(oci::Image),
}

/// Fills the root file system; lines of configuration that are known only now.
fn fill(request: &Request, fill: &Fill, top: &Tree, rootfs: &Path, interrupted: &dyn Fn() -> bool) -> Result<String> {
    let label = format!("keel: {}", request.name);
    match fill {
        Fill::Nothing => {}
        Fill::Work(work, _) => {
            for one in work {
                if interrupted() {
                    return say("interrupted");
                }
                one.perform(top, rootfs)?;
            }
        }
        Fill::Tar(path) => {
            let shown = path.display().to_string();
            let (reader, size): (Box<dyn std::io::Read>, _) = match path.to_str() {
                Some("-") => (Box::new(std::io::stdin()), None),
                _ => {
                    let file = fs::File::open(path).map_err(|e| at("open", path, e))?;
                    let size = file.metadata().map_err(|e| at("stat", path, e))?.len();
                    (Box::new(file), Some(size))
                }
            };
            let reader = unpack::opened(progress::Progress::new(reader, label, size, request.quiet), &shown)?;
            unpack::unpack(reader, top.top(), false, &shown, interrupted)?;
        }
        Fill::Oci(image) => {
            image.unpack(top.top(), &label, request.quiet, interrupted)?;
            let (uid, gid) = oci::ids(&image.user, top.top())?;
            let ids = [("lxc.init.uid", uid), ("lxc.init.gid", gid)];
            return Ok(ids.iter().filter(|(_, id)| *id != 0).map(|(key, id)| format!("{key} = {id}\n")).collect());
        }
    }
    Ok(String::new())
}

/// Lines for a root file system that somebody else made: what LXC's own templates take from their common files.
const COMMON: &str = "lxc.tty.max = 4\nlxc.pty.max = 1024\nlxc.mount.auto = cgroup:mixed proc:mixed sys:mixed\nlxc.cap.drop = mac_admin mac_override sys_time sys_module\n";

/// All that will be written, checked: the text of the configuration, and the work on the root file system.
fn prepare(request: &Request, rootfs: &Path, notes: &mut Vec<String>) -> Result<(String, Fill)> {
    let mut config = format!("# Container '{}', made by keel {}\n", request.name, env!("CARGO_PKG_VERSION"));
    match &request.head {
        Some(head) => config += &head.text,
        // What LXC 0.9 and before meant by no network at all was the host's.
        None => config += "lxc.net.0.type = empty\n",
    }
    if matches!(request.template, Template::None) {
        config += &format!("lxc.uts.name = {}\n", request.name);
        if request.rootfs.is_some() {
            config += &format!("lxc.rootfs.path = dir:{}\n", seen(request, rootfs)?);
        } else if !config.lines().any(|line| line.trim_start().starts_with("lxc.rootfs")) {
            notes.push("no lxc.rootfs.path is set: it would run in the host's own root file system".to_owned());
        }
        return Ok((config, Fill::Nothing));
    }
    if request.name.as_str().len() > UTS_NAME_LIMIT {
        return say(format!("'{}' cannot be the host name too: that has {UTS_NAME_LIMIT} bytes at most", request.name));
    }
    let image = match &request.template {
        Template::Tar(path) => Some((Fill::Tar(path.clone()), String::new())),
        Template::Oci(path) => {
            let mut image = match path.is_dir() {
                true => oci::Image::open(path)?,
                false => oci::Image::from_archive(path, request.store.lxcpath(), request.name.as_str())?,
            };
            notes.append(&mut image.notes);
            let lines = image.config.clone();
            Some((Fill::Oci(image), lines))
        }
        _ => None,
    };
    if let Some((fill, lines)) = image {
        let path = seen(request, rootfs)?;
        let lines = format!("lxc.rootfs.path = dir:{path}\nlxc.uts.name = {}\n{COMMON}{lines}", request.name);
        config += &request.head.as_ref().map_or_else(|| lines.clone(), |head| head.followed_by(lines.clone()));
        return Ok((config, fill));
    }
    if let Some(source) = &request.android {
        let own = seen(request, &request.store.dir(request.name))?;
        let prepared = android::prepare(source, &request.template, &own, notes)?;
        let words = [("ROOTFS", seen(request, rootfs)?), ("NAME", request.name.to_string())];
        let label = request.template.label("config");
        let lines = template::fill(&label, &request.template.read_text("config")?, &words)? + &prepared.lines;
        config += &request.head.as_ref().map_or_else(|| lines.clone(), |head| head.followed_by(lines.clone()));
        return Ok((config, Fill::Work(prepared.work, prepared.beside)));
    }
    let busybox = match &request.busybox {
        Some(path) => Program::open(path)?,
        None => match Program::in_path("busybox") {
            Some(path) => Program::open(&path)?,
            None => return say("no 'busybox' in PATH [--busybox FILE names a static one]"),
        },
    };
    let mut programs = vec![("busybox", busybox)];
    let init = match request.init {
        Some(init) => init,
        // keel alone: as in a container of LXC's.
        None if request.pid1.is_none() && pid1_nearby().is_err() => {
            notes.push("no 'pid1' beside keel, in /sbin or in PATH: the first program is busybox's init".to_owned());
            Init::Busybox
        }
        None => Init::Pid1,
    };
    if init == Init::Pid1 {
        let pid1 = match &request.pid1 {
            Some(path) => Program::open(path)?,
            None => Program::open(&pid1_nearby()?)?,
        };
        if pid1.machine != programs[0].1.machine {
            return say(format!(
                "'{}' and '{}' are for different processors (e_machine {} and {})",
                programs[0].1.path.display(),
                pid1.path.display(),
                programs[0].1.machine,
                pid1.machine
            ));
        }
        programs.push(("pid1", pid1));
    }
    let choices = Choices::new(request, init, seen(request, rootfs)?)?;
    let label = request.template.label("config");
    let lines = template::fill(&label, &request.template.read_text("config")?, &choices.words)?;
    config += &match &request.head {
        Some(head) => head.followed_by(lines),
        None => lines,
    };
    let work = work::plan(&request.template, programs, &choices, notes)?;
    notes.extend(choices.notes);
    Ok((config, Fill::Work(work, Vec::new())))
}

/// How the machine that the container is for will see this path.
fn seen(request: &Request, path: &Path) -> Result<String> {
    let path = match &request.sysroot {
        None => path.to_owned(),
        Some(sysroot) => {
            let sysroot = std::path::absolute(sysroot).map_err(|e| at("getcwd for", sysroot, e))?;
            match path.strip_prefix(&sysroot) {
                Ok(rest) => Path::new("/").join(rest),
                Err(_) => {
                    return say(format!(
                        "rootfs '{}' is not below the sysroot '{}'",
                        path.display(),
                        sysroot.display()
                    ));
                }
            }
        }
    };
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) && text.trim() == text => Ok(text.to_owned()),
        _ => say(format!("rootfs '{}' cannot be written into a configuration file", path.display())),
    }
}

/// The pid1 beside this program, else in /sbin, else in PATH.
pub fn pid1_nearby() -> Result<PathBuf> {
    let beside = std::env::current_exe().ok().map(|exe| exe.with_file_name("pid1"));
    beside
        .into_iter()
        .chain([PathBuf::from("/sbin/pid1")])
        .find(|path| path.is_file())
        .or_else(|| Program::in_path("pid1"))
        .ok_or_else(|| {
            Failure::new(
                "no 'pid1' beside keel, in /sbin or in PATH [--pid1 FILE names it, --init busybox does without]",
            )
        })
}

fn parent_of(path: &Path) -> Result<&Path> {
    path.parent().ok_or_else(|| Failure::new(format!("'{}' cannot be a rootfs", path.display())))
}
