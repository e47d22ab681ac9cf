//! What a container's configuration says, whatever file it was written in.
//!
//! `Config` is neutral: LXC files are its first front end (`lxc`). Nothing LXC-specific goes past this folder. A field is
//! named after its key with `_` for `.`; a value that a later stage may have to complain about keeps its `Origin`.

pub mod address;
pub mod android;
pub mod fstab;
pub mod lxc;
mod mounts;
pub mod net;
mod process;
pub mod words;

pub use mounts::{
    CgroupAccess, CgroupMode, Create, MountAuto, MountEntry, MountOptions, ProcMode, Rootfs, RootfsKind, SysMode,
};
pub use net::{Net, NetKind};
pub use process::{
    AppArmor, Caps, Hook, IdKind, IdMap, Init, Limit, NamespaceKeys, Personality, SeLinux, SeccompKeys, Signals,
};

use alloc::string::String;
use alloc::vec::Vec;

/// Where a value was written: a file of `Config::files` and a line of it, counted from 1. Line 0: not in a file
/// (given on the command line).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Index into `Config::files`.
    pub file: u16,
    /// Line number, from 1; 0 for a value from the command line.
    pub line: u32,
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

/// Which era of LXC a file was written for; its silent defaults follow from it. Told by the spelling of its keys and by
/// the oldest release that knew them all (reference: 0.9, 1.0, 1.1 and 3.0 changed defaults without saying so).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// 0.x: no network key means the host's network, no autodev.
    Legacy,
    /// Old names with a key that came with 1.0: an empty network, no autodev.
    One,
    /// Names of 2.1 and later, or old names with a key that came with 1.1: an empty network, autodev on.
    #[default]
    Current,
}

impl Dialect {
    /// Whether a container without any network key shares the host's network.
    pub fn host_network(self) -> bool {
        self == Dialect::Legacy
    }

    /// Whether /dev is filled by the runtime when no key says so.
    pub fn autodev(self) -> bool {
        self == Dialect::Current
    }

    /// Whether /dev/kmsg is a link to the console when no key says so: up to LXC 1.0.
    pub fn kmsg(self) -> bool {
        self != Dialect::Current
    }
}

/// A whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Files read, in order; `Origin::file` is an index into it.
    pub files: Vec<String>,
    /// The era whose defaults hold.
    pub dialect: Dialect,
    /// `lxc.uts.name`: the host name inside; none keeps the host's.
    pub uts_name: Option<String>,
    /// `lxc.arch`: what personality(2) shall say.
    pub arch: Option<Personality>,
    /// `lxc.rootfs.*`.
    pub rootfs: Rootfs,
    /// `lxc.rootfs.managed`; none: 1. 0: its storage is not removed with the container.
    pub rootfs_managed: Option<bool>,
    /// `lxc.init.*`.
    pub init: Init,
    /// `lxc.environment`, in order, later ones win: `(NAME, VALUE)`; no value: taken from the caller's environment.
    pub environment: Vec<At<(String, Option<String>)>>,
    /// `lxc.environment.runtime`: for the first program only.
    pub environment_runtime: Vec<At<(String, Option<String>)>>,
    /// `lxc.environment.hooks`: for hooks only.
    pub environment_hooks: Vec<At<(String, Option<String>)>>,
    /// `lxc.mount.fstab`: a file of fstab(5) lines, read before `mount_entry`.
    pub mount_fstab: Option<At<String>>,
    /// `lxc.mount.entry`, in order.
    pub mount_entry: Vec<At<MountEntry>>,
    /// `lxc.mount.auto`.
    pub mount_auto: MountAuto,
    /// `shmounts:HOST[:INSIDE]` of `lxc.mount.auto`: a directory of the host, and where its mounts show up inside.
    pub mount_shmounts: Option<(String, String)>,
    /// `lxc.autodev`; none: as the dialect has it.
    pub autodev: Option<bool>,
    /// `lxc.kmsg`; none: as the dialect has it.
    pub kmsg: Option<bool>,
    /// `lxc.autodev.tmpfs.size`, bytes; 0: LXC's 500000.
    pub autodev_tmpfs_size: u32,
    /// `lxc.tty.max`: how many ttys.
    pub tty_max: u32,
    /// `lxc.tty.dir`: the directory under /dev for console and ttys.
    pub tty_dir: Option<String>,
    /// `lxc.pty.max`: more than 0 asks for a devpts instance of its own.
    pub pty_max: u32,
    /// `lxc.console.*`.
    pub console: Console,
    /// `lxc.cap.drop` and `lxc.cap.keep`.
    pub caps: Caps,
    /// `lxc.net.N`, ordered by N. Empty: as the dialect has it.
    pub net: Vec<Net>,
    /// `lxc.net =` or `lxc.network =` with no value was met, and so the list above is empty on purpose.
    pub net_cleared: bool,
    /// `lxc.cgroup.*` and `lxc.cgroup2.*`, in file order.
    pub cgroup: Vec<At<CgroupSetting>>,
    /// `lxc.cgroup.dir*` and `lxc.cgroup.relative`.
    pub cgroup_dir: CgroupDirs,
    /// `lxc.apparmor.*`.
    pub apparmor: AppArmor,
    /// `lxc.selinux.*`.
    pub selinux: SeLinux,
    /// `lxc.time.offset.*`.
    pub time: TimeOffsets,
    /// `lxc.sched.core`: shares no core with tasks of others.
    pub sched_core: bool,
    /// `lxc.monitor.*`.
    pub monitor: Monitor,
    /// `lxc.signal.*`.
    pub signal: Signals,
    /// `lxc.start.*` and `lxc.group`.
    pub start: Start,
    /// `lxc.prlimit.*`.
    pub limits: Vec<At<Limit>>,
    /// `lxc.sysctl.*`: a file below /proc/sys, and what is written to it inside.
    pub sysctl: Vec<At<(String, String)>>,
    /// `lxc.proc.*`: a file below /proc/PID of the first program, and what is written to it.
    pub proc: Vec<At<(String, String)>>,
    /// `lxc.idmap`.
    pub idmap: Vec<At<IdMap>>,
    /// `lxc.hook.*`, in file order.
    pub hooks: Vec<At<(Hook, String)>>,
    /// `lxc.hook.version`: 1 gives hooks their arguments in the environment.
    pub hook_version: u32,
    /// `lxc.namespace.*`.
    pub namespace: NamespaceKeys,
    /// `lxc.keyring.session`; none: 1, as LXC has it.
    pub keyring_session: Option<bool>,
    /// `lxc.no_new_privs`.
    pub no_new_privs: bool,
    /// `lxc.seccomp.*`.
    pub seccomp: SeccompKeys,
    /// `lxc.ephemeral`: destroyed when it stops.
    pub ephemeral: bool,
    /// `lxc.log.level` (0 TRACE .. 8 FATAL) and `lxc.log.file`.
    pub log: Log,
    /// `keel.strict`: unknown keys are mistakes.
    pub strict: bool,
    /// `keel.restart`: what the supervisor does when the container ends. LXC ignores lines that do not begin with `lxc.`,
    /// so the file stays an LXC file.
    pub restart: Option<Restart>,
    /// `keel.android.*`.
    pub android: android::Android,
}

/// `lxc.console.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// `lxc.console.path`.
    pub path: ConsolePath,
    /// `lxc.console.logfile`: a copy of all that the console says.
    pub logfile: Option<String>,
    /// `lxc.console.size`: the most bytes that the log file holds; 0: no limit.
    pub size: u64,
    /// `lxc.console.rotate`: a full log file is renamed, not emptied.
    pub rotate: bool,
    /// `lxc.console.buffer.size`: bytes kept in memory; 0: as the supervisor has it.
    pub buffer_size: u64,
}

/// Where the console goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ConsolePath {
    /// A pseudo-terminal that the supervisor holds.
    #[default]
    Pty,
    /// `none`: no /dev/console; the first program has /dev/null.
    None,
    /// A device or file of the host.
    Path(String),
}

/// One cgroup file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CgroupSetting {
    /// Which version the key was written for: `lxc.cgroup.` is 1, `lxc.cgroup2.` is 2.
    pub version: u8,
    /// The file's name, with its controller in front (`memory.limit_in_bytes`).
    pub file: String,
    /// What is written.
    pub value: String,
}

/// `lxc.start.*` and `lxc.group`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// `lxc.start.auto`.
    pub auto: bool,
    /// `lxc.start.order`: low first.
    pub order: i32,
    /// `lxc.start.delay`, seconds.
    pub delay_s: u32,
    /// `lxc.group`.
    pub groups: Vec<String>,
}

/// `lxc.log.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// 0 (TRACE) to 8 (FATAL); none: ERROR.
    pub level: Option<u8>,
    /// `lxc.log.file`.
    pub file: Option<String>,
    /// `lxc.log.syslog`: a facility of syslog(3), by number.
    pub syslog: Option<u8>,
}

/// `lxc.cgroup.dir*`: where in each hierarchy the container's directory is. No slash at either end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CgroupDirs {
    /// `dir`: the directory is made below this one.
    pub parent: Option<At<String>>,
    /// `dir.container`: the directory itself.
    pub container: Option<At<String>>,
    /// `dir.container.inner`: a directory in it, where the container is.
    pub inner: Option<At<String>>,
    /// `dir.monitor`: the supervisor's.
    pub monitor: Option<At<String>>,
    /// `dir.monitor.pivot`: the supervisor's, while it removes its own.
    pub pivot: Option<At<String>>,
    /// `relative`: below the caller's cgroup and not below that of process 1.
    pub relative: bool,
}

/// `lxc.monitor.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monitor {
    /// `unshare`: the supervisor has a mount namespace of its own.
    pub unshare: bool,
    /// `signal.pdeath`: what the first program gets when its supervisor dies; none or 0: nothing, and it lives on.
    pub pdeath: Option<i32>,
}

/// `lxc.time.offset.*`, nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeOffsets {
    /// `boot`.
    pub boot: i64,
    /// `monotonic`.
    pub monotonic: i64,
}

/// What the supervisor does when a container ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    No,
    /// Start it again when its first program failed or was killed.
    OnFailure,
    /// Start it again however it ended, except when it was told to stop.
    Always,
}
