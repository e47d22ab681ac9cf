//! Orders to stop or to restart: which signal says it, whether the first program can hear it, and what follows if it does not.
//!
//! The first process of a pid namespace gets no signal for which it has no handler (pid_namespaces(7)): an order that comes
//! before its init has set itself up is lost, and is given once more when it has.
use super::container::Id;
use super::end::signal_name;
use super::{Watch, What};
use crate::control::protocol::{Ending, State, Stop};
use std::time::Duration;

/// How often an init that does not listen yet is looked at. No event tells of it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Watch {
    /// Follow an order to stop. Whoever waits is told by `changed`.
    pub fn stop(&mut self, id: Id, order: Stop) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(pid) = container.pid() else {
            if container.finishing.is_some() {
                // Its hooks are being run; it is on its way.
                container.order = Some(order);
            } else if let Some((starting, _)) = &container.starting {
                if order.ending == Ending::Kill {
                    // Its end is reported as a start that failed.
                    starting.kill();
                }
                container.order = Some(order);
            } else {
                self.let_go(id);
                self.changed(id);
            }
            return;
        };
        container.thaw();
        let by_itself = order.ending == Ending::Halt && container.begin_android_stop(pid);
        if by_itself {
            log::info!("{}: told to stop", container.name());
        }
        container.order = Some(order);
        if order.ending != Ending::Reboot {
            container.state = State::Stopping;
        }
        self.events.cancel(|what| matches!(what, What::StopDeadline(i) | What::Tell(i) if *i == id));
        if !by_itself {
            self.tell_init(id);
        }
        if order.ending != Ending::Kill {
            self.events.after(Duration::from_millis(order.timeout_ms), What::StopDeadline(id));
        }
        self.changed(id);
    }

    /// Send the signal of the order: in any case, as /proc may not tell who listens, and again only when it is seen to be heard.
    fn tell_init(&mut self, id: Id) {
        let Some((signal, heard)) = self.signal_of_order(id) else { return };
        let Some(container) = self.containers.get_mut(&id) else { return };
        let ending = container.order.map_or(Ending::Kill, |order| order.ending);
        log::info!("{}: told to {}, {}", container.name(), word(ending), signal_name(signal));
        if let Err(errno) = container.send(signal) {
            log::warn!("{}: kill: {errno}", container.name());
        }
        if !heard {
            self.events.after(LOOK_AGAIN, What::Tell(id));
        }
    }

    /// The init may have set itself up since.
    pub(super) fn tell_again(&mut self, id: Id) {
        match self.signal_of_order(id) {
            Some((signal, true)) => self.signal_init(id, signal),
            Some((_, false)) => self.events.after(LOOK_AGAIN, What::Tell(id)),
            None => {}
        }
    }

    /// The signal that says what was ordered, and whether its init is seen to hear it.
    fn signal_of_order(&self, id: Id) -> Option<(i32, bool)> {
        let container = self.containers.get(&id)?;
        let (order, pid) = (container.order?, container.pid()?);
        let config = &container.definition.config.signal;
        let signal = match order.ending {
            Ending::Kill => return Some((config.stop.unwrap_or(libc::SIGKILL), true)),
            Ending::Reboot => config.reboot.unwrap_or(libc::SIGINT),
            Ending::Halt => halt_signal(config.halt, pid),
        };
        // Nobody needs a handler for SIGKILL from outside.
        let heard = signal == libc::SIGKILL || !container.own_pid_namespace || {
            hears(&status(pid), signal) || waits_for_signals(pid)
        };
        Some((signal, heard))
    }

    /// An order was not followed in time.
    pub(super) fn stop_overdue(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let (Some(order), Some(_)) = (container.order, container.pid()) else { return };
        self.events.cancel(|what| matches!(what, What::Tell(i) if *i == id));
        if order.ending == Ending::Halt && order.kill {
            log::warn!("{}: did not stop within {} ms, killed", container.name(), order.timeout_ms);
            let signal = container.definition.config.signal.stop.unwrap_or(libc::SIGKILL);
            // ESRCH cannot be: it is our child and not reaped.
            let _ = container.send(signal);
            return;
        }
        container.order = None;
        container.state = State::Running;
        let why = format!("did not {} within {} ms", word(order.ending), order.timeout_ms);
        self.refuse_orders(id, &why);
        self.changed(id);
    }
}

fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Halt => "stop",
        Ending::Reboot => "reboot",
        Ending::Kill => "stop at once",
    }
}

/// The configured signal; else SIGRTMIN+3 for an init that blocks it (systemd's way to say that it knows it), else
/// SIGPWR.
pub fn halt_signal(configured: Option<i32>, pid: i32) -> i32 {
    configured.unwrap_or_else(|| {
        // systemd counts from glibc's SIGRTMIN, whatever this program was built with.
        let wanted = i32::from(pid1::signals::RTMIN) + 3;
        if in_mask(&status(pid), "SigBlk:", wanted) == Some(true) { wanted } else { libc::SIGPWR }
    })
}

fn status(pid: i32) -> String {
    crate::place::read(format!("/proc/{pid}/status").as_ref()).unwrap_or_default()
}

/// Whether a process will get a signal: it has a handler for it, or blocks it and reads it by other means. Where /proc does not
/// tell, nobody knows better.
fn hears(status: &str, signal: i32) -> bool {
    ["SigBlk:", "SigCgt:"].iter().any(|mask| in_mask(status, mask, signal).unwrap_or(true))
}

/// Whether a process waits in sigtimedwait(2), as busybox's init does: what it waits for is in none of its masks meanwhile
/// (kernel/signal.c, do_sigtimedwait). Kernels without KALLSYMS do not tell.
fn waits_for_signals(pid: i32) -> bool {
    crate::place::read(format!("/proc/{pid}/wchan").as_ref()).is_some_and(|at| at.contains("sigtimedwait"))
}

/// Whether /proc/PID/status has a signal in one of its masks.
fn in_mask(status: &str, mask: &str, signal: i32) -> Option<bool> {
    let mask = status.lines().find_map(|l| l.strip_prefix(mask))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_signals() {
        let status = "Name:\tx\nSigBlk:\t0000001000000000\nSigIgn:\t0000000000000200\nSigCgt:\t0000000000000002\n";
        assert!(hears(status, 37) && hears(status, 2));
        assert!(!hears(status, 36) && !hears(status, 10), "an ignored signal is not heard");
        assert!(hears("", 37) && hears("SigBlk:\tzz\nSigCgt:\tzz\n", 37), "nobody knows");
        assert_eq!(in_mask(status, "SigBlk:", 37), Some(true));
        assert_eq!(halt_signal(Some(10), 1), 10);
    }
}
