//! When the boot cannot go on, or PID 1 itself is wrong: the reason on the console and in kmsg, then what `keel.on_fail=`
//! says.
//!
//! Nothing here may fail, wait for a terminal, or return.
use super::params::OnFail;
use super::program::Program;
use super::shutdown;
use crate::kmsg;
use pid1::signals::Outcome;
use rustix::fs::{Mode, OFlags};
use std::sync::atomic::{AtomicU8, Ordering};

/// The action, for the panic hook: a number, since that may not wait for a lock.
static ACTION: AtomicU8 = AtomicU8::new(2);

const ACTIONS: [OnFail; 5] = [OnFail::Shell, OnFail::Reboot, OnFail::PowerOff, OnFail::Halt, OnFail::Panic];

/// What is to be done from now on.
pub fn set_action(action: OnFail) {
    let number = ACTIONS.iter().position(|a| *a == action).unwrap_or(2);
    ACTION.store(number as u8, Ordering::Relaxed);
}

/// A panic is a failure like others: said, and followed by the action. Without this the kernel would only say that init
/// was killed.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let what = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words");
        let action = ACTIONS[usize::from(ACTION.load(Ordering::Relaxed)) % ACTIONS.len()];
        // A shell on top of a broken PID 1 would be one that nobody reaps for.
        let action = if action == OnFail::Shell { OnFail::PowerOff } else { action };
        fail(&format!("panic{at}: {what}"), action)
    }));
}

/// The end: say why and do it.
pub fn fail(cause: &str, action: OnFail) -> ! {
    log::error!("{cause}");
    // In kmsg or still kept, the line goes to the console as well: `quiet` hides kmsg, and a kernel without printk has
    // none.
    let mut text = String::new();
    for line in kmsg::kept() {
        text += line.split_once('>').map_or(line.as_str(), |(_, rest)| rest);
        text += "\r";
    }
    if text.is_empty() {
        text = format!("\r\nkeel: {cause}\r\n");
    }
    say_on_console(&text);
    match action {
        OnFail::Shell => {
            say_on_console("keel: a shell follows (keel.on_fail=shell); the machine is switched off when it ends\r\n");
            rescue_shell();
            shutdown::finish(Outcome::PowerOff)
        }
        OnFail::Reboot => shutdown::finish(Outcome::Reboot),
        OnFail::PowerOff => shutdown::finish(Outcome::PowerOff),
        OnFail::Halt => shutdown::finish(Outcome::Halt),
        // The kernel says "Attempted to kill init!" and follows panic=.
        OnFail::Panic => crate::sys::process::exit_now(1),
    }
}

/// To the console, as much as it takes without waiting.
pub fn say_on_console(text: &str) {
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if let Ok(console) = rustix::fs::open("/dev/console", flags, Mode::empty()) {
        // What does not fit is in kmsg.
        let _ = rustix::io::write(&console, text.as_bytes());
    }
}

/// A shell on the console, until it ends; every orphan is reaped meanwhile.
fn rescue_shell() {
    for path in ["/bin/sh", "/bin/busybox", "/sbin/busybox", "/system/bin/sh"] {
        if !std::fs::exists(path).unwrap_or(false) {
            continue;
        }
        let started = Program::new(path, &["sh"]).on_console().start();
        let Ok(shell) = started else { continue };
        loop {
            match rustix::process::wait(rustix::process::WaitOptions::empty()) {
                Ok(Some((pid, _))) if pid.as_raw_nonzero().get() == shell => return,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
    say_on_console("keel: there is no shell\r\n");
}
