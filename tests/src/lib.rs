//! What the tests stand on: the built programs, a machine that boots, a container on this host, a conversation over a
//! console, and a picture of the host to compare with.
//!
//! Nothing is imitated: kernels, containers and terminals are real. Nothing sleeps: every wait is for an event and has a
//! deadline. What a test starts ends with it.

pub mod built;
pub mod canary;
pub mod container;
#[cfg(test)]
mod controls;
pub mod dialog;
pub mod disk;
pub mod proc;
pub mod proxy;
pub mod pty;
pub mod ran;
pub mod skip;
pub mod vm;
