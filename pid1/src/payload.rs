//! The payload: the program that this guest is for. When it ends, everything ends.

use core::ffi::CStr;

use pid1::backoff::Backoff;
use pid1::signals::Mode;
use pid1::status::Status;
use rustix::io::Errno;

use crate::sys::arguments::{List, Vector};
use crate::sys::process::{Child, Fork, Kind};
use crate::sys::vfork::vfork;
use crate::sys::{Result, Symbol, process, signal, stdio};
use crate::text::{Shown, Text};
use crate::wait::Children;
use crate::{devices, login, tty};

/// The exit code for: it is there, but cannot be executed.
const NOT_EXECUTABLE: u8 = 126;
/// The exit code for: there is none.
const NOT_FOUND: u8 = 127;

/// The payload, running or to be started.
pub struct Payload<'a> {
    /// Its words.
    pub words: Vector<'a>,
    /// Whether it is an init with a pid namespace of its own.
    pub namespace: bool,
    /// The terminal it gets, if it is a machine's.
    pub terminal: Option<&'a [u8]>,
    /// It, if it runs.
    pub child: Option<Child>,
    /// How it ended.
    pub status: Option<Status>,
    due: u64,
    backoff: Backoff,
}

impl<'a> Payload<'a> {
    /// One to be started at once.
    pub fn new(words: Vector<'a>, namespace: bool, terminal: Option<&'a [u8]>) -> Self {
        Payload { words, namespace, terminal, child: None, status: None, due: 0, backoff: Backoff::new() }
    }

    /// When to start it, if it waits.
    pub fn next_due(&self) -> Option<u64> {
        (self.child.is_none() && self.status.is_none()).then_some(self.due)
    }

    /// Starts it, if its time has come. True if it was started now.
    pub fn start(&mut self, now: u64, mode: Mode, children: &Children, environment: Vector<'_>) -> bool {
        if self.next_due().is_none_or(|due| due > now) {
            return false;
        }
        match self.fork(mode, children, environment) {
            Ok(child) => self.child = Some(child),
            Err(e) => {
                let wait = self.backoff.ended(0);
                self.due = now + wait;
                warn!("payload: fork: {}, again in {wait} ms", Symbol(e));
            }
        }
        self.child.is_some()
    }

    /// The child that becomes it. A machine's may have to wait for its terminal, so PID 1 does not wait for it to be the program.
    fn fork(&self, mode: Mode, children: &Children, environment: Vector<'_>) -> Result<Child> {
        let job = Job { payload: self, mode, children, environment };
        if mode == Mode::Wrapper {
            return vfork(children.by_kernel, &job, become_payload);
        }
        match process::fork(Kind { namespace: self.namespace, ..children.kind() })? {
            Fork::Parent(child) => Ok(child),
            Fork::Child => become_payload(&job),
        }
    }

    fn run(&self, mode: Mode, environment: Vector<'_>) -> ! {
        if mode == Mode::Machine {
            self.settle_in_machine();
        } else {
            take_foreground();
        }
        if self.namespace {
            devices::mount_own_proc();
        }
        signal::reset();
        let name = self.words.first().unwrap_or(c"");
        let e = execute(name, self.words, environment);
        error!("'{}': {}", Shown(name.to_bytes()), Symbol(e));
        process::exit(if e == Errno::NOENT { NOT_FOUND } else { NOT_EXECUTABLE })
    }

    /// A session on the main console. Without one, the payload still runs.
    fn settle_in_machine(&self) {
        let path = Text::<64>::of(&[b"/dev/", self.terminal.unwrap_or(b"console")]);
        let taken = tty::new_session().and_then(|()| match &path {
            Some(path) => tty::take(tty::real_path(path.c_str())?.c_str()),
            None => Err(Errno::NAMETOOLONG),
        });
        if let Err(e) = taken {
            warn!("payload without a terminal: '/dev/{}': {}", Shown(self.terminal.unwrap_or(b"console")), Symbol(e));
        }
        // The log is closed by exec; a failure of exec must still get there.
        process::close_all_but([crate::kmsg::descriptor(), -1, -1]);
    }
}

/// What the child is to do.
struct Job<'a> {
    payload: &'a Payload<'a>,
    mode: Mode,
    children: &'a Children,
    environment: Vector<'a>,
}

extern "C" fn become_payload(job: &Job<'_>) -> ! {
    job.children.reset_oom_score();
    job.payload.run(job.mode, job.environment)
}

/// A process group of its own, in the foreground where standard input is this session's terminal. Done before exec by the payload
/// itself, and PID 1 stays in the session: so no SIGHUP is on its way to anybody. SIGTTOU is still blocked here.
fn take_foreground() {
    let _ = rustix::process::setpgid(None, None);
    let stdin = stdio::input();
    if rustix::termios::tcgetpgrp(stdin).is_ok() {
        let _ = rustix::termios::tcsetpgrp(stdin, rustix::process::getpid());
    }
}

/// Becomes the program `name`, looked for in PATH unless it has a slash. Comes back with an errno.
pub fn execute(name: &CStr, words: Vector<'_>, environment: Vector<'_>) -> Errno {
    let path = environment.iter().find_map(|v| v.to_bytes().strip_prefix(b"PATH="));
    // The kernel gives a machine's init none.
    let mut with_path = List::<64>::new();
    if path.is_none() {
        environment.iter().for_each(|v| with_path.push(v));
        with_path.push(login::PATH);
    }
    let environment = if path.is_none() { with_path.vector() } else { environment };
    if name.to_bytes().contains(&b'/') || name.is_empty() {
        return process::exec(name, words, environment);
    }
    let path = path.unwrap_or(&login::PATH.to_bytes()[5..]);
    let mut result = Errno::NOENT;
    for directory in path.split(|c| *c == b':') {
        let directory = if directory.is_empty() { b"." } else { directory };
        let Some(file) = Text::<512>::of(&[directory, b"/", name.to_bytes()]) else {
            continue;
        };
        match process::exec(file.c_str(), words, environment) {
            Errno::NOENT | Errno::NOTDIR => {}
            // Another directory may have one that can be executed.
            Errno::ACCESS => result = Errno::ACCESS,
            e => return e,
        }
    }
    result
}
