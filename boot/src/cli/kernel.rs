//! `cargo boot kernel`.

use super::Words;
use crate::fault::Result;
use crate::kernel;
use std::process::ExitCode;

/// Builds it, or says where it is.
pub fn run(words: &Words) -> Result<ExitCode> {
    println!("{}", kernel::build(words.has("config-only"))?.display());
    Ok(ExitCode::SUCCESS)
}
