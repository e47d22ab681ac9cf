//! Keel's pure half: what a configuration says, what the system is, and the list of steps that follows from both.
//!
//! Refuses I/O by construction: `no_std`, no libc, no file is opened here. Text goes in, data comes out, so every rule
//! of this crate is a unit test.
#![no_std]
extern crate alloc;

pub mod android;
pub mod commands;
pub mod config;
pub mod facts;
pub mod failure;
pub mod kconfig;
pub mod logger;
pub mod mounting;
pub mod nearest;
pub mod netlink;
pub mod nftables;
pub mod plan;
pub mod seccomp;
pub mod sorted;
pub mod step;
