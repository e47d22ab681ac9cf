//! What `cargo boot` is made of, for its commands and for the tests: artifacts, ramdisks, boot images, kernels, QEMU.
//! Packs binaries and knows nothing of their insides.

pub mod accel;
pub mod apt;
pub mod artifacts;
pub mod bench;
#[cfg(test)]
mod bootimg_tests;
pub mod build;
pub mod cache;
pub mod cli;
#[cfg(test)]
mod codec_tests;
pub mod fault;
pub mod foreign;
pub mod graft;
#[cfg(test)]
mod graft_tests;
pub mod hash;
pub mod kconfig;
pub mod kernel;
pub mod layout;
pub mod modules;
mod musl;
pub mod qemu;
pub mod ramdisk;
#[cfg(test)]
mod ramdisk_tests;
pub mod scratch;
pub mod suite;
pub mod target;
pub mod terminal;
mod toolchain;
pub mod vmlinux;

pub use formats::{bootimg, codec, cpio};
