//! Android's sparse images: a file system image with the blocks that nobody wrote left out. As bytes: what fastboot takes
//! (system/core/libsparse's format, version 1). Checksums are passed over, as fastboot passes them over. Writes nothing itself: each
//! piece is handed to the caller, holes are skipped.

use crate::fault::{Fault, Result, symbol};
use std::io::Read;

/// The first bytes.
pub const MAGIC: [u8; 4] = [0x3a, 0xff, 0x26, 0xed];
const RAW: u16 = 0xcac1;
const FILL: u16 = 0xcac2;
const HOLE: u16 = 0xcac3;
const CHECKSUM: u16 = 0xcac4;
/// No block is larger: one of them is in memory.
const LARGEST_BLOCK: u32 = 1 << 20;

/// A piece of the plain image, in its order.
pub enum Piece<'a> {
    /// These bytes come next.
    Bytes(&'a [u8]),
    /// That many zeros come next.
    Hole(u64),
}

/// Reads a sparse image to its end; the size of the plain one. `limit` bounds that.
pub fn expand(mut from: impl Read, limit: u64, put: &mut dyn FnMut(Piece) -> std::io::Result<()>) -> Result<u64> {
    let broken = |why: &str| Fault::new(format!("broken sparse image: {why}"));
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => broken("it ends too early"),
        _ => Fault::new(symbol(&e)),
    };
    let mut head = [0; 28];
    from.read_exact(&mut head).map_err(failed)?;
    let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if head[..4] != MAGIC {
        return Err(broken("it does not begin as one"));
    }
    let (major, head_size, chunk_size) = (half(4), half(8), half(10));
    let (block, blocks, chunks) = (word(12), word(16), word(20));
    if major != 1 || head_size < 28 || chunk_size < 12 {
        return Err(Fault::new(format!("a sparse image of version {major}, which is unknown")));
    }
    if block == 0 || block % 4 != 0 || block > LARGEST_BLOCK {
        return Err(broken("no block has that size"));
    }
    let size = u64::from(block) * u64::from(blocks);
    if size > limit {
        return Err(Fault::new(format!("a sparse image of {} MiB, more than {}", size >> 20, limit >> 20)));
    }
    skip(&mut from, u64::from(head_size) - 28).map_err(failed)?;
    let mut piece = vec![0; block as usize];
    let mut done = 0u64;
    for _ in 0..chunks {
        let mut chunk = [0; 12];
        from.read_exact(&mut chunk).map_err(failed)?;
        skip(&mut from, u64::from(chunk_size) - 12).map_err(failed)?;
        let kind = u16::from_le_bytes([chunk[0], chunk[1]]);
        let count = u64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
        let total = u64::from(u32::from_le_bytes([chunk[8], chunk[9], chunk[10], chunk[11]]));
        let bytes = count * u64::from(block);
        let data =
            total.checked_sub(u64::from(chunk_size)).ok_or_else(|| broken("a chunk is smaller than its head"))?;
        if kind != CHECKSUM && done + bytes > size {
            return Err(broken("more blocks than it has"));
        }
        match kind {
            RAW if data == bytes => {
                for _ in 0..count {
                    from.read_exact(&mut piece).map_err(failed)?;
                    put(Piece::Bytes(&piece)).map_err(failed)?;
                }
            }
            FILL if data == 4 => {
                let mut value = [0; 4];
                from.read_exact(&mut value).map_err(failed)?;
                match value {
                    [0, 0, 0, 0] => put(Piece::Hole(bytes)).map_err(failed)?,
                    value => {
                        piece.chunks_exact_mut(4).for_each(|to| to.copy_from_slice(&value));
                        for _ in 0..count {
                            put(Piece::Bytes(&piece)).map_err(failed)?;
                        }
                    }
                }
            }
            HOLE if data == 0 => put(Piece::Hole(bytes)).map_err(failed)?,
            CHECKSUM => {
                skip(&mut from, data).map_err(failed)?;
                continue;
            }
            _ => return Err(Fault::new(format!("broken sparse image: a chunk of kind {kind:#x} with {data} bytes"))),
        }
        done += bytes;
    }
    if done != size {
        return Err(broken("fewer blocks than it says"));
    }
    Ok(size)
}

fn skip(from: &mut impl Read, bytes: u64) -> std::io::Result<()> {
    let read = std::io::copy(&mut from.by_ref().take(bytes), &mut std::io::sink())?;
    if read == bytes { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(chunks: &[(u16, u32, &[u8])], blocks: u32) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for half in [1u16, 0, 28, 12] {
            out.extend(half.to_le_bytes());
        }
        for word in [8, blocks, chunks.len() as u32, 0] {
            out.extend(word.to_le_bytes());
        }
        for (kind, count, data) in chunks {
            out.extend(kind.to_le_bytes());
            out.extend([0, 0]);
            out.extend(count.to_le_bytes());
            out.extend((12 + data.len() as u32).to_le_bytes());
            out.extend(*data);
        }
        out
    }

    fn plain(bytes: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let size = expand(bytes, 1 << 20, &mut |piece| {
            match piece {
                Piece::Bytes(bytes) => out.extend(bytes),
                Piece::Hole(size) => out.resize(out.len() + size as usize, 0),
            }
            Ok(())
        })?;
        assert_eq!(size, out.len() as u64);
        Ok(out)
    }

    #[test]
    fn each_kind_of_chunk_is_expanded() {
        let chunks: [(u16, u32, &[u8]); 5] =
            [(RAW, 1, b"01234567"), (HOLE, 2, b""), (FILL, 1, b"abcd"), (CHECKSUM, 0, b"zzzz"), (FILL, 1, &[0; 4])];
        let mut expected = b"01234567".to_vec();
        expected.extend([0; 16]);
        expected.extend(b"abcdabcd");
        expected.extend([0; 8]);
        assert_eq!(plain(&image(&chunks, 5)).unwrap(), expected);
    }

    #[test]
    fn what_is_broken_is_refused() {
        let good = image(&[(RAW, 1, b"01234567"), (HOLE, 1, b"")], 2);
        for cut in 0..good.len() {
            assert!(plain(&good[..cut]).is_err(), "{cut}");
        }
        for (chunks, blocks, why) in [
            (&[(RAW, 2, &b"01234567"[..])][..], 2, "a chunk of kind 0xcac1"),
            (&[(HOLE, 9, &b""[..])], 2, "more blocks"),
            (&[(HOLE, 1, &b""[..])], 2, "fewer blocks"),
            (&[(7, 1, &b""[..])], 1, "a chunk of kind 0x7"),
            (&[(HOLE, 0xffff_ffff, &b""[..])], 0xffff_ffff, "more than 1"),
        ] {
            let said = plain(&image(chunks, blocks)).unwrap_err().0;
            assert!(said.contains(why), "{said}");
        }
        // Every byte of the head with every bit changed: no panic, and nothing larger than the limit.
        for at in 0..52 {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let _ = plain(&bytes);
            }
        }
    }
}
