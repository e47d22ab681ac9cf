//! keel: process 1 of a machine, or a command.
//!
//! As process 1 it boots; called by a name of LXC's tools it is that tool; else the first argument is the command.
#![deny(unsafe_code)]

mod cli;
mod create;
mod fault;
mod remove;
#[cfg(test)]
mod scratch;
mod store;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
