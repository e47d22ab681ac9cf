//! Formats of ramdisks and boot images, for `cargo boot` and for the host agent: cpio, compressions, Android's boot.img.
//! Bytes in, bytes out: opens no file.

pub mod archives;
pub mod bootimg;
pub mod codec;
pub mod cpio;
pub mod fault;
pub mod gunzip;
pub mod sparse;
