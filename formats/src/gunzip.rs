//! gzip, unpacked (RFC 1952): miniz_oxide does the work. flate2 does the same with a table of 16 KiB for its checksum and
//! thirty more of code, which is much in a program that boots a machine; it packs for `cargo boot`.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};
use std::io::{BufRead, Error, ErrorKind, Read, Result};

/// Reads what a gzip file holds.
pub struct Gunzip<R> {
    from: R,
    state: Box<InflateState>,
    sum: u32,
    length: u32,
    at: At,
    /// Whether members follow each other, as they do in a file.
    many: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// The first header: there must be one.
    Start,
    Body,
    /// Behind a member.
    Between,
    End,
}

impl<R: BufRead> Gunzip<R> {
    /// The first member only; what is behind it is left to be read.
    pub fn one(from: R) -> Gunzip<R> {
        Gunzip { from, state: InflateState::new_boxed(DataFormat::Raw), sum: 0, length: 0, at: At::Start, many: false }
    }

    /// All members.
    pub fn all(from: R) -> Gunzip<R> {
        Gunzip { many: true, ..Gunzip::one(from) }
    }

    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.from.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn number(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.from.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn header(&mut self) -> Result<()> {
        let mut fixed = [0; 10];
        self.from.read_exact(&mut fixed)?;
        let [0x1f, 0x8b, 8, flags, ..] = fixed else { return Err(broken("no gzip header")) };
        if flags & 4 != 0 {
            let length = u16::from_le_bytes([self.byte()?, self.byte()?]);
            for _ in 0..length {
                self.byte()?;
            }
        }
        // A name, a comment.
        for _ in 0..(flags >> 3 & 1) + (flags >> 4 & 1) {
            while self.byte()? != 0 {}
        }
        if flags & 2 != 0 {
            self.byte()?;
            self.byte()?;
        }
        self.state.reset(DataFormat::Raw);
        (self.sum, self.length, self.at) = (0, 0, At::Body);
        Ok(())
    }

    fn body(&mut self, to: &mut [u8]) -> Result<usize> {
        let input = self.from.fill_buf()?;
        let ended = input.is_empty();
        let result = inflate(&mut self.state, input, to, MZFlush::None);
        self.from.consume(result.bytes_consumed);
        let made = &to[..result.bytes_written];
        self.sum = crc32(self.sum, made);
        self.length = self.length.wrapping_add(made.len() as u32);
        match result.status {
            Ok(MZStatus::StreamEnd) => {
                let (sum, length) = (self.number()?, self.number()?);
                if (sum, length) != (self.sum, self.length) {
                    return Err(broken("its checksum differs"));
                }
                self.at = if self.many { At::Between } else { At::End };
            }
            Ok(_) | Err(MZError::Buf) if ended && made.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(MZError::Buf) => {}
            Err(_) => return Err(broken("broken deflate data")),
        }
        Ok(made.len())
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize> {
        loop {
            match self.at {
                _ if to.is_empty() => return Ok(0),
                At::End => return Ok(0),
                At::Between if self.from.fill_buf()?.is_empty() => self.at = At::End,
                At::Start | At::Between => self.header()?,
                At::Body => match self.body(to)? {
                    0 => {}
                    made => return Ok(made),
                },
            }
        }
    }
}

fn broken(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

/// CRC-32 of ISO 3309, four bits at a time.
fn crc32(so_far: u32, bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut n = 0;
        while n < 16 {
            let (mut value, mut bit) = (n as u32, 0);
            while bit < 4 {
                value = value >> 1 ^ if value & 1 == 1 { 0xedb8_8320 } else { 0 };
                bit += 1;
            }
            table[n] = value;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!so_far, |sum, byte| {
        let sum = sum ^ u32::from(*byte);
        let sum = sum >> 4 ^ TABLE[(sum & 15) as usize];
        sum >> 4 ^ TABLE[(sum & 15) as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// `printf 'hello\n' | gzip -n`, and the same with a name, by another packer's flags.
    const HELLO: [u8; 26] = [
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 2, 0, 0x20, 0x30, 0x3a, 0x36, 6, 0, 0,
        0,
    ];

    fn all(bytes: &[u8], piece: usize) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        Gunzip::all(BufReader::with_capacity(piece, bytes)).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn members_follow_each_other_and_one_is_taken_alone() {
        let named =
            [&[0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, b'x', b'y'], &b"name\0comment\0\0\0"[..], &HELLO[10..]];
        let two = [&HELLO[..], &named.concat()].concat();
        for piece in [1, 3, 4096] {
            assert_eq!(all(&two, piece).unwrap(), b"hello\nhello\n");
        }
        let (mut rest, mut out) = (&two[..], Vec::new());
        Gunzip::one(&mut rest).read_to_end(&mut out).unwrap();
        assert_eq!((out.as_slice(), rest.len()), (&b"hello\n"[..], two.len() - HELLO.len()));
    }

    #[test]
    fn what_is_broken_or_cut_is_an_error() {
        for length in 0..HELLO.len() {
            assert_eq!(all(&HELLO[..length], 4096).unwrap_err().kind(), ErrorKind::UnexpectedEof, "{length}");
        }
        for at in [0, 1, 2, 11, 18, 23] {
            let mut bad = HELLO;
            bad[at] ^= 0x55;
            assert!(all(&bad, 4096).is_err(), "{at}");
        }
    }

    /// As another implementation packs, with every kind of block.
    #[cfg(feature = "pack")]
    #[test]
    fn much_comes_back_as_it_was() {
        use std::io::Write;
        let text: Vec<u8> = (0..300_000u32).map(|n| (n.wrapping_mul(n) >> (n % 13)) as u8 & 0x3f).collect();
        for level in [0, 1, 6, 9] {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
            packed.write_all(&text).unwrap();
            assert_eq!(all(&packed.finish().unwrap(), 777).unwrap(), text);
        }
    }
}
