//! The compressions a kernel accepts for a ramdisk: gzip, lz4 (legacy frames), zstd, xz; told apart by their magic
//! numbers, as lib/decompress.c does. A program that has no room for all leaves features of this crate out, and refuses those
//! by name. Input is hostile: output is bounded by the caller, and nothing is allocated on the
//! word of a header. Refused by name: bzip2, lzma, lzop, and the lz4 frame format, which the kernel cannot read either.

use crate::fault::{Fault, Result};
use std::io::Read;
#[cfg(feature = "pack")]
use std::io::Write;

/// How a ramdisk is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// The legacy frame of lz4(1) `-l`, the only one that lib/decompress_unlz4.c reads.
    Lz4,
    /// RFC 8878.
    Zstd,
    /// With CRC-32 and no filter, as Documentation/staging/xz.rst asks for.
    Xz,
}

/// What a person may type, and what it means.
pub const NAMES: [(&str, Compression); 5] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
    ("xz", Compression::Xz),
];

/// No ramdisk or kernel that boots is larger: what unpacks to more is refused.
pub const LIMIT: usize = 2 << 30;

const LZ4_LEGACY: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// The legacy frame cuts its input into pieces of this size.
const LZ4_PIECE: usize = 8 << 20;

const KNOWN: [(&[u8], Compression); 5] = [
    (&[0x1f, 0x8b], Compression::Gzip),
    (&[0x1f, 0x9e], Compression::Gzip),
    (&LZ4_LEGACY, Compression::Lz4),
    (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Compression::Xz),
];

const REFUSED: [(&[u8], &str); 4] = [
    (b"BZh", "bzip2"),
    (&[0x5d, 0x00, 0x00], "lzma"),
    (&[0x89, b'L', b'Z', b'O'], "lzop"),
    (&[0x04, 0x22, 0x4d, 0x18], "the lz4 frame format (a kernel reads the legacy one only: lz4 -l)"),
];

impl Compression {
    /// By the first bytes; `None` when they are no known magic number.
    pub fn detect(bytes: &[u8]) -> Result<Compression> {
        if let Some((_, name)) = REFUSED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Err(Fault::new(format!("compressed with {name}: only gzip, lz4, zstd and xz are supported")));
        }
        Ok(KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)).map_or(Compression::None, |k| k.1))
    }

    /// What was typed on a command line.
    pub fn named(word: &str) -> Result<Compression> {
        NAMES
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, c)| *c)
            .ok_or_else(|| Fault::new(format!("compression '{word}' is unknown: none, gzip, lz4, zstd or xz")))
    }

    /// Unpacks the stream at the start of `bytes`: its content, and how many bytes of the input it took.
    /// More than `limit` bytes of content is an error.
    pub fn unpack(self, bytes: &[u8], limit: usize) -> Result<(Vec<u8>, usize)> {
        match self {
            Compression::None => Ok((bytes.to_vec(), bytes.len())),
            Compression::Gzip => {
                let mut rest = bytes;
                let mut out = Vec::new();
                bounded(&mut crate::gunzip::Gunzip::one(&mut rest), &mut out, limit, "gzip")?;
                Ok((out, bytes.len() - rest.len()))
            }
            #[cfg(not(feature = "zstd"))]
            Compression::Zstd => Err(left_out("zstd")),
            #[cfg(feature = "zstd")]
            Compression::Zstd => {
                let mut rest = bytes;
                let mut out = Vec::new();
                // The window is what a frame may make us allocate; the kernel's own bound is 128 MiB.
                let mut decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(&mut rest, 128 << 20)
                    .map_err(|e| Fault::new(format!("broken zstd data: {e}")))?;
                bounded(&mut decoder, &mut out, limit, "zstd")?;
                Ok((out, bytes.len() - rest.len()))
            }
            #[cfg(not(feature = "xz"))]
            Compression::Xz => Err(left_out("xz")),
            #[cfg(feature = "xz")]
            Compression::Xz => unpack_xz(bytes, limit),
            Compression::Lz4 => unpack_lz4(bytes, limit),
        }
    }

    /// Packs `data` so that a kernel can read it.
    #[cfg(feature = "pack")]
    pub fn pack(self, data: &[u8]) -> Result<Vec<u8>> {
        let failed = |e: std::io::Error| Fault::new(format!("compress: {e}"));
        Ok(match self {
            Compression::None => data.to_vec(),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
                encoder.write_all(data).map_err(failed)?;
                encoder.finish().map_err(failed)?
            }
            Compression::Lz4 => {
                let mut out = LZ4_LEGACY.to_vec();
                for piece in data.chunks(LZ4_PIECE) {
                    let packed = lz4_flex::block::compress(piece);
                    out.extend((packed.len() as u32).to_le_bytes());
                    out.extend(packed);
                }
                out
            }
            Compression::Zstd => ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest),
            Compression::Xz => {
                let mut options = lzma_rust2::XzOptions::with_preset(6);
                options.set_check_sum_type(lzma_rust2::CheckType::Crc32);
                let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).map_err(failed)?;
                writer.write_all(data).map_err(failed)?;
                writer.finish().map_err(failed)?
            }
        })
    }
}

/// What this build can't unpack.
#[cfg(not(all(feature = "zstd", feature = "xz")))]
fn left_out(name: &str) -> Fault {
    Fault::new(format!("it is packed with {name}, which is left out of this program: unpack it first ({name} -d)"))
}

/// Reads to the end, but never past `limit`.
fn bounded(from: &mut dyn Read, out: &mut Vec<u8>, limit: usize, what: &str) -> Result<()> {
    from.take(limit as u64 + 1).read_to_end(out).map_err(|e| Fault::new(format!("broken {what} data: {e}")))?;
    if out.len() > limit { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: usize) -> Fault {
    Fault::new(format!("unpacks to more than {} MiB", limit >> 20))
}

#[cfg(feature = "xz")]
fn unpack_xz(bytes: &[u8], limit: usize) -> Result<(Vec<u8>, usize)> {
    let mut stream = lzma_rust2::XzStream::new_mem_limit(false, 256 << 10);
    let mut out = Vec::new();
    let mut piece = vec![0; 64 << 10];
    let mut at = 0;
    loop {
        let step = stream
            .process(&bytes[at..], &mut piece, lzma_rust2::Action::Finish)
            .map_err(|e| Fault::new(format!("broken xz data: {e}")))?;
        at += step.bytes_consumed;
        out.extend_from_slice(&piece[..step.bytes_produced]);
        if out.len() > limit {
            return Err(too_large(limit));
        }
        if step.status == lzma_rust2::Status::StreamEnd {
            return Ok((out, at));
        }
        if step.bytes_consumed == 0 && step.bytes_produced == 0 {
            return Err(Fault::new("broken xz data: it ends too early"));
        }
    }
}

/// The legacy frame has no end mark: it ends with the input, or where a length makes no sense (the kernel appends the
/// unpacked size to its own image; ramdisks are padded with zeros).
fn unpack_lz4(bytes: &[u8], limit: usize) -> Result<(Vec<u8>, usize)> {
    let mut at = LZ4_LEGACY.len();
    let mut out = Vec::new();
    let mut piece = Vec::new();
    while let Some(length) = bytes.get(at..at + 4) {
        if length == LZ4_LEGACY {
            at += 4;
            continue;
        }
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize;
        if length == 0 || length > lz4_flex::block::get_maximum_output_size(LZ4_PIECE) {
            break;
        }
        let Some(packed) = bytes.get(at + 4..at + 4 + length) else {
            return Err(Fault::new("broken lz4 data: it ends too early"));
        };
        piece.resize(LZ4_PIECE, 0);
        let n = lz4_flex::block::decompress_into(packed, &mut piece)
            .map_err(|e| Fault::new(format!("broken lz4 data: {e}")))?;
        if out.len() + n > limit {
            return Err(too_large(limit));
        }
        out.extend_from_slice(&piece[..n]);
        at += 4 + length;
    }
    Ok((out, at))
}
