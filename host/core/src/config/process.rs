//! What the first program is, what it gets and what it may: ids, limits, namespaces, capabilities, filters, hooks.

use super::At;
use alloc::string::String;
use alloc::vec::Vec;

/// An execution domain, personality(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personality {
    /// PER_LINUX32: uname(2) answers the 32-bit machine.
    Linux32,
    /// PER_LINUX.
    Linux,
}

/// The first program of the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    /// `lxc.init.cmd`, split into words; empty: `/sbin/init`.
    pub cmd: Vec<String>,
    /// `lxc.execute.cmd`, split into words: what `keel execute` runs without a command of its own.
    pub execute: Vec<String>,
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
    /// `notify.proxy`: the path of the socket of who answers calls whose action is `notify`.
    pub proxy: Option<At<String>>,
    /// `notify.cookie`: what is sent along with each.
    pub cookie: Option<String>,
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

/// `lxc.apparmor.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppArmor {
    /// `profile`: the name of a loaded one, `unconfined`, `unchanged` or `generated`.
    pub profile: Option<At<String>>,
    /// `allow_incomplete`: start although the kernel's AppArmor does not know mounts.
    pub allow_incomplete: bool,
    /// `allow_nesting`: for a generated profile.
    pub allow_nesting: bool,
    /// `raw`: lines of a generated profile.
    pub raw: Vec<String>,
}

/// `lxc.selinux.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeLinux {
    /// `context`: of the first program.
    pub context: Option<At<String>>,
    /// `context.keyring`: of its session keyring; none: as `context`.
    pub keyring: Option<At<String>>,
}
