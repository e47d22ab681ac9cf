//! `pid1`: the first process of a guest, in three stages: start → wait → end.
//!
//! Without libc, allocator and threads. As the global init it never exits: what fails is logged and gone on with. Before /dev is
//! mounted there is no log (lines are kept), and maybe no standard descriptors.

#![no_std]
#![no_main]

#[macro_use]
mod kmsg;

mod buttons;
mod cgroup;
mod devices;
mod end;
mod files;
mod flush;
mod later;
mod login;
mod logins;
mod panic;
mod payload;
mod report;
mod shell;
mod start;
mod sys;
mod text;
mod tty;
mod wait;
mod wrapper;

use sys::arguments::Arguments;

/// The exit code for failures of `pid1` itself.
pub const FAILED: u8 = 125;

fn main(arguments: Arguments) -> ! {
    if rustix::process::getpid().is_init() { start::run(arguments) } else { wrapper::run(arguments) }
}
