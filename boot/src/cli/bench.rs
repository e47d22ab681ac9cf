//! `cargo boot bench`.

use super::Words;
use crate::bench::{self, Wanted};
use crate::build::{both, target_dir};
use crate::fault::{Fault, Result};
use crate::target::Target;
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds both programs and measures them.
pub fn run(words: &Words) -> Result<ExitCode> {
    let only = words.list("only", "");
    if let Some(fault) = bench::unknown(&only) {
        return Err(fault);
    }
    let text = words.value("runs").unwrap_or("60");
    let rounds = text.parse().ok().filter(|n| *n > 0);
    let rounds = rounds.ok_or_else(|| Fault::new(format!("option 'runs': '{text}' is no number of runs")))?;
    let out = words.value("o").map_or_else(|| target_dir().join("bench"), PathBuf::from);
    let target = Target::named("x86_64", words.value("libc").unwrap_or("gnu"))?;
    bench::run(&Wanted { only, rounds, out }, &both(target)?)?;
    Ok(ExitCode::SUCCESS)
}
