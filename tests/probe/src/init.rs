//! The probe as a first program: leaves what it sees in a file, waits, and ends as it is told.
//!
//! Words: `facts=FILE` (written first), `try=WORD` (as `probe can`, into the facts that are written next), `mark=FILE` (one
//! byte is appended: how often it was started), `say=TEXT` (to standard output), `then=exit:N`, `die:SIGNAL`, `reboot`,
//! `halt`, `deaf` (no signal ends it), or `wait` (the default: until a signal; HUP and INT end it with reboot(2) for a
//! restart, the others with 0).

use crate::{facts, sys, tries};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::ExitCode;

/// Runs until told to end.
pub fn run(words: &[&str]) -> ExitCode {
    // Before anything else: what arrives from now on is kept until it is asked for.
    sys::block_signals();
    let mut then = "wait";
    let mut tried = String::new();
    for word in words {
        match word.split_once('=') {
            Some(("facts", file)) => report(
                fs::write(format!("{file}.new"), facts::all() + &tried)
                    .and_then(|()| fs::rename(format!("{file}.new"), file)),
            ),
            Some(("try", what)) => tried += &format!("can.{what}={}\n", tries::one(what)),
            Some(("mark", file)) => {
                report(OpenOptions::new().append(true).create(true).open(file).and_then(|mut f| f.write_all(b"x")))
            }
            Some(("say", text)) => println!("{text}"),
            Some(("then", what)) => then = what,
            _ => println!("probe: unknown word '{word}'"),
        }
    }
    let (what, number) = then.split_once(':').unwrap_or((then, ""));
    let number = number.parse().unwrap_or(0);
    match what {
        "exit" => return ExitCode::from(number as u8),
        "die" => sys::raise(number),
        "reboot" | "halt" => report(sys::power(what)),
        _ => {}
    }
    loop {
        let signal = sys::wait_signal();
        match signal {
            libc::SIGCHLD => sys::reap(),
            _ if what == "deaf" => {}
            libc::SIGHUP | libc::SIGINT => report(sys::power("reboot")),
            _ => return ExitCode::SUCCESS,
        }
    }
}

fn report(result: std::io::Result<()>) {
    if let Err(e) = result {
        println!("probe: {e}");
    }
}
