//! From a plan to a running first program.
//!
//! The parent performs the outside, clones, and listens; the child performs the inside and becomes the program. Where the
//! child needs the parent it waits in `Step::Await` for a round. Between clone and exec the child makes system calls only.
//! What the kernel does not undo by itself is in `Undo`.

mod born;
mod handed;
mod here;
mod listening;
mod low;
mod sharing;
mod undo;

pub use handed::Asked;
use handed::Handed;
pub use here::perform_here;
pub use undo::Undo;

use crate::perform::hook::{Hook, Program};
use crate::perform::{self, Message, Report, Stage};
use crate::sys::errno;
use crate::sys::process::{Cloned, clone, exit_now};
use crate::sys::vfork::vfork;
use keel_core::failure::{Errno, Failure};
use keel_core::plan::{Plan, Planned, Position};
use keel_core::step::Step;
use rustix::event::epoll;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ffi::CString;

/// A container on its way to the exec.
pub struct Starting {
    plan: Plan,
    stage: Stage,
    phase: Phase,
    /// The next step of the parent in its phase.
    next: usize,
    hook: Option<Hook>,
    child: Option<Child>,
    /// Holds the child's report and a running hook, so that there is one descriptor to wait for; only where there are hooks.
    events: Option<OwnedFd>,
    /// Our end of what the child reports by; none when that is our memory.
    report: Option<OwnedFd>,
    terminals: Vec<OwnedFd>,
    exec: bool,
    /// The child had our memory.
    shared: bool,
    /// Steps that were allowed to fail and did, one sentence each.
    pub notes: Vec<Failure>,
}

/// Who is at work.
#[derive(Clone, Copy)]
enum Phase {
    /// The parent, before the clone.
    Outside,
    /// The child.
    Inside,
    /// The parent, while the child waits.
    Round(usize),
}

struct Child {
    pid: i32,
    pidfd: Option<OwnedFd>,
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
    /// Pipes that its logs come out of.
    pub logs: Vec<(keel_core::logger::Log, OwnedFd)>,
    /// What its supervised system calls are answered through.
    pub listener: Option<Asked>,
    /// What is to be undone when it has ended.
    pub undo: Undo,
    /// Steps that were allowed to fail and did, one sentence each.
    pub notes: Vec<Failure>,
}

/// Begins a plan: the outside, then the clone, unless a hook is to be waited for. On failure nothing is left behind.
pub fn begin(plan: Plan) -> Result<Starting, Failure> {
    let mut parents = plan.outside.iter().chain(plan.rounds.iter().flatten());
    let events = match parents.any(|planned| matches!(planned.step, Step::RunHook { .. })) {
        false => None,
        true => {
            let made = epoll::create(epoll::CreateFlags::CLOEXEC);
            Some(made.map_err(|e| Failure::errno("epoll_create", errno(e)))?)
        }
    };
    let stage = Stage::new(plan.outside.iter().chain(&plan.inside));
    let mut starting = Starting {
        plan,
        stage,
        phase: Phase::Outside,
        next: 0,
        hook: None,
        child: None,
        events,
        report: None,
        terminals: Vec::new(),
        exec: false,
        shared: false,
        notes: Vec::new(),
    };
    match starting.parent_steps() {
        Ok(Next::Phase(phase)) => (starting.phase, starting.next) = (phase, 0),
        Ok(_) => (),
        Err(failure) => return Err(starting.end(failure)),
    }
    Ok(starting)
}

/// The child. System calls only from here on.
fn child(stage: &mut Stage, inside: &[Planned]) -> ! {
    rustix::process::umask(rustix::fs::Mode::empty());
    for (index, planned) in inside.iter().enumerate() {
        if let Err(e) = perform::step(stage, &planned.step) {
            let index = index as u32;
            let message = if planned.must { Message::Failed(index, e) } else { Message::Noted(index, e) };
            let said = stage.report.say(message);
            if planned.must || said.is_err() {
                break;
            }
        }
    }
    exit_now(127)
}

impl Starting {
    /// Readable when something can be taken in: what the child said, or the end of a hook. None: there is nothing to wait for.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().or(self.report.as_ref()).map(|fd| fd.as_fd())
    }

    /// Whether the child has said all that it has to say: it shared our memory, and so it is the program by now, or is ending.
    pub fn has_reported(&self) -> bool {
        self.shared
    }

    /// Ends it: what is under way fails.
    pub fn kill(&self) {
        if let Some(pid) = self.child.as_ref().and_then(|c| rustix::process::Pid::from_raw(c.pid)) {
            // ESRCH: it has ended, and that is just being reported.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    /// Goes on as far as that goes without waiting: to the running container after the child's exec, or to the sentence of the
    /// step that failed, with everything undone and the child reaped.
    pub fn advance(mut self) -> Result<Progress, Failure> {
        loop {
            let result = match self.phase {
                Phase::Outside => self.parent_steps(),
                Phase::Round(_) => self.parent_steps(),
                Phase::Inside => self.listen(),
            };
            match result {
                Ok(Next::Phase(phase)) => {
                    self.phase = phase;
                    self.next = 0;
                }
                Ok(Next::Wait) => return Ok(Progress::Starting(self)),
                Ok(Next::Runs) => return self.running(),
                Err(failure) => return Err(self.end(failure)),
            }
        }
    }

    /// Steps of the parent in this phase, from the next one on.
    fn parent_steps(&mut self) -> Result<Next, Failure> {
        loop {
            let (position, planned) = match self.phase {
                Phase::Outside => (Position::Outside(self.next), self.plan.outside.get(self.next)),
                Phase::Round(round) => {
                    (Position::Round(round, self.next), self.plan.rounds.get(round).and_then(|r| r.get(self.next)))
                }
                Phase::Inside => return Ok(Next::Wait),
            };
            let Some(planned) = planned else { break };
            let result = match (&planned.step, self.hook.take()) {
                (_, Some(hook)) if !is_readable(&hook) => {
                    self.hook = Some(hook);
                    return Ok(Next::Wait);
                }
                (_, Some(hook)) => {
                    let _ = self.events.as_ref().map(|events| epoll::delete(events, &hook));
                    hook.result()
                }
                (Step::RunHook { shells, argv, envp }, None) => {
                    // One of the child's list that the child does not run.
                    if matches!(self.phase, Phase::Outside) {
                        self.stage.skip_hook();
                    }
                    let mut envp = envp.clone();
                    if let Some(child) = &self.child {
                        envp.extend(CString::new(format!("LXC_PID={}", child.pid)));
                    }
                    let watched = Program::new(shells, argv, &envp).start().and_then(|hook| {
                        let data = epoll::EventData::new_u64(1);
                        let events = self.events.as_ref().ok_or(Errno::INVAL)?;
                        epoll::add(events, &hook, data, epoll::EventFlags::IN).map_err(errno)?;
                        Ok(hook)
                    });
                    match watched {
                        Ok(hook) => {
                            self.hook = Some(hook);
                            return Ok(Next::Wait);
                        }
                        Err(e) => Err(e),
                    }
                }
                (step, None) => perform::step(&mut self.stage, step),
            };
            if let Err(e) = result {
                let failure = self.plan.failure_at(position, e);
                if planned.must {
                    return Err(failure);
                }
                self.notes.push(failure);
            }
            self.next += 1;
        }
        if matches!(self.phase, Phase::Outside) {
            return self.clone_child();
        }
        let report = self.report.as_ref().ok_or_else(|| Failure::new("the child waits and cannot be told"))?;
        perform::let_go_on(report.as_fd()).map_err(|e| Failure::errno("send to the child", e))?;
        Ok(Next::Phase(Phase::Inside))
    }

    fn clone_child(&mut self) -> Result<Next, Failure> {
        let born_in = self.stage.take_born_in();
        if born_in.is_empty() && sharing::may_share_memory(&self.plan) {
            match sharing::most_said(&self.plan) {
                Some(count) => self.stage.report = Report::Memory(Vec::with_capacity(count)),
                None => self.connect()?,
            }
            if let Some(next) = self.vfork_child() {
                return next;
            }
        }
        if self.report.is_none() {
            self.connect()?;
        }
        if !born_in.is_empty() {
            return self.child_born_in(&born_in);
        }
        match clone(self.plan.clone.0, self.stage.cgroup()) {
            Ok(Cloned::Child { in_cgroup }) => {
                let mut stage = std::mem::take(&mut self.stage);
                stage.set_in_cgroup(in_cgroup);
                child(&mut stage, &self.plan.inside)
            }
            Ok(Cloned::Parent { pid, pidfd }) => {
                self.stage.close_child_side(self.plan.rounds.is_empty());
                self.stage.set_child(pid);
                self.child = Some(Child { pid, pidfd });
                Ok(Next::Phase(Phase::Inside))
            }
            Err(e) => Err(clone_failed(e)),
        }
    }

    /// The child shares our memory and we wait until it is the program: cheaper than a copy of ourselves by far. None: the kernel does
    /// not do it, nor perhaps the cgroup; cloning will tell.
    fn vfork_child(&mut self) -> Option<Result<Next, Failure>> {
        self.stage.set_in_cgroup(self.stage.cgroup().is_some());
        let mut job = (std::mem::take(&mut self.stage), self.plan.inside.as_slice());
        let lent = low::lend(&mut job.0);
        let end = lent.as_ref().map(|lent| lent.end);
        let flags = self.plan.clone.0;
        let made = vfork(flags, &mut job, end, |(stage, _)| stage.cgroup(), |(stage, inside)| child(stage, inside));
        self.stage = job.0;
        self.stage.forget_childs();
        if let Some(lent) = lent {
            lent.back(&mut self.stage);
        }
        let (pid, pidfd) = made.ok()?;
        self.stage.close_child_side(true);
        self.stage.set_child(pid);
        self.child = Some(Child { pid, pidfd: Some(pidfd) });
        self.shared = true;
        Some(Ok(Next::Phase(Phase::Inside)))
    }

    /// What its network has left on the host so far.
    pub fn left(&self) -> &[keel_core::step::net::Left] {
        self.stage.left()
    }

    /// Directories of cgroups that were made for it.
    pub fn cgroups(&self) -> &[CString] {
        &self.stage.made
    }

    /// The child, once there is one.
    pub fn child(&self) -> Option<i32> {
        self.child.as_ref().map(|c| c.pid)
    }

    fn running(mut self) -> Result<Progress, Failure> {
        let Handed { console, ttys, logs, listener } = Handed::new(&self.plan, std::mem::take(&mut self.terminals));
        let Some(Child { pid, pidfd }) = self.child.take() else {
            return Err(Failure::new("the child ran before it was made"));
        };
        let undo = self.undo();
        let notes = std::mem::take(&mut self.notes);
        Ok(Progress::Running(Running { pid, pidfd, console, ttys, logs, listener, undo, notes }))
    }

    /// What there is to be undone now.
    fn undo(&mut self) -> Undo {
        let (net, pin) = (self.stage.take_network(), self.stage.take_pin());
        Undo {
            cgroups: std::mem::take(&mut self.stage.made),
            parents: std::mem::take(&mut self.stage.parents),
            net,
            pin,
            locks: self.stage.take_locks(),
        }
    }

    /// Ends the child, waits for it, and undoes.
    fn end(mut self, failure: Failure) -> Failure {
        self.kill();
        if let Some(pid) = self.child.as_ref().and_then(|c| rustix::process::Pid::from_raw(c.pid)) {
            // ECHILD: reaped by a caller that reaps everything.
            let _ = rustix::io::retry_on_intr(|| {
                rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
            });
        }
        let left = self.undo().run();
        match left.first() {
            None => failure,
            Some(first) => Failure::new(format!("{failure}; left behind: {first}")),
        }
    }
}

fn clone_failed(e: Errno) -> Failure {
    let hint = match e {
        Errno::INVAL => " (a namespace that the kernel was not built with)",
        Errno::PERM => " (needs root with CAP_SYS_ADMIN, or lxc.idmap)",
        Errno::NOSPC => " (a limit in /proc/sys/user/max_*_namespaces is reached)",
        _ => "",
    };
    Failure::new(format!("clone: {e}{hint}"))
}

fn is_readable(hook: &Hook) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut [PollFd::new(hook, PollFlags::IN)], Some(&now)), Ok(1..))
}

/// What comes next.
enum Next {
    Phase(Phase),
    Wait,
    Runs,
}

/// How far a start is.
#[allow(clippy::large_enum_variant)] // handed on once, never kept in numbers
pub enum Progress {
    /// Not at the exec yet.
    Starting(Starting),
    /// The first program runs.
    Running(Running),
}
