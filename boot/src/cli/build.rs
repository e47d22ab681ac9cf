//! `cargo boot build` and `cargo boot size`.

use super::Words;
use super::ramdisk::{built, target};
use crate::build::{both, sizes as listed};
use crate::fault::Result;
use crate::target::Target;
use std::process::ExitCode;

/// Builds for one target.
pub fn run(words: &Words) -> Result<ExitCode> {
    print!("{}", listed(&built(target(words)?)?)?);
    Ok(ExitCode::SUCCESS)
}

/// Builds with both C libraries (x86_64) or the one there is.
pub fn sizes(words: &Words) -> Result<ExitCode> {
    let arch = words.value("arch").unwrap_or("x86_64");
    for libc in if arch == "x86_64" { &["gnu", "musl"][..] } else { &["musl"] } {
        let target = Target::named(arch, libc)?;
        println!("{}:", target.triple());
        print!("{}", listed(&both(target)?)?);
    }
    Ok(ExitCode::SUCCESS)
}
