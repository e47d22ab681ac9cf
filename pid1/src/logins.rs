//! The logins of this machine or container: which terminals have one, and when each is started again.

use pid1::backoff::Backoff;
use pid1::status::Status;
use pid1::terminal::{MOST, Terminals};

use crate::login::{Login, NO_LOGIN, NO_TERMINAL};
use crate::sys::process::{Child, Fork};
use crate::sys::{Symbol, process};
use crate::text::Shown;
use crate::wait::Children;

/// One terminal's login.
pub struct Slot<'a> {
    terminal: &'a [u8],
    /// The login that runs.
    pub child: Option<Child>,
    started: u64,
    backoff: Backoff,
    /// When to start it, in milliseconds of the clock; `None`: not before SIGHUP.
    due: Option<u64>,
}

/// All of them.
pub struct Logins<'a> {
    /// As many as there are terminals.
    pub slots: [Option<Slot<'a>>; MOST],
    autologin: Option<&'a [u8]>,
    term: Option<&'a [u8]>,
}

impl<'a> Logins<'a> {
    /// A login on each terminal, to be started at once.
    pub fn new(terminals: &Terminals<'a>, autologin: Option<&'a [u8]>, term: Option<&'a [u8]>) -> Self {
        let mut logins = Logins { slots: [const { None }; MOST], autologin, term };
        for (slot, terminal) in logins.slots.iter_mut().zip(terminals.iter()) {
            *slot = Some(Slot { terminal, child: None, started: 0, backoff: Backoff::new(), due: Some(0) });
        }
        logins
    }

    /// Starts those whose time has come. True if there was one.
    pub fn start(&mut self, now: u64, children: &Children) -> bool {
        let mut started = false;
        let (autologin, term) = (self.autologin, self.term);
        for slot in self.slots.iter_mut().flatten() {
            if slot.child.is_some() || slot.due.is_none_or(|due| due > now) {
                continue;
            }
            slot.started = now;
            match process::fork(children.kind()) {
                Ok(Fork::Parent(child)) => {
                    slot.child = Some(child);
                    started = true;
                }
                Ok(Fork::Child) => {
                    children.begin_child();
                    crate::login::run(Login { terminal: slot.terminal, autologin, term })
                }
                Err(e) => {
                    let wait = slot.backoff.ended(0);
                    slot.due = Some(now + wait);
                    warn!("login on '{}': fork: {}, again in {wait} ms", Shown(slot.terminal), Symbol(e));
                }
            }
        }
        started
    }

    /// When the next one is to be started, if one waits.
    pub fn next_due(&self) -> Option<u64> {
        self.slots.iter().flatten().filter(|slot| slot.child.is_none()).filter_map(|slot| slot.due).min()
    }

    /// Starts all that wait, whatever they wait for.
    pub fn again(&mut self) {
        for slot in self.slots.iter_mut().flatten().filter(|slot| slot.child.is_none()) {
            slot.due = Some(0);
            slot.backoff = Backoff::new();
        }
    }
}

impl Slot<'_> {
    /// It ended.
    pub fn ended(&mut self, status: Status, now: u64) {
        self.child = None;
        let life = now.saturating_sub(self.started);
        if [NO_TERMINAL, NO_LOGIN].contains(&status.exit_code()) && status.signal().is_none() {
            self.due = None;
            warn!("no more logins on '{}' until SIGHUP", Shown(self.terminal));
            return;
        }
        let wait = self.backoff.ended(life);
        self.due = Some(now + wait);
        debug!("login on '{}' {status} after {life} ms, again in {wait} ms", Shown(self.terminal));
    }
}
