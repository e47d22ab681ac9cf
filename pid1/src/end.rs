//! The end: TERM, grace, KILL, report, unmount, sync, then what the machine or container was asked for.
//!
//! Each wait is for an event and has a deadline: nothing lingering, nothing waited for. Processes that came into a container from
//! outside are asked and killed as the others, but nobody is told of their end, so they are not waited for, nor asked when they are
//! all that is left: the kernel kills them.

use pid1::signals::{Action, Mode, Outcome, SIGCHLD, SIGCONT, SIGHUP, SIGKILL, SIGTERM, action};
use pid1::status::Status;
use rustix::io::Errno;
use rustix::system::RebootCommand;

use crate::report::{self, Message};
use crate::sys::process::{Fork, Kind};
use crate::sys::{Symbol, clock, power, process, signal};
use crate::wait::{self, Ending, Init};
use crate::{flush, panic};

/// How long killed processes may take; one that the kernel cannot end (a dead disk) would take for ever.
const KILLED_MS: u64 = 3_000;
/// How long the host may take to hear the report.
const REPORT_MS: u64 = 2_000;

/// Ends everything.
pub fn run(init: &mut Init<'_>, ending: Ending) -> ! {
    info!("{}{}", ending.outcome, if ending.at_once { " at once" } else { "" });
    // From here every child's end is an event, whoever reaped before.
    wait::collect(init, false);
    init.reaper_chosen = true;
    if core::mem::take(&mut init.children.by_kernel) {
        signal::default(SIGCHLD);
    }
    (init.to_reap, init.childless) = (true, false);

    // To ask everybody takes the kernel a walk over all tasks of the host: not where nobody is left.
    let gone = none_left(init, 0, false)
        || !ending.at_once && ask(init) && none_left(init, u64::from(init.settings.grace_ms), true);
    if !gone {
        let _ = signal::send(everybody(init), SIGKILL);
        if !none_left(init, KILLED_MS, false) {
            warn!("processes are left that the kernel cannot end");
        }
    }
    let status = init.payload.as_ref().and_then(|p| p.status).unwrap_or(Status::exited(0));
    let code = status.exit_code();
    let machine = init.mode == Mode::Machine;
    if report::is_wanted(&init.settings, machine) {
        let settings = init.settings;
        in_child(init, REPORT_MS, || report::send(&settings, machine, Message::Ended(code)));
    }
    match init.mode {
        Mode::Machine => end_machine(init, ending.outcome, code),
        Mode::Container => {
            // LXC reads halt and reboot from the signal that the kernel ends this namespace with (reboot_pid_ns()).
            let e = rustix::system::reboot(command(ending.outcome)).err();
            if let Some(e) = e {
                debug!("reboot(2) in this container: {}", Symbol(e));
            }
            process::exit(code)
        }
        Mode::Wrapper => process::exit(code),
    }
}

/// Asks everything to end. False: there is nothing to wait for, as nothing could be asked.
fn ask(init: &Init<'_>) -> bool {
    if let Some(payload) = init.payload.as_ref().filter(|p| p.namespace)
        && let Some(child) = &payload.child
    {
        // What runs in its namespace is its business.
        return signal::send(child.pid, init.settings.stop_signal).is_ok();
    }
    let everybody = everybody(init);
    let _ = signal::send(everybody, SIGTERM);
    // Interactive shells do not hear TERM.
    for child in init.logins.slots.iter().flatten().filter_map(|slot| slot.child.as_ref()) {
        let _ = signal::send(child.pid, SIGHUP);
    }
    let _ = signal::send(everybody, SIGCONT);
    true
}

/// Whom kill(2) reaches: all processes of this namespace, or the payload alone where this is not PID 1 of one. 0 would be this process's
/// own group: a payload that has ended is replaced by a process that cannot be there.
fn everybody(init: &Init<'_>) -> i32 {
    if init.first {
        return -1;
    }
    init.payload.as_ref().and_then(|p| p.child.as_ref()).map_or(i32::MAX, |child| child.pid)
}

/// Is nobody left who could be asked?
fn is_alone(init: &Init<'_>) -> bool {
    if init.first {
        return init.childless;
    }
    init.payload.as_ref().is_none_or(|p| p.child.is_none())
}

/// Waits until this process has no children: all that run in its namespace are its descendants, and come here when orphaned. A further
/// request to end cuts the wait short, where `impatient`.
fn none_left(init: &mut Init<'_>, most_ms: u64, impatient: bool) -> bool {
    let mut deadline = None;
    loop {
        if init.to_reap {
            wait::reap(init);
        }
        if !init.to_reap && is_alone(init) {
            return true;
        }
        let now = clock::now_ms();
        let deadline = *deadline.get_or_insert(now + most_ms);
        if now >= deadline {
            return false;
        }
        if let Some(received) = wait::pause(init, Some(deadline - now)).signal {
            match action(init.mode, received.number, received.sender != 0) {
                Action::Reap => init.to_reap = true,
                Action::EndNow(_) if impatient => return false,
                _ => {}
            }
        }
    }
}

/// Does something in a child, as it may block, and waits for it until the deadline. False: it was not done in time.
pub fn in_child(init: &mut Init<'_>, most_ms: u64, work: impl FnOnce()) -> bool {
    let deadline = clock::now_ms() + most_ms;
    let child = loop {
        match process::fork(Kind::default()) {
            Ok(Fork::Child) => {
                work();
                process::exit(0)
            }
            Ok(Fork::Parent(child)) => break child,
            Err(e) if clock::now_ms() >= deadline => {
                warn!("fork: {}", Symbol(e));
                return false;
            }
            Err(_) => {
                wait::pause(init, Some(50));
            }
        }
    };
    loop {
        match process::reap() {
            Ok(Some((pid, _))) if pid == child.pid => return true,
            Ok(Some(_)) | Err(Errno::INTR) => continue,
            Err(_) => return true,
            Ok(None) => {}
        }
        let now = clock::now_ms();
        if now >= deadline {
            return false;
        }
        init.to_reap = false;
        wait::pause(init, Some(deadline - now));
    }
}

fn end_machine(init: &mut Init<'_>, outcome: Outcome, code: u8) -> ! {
    if !in_child(init, u64::from(init.settings.sync_ms), flush::run) {
        warn!("not everything could be unmounted and synced in time");
    }
    if let Some(port) = init.settings.debug_exit
        && let Err(e) = power::debug_exit(port, code)
    {
        warn!("keel.debug_exit={port}: {}", Symbol(e));
    }
    let wanted = command(outcome);
    for command in [wanted, RebootCommand::Restart] {
        match power::in_child(command) {
            Ok(()) => panic::stay(),
            Err(e) => error!("{outcome}: {}", Symbol(e)),
        }
    }
    panic::stay()
}

fn command(outcome: Outcome) -> RebootCommand {
    match outcome {
        Outcome::Halt => RebootCommand::Halt,
        Outcome::PowerOff => RebootCommand::PowerOff,
        Outcome::Reboot => RebootCommand::Restart,
        Outcome::Kexec => RebootCommand::Kexec,
    }
}
