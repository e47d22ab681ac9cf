//! Where the bench works: mount namespaces of its own over a tmpfs, so that nothing of it is seen or left on the machine.
//!
//! There are three: in `Cgroups` the machine's cgroups are visible, in `Bare` they are not, which is how programs that would
//! make some are kept from it, and in `Unified` there is version 2 alone, for those that want to see it. The process joins one of them before it starts a program. Needs root.

use super::peers::Peers;
use crate::build::Binaries;
use crate::fault::{At, Fault, Result};
use crate::scratch::Scratch;
use nix::mount::{MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use std::cell::OnceCell;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A view of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Without cgroups.
    Bare,
    /// With all that the machine has.
    Cgroups,
    /// Version 2 of cgroups alone, where others have it.
    Unified,
    /// Like `Bare`, with what `Room::fill` has put there.
    Full,
}

/// The place, and what lies in it.
pub struct Room {
    scratch: Scratch,
    views: [File; 3],
    full: OnceCell<File>,
    /// Name of containers and cgroups: nobody else's.
    pub name: String,
    /// keel and pid1.
    pub keel: PathBuf,
    /// The guest's init.
    pub pid1: PathBuf,
    /// The floor, without and with libc's start-up.
    pub floor: [PathBuf; 2],
    /// What runs under inits.
    pub payload: PathBuf,
    /// The floor of a machine's init.
    pub init: PathBuf,
}

fn said(what: &str, e: nix::errno::Errno) -> Fault {
    Fault::new(format!("{what}: {e:?}"))
}

impl Room {
    /// Makes the views. This process stays in them for the rest of its life.
    pub fn make(binaries: &Binaries, peers: &Peers, busybox: &Path) -> Result<Room> {
        if !nix::unistd::geteuid().is_root() {
            return Err(Fault::new("the bench makes mount namespaces: it needs root"));
        }
        let scratch = Scratch::new()?;
        let base = scratch.path();
        unshare(CloneFlags::CLONE_NEWNS).map_err(|e| said("unshare", e))?;
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
            .map_err(|e| said("mount '/' private", e))?;
        let tmpfs = |at: &Path, data: &str| {
            mount(Some("keel-bench"), at, Some("tmpfs"), MsFlags::empty(), Some(data))
                .map_err(|e| said(&format!("mount tmpfs '{}'", at.display()), e))
        };
        tmpfs(base, "mode=700")?;
        // State of the peers, and of keel.
        tmpfs(Path::new("/run"), "mode=755")?;
        let usr = peers.tree.join("usr");
        fs::create_dir_all(usr.join("lib/x86_64-linux-gnu/lxc/rootfs")).at("mkdir", &usr)?;
        let over = format!("lowerdir={}:/usr", usr.display());
        mount(Some("keel-bench"), "/usr", Some("overlay"), MsFlags::empty(), Some(over.as_str()))
            .map_err(|e| said("mount overlay '/usr'", e))?;
        let name = format!("keelbench{}", std::process::id());
        let copy = |from: &Path, to: &str| {
            let to = base.join(to);
            fs::copy(from, &to).at("copy", from).map(|_| to)
        };
        let keel = copy(&binaries.keel, "keel")?;
        let pid1 = copy(&binaries.pid1, "pid1")?;
        let libc = ["-O2", "-static", "-DWITH_LIBC"];
        let floor = [compile(base, "floor", "floor", &BARE)?, compile(base, "floor", "floor-libc", &libc)?];
        let payload = compile(base, "payload", "payload", &BARE)?;
        let init = compile(base, "init", "init", &BARE)?;
        rootfs(&base.join("lxc").join(&name).join("rootfs"), busybox)?;
        let cgroups = namespace()?;
        unshare(CloneFlags::CLONE_NEWNS).map_err(|e| said("unshare", e))?;
        for (at, fstype) in mounts()?.iter().rev() {
            if fstype.starts_with("cgroup") || at == "/sys/fs/cgroup" {
                umount2(at.as_str(), nix::mount::MntFlags::MNT_DETACH).map_err(|e| said("umount", e))?;
            }
        }
        let bare = namespace()?;
        unshare(CloneFlags::CLONE_NEWNS).map_err(|e| said("unshare", e))?;
        mount(Some("cgroup2"), "/sys/fs/cgroup", Some("cgroup2"), MsFlags::empty(), none)
            .map_err(|e| said("mount cgroup2 '/sys/fs/cgroup'", e))?;
        // In the order of `View`.
        let views = [bare, cgroups, namespace()?];
        Ok(Room { scratch, views, full: OnceCell::new(), name, keel, pid1, floor, payload, init })
    }

    /// Where everything is.
    pub fn base(&self) -> &Path {
        self.scratch.path()
    }

    /// The rootfs of the containers.
    pub fn root(&self) -> PathBuf {
        self.base().join("lxc").join(&self.name).join("rootfs")
    }

    /// This process's view from here on.
    pub fn look(&self, view: View) -> Result<()> {
        let file = match view {
            View::Full => self.full.get().ok_or_else(|| Fault::new("the full view was not made"))?,
            _ => &self.views[view as usize],
        };
        setns(file, CloneFlags::CLONE_NEWNS).map_err(|e| said("setns", e))
    }

    /// Makes the third view: the first with what `mounts` does in it.
    pub fn fill(&self, mounts: impl Fn() -> Result<()>) -> Result<()> {
        self.look(View::Bare)?;
        unshare(CloneFlags::CLONE_NEWNS).map_err(|e| said("unshare", e))?;
        mounts()?;
        // A second time: the first one stays.
        let _ = self.full.set(namespace()?);
        Ok(())
    }

    /// A command of keel, with its own run directory.
    pub fn keel(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.keel);
        command.args(words).arg("-P").arg(self.base().join("lxc")).args(["-n", &self.name]);
        command.env("KEEL_RUN", self.base().join("run")).env_remove("CONFIG");
        command
    }

    /// Removes cgroups of our name that somebody has left behind, and names them.
    pub fn sweep(&self) -> Result<Vec<String>> {
        self.look(View::Cgroups)?;
        let mut left = Vec::new();
        for (at, fstype) in mounts()? {
            if !fstype.starts_with("cgroup") {
                continue;
            }
            for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
                if entry.file_name().to_string_lossy().contains(&self.name) {
                    left.push(entry.path().display().to_string());
                    remove(&entry.path());
                }
            }
        }
        Ok(left)
    }
}

/// A busybox and the directories that are mounted over; `usr` is what nspawn looks for.
fn rootfs(root: &Path, busybox: &Path) -> Result<()> {
    for dir in ["bin", "usr", "proc", "sys", "dev", "etc", "tmp"] {
        let dir = root.join(dir);
        fs::create_dir_all(&dir).at("mkdir", &dir)?;
    }
    let to = root.join("bin/busybox");
    fs::copy(busybox, &to).at("copy", busybox)?;
    for applet in ["true", "sleep", "sh", "cat"] {
        let link = root.join("bin").join(applet);
        symlink("busybox", &link).at("symlink", &link)?;
    }
    Ok(())
}

/// A tree of cgroups, deepest first. One that holds a process stays: it is said.
fn remove(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(dir);
}

fn namespace() -> Result<File> {
    let path = Path::new("/proc/self/ns/mnt");
    File::open(path).at("open", path)
}

/// Mount points and types, as they are now.
pub fn mounts() -> Result<Vec<(String, String)>> {
    let path = Path::new("/proc/self/mounts");
    let text = fs::read_to_string(path).at("read", path)?;
    let line = |l: &str| {
        let mut words = l.split(' ').skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    Ok(text.lines().filter_map(line).collect())
}

/// No libc, no stack protector's start-up, nothing but the calls.
const BARE: [&str; 6] =
    ["-O2", "-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"];

fn compile(base: &Path, source: &str, name: &str, flags: &[&str]) -> Result<PathBuf> {
    crate::apt::ensure(&[crate::apt::Need { package: "gcc", there: || crate::apt::program("gcc").is_some() }])?;
    let source = crate::build::workspace().join(format!("boot/floor/{source}.c"));
    let to = base.join(name);
    crate::apt::quiet(Command::new("gcc").args(flags).args(["-Wall", "-s", "-o"]).arg(&to).arg(&source))?;
    Ok(to)
}
