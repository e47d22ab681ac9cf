//! A ramdisk as a boot loader hands it over: cpio archives one after the other, each plain or packed.

use crate::codec::Compression;
use crate::cpio::{self, Entry};
use crate::fault::{Fault, Result};

/// All entries, in the order in which the kernel meets them, and the compression of the last packed archive. More than
/// `limit` bytes unpacked are refused.
pub fn read(bytes: &[u8], limit: usize) -> Result<(Vec<Entry>, Compression)> {
    let mut packing = Compression::None;
    let mut entries = Vec::new();
    let mut left = limit;
    let mut rest = bytes;
    while let Some(start) = rest.iter().position(|b| *b != 0) {
        rest = &rest[start..];
        match Compression::detect(rest)? {
            Compression::None => {
                let (more, used) = cpio::read_one(rest, 0)?;
                cpio::join(&mut entries, more);
                rest = &rest[used..];
            }
            packed => {
                let (data, used) = packed.unpack(rest, left)?;
                left -= data.len();
                cpio::join(&mut entries, cpio::read(&data)?);
                packing = packed;
                rest = &rest[used..];
            }
        }
    }
    if entries.is_empty() && bytes.iter().all(|b| *b == 0) {
        return Err(Fault::new("no ramdisk: it is empty"));
    }
    Ok((entries, packing))
}
