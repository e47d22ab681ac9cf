//! The table of options: one row for each, with the commands that have it.
//!
//! The same letter means different things to different tools of LXC (`-s` of lxc-start, lxc-info, lxc-attach); so a row
//! belongs to commands, and no two rows of a command share a letter or a long name (a test sees to it).

use super::Verb::{
    Agent, Attach, Autostart, Cgroup, CheckConfig, Clone, Completions, Config, Console, Copy, Create, Destroy, Device,
    Execute, Freeze, GetProp, Halt, Help, Info, InstallLinks, Kill, Log, Logcat, Ls, Man, Monitor, Net, Netstat, Plan,
    PowerOff, Ps, Reboot, Restart, Service, SetProp, Shutdown, Snapshot, Start, Stop, TemplateAndroid, TemplateBusybox,
    Top, Unfreeze, Unshare, UpdateConfig, UsernsExec, Version, Wait, WatchProps,
};
use super::{Offer, OptionRow, Value, Verb};

/// What an option is called inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is explained by its row's help
pub enum Opt {
    Name,
    LxcPath,
    LogFile,
    LogPriority,
    Quiet,
    RcFile,
    Help,
    Usage,
    Version,
    Json,
    Address,
    NoNat,
    Template,
    Bdev,
    FsType,
    FsSize,
    Volume,
    BusyboxPath,
    Rootfs,
    TemplateInit,
    Pid1,
    Autologin,
    Password,
    PasswordHash,
    StaticDev,
    Sysroot,
    TemplateIgnored,
    Ramdisk,
    System,
    Data,
    Cache,
    Cmdline,
    Hardware,
    Cpuinfo,
    AdbPort,
    Daemon,
    Foreground,
    Define,
    Strict,
    Dialect,
    PidFile,
    ConsolePath,
    ConsoleLog,
    CloseAllFds,
    FailAt,
    ShareNet,
    ShareIpc,
    ShareUts,
    SharePid,
    Reboot,
    NoWait,
    Timeout,
    Kill,
    NoLock,
    NoKill,
    ElevatedPrivileges,
    Namespaces,
    Arch,
    RemountSysProc,
    ClearEnv,
    KeepEnv,
    SetVar,
    KeepVar,
    Uid,
    Gid,
    PtyLog,
    Context,
    Tty,
    Escape,
    State,
    Pid,
    Ips,
    Stats,
    NoHumanize,
    ConfigKey,
    Line,
    Fancy,
    FancyFormat,
    Active,
    Running,
    Frozen,
    Stopped,
    Defined,
    Filter,
    Groups,
    Nesting,
    Force,
    Snapshots,
    KernelConfig,
    KernelVersion,
    States,
    QuitMonitor,
    List,
    HaltThem,
    All,
    IgnoreAuto,
    Keys,
    Add,
    Unset,
    File,
    NewName,
    NewPath,
    Rename,
    Linked,
    AllowRunning,
    Ephemeral,
    Mount,
    Tmpfs,
    KeepData,
    KeepName,
    KeepMac,
    Original,
    CopyHooks,
    ShowComments,
    Comment,
    Restore,
    DestroySnapshot,
    Delay,
    Batch,
    Sort,
    Reverse,
    Hostname,
    Interface,
    RemountOwn,
    Map,
    Script,
    AllContainers,
    Follow,
    Dump,
    Clear,
    Buffer,
    LogFormat,
    OthersSilent,
    Tail,
    StateFile,
}

#[rustfmt::skip]
const NAMED: &[Verb] = &[
    Create, Start, Stop, Attach, Console, Info, Destroy, Plan, Freeze, Unfreeze, Wait, Monitor, Cgroup, Execute, Config, Copy, Snapshot, Device, Kill, Ps, GetProp, WatchProps, SetProp, Service, Log, Logcat, Shutdown, Netstat, Restart,
];
#[rustfmt::skip]
const CONTAINERS: &[Verb] = &[
    Agent, Create, Start, Stop, Attach, Console, Info, Ls, Destroy, Plan, Freeze, Unfreeze, Wait, Monitor, Cgroup, Execute, Autostart, Config, Copy, Snapshot, Device, Top, Unshare, Kill, Ps, GetProp, WatchProps, SetProp, Service, Log, Logcat, Shutdown, Netstat, Restart,
];
#[rustfmt::skip]
const LEVELLED: &[Verb] = &[
    Agent, Create, Start, Stop, Attach, Console, Info, Ls, Destroy, Plan, Freeze, Unfreeze, Wait, Monitor, Cgroup, Execute, Autostart, Copy, Snapshot, Device, Top, Unshare, Kill, Ps, GetProp, WatchProps, SetProp, Service, Log, Logcat, Shutdown, Netstat, Restart,
];
#[rustfmt::skip]
const ALL: &[Verb] = &[
    Agent, Create, Start, Stop, Attach, Console, Info, Ls, Destroy, Plan, CheckConfig, Help, Man, Completions, InstallLinks, Net, Version, TemplateBusybox, TemplateAndroid, PowerOff, Reboot, Halt, Freeze, Unfreeze, Wait, Monitor, Cgroup, Execute, Autostart, Config, UpdateConfig, Copy, Clone, Snapshot, Device, Top, Unshare, UsernsExec, Kill, Ps, GetProp, WatchProps, SetProp, Service, Log, Logcat, Shutdown, Netstat, Restart,
];
const LEVELS: &[&str] = &["TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRIT", "ALERT", "FATAL"];

const fn needs(name: &'static str) -> Value {
    Value::Needed(name, Offer::Nothing)
}
const fn file() -> Value {
    Value::Needed("FILE", Offer::Files)
}
const fn dir() -> Value {
    Value::Needed("DIR", Offer::Dirs)
}
const fn words(name: &'static str, words: &'static [&'static str]) -> Value {
    Value::Needed(name, Offer::Words(words))
}

const fn row(
    opt: Opt,
    short: &'static str,
    long: &'static [&'static str],
    value: Value,
    of: &'static [Verb],
    help: &'static str,
) -> OptionRow {
    OptionRow { opt, short, long, value, help, of, ready: true }
}

/// An option of LXC that is known and refused for now.
const fn later(
    opt: Opt,
    short: &'static str,
    long: &'static [&'static str],
    value: Value,
    of: &'static [Verb],
    help: &'static str,
) -> OptionRow {
    OptionRow { opt, short, long, value, help, of, ready: false }
}

/// All options; help texts show them in this order.
#[rustfmt::skip]
pub const OPTIONS: &[OptionRow] = &[
    row(Opt::Name, "n", &["name"], Value::Needed("NAME", Offer::Containers), NAMED, "the container; may also stand without -n"),
    // create
    row(Opt::Template, "t", &["template"], words("TEMPLATE", &["busybox", "android", "none", "tar", "oci"]), &[Create], "what to make it from: 'busybox', 'android', 'none', 'tar' FILE, 'oci' DIR, a directory with a template, or a program of LXC's kind"),
    row(Opt::RcFile, "f", &["config", "rcfile"], file(), &[Create], "begin the new configuration with this file"),
    row(Opt::BusyboxPath, "", &["busybox", "busybox-path"], file(), &[Create, TemplateBusybox], "the static busybox to copy; else the one in PATH"),
    row(Opt::TemplateInit, "", &["init"], words("INIT", &["pid1", "busybox"]), &[Create, TemplateBusybox], "the first program: Keel's 'pid1' (the default where it is found) or 'busybox'"),
    row(Opt::Pid1, "", &["pid1"], file(), &[Create, TemplateBusybox], "the pid1 to copy; else the one beside keel, in /sbin or in PATH"),
    row(Opt::Autologin, "", &["autologin"], Value::Maybe("USER", Offer::Nothing), &[Create, TemplateBusybox], "log USER (root) in on the console without a password"),
    row(Opt::Password, "", &["password"], needs("PASSWORD"), &[Create, TemplateBusybox], "root's password; without one root is locked"),
    row(Opt::PasswordHash, "", &["password-hash"], needs("HASH"), &[Create, TemplateBusybox], "root's password as crypt(5) writes it (openssl passwd -6)"),
    row(Opt::StaticDev, "", &["static-dev"], Value::None, &[Create, TemplateBusybox], "device nodes in the image instead of a /dev made at each start; needs root"),
    row(Opt::Rootfs, "", &["rootfs", "dir"], dir(), &[Create, TemplateBusybox], "put the root file system here instead of below the lxcpath"),
    row(Opt::Sysroot, "", &["sysroot"], dir(), &[Create, TemplateBusybox], "for a ramdisk in the making: this directory will be '/', so take it off the paths in the configuration"),
    row(Opt::Ramdisk, "", &["ramdisk"], file(), &[Create, TemplateAndroid], "Android's ramdisk.img, a boot image around it, or a directory with its files"),
    row(Opt::System, "", &["system"], file(), &[Create, TemplateAndroid], "/system, read-only: an image (squashfs, ext4, erofs), a device or a directory"),
    row(Opt::Data, "", &["data"], file(), &[Create, TemplateAndroid], "/data: the same, writable; else a directory beside the root file system"),
    row(Opt::Cache, "", &["cache"], file(), &[Create, TemplateAndroid], "/cache: the same, writable; else a directory beside the root file system"),
    row(Opt::Cmdline, "", &["cmdline"], needs("WORDS"), &[Create, TemplateAndroid], "the kernel command line that Android sees; else that of the boot image"),
    row(Opt::Hardware, "", &["hardware"], needs("NAME"), &[Create, TemplateAndroid], "androidboot.hardware: init reads /init.NAME.rc"),
    row(Opt::Cpuinfo, "", &["cpuinfo"], needs("LINE|FILE"), &[Create, TemplateAndroid], "a line for /proc/cpuinfo ('Hardware: NAME'), or a file in its place"),
    row(Opt::AdbPort, "", &["adb"], needs("PORT"), &[Create, TemplateAndroid], "adbd listens on this TCP port"),
    row(Opt::Name, "n", &["name"], needs("NAME"), &[TemplateBusybox, TemplateAndroid], "the container's name"),
    row(Opt::TemplateIgnored, "p", &["path", "mapped-uid", "mapped-gid"], needs("VALUE"), &[TemplateBusybox, TemplateAndroid], "taken for LXC's sake, without effect"),
    row(Opt::Bdev, "B", &["bdev"], words("TYPE", &["dir", "best", "overlay", "loop"]), &[Create], "the kind of storage: a directory (also the 'best'), an overlay on one, an image file"),
    row(Opt::FsType, "", &["fstype"], needs("TYPE"), &[Create], "the file system of an image (ext4), made by mkfs.TYPE"),
    row(Opt::FsSize, "", &["fssize"], needs("SIZE"), &[Create], "the size of an image: a number and one of B K M G T (1G)"),
    later(Opt::Volume, "", &["lvname", "vgname", "thinpool", "rbdname", "rbdpool", "zfsroot"], needs("NAME"), &[Create], "a volume of lvm, rbd or zfs"),
    // start, plan
    row(Opt::Daemon, "d", &["daemon"], Value::None, &[Start, Execute, Copy], "go to the background once it runs (the default, but for execute)"),
    row(Opt::Foreground, "F", &["foreground"], Value::None, &[Start, Copy], "stay, with the container's console on this terminal"),
    row(Opt::RcFile, "f", &["rcfile"], file(), &[Start, Plan, Attach, Execute], "read this configuration file instead of the container's"),
    row(Opt::Define, "s", &["define"], needs("KEY=VALUE"), &[Start, Plan, Execute], "one line of configuration, read after the file; may be repeated"),
    row(Opt::Strict, "", &["strict"], Value::None, &[Start, Plan, Execute], "an unknown key of the configuration is a mistake, not a warning"),
    row(Opt::Dialect, "", &["dialect"], words("ERA", &["legacy", "1.0", "current"]), &[Start, Plan, Execute], "whose silent defaults hold: those of LXC 0.x, 1.0, or later"),
    row(Opt::FailAt, "", &["fail-at"], needs("STEP[:ERRNO]"), &[Start, Plan, Execute], "let this step of the plan fail, with EIO or the symbol given: shows what a failure does"),
    row(Opt::PidFile, "p", &["pidfile"], file(), &[Start], "write the supervisor's process id here"),
    row(Opt::ConsolePath, "c", &["console"], file(), &[Start], "a terminal or file for the container's console"),
    row(Opt::ConsoleLog, "L", &["console-log"], file(), &[Start], "append all that the console says to this file"),
    row(Opt::CloseAllFds, "C", &["close-all-fds"], Value::None, &[Start], "close inherited descriptors (always done)"),
    row(Opt::ShareNet, "", &["share-net"], needs("NAME|PID"), &[Start], "join another's network namespace"),
    row(Opt::ShareIpc, "", &["share-ipc"], needs("NAME|PID"), &[Start], "join another's ipc namespace"),
    row(Opt::ShareUts, "", &["share-uts"], needs("NAME|PID"), &[Start], "join another's uts namespace"),
    row(Opt::SharePid, "", &["share-pid"], needs("NAME|PID"), &[Start], "join another's pid namespace"),
    // stop
    row(Opt::Reboot, "r", &["reboot"], Value::None, &[Stop, Shutdown, Autostart], "start it again afterwards"),
    row(Opt::NoWait, "W", &["nowait"], Value::None, &[Stop], "ask it to stop and return at once"),
    row(Opt::Timeout, "t", &["timeout"], needs("SECONDS"), &[Stop, Shutdown, Autostart, Restart], "kill it after this long (60); 0 does not wait for a clean end"),
    row(Opt::Kill, "k", &["kill"], Value::None, &[Stop, Autostart], "kill it at once"),
    row(Opt::NoLock, "", &["nolock"], Value::None, &[Stop], "taken for LXC's sake: there is no lock to skip"),
    row(Opt::NoKill, "", &["nokill"], Value::None, &[Stop], "do not kill it when the time is over: fail instead"),
    // attach
    row(Opt::ElevatedPrivileges, "e", &["elevated-privileges"], Value::Maybe("CAP|CGROUP|LSM", Offer::Words(&["CAP", "CGROUP", "LSM"])), &[Attach], "keep the caller's capabilities, cgroup or label, separated by '|'"),
    row(Opt::Namespaces, "s", &["namespaces"], needs("NAMESPACES"), &[Attach], "enter only these: MOUNT PID UTSNAME IPC USER NETWORK CGROUP, separated by '|'"),
    row(Opt::Arch, "a", &["arch"], needs("ARCH"), &[Attach], "the machine that uname(2) shall answer"),
    row(Opt::ClearEnv, "", &["clear-env"], Value::None, &[Attach], "begin with an empty environment"),
    row(Opt::KeepEnv, "", &["keep-env"], Value::None, &[Attach], "keep the caller's environment (the default)"),
    row(Opt::SetVar, "v", &["set-var"], needs("NAME=VALUE"), &[Attach], "set a variable; may be repeated"),
    row(Opt::KeepVar, "", &["keep-var"], needs("NAME"), &[Attach], "keep a variable with --clear-env; may be repeated"),
    row(Opt::Uid, "u", &["uid", "user"], needs("UID"), &[Attach, Execute, Unshare], "run as this user id"),
    row(Opt::Gid, "g", &["gid"], needs("GID"), &[Attach, Execute], "run as this group id"),
    row(Opt::RemountSysProc, "R", &["remount-sys-proc"], Value::None, &[Attach], "with -s and without MOUNT: fresh /proc and /sys for the program"),
    row(Opt::PtyLog, "L", &["pty-log"], file(), &[Attach], "a copy of all that the terminal says"),
    row(Opt::Context, "c", &["context"], needs("CONTEXT"), &[Attach], "the AppArmor profile or SELinux context to run in"),
    // console
    row(Opt::Tty, "t", &["tty"], needs("NUMBER"), &[Console], "which tty; 0 is the console; else the next that is free"),
    row(Opt::Escape, "e", &["escape"], needs("KEY"), &[Console], "the key in front of 'q' to leave: '^a' (the default) or a letter"),
    // info
    row(Opt::State, "s", &["state"], Value::None, &[Info], "its state only"),
    row(Opt::Pid, "p", &["pid"], Value::None, &[Info], "the process id of its first program only"),
    row(Opt::Ips, "i", &["ips"], Value::None, &[Info], "its addresses only"),
    row(Opt::Stats, "S", &["stats"], Value::None, &[Info], "its counters only"),
    row(Opt::NoHumanize, "H", &["no-humanize"], Value::None, &[Info], "bare numbers and words, for scripts"),
    row(Opt::ConfigKey, "c", &["config"], needs("KEY"), &[Info], "the value of a configuration key; may be repeated"),
    // ls
    row(Opt::Line, "1", &["line"], Value::None, &[Ls], "one name a line"),
    row(Opt::Fancy, "f", &["fancy"], Value::None, &[Ls], "a table"),
    row(Opt::FancyFormat, "F", &["fancy-format"], needs("COLUMNS"), &[Ls], "the table's columns, separated by commas: NAME STATE PID RAM SWAP AUTOSTART GROUPS INTERFACE IPV4 IPV6 UNPRIVILEGED"),
    row(Opt::Active, "", &["active"], Value::None, &[Ls], "only those that run or are frozen"),
    row(Opt::Running, "", &["running"], Value::None, &[Ls], "only those that run"),
    row(Opt::Frozen, "", &["frozen"], Value::None, &[Ls], "only those that are frozen"),
    row(Opt::Stopped, "", &["stopped"], Value::None, &[Ls], "only those that are stopped"),
    row(Opt::Defined, "", &["defined"], Value::None, &[Ls], "only those that have a configuration"),
    row(Opt::Groups, "g", &["groups"], needs("GROUPS"), &[Ls, Autostart], "only those in these groups, separated by commas"),
    row(Opt::Filter, "", &["filter"], needs("REGEX"), &[Ls], "only names that match; may also stand without --filter"),
    row(Opt::Nesting, "", &["nesting"], Value::Maybe("DEPTH", Offer::Nothing), &[Ls], "containers inside containers as well, so deep (5)"),
    // destroy
    row(Opt::Force, "f", &["force"], Value::None, &[Destroy], "stop it first if it runs"),
    row(Opt::Snapshots, "s", &["snapshots"], Value::None, &[Destroy], "its snapshots as well"),
    // checkconfig
    row(Opt::KernelConfig, "c", &["config"], file(), &[CheckConfig], "the kernel's configuration, plain or gzip; else /proc/config.gz and /boot"),
    row(Opt::KernelVersion, "", &["kernel"], needs("VERSION"), &[CheckConfig], "the kernel's version, else that of the running one"),
    // wait, monitor
    row(Opt::States, "s", &["state"], needs("STATES"), &[Wait], "the states, separated by '|': STOPPED STARTING RUNNING STOPPING ABORTING FREEZING FROZEN THAWED"),
    row(Opt::Timeout, "t", &["timeout"], needs("SECONDS"), &[Wait], "wait no longer than this; -1 is for ever (the default)"),
    row(Opt::QuitMonitor, "Q", &["quit"], Value::None, &[Monitor], "taken for LXC's sake: there is no daemon to end"),
    // autostart
    row(Opt::List, "L", &["list"], Value::None, &[Autostart], "print which, and the seconds that pass after each"),
    row(Opt::HaltThem, "s", &["shutdown"], Value::None, &[Autostart], "stop those that run"),
    row(Opt::All, "a", &["all"], Value::None, &[Autostart], "whatever their groups"),
    row(Opt::IgnoreAuto, "A", &["ignore-auto"], Value::None, &[Autostart], "those without lxc.start.auto as well"),
    // config, update-config
    row(Opt::List, "l", &["list"], Value::None, &[Config], "print the names of all settings"),
    row(Opt::Keys, "", &["keys"], Value::None, &[Config], "print all keys of a container's configuration, with what they mean"),
    row(Opt::Add, "", &["add"], Value::None, &[Config], "write one more line instead of replacing one"),
    row(Opt::Unset, "", &["unset"], Value::None, &[Config], "take the lines away that set KEY"),
    row(Opt::File, "c", &["config"], file(), &[UpdateConfig], "the file"),
    // copy, clone, snapshot
    row(Opt::NewName, "N", &["newname"], needs("NAME"), &[Copy, Snapshot], "the name of what is made"),
    row(Opt::NewName, "n", &["new"], needs("NAME"), &[Clone], "the name of the copy"),
    row(Opt::Original, "o", &["orig"], Value::Needed("NAME", Offer::Containers), &[Clone], "the container to copy"),
    row(Opt::NewPath, "p", &["newpath"], dir(), &[Copy, Clone], "another lxcpath for it"),
    row(Opt::Rename, "R", &["rename"], Value::None, &[Copy, Clone], "rename instead of copying"),
    row(Opt::Linked, "s", &["snapshot"], Value::None, &[Copy, Clone], "keep only what differs from the original (overlay)"),
    row(Opt::AllowRunning, "a", &["allowrunning"], Value::None, &[Copy], "even while the original runs"),
    row(Opt::Ephemeral, "e", &["ephemeral"], Value::None, &[Copy], "start it; it is removed when it stops"),
    row(Opt::Mount, "m", &["mount"], needs("TYPE=SOURCE[:TARGET[:ro]]"), &[Copy], "with -e: one more directory of the host, TYPE is bind or overlay; a list with commas, may be repeated"),
    row(Opt::Tmpfs, "t", &["tmpfs"], Value::None, &[Copy], "with -e: keep what differs in memory"),
    row(Opt::KeepData, "D", &["keepdata"], Value::None, &[Copy], "with -e: leave it when it stops"),
    row(Opt::KeepName, "K", &["keepname"], Value::None, &[Copy, Clone], "keep the host name"),
    row(Opt::KeepMac, "M", &["keepmac"], Value::None, &[Copy, Clone], "keep the hardware addresses"),
    row(Opt::CopyHooks, "H", &["copyhooks"], Value::None, &[Clone], "copy hooks in the container's directory too (always done)"),
    row(Opt::Bdev, "B", &["backingstorage", "backingstore"], words("TYPE", &["dir", "overlay", "loop"]), &[Copy, Clone], "the kind of storage, else as the original: a directory, an overlay on it, an image file"),
    row(Opt::FsSize, "L", &["fssize"], needs("SIZE"), &[Copy, Clone], "with -B loop: the size of the image, a number and one of B K M G T (1G)"),
    row(Opt::List, "L", &["list"], Value::None, &[Snapshot], "list them"),
    row(Opt::ShowComments, "C", &["showcomments"], Value::None, &[Snapshot], "with their comments"),
    row(Opt::Comment, "c", &["comment"], file(), &[Snapshot], "a file with a comment to keep with it"),
    row(Opt::Restore, "r", &["restore"], needs("SNAPSHOT"), &[Snapshot], "go back to it, or with -N make a container from it"),
    row(Opt::DestroySnapshot, "d", &["destroy"], needs("SNAPSHOT"), &[Snapshot], "remove it; ALL removes all"),
    // top
    row(Opt::Delay, "d", &["delay"], needs("SECONDS"), &[Top], "look again after this long (3)"),
    row(Opt::Batch, "b", &["batch"], Value::None, &[Top], "lines of CSV, for a file"),
    row(Opt::Sort, "s", &["sort"], words("KEY", &["n", "c", "b", "m", "s", "k"]), &[Top], "by n name, c processor, b block I/O, m memory, s memory and swap, k kernel memory"),
    row(Opt::Reverse, "r", &["reverse"], Value::None, &[Top], "the other way round"),
    // unshare, usernsexec
    row(Opt::Namespaces, "s", &["namespaces"], needs("NAMESPACES"), &[Unshare], "which are new: MOUNT PID UTSNAME IPC USER NETWORK CGROUP, separated by '|'"),
    row(Opt::Hostname, "H", &["hostname"], needs("NAME"), &[Unshare], "the host name, with UTSNAME"),
    row(Opt::Interface, "i", &["ifname"], needs("NAME"), &[Unshare], "an interface of the host to move in, with NETWORK"),
    row(Opt::Daemon, "d", &["daemon"], Value::None, &[Unshare], "do not wait for its end"),
    row(Opt::RemountOwn, "M", &["remount"], Value::None, &[Unshare], "with MOUNT: fresh /proc, /dev/shm and /dev/mqueue"),
    row(Opt::Map, "m", &["map"], needs("KIND:INSIDE:OUTSIDE:COUNT"), &[UsernsExec], "ids of kind u, g or b(oth); may be repeated"),
    row(Opt::Script, "s", &["script"], Value::None, &[UsernsExec], "taken for LXC's sake, without effect"),
    // names of 0.7 to 0.9
    row(Opt::NoWait, "w", &["wait"], Value::None, &[Shutdown], "wait for its end"),
    row(Opt::AllContainers, "", &["lxc"], Value::None, &[Ps], "of all containers (the default)"),
    later(Opt::StateFile, "S", &["statefile"], file(), &[Restart], "a checkpoint to restart from"),
    // log, logcat
    row(Opt::Follow, "f", &["follow"], Value::None, &[Log], "go on with what comes"),
    row(Opt::Dump, "d", &["dump"], Value::None, &[Logcat], "what there is, and no waiting for more"),
    row(Opt::Clear, "c", &["clear"], Value::None, &[Log, Logcat], "forget what there is"),
    row(Opt::Tail, "t", &["tail"], needs("LINES"), &[Log, Logcat], "only the last entries; logcat then does not wait for more"),
    row(Opt::Buffer, "b", &["buffer"], words("LOG", &["main", "system", "radio", "events"]), &[Logcat], "which log; may be repeated, else main and system"),
    row(Opt::LogFormat, "v", &["format"], words("FORMAT", &["brief", "time", "tag", "raw", "long"]), &[Logcat], "how an entry is shown, else brief"),
    row(Opt::OthersSilent, "s", &["silent"], Value::None, &[Logcat], "nothing but the tags that are named"),
    // net
    row(Opt::Address, "a", &["address"], needs("ADDRESS/PREFIX"), &[Net], "the bridge's address, else 10.0.3.1/24; may be repeated for IPv6"),
    row(Opt::NoNat, "", &["no-nat"], Value::None, &[Net], "no NAT: the world knows the way to the containers"),
    // for scripts
    row(Opt::Json, "", &["json"], Value::None, &[Info, Ls, Plan, CheckConfig, Config, Top, Net], "print JSON"),
    // common to all
    row(Opt::LxcPath, "P", &["lxcpath"], dir(), CONTAINERS, "where the containers are, else /var/lib/lxc"),
    row(Opt::RcFile, "", &["rcfile"], file(), &[Stop, Console, Info, Ls, Destroy, Freeze, Unfreeze, Wait, Cgroup, Copy, Snapshot, Device], "read this configuration file instead of the container's"),
    row(Opt::LogFile, "o", &["logfile"], file(), CONTAINERS, "append messages to this file as well"),
    row(Opt::LogFile, "", &["logfile"], file(), &[Clone], "append messages to this file as well"),
    row(Opt::Quiet, "q", &["quiet"], Value::None, &[Clone], "print no messages"),
    row(Opt::LxcPath, "P", &["lxcpath"], dir(), &[Clone], "where the containers are, else /var/lib/lxc"),
    row(Opt::LogPriority, "", &["logpriority"], words("LEVEL", LEVELS), &[Config, Clone], "the least level that is logged"),
    row(Opt::LogPriority, "l", &["logpriority"], words("LEVEL", LEVELS), LEVELLED, "the least level that is logged"),
    row(Opt::Quiet, "q", &["quiet"], Value::None, CONTAINERS, "print no messages"),
    row(Opt::Help, "?h", &["help"], Value::None, ALL, "print this text"),
    row(Opt::Usage, "", &["usage"], Value::None, ALL, "print the usage line"),
    row(Opt::Version, "", &["version"], Value::None, ALL, "print the version"),
];
