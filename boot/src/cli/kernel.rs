//! `cargo boot kernel`.

use super::Words;
use crate::fault::Result;
use crate::kernel::{self, Kind};
use std::process::ExitCode;

/// Builds it, or says where it is.
pub fn run(words: &Words) -> Result<ExitCode> {
    let kind = if words.has("stock") { Kind::Stock } else { Kind::Whole };
    println!("{}", kernel::build(kind, words.has("config-only"))?.display());
    Ok(ExitCode::SUCCESS)
}
