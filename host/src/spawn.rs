//! From a plan to a running first program.
//!
//! The parent performs the outside, clones, and listens; the child performs the inside and becomes the program. Between
//! clone and exec the child makes system calls only. What the kernel does not undo by itself is in `Undo`.

use crate::perform::{self, Message, Stage};
use crate::sys::errno;
use crate::sys::process::{Cloned, clone, exit_now};
use keel_core::failure::{Errno, Failure};
use keel_core::plan::{Plan, Planned};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ffi::CString;

/// A container whose child is on its way to the exec.
pub struct Starting {
    pid: i32,
    pidfd: Option<OwnedFd>,
    report: OwnedFd,
    terminals: Vec<OwnedFd>,
    undo: Undo,
    plan: Plan,
    exec: bool,
    /// Steps that were allowed to fail and did, one sentence each.
    pub notes: Vec<Failure>,
}

/// A container whose first program runs.
#[derive(Debug)]
pub struct Running {
    /// The first program, in the caller's pid namespace.
    pub pid: i32,
    /// The same as a descriptor, where the kernel has them (Linux 5.3).
    pub pidfd: Option<OwnedFd>,
    /// Master of /dev/console.
    pub console: Option<OwnedFd>,
    /// Masters of /dev/tty1 and so on.
    pub ttys: Vec<OwnedFd>,
    /// What is to be undone when it has ended.
    pub undo: Undo,
    /// Steps that were allowed to fail and did, one sentence each.
    pub notes: Vec<Failure>,
}

/// What a start leaves in the system beyond its processes.
#[derive(Debug, Default)]
pub struct Undo {
    /// Directories of cgroups, in the order in which they were made.
    pub cgroups: Vec<CString>,
}

impl Undo {
    /// Undoes everything, last first; what can't be undone is returned, one sentence each.
    /// No process of the container may be left.
    pub fn run(self) -> Vec<Failure> {
        self.cgroups.iter().rev().filter_map(|dir| crate::cgroup::remove(dir).err()).collect()
    }
}

/// Performs the outside of a plan and clones. On failure nothing is left behind.
pub fn begin(plan: &Plan) -> Result<Starting, Failure> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    let (ours, childs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|e| Failure::errno("socketpair", errno(e)))?;
    let all: Vec<Planned> = plan.outside.iter().chain(&plan.inside).cloned().collect();
    let mut stage = Stage::new(&all, Some(childs));
    let mut notes = Vec::new();
    let undo = |stage: &mut Stage| Undo { cgroups: std::mem::take(&mut stage.made) }.run();

    if let Err(failure) = perform_here(plan, &mut stage, &mut notes) {
        undo(&mut stage);
        return Err(failure);
    }
    match clone(plan.clone.0, stage.cgroup()) {
        Ok(Cloned::Child { in_cgroup }) => {
            stage.set_in_cgroup(in_cgroup);
            child(stage, plan.outside.len(), &all[plan.outside.len()..])
        }
        Ok(Cloned::Parent { pid, pidfd }) => {
            stage.close_child_side();
            let undo = Undo { cgroups: stage.made };
            let plan = plan.clone();
            Ok(Starting { pid, pidfd, report: ours, terminals: Vec::new(), undo, plan, exec: false, notes })
        }
        Err(e) => {
            undo(&mut stage);
            let hint = match e {
                Errno::INVAL => " (a namespace that the kernel was not built with)",
                Errno::PERM => " (needs root with CAP_SYS_ADMIN)",
                Errno::NOSPC => " (a limit in /proc/sys/user/max_*_namespaces is reached)",
                _ => "",
            };
            Err(Failure::new(format!("clone: {e}{hint}")))
        }
    }
}

/// Performs the outside of a plan in this process: all of it for a boot. Sentences of steps that were allowed to fail go to
/// `notes`; the first that was not ends it.
pub fn perform_here(plan: &Plan, stage: &mut Stage, notes: &mut Vec<Failure>) -> Result<(), Failure> {
    for (index, planned) in plan.outside.iter().enumerate() {
        if let Err(e) = perform::step(stage, &planned.step) {
            let failure = plan.failure(index + 1, e);
            if planned.must {
                return Err(failure);
            }
            notes.push(failure);
        }
    }
    Ok(())
}

/// The child. System calls only from here on.
fn child(mut stage: Stage, before: usize, inside: &[Planned]) -> ! {
    rustix::process::umask(rustix::fs::Mode::empty());
    for (index, planned) in inside.iter().enumerate() {
        if let Err(e) = perform::step(&mut stage, &planned.step) {
            let number = (before + index + 1) as u32;
            let message = if planned.must { Message::Failed(number, e) } else { Message::Noted(number, e) };
            let sent = stage.report().map(|report| perform::send_message(report, message));
            if planned.must || sent != Some(Ok(())) {
                break;
            }
        }
    }
    exit_now(127)
}

impl AsFd for Starting {
    /// Readable when the child has said something, and at the end.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }
}

impl Starting {
    /// The child, which is the first program when it has got there.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Takes what the child has said, without waiting: nothing while it is under way, the running container after its exec,
    /// or the sentence of the step that failed, with everything undone and the child reaped.
    pub fn advance(mut self) -> Result<Progress, Failure> {
        loop {
            match perform::receive(self.report.as_fd(), &mut self.terminals) {
                Ok(Some(Message::Noted(number, e))) => self.notes.push(self.plan.failure(number as usize, e)),
                Ok(Some(Message::Terminals(_))) => (),
                Ok(Some(Message::Exec)) => self.exec = true,
                Ok(Some(Message::Failed(number, e))) => {
                    let failure = self.plan.failure(number as usize, e);
                    return Err(self.end(failure));
                }
                Ok(None) if self.exec => return Ok(Progress::Running(self.running())),
                Ok(None) => return Err(self.end(Failure::new("the child was killed before it became a program"))),
                Err(Errno(libc::EAGAIN)) => return Ok(Progress::Starting(self)),
                Err(e) => {
                    let failure = Failure::errno("report of the child", e);
                    return Err(self.end(failure));
                }
            }
        }
    }

    fn running(self) -> Running {
        use keel_core::step::{Step, Terminal};
        let console_at = (self.plan.inside.iter())
            .filter_map(|p| match p.step {
                Step::OpenTerminal { terminal, .. } => Some(terminal),
                _ => None,
            })
            .position(|t| t == Terminal::Console);
        let mut ttys = self.terminals;
        let console = console_at.filter(|i| *i < ttys.len()).map(|i| ttys.remove(i));
        Running { pid: self.pid, pidfd: self.pidfd, console, ttys, undo: self.undo, notes: self.notes }
    }

    /// Ends the child, waits for it, and undoes.
    fn end(self, failure: Failure) -> Failure {
        if let Some(pid) = rustix::process::Pid::from_raw(self.pid) {
            // The child may be gone, or reaped by a caller that reaps everything.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            let _ = rustix::io::retry_on_intr(|| {
                rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
            });
        }
        let left = self.undo.run();
        match left.first() {
            None => failure,
            Some(first) => Failure::new(format!("{failure}; left behind: {first}")),
        }
    }
}

/// How far a start is.
pub enum Progress {
    /// Not at the exec yet.
    Starting(Starting),
    /// The first program runs.
    Running(Running),
}
