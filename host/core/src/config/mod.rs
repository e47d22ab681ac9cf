//! What a container's configuration says, whatever file it was written in.
//!
//! `Config` is neutral: LXC files are its first front end (`lxc`). Nothing LXC-specific goes past this folder. A field is
//! named after its key with `_` for `.`; a value that a later stage may have to complain about keeps its `Origin`.

pub mod address;
pub mod fstab;
pub mod lxc;
pub mod net;
pub mod words;

pub use net::{Net, NetKind};

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
    /// `lxc.init.*`.
    pub init: Init,
    /// `lxc.environment`, in order, later ones win: `(NAME, VALUE)`; no value: taken from the caller's environment.
    pub environment: Vec<At<(String, Option<String>)>>,
    /// `lxc.mount.fstab`: a file of fstab(5) lines, read before `mount_entry`.
    pub mount_fstab: Option<At<String>>,
    /// `lxc.mount.entry`, in order.
    pub mount_entry: Vec<At<MountEntry>>,
    /// `lxc.mount.auto`.
    pub mount_auto: MountAuto,
    /// `lxc.autodev`; none: as the dialect has it.
    pub autodev: Option<bool>,
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
    /// `keel.restart`: what the supervisor does when the container ends. LXC ignores lines that do not begin with `lxc.`,
    /// so the file stays an LXC file.
    pub restart: Option<Restart>,
}

/// An execution domain, personality(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personality {
    /// PER_LINUX32: uname(2) answers the 32-bit machine.
    Linux32,
    /// PER_LINUX.
    Linux,
}

/// Where the root file system is and how it is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rootfs {
    /// `lxc.rootfs.path` without its type; none: the host's root is shared.
    pub path: Option<At<String>>,
    /// What `path` is.
    pub kind: RootfsKind,
    /// `lxc.rootfs.mount`: where it is mounted before it becomes the root.
    pub mount: Option<String>,
    /// `lxc.rootfs.options`, fstab(5) words.
    pub options: Option<At<String>>,
}

/// The type in front of `lxc.rootfs.path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RootfsKind {
    /// A directory (also `dir:`), or a block device or image that is found to be one when looked at.
    #[default]
    Dir,
    /// `overlay:` or `overlayfs:LOWER[:LOWER2..]:UPPER`; the path holds everything after the type.
    Overlay,
    /// `loop:IMAGE`.
    Loop,
    /// A type that Keel does not know; said when the container is to start.
    Other(String),
}

/// The first program of the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    /// `lxc.init.cmd`, split into words; empty: `/sbin/init`.
    pub cmd: Vec<String>,
    /// `lxc.init.cwd`.
    pub cwd: Option<String>,
    /// `lxc.init.uid`.
    pub uid: u32,
    /// `lxc.init.gid`.
    pub gid: u32,
    /// `lxc.init.groups`.
    pub groups: Vec<u32>,
}

/// A limit of setrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// RLIMIT_*.
    pub resource: u32,
    /// The limit in force; all ones: none.
    pub soft: u64,
    /// The most that it can be raised to.
    pub hard: u64,
}

/// `lxc.namespace.*`: flags as in `crate::facts::Namespaces`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceKeys {
    /// `clone`: these are new, all others are the caller's.
    pub clone: Option<At<u32>>,
    /// `keep`: these are the caller's, all others are new.
    pub keep: Option<At<u32>>,
    /// `share.NS`: this one is that of a process, a container, or a file.
    pub share: Vec<At<(u32, String)>>,
}

/// `lxc.seccomp.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeccompKeys {
    /// `profile`: a file of system calls and what becomes of them.
    pub profile: Option<At<String>>,
    /// `allow_nesting`: also in a caller that is under a filter already.
    pub allow_nesting: bool,
}

/// A range of ids inside and what they are outside, user_namespaces(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// Users or groups.
    pub kind: IdKind,
    /// The first id inside.
    pub inside: u32,
    /// The first id outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// Whose ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// Users.
    User,
    /// Groups.
    Group,
}

/// When a hook is run, in the order of a container's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is explained by its row in the table of keys
pub enum Hook {
    PreStart,
    PreMount,
    Mount,
    Autodev,
    StartHost,
    Start,
    Stop,
    PostStop,
    Clone,
    Destroy,
}

impl Hook {
    /// Names, as in `lxc.hook.NAME`.
    pub const NAMES: [(Hook, &'static str); 10] = [
        (Hook::PreStart, "pre-start"),
        (Hook::PreMount, "pre-mount"),
        (Hook::Mount, "mount"),
        (Hook::Autodev, "autodev"),
        (Hook::StartHost, "start-host"),
        (Hook::Start, "start"),
        (Hook::Stop, "stop"),
        (Hook::PostStop, "post-stop"),
        (Hook::Clone, "clone"),
        (Hook::Destroy, "destroy"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(hook, _)| *hook == self).map_or("", |(_, name)| name)
    }
}

/// One line in the form of fstab(5), octal escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountEntry {
    /// What is mounted: a device, a host path, or a word that the file system ignores.
    pub source: String,
    /// Where, as written: relative to the root file system, or absolute on the host.
    pub target: String,
    /// File system type; `none` for binds.
    pub fstype: String,
    /// What the options say.
    pub options: MountOptions,
}

/// Options of a mount entry, matched exactly (LXC 5 matches prefixes, so that `rootcontext=` is taken for `ro`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// MS_* flags of mount(2) that are set (`ro`, `nosuid`, `bind`, `rbind` …).
    pub flags: u64,
    /// Propagation words, in order, as MS_* flags (each is a mount(2) call of its own).
    pub propagation: Vec<u64>,
    /// What is left for the file system, joined by commas.
    pub data: String,
    /// `create=dir` or `create=file`.
    pub create: Option<Create>,
    /// `optional`: a failure is not an error.
    pub optional: bool,
    /// `relative`: the source is taken inside the root file system.
    pub relative: bool,
}

/// What to make at a mount's target when nothing is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    /// A directory, with its parents, 0755.
    Dir,
    /// An empty file, with its parents.
    File,
}

/// `lxc.mount.auto`: what is mounted without an entry of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountAuto {
    /// `proc`.
    pub proc: Option<ProcMode>,
    /// `sys`.
    pub sys: Option<SysMode>,
    /// `cgroup`, `cgroup-full`, `cgroup2`.
    pub cgroup: Option<CgroupMode>,
}

/// How /proc is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcMode {
    /// `proc:mixed`: /proc/sys and /proc/sysrq-trigger read-only, /proc/sys/net writable.
    Mixed,
    /// `proc:rw`.
    Rw,
}

/// How /sys is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SysMode {
    /// `sys:mixed`: read-only but for /sys/devices/virtual/net.
    Mixed,
    /// `sys:ro`.
    Ro,
    /// `sys:rw`.
    Rw,
}

/// How cgroups are shown inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupMode {
    /// Writable: nothing, the container's own part (`mixed`), or everything.
    pub access: CgroupAccess,
    /// `cgroup-full`: whole hierarchies instead of the container's own part.
    pub full: bool,
    /// `:force`: even where a cgroup namespace makes it needless.
    pub force: bool,
}

/// What of the cgroup file systems can be written inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CgroupAccess {
    /// Nothing.
    Ro,
    /// The container's own directory.
    Mixed,
    /// Everything that is shown.
    Rw,
}

/// `lxc.console.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// `lxc.console.path`.
    pub path: ConsolePath,
    /// `lxc.console.logfile`: a copy of all that the console says.
    pub logfile: Option<String>,
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

/// The capability bounding set. Numbers are those of capabilities(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caps {
    /// All but these.
    Drop(Vec<u8>),
    /// These only; `lxc.cap.keep = none` keeps nothing.
    Keep(Vec<u8>),
}

impl Default for Caps {
    fn default() -> Self {
        Caps::Drop(Vec::new())
    }
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

/// Signals by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// `lxc.signal.halt`; none: SIGPWR, or SIGRTMIN+3 for an init that blocks it (LXC 2.0).
    pub halt: Option<i32>,
    /// `lxc.signal.reboot`; none: SIGINT.
    pub reboot: Option<i32>,
    /// `lxc.signal.stop`; none: SIGKILL.
    pub stop: Option<i32>,
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
