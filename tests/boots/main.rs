//! Boots of real kernels with the built programs, one story each, told at the console.
//!
//! Under QEMU, by software emulation where the processor's own virtualisation does not really work.

mod guest;
mod host;
