//! Running a program inside a container: the outer half, which stays on the host.
//!
//! Two processes: this one keeps the user's terminal and joins the namespaces, too; `program` is in the pid namespace and
//! becomes the command. Where a label is to be put on, which is done in the host's procfs, or the
//! supervisor is to answer the program's calls, there are three: this one stays outside, and one between them joins and waits. Nothing of the host but the descriptors 0 to 2 goes in, and where those are
//! terminals, a fresh pty of the container's devpts goes in their place (CVE-2016-10124).
mod asking;
mod enter;
pub mod environment;
mod label;
mod namespaces;
mod program;
mod sealed;

pub use label::Wanted;
pub use sealed::run_from_copy;

use crate::console::proxy::{Outcome, Proxy};
use crate::control::client::Connection;
use crate::place::read_once;
use crate::process::Process;
use crate::sys::process::{Cloned, exit_now, fork};
use crate::sys::{errno, io_errno, signalfd};
use crate::watch::filters::Filters;
use environment::Wish;
use keel_core::config::{Limit, Personality};
use keel_core::facts::Namespaces;
use keel_core::failure::{Errno, Failure};
use label::Label;
use namespaces::Others;
use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{WaitOptions, WaitStatus};
use rustix::termios::isatty;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// The execution domain of 32-bit programs (linux/personality.h); PER_LINUX is 0.
const PER_LINUX32: u32 = 8;

/// What is to be run, and how much of the container it gets.
#[derive(Debug)]
pub struct Attach {
    /// For messages.
    pub name: String,
    /// The container's first program.
    pub pid: i32,
    /// The container's cgroup directories.
    pub cgroups: Vec<PathBuf>,
    /// Namespaces to enter: all that differ from ours, or these of them.
    pub namespaces: Namespaces,
    /// Keep the caller's capabilities.
    pub keep_caps: bool,
    /// Stay in the caller's cgroups.
    pub keep_cgroups: bool,
    /// The filters of system calls that it shall be under.
    pub filters: Filters,
    /// Who answers what one of these asks; none: nobody does any more.
    pub supervisor: Option<Connection>,
    /// The label of a security module.
    pub label: Wanted,
    /// What uname(2) shall say; none: as the container has it.
    pub personality: Option<Personality>,
    /// Limits of setrlimit(2), those of the container's first program.
    pub limits: Vec<Limit>,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Environment.
    pub environment: Wish,
    /// An Android's area of properties and its size: is inherited, and named in the environment.
    pub properties: Option<(OwnedFd, u64)>,
    /// Command and arguments; empty: the user's shell.
    pub command: Vec<CString>,
    /// The directory to run in, where there is one of this name inside; else `/`.
    pub directory: Option<PathBuf>,
    /// Fresh /proc and /sys, in a mount namespace of the program's own, where the container's is not entered.
    pub remount: bool,
    /// A copy of what the terminal says.
    pub log: Option<std::fs::File>,
}

/// Descriptors and facts of the container, taken before anything is entered.
struct Target {
    process: Process,
    namespaces: Others,
    root: OwnedFd,
    cgroups: Vec<(PathBuf, OwnedFd)>,
    bounding: u64,
    no_new_privs: bool,
    personality: u32,
    label: Option<Label>,
    /// setgroups(2) is denied in its user namespace.
    keep_groups: bool,
}

/// Run it to its end; the exit code as a shell has it.
pub fn run(mut attach: Attach) -> Result<u8, Failure> {
    let log = attach.log.take();
    let target = open(&attach)?;
    let (label, supervisor) = (target.label.clone(), attach.supervisor.take());
    // From here on: a child that ends while nobody looks would be missed.
    signalfd::block_all();
    let signals = signalfd::descriptor().map_err(|e| Failure::errno("signalfd", e))?;
    if label.is_none() && supervisor.is_none() {
        // Nothing is to be done outside any more: this process goes in itself.
        let named = |e: Failure| Failure::new(format!("{}: {e}", attach.name));
        let entered = enter::join(&attach, target, None, false).map_err(named)?;
        let child = entered.pid;
        return follow(entered, &signals, child, log);
    }
    let socket = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    let (ours, theirs) = socket.map_err(|e| Failure::errno("socketpair", errno(e)))?;
    match fork().map_err(|e| Failure::errno("fork", e))? {
        Cloned::Child { .. } => {
            let asks = supervisor.is_some();
            drop((ours, signals, supervisor));
            exit_now(enter::enter(&attach, target, theirs, asks));
        }
        Cloned::Parent { pid, .. } => {
            drop((theirs, target));
            let Some(entered) = enter::receive(&ours)? else {
                return Ok(code(wait(pid)?));
            };
            if let Some(label) = label {
                label.hand_in(entered.pid, &ours)?;
            }
            if let Some(supervisor) = supervisor {
                asking::hand_over(&ours, &supervisor)?;
            }
            follow(entered, &signals, pid, log)
        }
    }
}

/// To the end of the program; `child` is what we wait for, the program itself or what waits for it.
fn follow(entered: enter::Entered, signals: &OwnedFd, child: i32, log: Option<std::fs::File>) -> Result<u8, Failure> {
    let ended = match (&entered.terminal, isatty(rustix::stdio::stdin())) {
        (Some(master), keyboard) => {
            let master = master.as_fd();
            let proxy = Proxy { master, keyboard, escape: None, loan: None, child: Some(child), log };
            match proxy.run().map_err(|e| Failure::errno("the terminal", errno(e)))? {
                Outcome::Ended(status) => Some(status),
                Outcome::Signal(signal) => {
                    // ESRCH: it ended just now.
                    let _ = signalfd::send(entered.pid, signal);
                    None
                }
                Outcome::Left | Outcome::TakenBack => {
                    let _ = signalfd::send(entered.pid, libc::SIGHUP);
                    None
                }
            }
        }
        (None, _) => Some(watch(signals, child, entered.pid)?),
    };
    // The master's end is a hangup for what still runs on it.
    drop(entered.terminal);
    Ok(code(ended.map_or_else(|| wait(child), Ok)?))
}

fn gone() -> Failure {
    Failure::new("not running")
}

/// Why a file of the first program's could not be opened.
fn not_there(path: &str, errno: Errno) -> Failure {
    match errno {
        Errno::NOENT | Errno(libc::ESRCH) => gone(),
        errno => Failure::errno(format_args!("open '{path}'"), errno),
    }
}

/// Everything that is needed of the container, while its pid certainly is its own.
fn open(attach: &Attach) -> Result<Target, Failure> {
    let pid = attach.pid;
    let process = Process::open(pid).map_err(|e| not_there(&format!("/proc/{pid}"), errno(e)))?;
    let namespaces = Others::of(pid, attach.namespaces)?;
    let path = format!("/proc/{pid}/root");
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(&path, flags, Mode::empty()).map_err(|e| not_there(&path, errno(e)))?;
    let mut cgroups = Vec::new();
    if !attach.keep_cgroups {
        let holds = |dir: &Path| {
            crate::place::read(&dir.join("cgroup.procs"))
                .is_some_and(|text| text.lines().any(|line| line.parse() == Ok(pid)))
        };
        for dir in &attach.cgroups {
            // Groups below that of the first program are its programs' (an Android's apps), and nobody is put there.
            if attach.cgroups.iter().any(|other| other != dir && dir.starts_with(other) && holds(other)) {
                continue;
            }
            // Version 1 has `tasks`, which does not wait for RCU (ARCHITECTURE.md).
            let open = |file: &Path| OpenOptions::new().write(true).open(file);
            let file = open(&dir.join("tasks")).or_else(|_| open(&place_for_processes(dir).join("cgroup.procs")));
            let file = file.map_err(|e| Failure::errno(format_args!("open '{}'", dir.display()), io_errno(&e)))?;
            cgroups.push((dir.clone(), file.into()));
        }
    }
    let status = read_once(&format!("/proc/{pid}/status")).ok_or_else(gone)?;
    let [bounding, no_new_privs] = keel_core::facts::fields(&status, ["CapBnd:", "NoNewPrivs:"]);
    let bounding = bounding.and_then(|v| u64::from_str_radix(v, 16).ok()).unwrap_or(u64::MAX);
    // COMPAT(linux<4.10): the line is not there, and the flag is not passed on.
    let no_new_privs = no_new_privs == Some("1");
    let own = read_once("/proc/self/status").unwrap_or_default();
    crate::sys::signal::ignored_are(keel_core::facts::Status::read(&own).ignored);
    let persona = read_once(&format!("/proc/{pid}/personality"));
    let persona = persona.and_then(|v| u32::from_str_radix(v.trim(), 16).ok()).unwrap_or(0);
    let personality = match attach.personality {
        Some(Personality::Linux32) => PER_LINUX32,
        Some(Personality::Linux) => 0,
        None => persona,
    };
    let label = Label::of(pid, &attach.label)?;
    // Nobody can deny it in the first user namespace (user_namespaces(7)).
    let groups = || crate::place::read(format!("/proc/{pid}/setgroups").as_ref());
    let keep_groups = !namespaces.is_of_first_user() && groups().is_some_and(|text| text.trim() == "deny");
    if !process.lives() {
        return Err(gone());
    }
    Ok(Target { process, namespaces, root, cgroups, bounding, no_new_privs, personality, label, keep_groups })
}

/// Where programs may come into a container's cgroup: itself, or its directory `.lxc` when its init has given controllers to
/// the ones below, as systemd does. Such a cgroup of version 2 takes no processes (EBUSY: "no internal process constraint",
/// Documentation/admin-guide/cgroup-v2.rst). The name is LXC's; it goes with the container's cgroup.
fn place_for_processes(dir: &Path) -> PathBuf {
    let given = crate::place::read(&dir.join("cgroup.subtree_control"));
    if given.is_none_or(|controllers| controllers.trim().is_empty()) {
        return dir.to_path_buf();
    }
    let below = dir.join(".lxc");
    // EEXIST: somebody is inside already. What else goes wrong is said where it is opened.
    let _ = std::fs::create_dir(&below);
    below
}

/// Wait for the child without a terminal of ours in between; what would end us ends the program instead.
fn watch(signals: &OwnedFd, child: i32, program: i32) -> Result<WaitStatus, Failure> {
    use rustix::event::{PollFd, PollFlags, poll};
    loop {
        match poll(&mut [PollFd::new(signals, PollFlags::IN)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(Failure::errno("poll", errno(e))),
        }
        while let Some(caught) = signalfd::next(signals) {
            match caught.signal {
                libc::SIGCHLD => {
                    if let Some(status) = reaped(child, WaitOptions::NOHANG)? {
                        return Ok(status);
                    }
                }
                libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT | libc::SIGUSR1 | libc::SIGUSR2 => {
                    // ESRCH: it ended just now.
                    let _ = signalfd::send(program, caught.signal);
                }
                _ => {}
            }
        }
    }
}

fn wait(child: i32) -> Result<WaitStatus, Failure> {
    reaped(child, WaitOptions::empty())?.ok_or_else(|| Failure::errno("wait", Errno(libc::ECHILD)))
}

fn reaped(child: i32, options: WaitOptions) -> Result<Option<WaitStatus>, Failure> {
    let pid = rustix::process::Pid::from_raw(child);
    let waited = rustix::io::retry_on_intr(|| rustix::process::waitpid(pid, options));
    Ok(waited.map_err(|e| Failure::errno("wait", errno(e)))?.map(|(_, status)| status))
}

/// What a shell makes of a wait status.
fn code(status: WaitStatus) -> u8 {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code as u8,
        (None, Some(signal)) => 128 + signal as u8,
        (None, None) => 1,
    }
}
