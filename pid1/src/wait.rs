//! The stage between start and end: one place that waits, for signals, children, power buttons and the time to start something.
//!
//! Without anything to do it sleeps in one call without a timeout. No failure of a call ends it: it goes on with what still works.

use pid1::settings::Settings;
use pid1::signals::{Action, Mode, Name, Outcome, SIGCHLD, action};
use pid1::status::Status;
use pid1::terminal::{self, Terminals};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;

use crate::buttons::{self, Buttons};
use crate::logins::Logins;
use crate::payload::Payload;
use crate::sys::arguments::Vector;
use crate::sys::process::{Child, Kind};
use crate::sys::signal::{Received, receive};
use crate::sys::{clock, process, signal};
use crate::text::Text;
use crate::{files, later};

/// So many children are reaped before the rest gets its turn.
const REAPED_AT_ONCE: usize = 2048;
/// How long a child may be dead without its status being there: it is between two steps of the kernel, or traced.
const SETTLE_MS: u64 = 20;

/// How children are made, and who reaps them.
pub struct Children {
    /// The kernel does, and their descriptors tell how they ended.
    pub by_kernel: bool,
    /// This process's own `oom_score_adj` before it was lowered, which children get back; empty if it was not.
    pub oom_score: Text<64>,
}

impl Children {
    /// How to fork them.
    pub fn kind(&self) -> Kind {
        Kind { descriptor: self.by_kernel, namespace: false }
    }

    /// In a child: the log and the terminal are all it has.
    pub fn begin_child(&self) {
        self.reset_oom_score();
        process::close_all_but([crate::kmsg::descriptor(), -1, -1]);
    }

    /// In a child: not as precious as PID 1.
    pub fn reset_oom_score(&self) {
        if !self.oom_score.bytes().is_empty() {
            let _ = files::write(c"/proc/self/oom_score_adj", self.oom_score.bytes());
        }
    }
}

/// Everything that PID 1 knows.
pub struct Init<'a> {
    pub mode: Mode,
    pub settings: Settings<'a>,
    pub environment: Vector<'static>,
    pub children: Children,
    /// Where signals are read from, if there are other descriptors to wait for. Otherwise waiting for signals is all.
    pub signals: Option<OwnedFd>,
    pub logins: Logins<'a>,
    pub payload: Option<Payload<'a>>,
    pub buttons: Buttons,
    /// Is this PID 1 of its namespace?
    pub first: bool,
    /// There may be children to be reaped.
    pub to_reap: bool,
    /// There were no children at all when they were last reaped.
    pub childless: bool,
    /// Descriptors from before the start have to be closed when the payload has got them.
    pub inherited: bool,
    /// When it is quiet, if something was started since it last was.
    pub quiet_at: Option<u64>,
    /// It has been quiet once.
    pub settled: bool,
    /// It has been asked whether the kernel can reap.
    pub reaper_chosen: bool,
}

impl<'a> Init<'a> {
    /// With logins on these terminals.
    pub fn log_in(&mut self, terminals: &Terminals<'a>) {
        self.logins = Logins::new(terminals, self.settings.autologin, self.settings.term);
    }
}

/// How it is to end.
#[derive(Clone, Copy)]
pub struct Ending {
    pub outcome: Outcome,
    /// Without asking the processes.
    pub at_once: bool,
}

/// What a wait has ended for.
#[derive(Clone, Copy, Default)]
pub struct Ready {
    /// A signal that came. There may be more, which end the next wait at once.
    pub signal: Option<Received>,
    /// A child is dead, but its status may not be there yet.
    children: bool,
    buttons: bool,
}

/// Goes on until something ends it.
pub fn run(init: &mut Init<'_>) -> Ending {
    loop {
        // Asking for the time is a call: only who waits for some time needs it.
        let timeout = next_due(init).and_then(|_| start_due(init));
        let ready = pause(init, timeout);
        if let Some(received) = ready.signal
            && let Some(ending) = handle(init, received)
        {
            return ending;
        }
        if ready.children {
            collect(init, true);
        }
        if init.to_reap {
            reap(init);
        }
        if let Some(ending) = payload_ended(init) {
            return ending;
        }
        if ready.buttons && init.buttons.pressed() {
            info!("power button");
            return Ending { outcome: Outcome::PowerOff, at_once: false };
        }
    }
}

/// When something is to be done without an event.
fn next_due(init: &Init<'_>) -> Option<u64> {
    let payload = init.payload.as_ref().and_then(Payload::next_due);
    payload.into_iter().chain(init.logins.next_due()).chain(init.quiet_at).min()
}

/// Does what its time has come for. Says how many milliseconds are left until the next is due.
#[inline(never)]
pub fn start_due(init: &mut Init<'_>) -> Option<u64> {
    let now = clock::now_ms();
    let mut started = init.logins.start(now, &init.children);
    if let Some(payload) = &mut init.payload
        && payload.start(now, init.mode, &init.children, init.environment)
    {
        started = true;
        if core::mem::take(&mut init.inherited) {
            let raw = |fd: Option<&OwnedFd>| fd.map_or(-1, AsRawFd::as_raw_fd);
            let child = payload.child.as_ref().and_then(|child| child.fd.as_ref());
            process::close_all_but([crate::kmsg::descriptor(), raw(child), raw(init.signals.as_ref())]);
        }
    }
    if started {
        init.quiet_at = Some(now + later::QUIET_MS);
    } else if init.quiet_at.is_some_and(|at| at <= now) {
        init.quiet_at = None;
        later::quiet(init);
    }
    next_due(init).map(|due| due.saturating_sub(now))
}

/// Waits for something to happen, so many milliseconds at most.
pub fn pause(init: &Init<'_>, timeout: Option<u64>) -> Ready {
    let timeout = if init.to_reap { Some(0) } else { timeout };
    match &init.signals {
        Some(signals) => pause_for_descriptors(init, signals, timeout),
        None => Ready { signal: signal::wait(timeout), ..Ready::default() },
    }
}

fn pause_for_descriptors(init: &Init<'_>, signals: &OwnedFd, timeout: Option<u64>) -> Ready {
    let mut fds: [PollFd<'_>; 2 + terminal::MOST + buttons::MOST] =
        core::array::from_fn(|_| PollFd::new(signals, PollFlags::IN));
    let mut n = 1;
    let logins = init.logins.slots.iter().flatten().filter_map(|slot| slot.child.as_ref());
    let children = init.payload.iter().filter_map(|p| p.child.as_ref()).chain(logins);
    for fd in children.filter_map(|child| child.fd.as_ref()) {
        fds[n] = PollFd::new(fd, PollFlags::IN);
        n += 1;
    }
    let of_children = n;
    for fd in init.buttons.devices.iter().flatten() {
        fds[n] = PollFd::new(fd, PollFlags::IN);
        n += 1;
    }
    let time = timeout.map(|ms| Timespec { tv_sec: (ms / 1000) as i64, tv_nsec: (ms % 1000 * 1_000_000) as _ });
    match poll(&mut fds[..n], time.as_ref()) {
        Ok(_) => {
            let mut ready = Ready::default();
            for (i, _) in fds[..n].iter().enumerate().filter(|(_, fd)| !fd.revents().is_empty()) {
                match i {
                    0 => ready.signal = receive(signals.as_fd()),
                    i if i < of_children => ready.children = true,
                    _ => ready.buttons = true,
                }
            }
            ready
        }
        Err(Errno::INTR) => Ready::default(),
        // ENOMEM: not even a call without memory of its own; the descriptors are asked without one.
        Err(_) => Ready { signal: signal::wait(Some(100)), children: true, buttons: true },
    }
}

fn handle(init: &mut Init<'_>, received: Received) -> Option<Ending> {
    #[cfg(feature = "test-panic")]
    assert!(received.number != 63, "asked to");
    let what = action(init.mode, received.number, received.sender != 0);
    if received.number != SIGCHLD {
        debug!("{} from {}: {what}", Name(received.number), received.sender);
    }
    match what {
        Action::Reap => init.to_reap = true,
        Action::Again => {
            init.logins.again();
            if init.mode == Mode::Machine {
                later::find_buttons(init);
            }
            forward(init, received.number);
        }
        Action::Forward => forward(init, received.number),
        Action::End(outcome) => {
            info!("{} from {}", Name(received.number), received.sender);
            return Some(Ending { outcome, at_once: false });
        }
        Action::EndNow(outcome) => {
            info!("{} from {}", Name(received.number), received.sender);
            return Some(Ending { outcome, at_once: true });
        }
    }
    None
}

fn forward(init: &Init<'_>, signal: u8) {
    let Some(child) = init.payload.as_ref().and_then(|p| p.child.as_ref()) else {
        return;
    };
    let to = if init.settings.forward_to_group { -child.pid } else { child.pid };
    // It may be dead and not yet noticed.
    let _ = signal::send(to, signal);
}

/// Takes in how own children ended that the kernel has reaped.
#[inline(never)]
pub fn collect(init: &mut Init<'_>, settling: bool) {
    if !init.children.by_kernel {
        return;
    }
    let now = clock::now_ms();
    let mut missing = false;
    let payload = init
        .payload
        .iter_mut()
        .filter_map(|p| ended_by_kernel(&p.child, &mut missing).map(|s| (&mut p.child, &mut p.status, s)));
    for (child, place, status) in payload {
        (*child, *place) = (None, Some(status));
    }
    for slot in init.logins.slots.iter_mut().flatten() {
        if let Some(status) = ended_by_kernel(&slot.child, &mut missing) {
            slot.ended(status, now);
        }
    }
    if settling && missing {
        settle(init, now + SETTLE_MS);
    }
}

/// Reaps what has ended.
pub fn reap(init: &mut Init<'_>) {
    for _ in 0..REAPED_AT_ONCE {
        match process::reap() {
            Ok(Some((pid, status))) => reaped(init, pid, status),
            Err(Errno::INTR) => {}
            other => {
                init.to_reap = false;
                init.childless = other == Err(Errno::CHILD);
                return;
            }
        }
    }
}

/// How a child ended; `None` while it lives or its status is not there. `alive` is set where there is a child without a status.
fn ended_by_kernel(child: &Option<Child>, alive: &mut bool) -> Option<Status> {
    match process::ended(child.as_ref()?.fd.as_ref()?.as_fd()) {
        Ok(Some(status)) => Some(status),
        Ok(None) => {
            *alive = true;
            None
        }
        // ESRCH: reaped by a kernel that keeps no status (keel.reap=kernel before Linux 6.15).
        Err(Errno::SRCH) => Some(Status::exited(crate::FAILED)),
        Err(_) => None,
    }
}

/// A short wait on the signals alone, so that a dead child without a status, which its descriptor reports at once, is no busy loop.
fn settle(init: &Init<'_>, until: u64) {
    if let Some(signals) = &init.signals {
        let ms = until.saturating_sub(clock::now_ms());
        let mut fds = [PollFd::new(signals, PollFlags::IN)];
        let _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: (ms * 1_000_000) as _ }));
    }
}

/// One of this process's own, or an orphan: with the first, the kernel is asked to do it from there on.
fn reaped(init: &mut Init<'_>, pid: i32, status: Status) {
    if let Some(payload) = init.payload.as_mut().filter(|p| p.child.as_ref().is_some_and(|c| c.pid == pid)) {
        payload.child = None;
        payload.status = Some(status);
        return;
    }
    let slot = init.logins.slots.iter_mut().flatten().find(|slot| slot.child.as_ref().is_some_and(|c| c.pid == pid));
    if let Some(slot) = slot {
        slot.ended(status, clock::now_ms());
    } else if !core::mem::replace(&mut init.reaper_chosen, true) {
        later::choose_reaper(init);
    }
}

/// The payload's end is everything's. An init in a namespace says by its signal what its reboot(2) asked for (pid_namespaces(7)).
fn payload_ended(init: &Init<'_>) -> Option<Ending> {
    let payload = init.payload.as_ref()?;
    let status = payload.status?;
    info!("payload {status}");
    let outcome = match status.signal() {
        Some(pid1::signals::SIGHUP) if payload.namespace => Outcome::Reboot,
        _ => Outcome::PowerOff,
    };
    Some(Ending { outcome, at_once: false })
}
