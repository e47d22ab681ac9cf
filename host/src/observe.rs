//! Looks at the system: fills `Facts`. Changes nothing.

mod kept;
#[cfg(test)]
mod kept_tests;
mod network;

pub use kept::{keep, keeps};
pub use network::{has_taken_name, network, random};

use crate::namespaces::{Link, Links};
use crate::sys::errno;
use crate::sys::process::{self, Cloned};
use keel_core::config::Config;
use keel_core::facts::{self, Caller, Facts, Filesystems, Lsm, Namespaces};
use keel_core::failure::{Errno, Failure};
use keel_core::plan::{DEFAULT_PROFILE, Found};
use std::mem::ManuallyDrop;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::rc::Rc;

/// What a plan depends on beside what every plan depends on. To look costs calls, a third of what keel itself makes in a start.
#[derive(Clone, Copy, Default)]
pub struct Look {
    /// All mounts, and which controllers the kernel has: for the boot, which mounts what is missing.
    pub mounts: bool,
    /// The last capability.
    pub capabilities: bool,
    /// Numbers of devices, and what binder speaks.
    pub android: bool,
    /// Whether system calls can be answered by another process.
    pub notify: bool,
}

/// Everything.
pub const ALL: Look = Look { mounts: true, capabilities: true, android: true, notify: true };

/// The facts that a plan depends on. Needs /proc.
pub fn facts(look: Look) -> Result<Facts, Failure> {
    let kept::Base { steady, mounted: kept::Mounted { mounts, android_host, selinux }, types } =
        kept::base(look.mounts)?;
    let optional = |path: &str| read(path).unwrap_or_default();
    // Containers go beside process 1, not below whatever session the caller is in.
    let asked = |wanted: bool, path: &str| if wanted { optional(path) } else { String::new() };
    let grouped = mounts.iter().any(|mount| mount.fstype.starts_with("cgroup"));
    let hierarchies = hierarchies(&mounts, &asked(grouped, "/proc/1/cgroup"));
    let misc = facts::misc(&asked(look.android, "/proc/misc"));
    let devices = || hierarchies.iter().any(|h| h.controllers.iter().any(|c| c == "devices"));
    Ok(Facts {
        no_device_programs: look.android && !devices() && !crate::sys::bpf::has_device_programs(),
        kernel: steady.kernel,
        filesystems: types,
        controllers: facts::controllers(&asked(look.mounts, "/proc/cgroups")),
        hierarchies,
        namespaces: steady.namespaces,
        // COMPAT(linux<3.2): no such file; 34 was the last capability then.
        last_cap: asked(look.capabilities, "/proc/sys/kernel/cap_last_cap").trim().parse().unwrap_or(34),
        binder_protocol: look.android.then(|| binder_protocol(&misc)).flatten(),
        misc,
        binder_major: facts::char_major(&asked(look.android, "/proc/devices"), "binder"),
        binders_taken: Vec::new(),
        pid1: std::process::id() == 1,
        android_host,
        links: Vec::new(),
        random: 0,
        machine: steady.machine,
        lsm: lsm(steady.apparmor, selinux),
        seccomp: steady.seccomp,
        caller: steady.caller,
        // Who has one says so.
        empty_namespace: false,
        seccomp_notify: asked(look.android || look.notify, "/proc/sys/kernel/seccomp/actions_avail")
            .split_whitespace()
            .any(|w| w == "user_notif"),
        mounts,
    })
}

fn lsm(apparmor: bool, selinux: bool) -> Lsm {
    let exists = |path: &str| std::path::Path::new(path).exists();
    let text = |path: &str| read(path).unwrap_or_default();
    Lsm {
        apparmor,
        apparmor_mounts: apparmor && exists("/sys/kernel/security/apparmor/features/mount"),
        apparmor_default: apparmor
            && text("/proc/self/attr/current").trim() == "unconfined"
            && text("/sys/kernel/security/apparmor/profiles")
                .lines()
                .any(|line| line.strip_prefix(DEFAULT_PROFILE).is_some_and(|mode| mode.starts_with(" ("))),
        // Where it is for everybody else, too, if PATH is that of an ordinary user.
        apparmor_parser: apparmor && (in_path("apparmor_parser") || exists("/sbin/apparmor_parser")),
        selinux,
    }
}

fn caller(user_namespace: Option<Link>) -> Caller {
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let id_helpers = uid != 0 && ["newuidmap", "newgidmap"].into_iter().all(in_path);
    // COMPAT(linux<3.8): no such link, and no other than the first.
    let in_user_namespace = user_namespace.is_some_and(|link| !link.is_first_user());
    Caller { uid, gid, id_helpers, in_user_namespace }
}

/// The environment of this process, which no part of it changes, as far as something in the configuration depends on it.
pub fn environment(config: &Config) -> Rc<[(String, String)]> {
    thread_local! {
        // Never freed: a value that is costs musl's allocator, and with it five calls, to note that it is to be.
        static SEEN: ManuallyDrop<Rc<[(String, String)]>> = ManuallyDrop::new(std::env::vars().collect());
    }
    if config.asks_for_environment() { SEEN.with(|seen| Rc::clone(seen)) } else { Rc::new([]) }
}

/// Whether a program is in PATH.
pub fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Containers go below the caller's cgroup, and not beside process 1.
pub fn below_caller(facts: &mut Facts) {
    facts.hierarchies = callers_hierarchies(facts);
}

/// Where the caller was when this was asked first: a supervisor with a cgroup of its own has left it since.
pub fn callers_hierarchies(facts: &Facts) -> Vec<facts::Hierarchy> {
    static FIRST: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    hierarchies(&facts.mounts, FIRST.get_or_init(|| read("/proc/self/cgroup").unwrap_or_default()))
}

/// The kinds of namespaces that the kernel has, and which user namespace the caller is in.
fn namespaces() -> (Namespaces, Option<Link>) {
    let mut user = None;
    let listed = Links::of_self().map_or(0, |links| {
        Namespaces::NAMES.iter().fold(0, |all, (name, flag)| match links.read(name) {
            Ok(link) => {
                user = user.or((*flag == Namespaces::USER).then_some(link));
                all | flag
            }
            Err(_) => all,
        })
    });
    (all_namespaces(Namespaces(listed)), user)
}

/// With those that are there and not listed.
fn all_namespaces(listed: Namespaces) -> Namespaces {
    if listed.has(Namespaces::MNT) {
        return listed;
    }
    // COMPAT(linux<3.8): that of mounts is always there and not listed, nor is that of pids, and before 3.0 none is.
    let unlisted = [Namespaces::PID, Namespaces::UTS, Namespaces::IPC, Namespaces::NET];
    let found = unlisted.into_iter().filter(|flag| !listed.has(*flag) && can_be_made(*flag));
    Namespaces(found.fold(listed.0 | Namespaces::MNT, |all, flag| all | flag))
}

/// Whether the kernel makes a namespace of that kind: a child with one, which ends at once. EINVAL is the kernel's no
/// (clone(2)); who has not the right to try does not know, and takes it for there.
fn can_be_made(flag: u32) -> bool {
    match process::clone(flag, None) {
        Ok(Cloned::Child { .. }) => process::exit_now(0),
        Ok(Cloned::Parent { pid, .. }) => {
            let pid = rustix::process::Pid::from_raw(pid);
            // ECHILD cannot be: it is our child, and nobody else waits for it.
            let _ = rustix::io::retry_on_intr(|| rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()));
            true
        }
        Err(errno) => errno != Errno::INVAL,
    }
}

fn hierarchies(mounts: &[facts::Mount], beside: &str) -> Vec<facts::Hierarchy> {
    let optional = |path: &str| read(path).unwrap_or_default();
    let mut hierarchies = facts::hierarchies(mounts, beside);
    for hierarchy in hierarchies.iter_mut().filter(|h| h.version == 2) {
        let available = optional(&format!("{}/cgroup.controllers", hierarchy.base));
        hierarchy.controllers = available.split_whitespace().map(String::from).collect();
    }
    // Where nothing is between, it is what is mounted.
    hierarchies.retain(|h| h.base == h.mountpoint || std::path::Path::new(&h.base).is_dir());
    hierarchies
}

/// A name for a container's directory in all hierarchies: `lxc.payload.NAME`, or with `-1` and so on behind it while a container
/// of that name, of another lxcpath, runs. A directory without a process was left behind, and can be taken.
pub fn free_cgroup_name(name: &str, parent: &str, facts: &Facts) -> String {
    let taken = |name: &String| {
        facts
            .hierarchies
            .iter()
            .any(|h| read(&format!("{}/{parent}/{name}/cgroup.procs", h.base)).is_ok_and(|p| !p.is_empty()))
    };
    let plain = format!("lxc.payload.{name}");
    let names = std::iter::once(plain.clone()).chain((1..1000).map(|n| format!("{plain}-{n}")));
    names.into_iter().find(|n| !taken(n)).unwrap_or(plain)
}

/// What is at the path of a rootfs.
pub fn rootfs(path: &str) -> Found {
    match std::fs::metadata(path).map(|m| m.file_type()) {
        Ok(t) if t.is_file() => Found::Image,
        Ok(t) if t.is_block_device() => Found::Block,
        _ => Found::Dir,
    }
}

/// What the host's binder speaks, where there is one that can be asked. Opening it changes nothing.
fn binder_protocol(misc: &[(String, u32)]) -> Option<u32> {
    let devices = misc.iter().filter(|(name, _)| name.starts_with("binder")).map(|(name, _)| format!("/dev/{name}"));
    let paths = devices.chain(["/dev/binderfs/binder".into()]);
    let open = |path: String| std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).ok();
    paths.filter_map(open).find_map(|file| {
        let is_device = file.metadata().ok()?.file_type().is_char_device();
        is_device.then(|| crate::sys::binder::protocol(file.as_fd()).ok()).flatten()
    })
}

/// Whether the kernel has a file system type now; modules may have come since the facts were taken.
pub fn has_filesystem(fstype: &str) -> bool {
    read("/proc/filesystems").is_ok_and(|text| Filesystems::new(text).has(fstype))
}

fn read(path: &str) -> Result<String, Failure> {
    crate::read::whole(path.as_ref()).map(text).map_err(|e| Failure::errno(format!("read {path}"), errno(e)))
}

/// A file of /proc that is one record.
fn once(path: &str) -> String {
    crate::read::once(path.as_ref()).map(text).unwrap_or_default()
}

/// Not UTF-8 where a mount point is not; such a name is only ever compared.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn kernel(release: &str) -> (u16, u16) {
    let mut numbers = release.split(['.', '-']).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
