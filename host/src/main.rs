//! keel: process 1 of a machine, or a command.
//!
//! As process 1 it boots; called by a name of LXC's tools it is that tool; else the first argument is the command.
#![deny(unsafe_code)]
// The test harness brings a main of its own; see sys/entry.rs for ours.
#![cfg_attr(not(test), no_main)]

mod android;
mod attach;
mod binders;
mod boot;
mod cgroup;
mod cli;
mod console;
mod control;
mod copy;
mod create;
mod devices;
mod fault;
mod freezer;
mod kmsg;
mod load;
mod logbook;
mod monitor;
mod mounting;
mod namespaces;
mod net;
mod observe;
mod perform;
mod place;
mod process;
mod proxy;
mod read;
mod remove;
mod rewrite;
#[cfg(test)]
mod scratch;
mod spawn;
mod standing;
mod storage;
mod store;
mod sys;
mod tree;
mod usage;
mod watch;

use std::ffi::OsString;

/// The program, called by `sys::entry`; returns its exit code.
#[cfg_attr(test, allow(dead_code))]
fn run(args: Vec<OsString>) -> i32 {
    kmsg::install();
    if boot::is_machine_init() {
        boot::run(&args);
    }
    i32::from(cli::main(args))
}
