//! `pid1` from outside, as PID 1 of pid namespaces on this machine: payloads, signals, reaping, logins, faults, budgets.
//!
//! Needs root, unshare(1) of util-linux and a static busybox; strace(1) for the faults. What is missing is said and skipped, unless
//! MUST=1 makes that a failure. Boots of whole machines are elsewhere.

mod budgets;
mod calls;
mod faults;
mod fixture;
mod logins;
mod payloads;
mod reaping;
mod signals;
