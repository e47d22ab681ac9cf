//! Boots of real kernels with the built programs, one story each, told at the console.
//!
//! Under QEMU, by software emulation where the processor's own virtualisation does not really work.

mod cgroups;
mod containers;
mod ends;
mod faults;
mod guest;
mod handover;
mod host;
mod labels;
mod reports;
mod rootfs;
mod soak;
