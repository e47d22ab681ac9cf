//! The root file system and what is mounted in it.

use super::At;
use alloc::string::String;
use alloc::vec::Vec;

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
    /// `keel.rootfs.tmpfs`: an overlay's upper directory is in memory.
    pub tmpfs: bool,
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
    /// `idmap=`: whose ids the mount shows: `container`, or the file of a user namespace.
    pub idmap: Option<String>,
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
