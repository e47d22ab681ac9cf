//! The pure half of the guest's PID 1: the kernel command line, the parameters, what is mounted, which signal ends the machine how,
//! what a wait status means.
//!
//! No I/O, no allocation, no `unsafe`, no `std`: everything here is a function of its arguments, tested on the building machine.
//! The host agent uses it too.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod backoff;
pub mod cgroups;
pub mod cmdline;
pub mod errno;
pub mod issue;
pub mod manual;
pub mod mountinfo;
pub mod mounts;
pub mod nearest;
pub mod options;
pub mod params;
pub mod passwd;
pub mod settings;
pub mod signals;
pub mod status;
pub mod terminal;
