//! What keel may cost, in numbers that do not depend on the clock: system calls, memory, size. Each is what has been reached; a
//! change that needs more says why and moves it. Each has a control: the same check over something that costs more fails.

mod agent;
mod calls;
mod memory;
mod size;
mod trace;

use std::process::Command;

/// Whether a program is in PATH; a skip with its name otherwise.
#[track_caller]
fn has(name: &str) -> bool {
    let there = Command::new(name).arg("--version").output().is_ok();
    if !there {
        tests::skip::skip(&format!("no '{name}' in PATH"));
    }
    there
}

/// Fails when something takes more than it may.
fn within(what: &str, used: u64, most: u64) -> Result<(), String> {
    println!("{what}: {used} of {most}");
    if used <= most { Ok(()) } else { Err(format!("{what}: {used}, at most {most} are allowed")) }
}
