//! One step of a plan: what it does and how it is written.
//!
//! A step is data. `host/src/perform.rs` has one match arm for each; nothing here or there decides anything. Every operand
//! is in the form that the system call wants (`CString`, flags), so that the child performs without allocating.

mod flags;
pub mod net;

pub use flags::ms;

use crate::logger::Log;
use crate::seccomp;
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::fmt;
use flags::{FlagWords, Options, propagation};

/// Where something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A path of the host, which is trusted: symbolic links are followed.
    Host(CString),
    /// A path below the rootfs, without a leading slash: resolved beneath it, no symbolic link is followed.
    Root(CString),
}

/// Which terminal `OpenTerminal` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// The console.
    Console,
    /// /dev/ttyN.
    Tty(u32),
}

/// What to make at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A character device: major, minor.
    Char(u32, u32),
    /// A block device: major, minor.
    Block(u32, u32),
}

/// A file of the host that is opened before the clone and used after it; an index into the child's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot(pub u16);

/// One step: a verb, its operands. Operands are named after the parameters of the call in the manual.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// mkdir(2), mode as given whatever the umask; one that exists already is fine.
    MakeDir { at: Place, mode: u32 },
    /// A directory, or an empty file, with all its parents (0755).
    MakePath { at: Place, file: bool },
    /// mknod(2), mode as given whatever the umask; a node of the same device that exists already is fine.
    MakeNode { at: Place, kind: NodeKind, mode: u32 },
    /// A new file with a mode and a text; one that exists already is an error.
    MakeFile { at: Place, mode: u32, text: CString },
    /// chmod(2) of what is at a place itself, never of what a link leads to.
    SetMode { at: Place, mode: u32 },
    /// Everything below a directory of the host, with owners and modes, but no devices: files, directories, links.
    CopyTree { from: CString, at: Place },
    /// ioctl(BINDER_CTL_ADD) of a binderfs's control file; a device that exists already is fine.
    AddBinder { at: Place, name: CString },
    /// symlink(2); an entry that exists already is fine.
    MakeLink { at: Place, target: CString },
    /// Nodes for everything in /sys/class and /sys/block, for kernels without devtmpfs.
    MakeNodesFromSysfs,
    /// mount(2) of a file system.
    Mount { source: CString, at: Place, fstype: CString, flags: u64, data: CString },
    /// A bind mount.
    Bind { from: Place, at: Place, recursive: bool },
    /// A copy of a directory's mount that shows the ids of a user namespace: of a file, or a new one with these maps
    /// (open_tree(2), mount_setattr(2) with MOUNT_ATTR_IDMAP).
    OpenMappedTree { source: CString, recursive: bool, namespace: Option<CString>, maps: [CString; 2], slot: Slot },
    /// A copy of the mount at a directory, and of those below it: open_tree(2).
    OpenTree { source: CString, recursive: bool, slot: Slot },
    /// Mounts what was opened: move_mount(2).
    AttachTree { slot: Slot, at: Place },
    /// umount2(MNT_DETACH).
    Unmount { at: Place },
    /// Sets flags of one mount, or of a whole tree, and clears none that is set.
    SetMountFlags { at: Place, flags: u64, recursive: bool },
    /// Propagation of a mount (MS_SLAVE, MS_PRIVATE, MS_SHARED, MS_UNBINDABLE; with MS_REC of the tree).
    SetPropagation { at: Place, flags: u64 },
    /// Binds `/` onto itself and goes there, so that pivot_root(2) works from the initramfs.
    BindRootOnItself,
    /// From here on, `Place::Root` is beneath this directory.
    OpenRoot { path: CString },
    /// The rootfs becomes `/`, the old root is gone: pivot_root(2).
    PivotRoot,
    /// The rootfs becomes `/` by MS_MOVE and chroot(2): for callers whose root is the initramfs.
    MoveRoot,
    /// Into a mount namespace of its own in which there is nothing: setns(2), unshare(2).
    EnterEmpty,
    /// The opened copy of the rootfs covers `/`; nothing mounted in it gets out. From here on, `Place::Root` is beneath it.
    CoverRoot { slot: Slot },
    /// The rootfs becomes `/` by chroot(2), where there is nothing else.
    EnterRoot,
    /// A new pseudo-terminal of the rootfs's devpts, bound over a file of the rootfs. The master is kept for the supervisor.
    OpenTerminal { terminal: Terminal, at: Place },
    /// A pipe with a name, for a log of the container; its reading end is kept for the supervisor.
    OpenLog { log: Log, at: Place },
    /// Masters of all terminals, and the logs, go to the supervisor.
    SendTerminals,
    /// sethostname(2).
    SetHostname { name: CString },
    /// A step of the container's network.
    Net(net::NetStep),
    /// The loopback device is set up.
    LoopbackUp,
    /// A directory in a cgroup hierarchy.
    MakeCgroup { path: CString },
    /// A directory on the way to a container's: one that is there is fine, and one that is made goes when it is empty.
    MakeCgroupParent { path: CString },
    /// A file of a cgroup gets the value that its parent's file has.
    InheritCgroupFile { from: CString, to: CString },
    /// Writes a file of the host, which must exist.
    WriteFile { path: CString, value: CString },
    /// Opens a file of the host for writing, for a later `WriteSlot`.
    OpenSlot { path: CString, slot: Slot },
    /// The child waits while the parent performs a round of the plan.
    Await { round: u16 },
    /// The parent writes a file of the child's in /proc/PID.
    WriteChildFile { file: CString, value: CString },
    /// Runs a program in the first shell that exists, and waits for it.
    RunHook { shells: Vec<CString>, argv: Vec<CString>, envp: Vec<CString> },
    /// Opens the directory of the version 2 cgroup for clone3(2), and its cgroup.procs for kernels without that.
    OpenCgroup { path: CString, slot: Slot },
    /// Writes to an opened file.
    WriteSlot { slot: Slot, name: CString, value: CString },
    /// Joins the version 2 cgroup, when clone3(2) has not done so.
    JoinCgroup { slot: Slot },
    /// A program that decides on devices, loaded and attached to the version 2 cgroup: bpf(2).
    AttachDeviceProgram { slot: Slot, program: Vec<u64>, rules: CString },
    /// setns(2) into the namespace behind a file of /proc.
    JoinNamespace { path: CString, kind: u32 },
    /// The child is made in the namespace behind a file of /proc: by a process between, which goes there first.
    BornIn { path: CString, kind: u32 },
    /// A session keyring of its own, keyctl(KEYCTL_JOIN_SESSION_KEYRING).
    NewKeyring,
    /// unshare(CLONE_NEWCGROUP): the cgroups joined become the roots.
    UnshareCgroup,
    /// chown(2) of a cgroup and of the files in it by which processes join and controllers are given on.
    ChownCgroup { path: CString, uid: u32, gid: u32 },
    /// setrlimit(2); all ones: no limit.
    SetLimit { resource: u32, soft: u64, hard: u64 },
    /// Writes a file beneath the rootfs that must be of a procfs.
    WriteProc { at: Place, value: CString },
    /// setgroups(2) to none, setgid(2), setuid(2) to root of a user namespace that has its maps. Who mapped himself alone
    /// keeps his groups: setgroups(2) is denied there.
    BecomeRoot { keep_groups: bool },
    /// personality(2).
    SetPersonality { persona: u32 },
    /// prctl(PR_CAPBSET_DROP) of each capability in the mask; inheritable and ambient ones are cleared.
    DropCapabilities { mask: u64 },
    /// prctl(PR_SET_NO_NEW_PRIVS).
    NoNewPrivs,
    /// Opens the first of the files of the host that exists, for writing: where a label of a security module goes.
    OpenLabel { paths: Vec<CString>, slot: Slot },
    /// A time namespace with these offsets, in nanoseconds, and into it: unshare(2), timens_offsets, setns(2).
    EnterTime { offsets: CString },
    /// prctl(PR_SCHED_CORE): shares no core with tasks that have not this cookie.
    IsolateCore,
    /// prctl(PR_SET_PDEATHSIG).
    SetParentDeathSignal { signal: i32 },
    /// A filter of system calls, in force from here on: prctl(PR_SET_SECCOMP).
    LoadSeccomp { program: Vec<seccomp::Insn>, text: CString },
    /// The same by seccomp(2), with a listener that goes to the supervisor: it answers calls, or has a proxy do it.
    Supervise { program: Vec<seccomp::Insn>, text: CString, proxy: Option<seccomp::Proxy> },
    /// connect(2) to a socket of the host's that will be needed: whether anybody is there.
    Reach { path: CString },
    /// SIGPIPE is ignored, as the first program's children inherit it.
    IgnorePipes,
    /// setgroups(2), setgid(2), setuid(2).
    SetIds { uid: u32, gid: u32, groups: Vec<u32> },
    /// chdir(2), after the root was changed.
    ChangeDir { path: CString },
    /// setsid(2), then descriptors 0 to 2 are the console, or /dev/null when there is none.
    NewSession { console: bool },
    /// Signal mask, dispositions, OOM score and umask as a program expects them.
    ResetProcess,
    /// execve(2) of the first of the paths that exists; descriptors above 2 are closed by it.
    Exec { paths: Vec<CString>, argv: Vec<CString>, envp: Vec<CString> },
    /// Loads a kernel module from a file, finit_module(2); one that is loaded already is fine.
    LoadModule { path: CString, parameters: CString },
    /// Waits until a device node can be opened, for as long as given.
    WaitForDevice { path: CString, timeout_ms: u32 },
    /// Mounts a block device with the first of the types that fits; without types, of the kernel's at that time.
    MountProbed { source: CString, at: Place, flags: u64, data: CString, fstypes: Vec<CString> },
    /// Puts an image on a free loop device, which goes away with its last mount, and mounts that in place of the source.
    MountImage { image: CString, mount: alloc::boxed::Box<Step> },
    /// Opens a nameless file of the rootfs for writing; it stays open as long as the container runs.
    PinRootfs { path: CString },
    /// A lock on a file, which is made if need be, held as long as the container runs; whose it is, is in the file.
    HoldLock { path: CString, text: CString },
    /// Does nothing but fail: stands for a step in tests of what happens then.
    Fail { instead_of: alloc::boxed::Box<Step>, errno: i32 },
}

impl Step {
    /// Whether a path of the step is resolved beneath the rootfs.
    pub fn is_beneath_root(&self) -> bool {
        let root = |p: &Place| matches!(p, Place::Root(_));
        match self {
            Step::MakeDir { at, .. }
            | Step::MakePath { at, .. }
            | Step::MakeNode { at, .. }
            | Step::MakeLink { at, .. }
            | Step::MakeFile { at, .. }
            | Step::SetMode { at, .. }
            | Step::AddBinder { at, .. }
            | Step::MountProbed { at, .. }
            | Step::Mount { at, .. }
            | Step::WriteProc { at, .. }
            | Step::Unmount { at }
            | Step::SetMountFlags { at, .. }
            | Step::SetPropagation { at, .. }
            | Step::AttachTree { at, .. }
            | Step::OpenLog { at, .. }
            | Step::OpenTerminal { at, .. } => root(at),
            Step::Bind { from, at, .. } => root(from) || root(at),
            Step::Fail { instead_of, .. } => instead_of.is_beneath_root(),
            Step::MountImage { mount, .. } => mount.is_beneath_root(),
            _ => false,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Host(path) => write!(f, "{}", path.to_string_lossy()),
            Place::Root(path) if path.is_empty() => f.write_str("rootfs"),
            Place::Root(path) => write!(f, "{}", path.to_string_lossy()),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |s: &CString| s.to_string_lossy().into_owned();
        match self {
            Step::MakeDir { at, mode } => write!(f, "mkdir -m {mode:04o} {at}"),
            Step::MakePath { at, file: false } => write!(f, "mkdir -p {at}"),
            Step::MakePath { at, file: true } => write!(f, "touch {at}"),
            Step::MakeNode { at, kind: NodeKind::Char(major, minor), mode } => {
                write!(f, "mknod -m {mode:04o} {at} c {major} {minor}")
            }
            Step::MakeNode { at, kind: NodeKind::Block(major, minor), mode } => {
                write!(f, "mknod -m {mode:04o} {at} b {major} {minor}")
            }
            Step::MakeLink { at, target } => write!(f, "ln -s {} {at}", text(target)),
            Step::MakeFile { at, mode, text: t } if t.is_empty() => write!(f, "make {at} with mode {mode:04o}"),
            Step::MakeFile { at, mode, text: t } => {
                let text = text(t);
                // A step is one line.
                match text.trim_end() {
                    lines if lines.contains('\n') => {
                        write!(f, "make {at} with mode {mode:04o} and {} bytes", text.len())
                    }
                    line => write!(f, "make {at} with mode {mode:04o} and '{line}'"),
                }
            }
            Step::SetMode { at, mode } => write!(f, "chmod {mode:04o} {at}"),
            Step::CopyTree { from, at } => write!(f, "cp -a {}/. {at}", text(from)),
            Step::AddBinder { at, name } => write!(f, "make binder device {} by {at}", text(name)),
            Step::MakeNodesFromSysfs => f.write_str("mknod for each device in /sys/dev"),
            Step::Mount { source, at, fstype, flags, data } => {
                write!(f, "mount -t {}{} {} {at}", text(fstype), Options(*flags, &text(data)), text(source))
            }
            Step::MountProbed { source, at, flags, data, .. } => {
                write!(f, "mount{} {} {at}", Options(*flags, &text(data)), text(source))
            }
            Step::MountImage { mount, .. } => write!(f, "{mount} (on a loop device)"),
            Step::PinRootfs { path } => write!(f, "hold a file of {} open", text(path)),
            Step::HoldLock { path, .. } => write!(f, "lock {}", text(path)),
            Step::Bind { from, at, recursive } => {
                write!(f, "mount --{} {from} {at}", if *recursive { "rbind" } else { "bind" })
            }
            Step::OpenMappedTree { source, namespace, .. } => {
                let whose = namespace.as_ref().map_or_else(|| "the container".into(), text);
                write!(f, "copy the mount of {} with the ids of {whose}", text(source))
            }
            Step::OpenTree { source, recursive: true, .. } => write!(f, "copy the mounts of {}", text(source)),
            Step::OpenTree { source, .. } => write!(f, "copy the mount of {}", text(source)),
            Step::AttachTree { at, .. } => write!(f, "mount that copy on {at}"),
            Step::SetMountFlags { at, flags, recursive } => {
                let all = if *recursive { "recursively " } else { "" };
                write!(f, "remount {all}{}{at}", FlagWords(*flags))
            }
            Step::Unmount { at } => write!(f, "umount -l {at}"),
            Step::SetPropagation { at, flags } => write!(f, "mount --make-{} {at}", propagation(*flags)),
            Step::BindRootOnItself => f.write_str("mount --rbind / /, chroot there"),
            Step::OpenRoot { path } => write!(f, "open rootfs {}", text(path)),
            Step::PivotRoot => f.write_str("pivot_root"),
            Step::MoveRoot => f.write_str("mount --move rootfs /, chroot there"),
            Step::EnterEmpty => f.write_str("enter an empty mount namespace"),
            Step::CoverRoot { .. } => f.write_str("mount the copy of the rootfs on /, make it a slave"),
            Step::EnterRoot => f.write_str("chroot to the rootfs"),
            Step::OpenTerminal { at, .. } => write!(f, "open a pty for {at}"),
            Step::OpenLog { at, .. } => write!(f, "open a pipe for {at}"),
            Step::SendTerminals => f.write_str("hand the terminals over"),
            Step::SetHostname { name } => write!(f, "sethostname {}", text(name)),
            Step::Net(step) => step.fmt(f),
            Step::LoopbackUp => f.write_str("set lo up"),
            Step::MakeCgroup { path } | Step::MakeCgroupParent { path } => write!(f, "mkdir {}", text(path)),
            Step::InheritCgroupFile { from, to } => write!(f, "copy {} to {}", text(from), text(to)),
            Step::WriteFile { path, value } => write!(f, "write '{}' to {}", text(value), text(path)),
            Step::Await { .. } => f.write_str("wait for the parent"),
            Step::WriteChildFile { file, value } => {
                write!(f, "write '{}' to /proc/PID/{}", text(value).trim_end().replace('\n', ", "), text(file))
            }
            Step::RunHook { argv, .. } => write!(f, "run {}", argv.last().map(text).unwrap_or_default()),
            Step::OpenSlot { path, .. } | Step::OpenCgroup { path, .. } => write!(f, "open {}", text(path)),
            Step::WriteSlot { name, value, .. } => write!(f, "write '{}' to {}", text(value), text(name)),
            Step::JoinCgroup { .. } => f.write_str("join the cgroup"),
            Step::AttachDeviceProgram { rules, .. } => write!(f, "attach a device program: {}", text(rules)),
            Step::BornIn { path, .. } => write!(f, "be born in namespace {}", text(path)),
            Step::JoinNamespace { path, .. } => write!(f, "join namespace {}", text(path)),
            Step::NewKeyring => f.write_str("join a new session keyring"),
            Step::UnshareCgroup => f.write_str("unshare the cgroup namespace"),
            Step::SetPersonality { persona } => write!(f, "personality {persona:#x}"),
            Step::DropCapabilities { mask } => write!(f, "drop capabilities {mask:#x}"),
            Step::NoNewPrivs => f.write_str("set no_new_privs"),
            Step::OpenLabel { paths, .. } => write!(f, "open {}", paths.last().map(text).unwrap_or_default()),
            Step::EnterTime { offsets } => {
                write!(f, "enter a time namespace: {}", text(offsets).trim_end().replace('\n', ", "))
            }
            Step::IsolateCore => f.write_str("share no core with others"),
            Step::SetParentDeathSignal { signal } => write!(f, "signal {signal} when the supervisor dies"),
            Step::LoadSeccomp { program, text: what } => {
                write!(f, "filter system calls: {} ({} instructions)", text(what), program.len())
            }
            Step::Supervise { program, text: what, proxy } => {
                write!(f, "supervise system calls: {} ({} instructions)", text(what), program.len())?;
                proxy.iter().try_for_each(|proxy| write!(f, ", {} answers", proxy.path))
            }
            Step::Reach { path } => write!(f, "connect to {}", text(path)),
            Step::IgnorePipes => f.write_str("ignore SIGPIPE"),
            Step::ChownCgroup { path, uid, gid } => write!(f, "chown {uid}:{gid} {}", text(path)),
            Step::SetLimit { resource, soft, hard } => write!(f, "setrlimit {resource} {soft}:{hard}"),
            Step::WriteProc { at, value } => write!(f, "write '{}' to {at}", text(value)),
            Step::BecomeRoot { .. } => f.write_str("become root of the user namespace"),
            Step::SetIds { uid, gid, groups } if groups.is_empty() => write!(f, "set uid {uid}, gid {gid}"),
            Step::SetIds { uid, gid, groups } => write!(f, "set uid {uid}, gid {gid}, groups {groups:?}"),
            Step::ChangeDir { path } => write!(f, "chdir {}", text(path)),
            Step::NewSession { console: true } => f.write_str("setsid, console on 0 to 2"),
            Step::NewSession { console: false } => f.write_str("setsid, /dev/null on 0 to 2"),
            Step::ResetProcess => f.write_str("reset signals, umask and oom score"),
            Step::Exec { argv, .. } => {
                f.write_str("exec")?;
                argv.iter().try_for_each(|a| write!(f, " {}", text(a)))
            }
            Step::LoadModule { path, parameters } if parameters.is_empty() => write!(f, "insmod {}", text(path)),
            Step::LoadModule { path, parameters } => write!(f, "insmod {} {}", text(path), text(parameters)),
            Step::WaitForDevice { path, timeout_ms } => write!(f, "wait for {} (at most {timeout_ms} ms)", text(path)),
            Step::Fail { instead_of, .. } => instead_of.fmt(f),
        }
    }
}
