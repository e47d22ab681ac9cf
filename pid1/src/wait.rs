//! The stage between start and end: one place that waits, for signals, children, power buttons and the time to start something.
//!
//! Without anything to do it sleeps in one call without a timeout. No failure of a call ends it: it goes on with what still works.

use pid1::settings::Settings;
use pid1::signals::{Action, Mode, Name, Outcome, SIGCHLD, action};
use pid1::status::Status;
use pid1::terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

use crate::buttons::{self, Buttons};
use crate::files;
use crate::logins::Logins;
use crate::payload::Payload;
use crate::sys::arguments::Vector;
use crate::sys::process::{Child, Kind};
use crate::sys::signal::{Received, receive};
use crate::sys::{clock, process, signal};
use crate::text::Text;

/// So many children are reaped before the rest gets its turn.
const REAPED_AT_ONCE: usize = 2048;
/// How long a child may be dead without its status being there: it is between two steps of the kernel, or traced.
const SETTLE_MS: u64 = 20;

/// How children are made, and who reaps them.
pub struct Children {
    /// The kernel does.
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
        let log = crate::kmsg::descriptor().max(2) as u32;
        process::close_range(3, log.saturating_sub(1));
        process::close_range(log + 1, u32::MAX);
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
    pub signals: Option<OwnedFd>,
    pub logins: Logins<'a>,
    pub payload: Option<Payload<'a>>,
    pub buttons: Buttons,
    /// There may be children to be reaped.
    pub to_reap: bool,
    /// There were no children at all when they were last reaped.
    pub childless: bool,
    /// Descriptors from before the start have to be closed when the payload has got them.
    pub inherited: bool,
}

/// How it is to end.
#[derive(Clone, Copy)]
pub struct Ending {
    pub outcome: Outcome,
    /// Without asking the processes.
    pub at_once: bool,
}

/// Goes on until something ends it.
pub fn run(init: &mut Init<'_>) -> Ending {
    loop {
        let now = clock::now_ms();
        start_due(init, now);
        let due = init.payload.as_ref().and_then(Payload::next_due).into_iter().chain(init.logins.next_due()).min();
        let settling = pause(init, due);
        while let Some(received) = next_signal(init) {
            if let Some(ending) = handle(init, received) {
                return ending;
            }
        }
        collect(init, settling);
        if let Some(ending) = payload_ended(init) {
            return ending;
        }
        if init.buttons.pressed() {
            info!("power button");
            return Ending { outcome: Outcome::PowerOff, at_once: false };
        }
    }
}

fn start_due(init: &mut Init<'_>, now: u64) {
    if let Some(payload) = &mut init.payload
        && payload.start(now, init.mode, &init.children, init.environment)
        && core::mem::take(&mut init.inherited)
    {
        let own = [payload.child.as_ref().and_then(|child| child.fd.as_ref()), init.signals.as_ref()];
        close_inherited(&own);
    }
    init.logins.start(now, &init.children);
}

/// Closes all descriptors above standard error but the log and `own`.
fn close_inherited(own: &[Option<&OwnedFd>; 2]) {
    use rustix::fd::AsRawFd;
    let mut kept =
        [crate::kmsg::descriptor(), own[0].map_or(0, AsRawFd::as_raw_fd), own[1].map_or(0, AsRawFd::as_raw_fd)]
            .map(|fd| fd.max(2) as u32);
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept {
        process::close_range(first, fd.saturating_sub(1));
        first = first.max(fd + 1);
    }
    process::close_range(first, u32::MAX);
}

/// Waits for something to happen, until `due` at the latest. True: a child is dead, but its status may not be there yet.
pub fn pause(init: &Init<'_>, due: Option<u64>) -> bool {
    let timeout = if init.to_reap { Some(0) } else { due.map(|due| due.saturating_sub(clock::now_ms())) };
    let Some(signals) = &init.signals else {
        // COMPAT: no signalfd(2) in the kernel, or no descriptor to be had. Descriptors are looked at each second then.
        if let Some(received) = signal::wait(timeout.unwrap_or(1000).min(1000)) {
            let _ = signal::send(rustix::process::getpid().as_raw_nonzero().get(), received.number);
        }
        return false;
    };
    let mut fds: [PollFd<'_>; 2 + terminal::MOST + buttons::MOST] =
        core::array::from_fn(|_| PollFd::new(signals, PollFlags::IN));
    let logins = init.logins.slots.iter().flatten().filter_map(|slot| slot.child.as_ref());
    let children =
        init.payload.iter().filter_map(|p| p.child.as_ref()).chain(logins).filter_map(|child| child.fd.as_ref());
    let mut n = 1;
    for fd in children {
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
        Ok(_) => fds[1..of_children].iter().any(|fd| !fd.revents().is_empty()),
        Err(Errno::INTR) => false,
        // ENOMEM: not even a call without memory of its own; the signals are still there a moment later.
        Err(_) => {
            if let Some(received) = signal::wait(100) {
                let _ = signal::send(rustix::process::getpid().as_raw_nonzero().get(), received.number);
            }
            true
        }
    }
}

/// The next signal that has come.
pub fn next_signal(init: &Init<'_>) -> Option<Received> {
    match &init.signals {
        Some(fd) => receive(fd.as_fd()),
        None => signal::wait(0),
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
                init.buttons.find();
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

/// Takes in how own children ended, and reaps what has come here from elsewhere.
pub fn collect(init: &mut Init<'_>, settling: bool) {
    let now = clock::now_ms();
    if init.children.by_kernel {
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
    if !init.to_reap {
        return;
    }
    for _ in 0..REAPED_AT_ONCE {
        match process::reap() {
            Ok(Some((pid, status))) => reaped(init, pid, status, now),
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

fn reaped(init: &mut Init<'_>, pid: i32, status: Status, now: u64) {
    if let Some(payload) = init.payload.as_mut().filter(|p| p.child.as_ref().is_some_and(|c| c.pid == pid)) {
        payload.child = None;
        payload.status = Some(status);
        return;
    }
    let slot = init.logins.slots.iter_mut().flatten().find(|slot| slot.child.as_ref().is_some_and(|c| c.pid == pid));
    if let Some(slot) = slot {
        slot.ended(status, now);
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
