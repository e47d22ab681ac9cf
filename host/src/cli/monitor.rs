//! `keel monitor`, `lxc-monitor`: prints a line for each state that containers come into, until it is interrupted.
use super::out;
use super::{Answer, Call};
use crate::monitor::{Ear, News};
use crate::sys::signalfd;
use keel_core::commands::{Opt, UsageError};
use keel_core::failure::Failure;
use std::os::fd::AsFd;

/// Prints them.
pub fn run(call: &mut Call) -> Answer {
    if call.args.has(Opt::QuitMonitor) {
        return Ok(0);
    }
    let text = match call.args.value(Opt::Name).map(String::from) {
        Some(text) => text,
        None if call.args.operands.is_empty() => ".*".into(),
        None => String::from_utf8_lossy(&call.args.operands.remove(0)).into_owned(),
    };
    call.args.no_more()?;
    let regex = regex_lite::Regex::new(&format!("^(?:{text})$"))
        .map_err(|why| UsageError(format!("'{}' is no regular expression: {why}", text.escape_debug())))?;
    let ear = Ear::open(&call.store()?.lxcpath().display().to_string())?;
    signalfd::block_all();
    let signals = signalfd::descriptor().map_err(|e| Failure::errno("signalfd", e))?;
    loop {
        let (news, signal) = ear.wait(Some(signals.as_fd()), None);
        while let Some((name, what)) = news.then(|| ear.next()).flatten() {
            let line = match what {
                News::State(state) => format!("'{name}' changed state to [{}]\n", state.name()),
                News::Exit(code) => format!("'{name}' exited with status [{code}]\n"),
            };
            if regex.is_match(&name) && !out::stream(&line)? {
                return Ok(0);
            }
        }
        while let Some(caught) = signal.then(|| signalfd::next(&signals)).flatten() {
            match caught.signal {
                libc::SIGINT | libc::SIGTERM | libc::SIGHUP | libc::SIGQUIT => return Ok(128 + caught.signal as u8),
                _ => {}
            }
        }
    }
}
