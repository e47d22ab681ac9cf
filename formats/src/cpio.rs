//! cpio "newc" archives, the kernel's ramdisk format (Documentation/driver-api/early-userspace/buffer-format.rst): read and
//! written. Several archives one after the other, padded with zeros, are one list of entries, as in init/initramfs.c.
//! Input is hostile: every length is checked against what is there before anything is copied.
//! Refused: the old binary and octal formats, which the kernel does not read either.

use crate::fault::{Fault, Result};
use std::collections::{HashMap, HashSet};

/// The type bits of a mode, and their values (inode(7)).
pub mod kind {
    /// Mask of the type bits.
    pub const MASK: u32 = 0o170_000;
    /// Directory.
    pub const DIR: u32 = 0o040_000;
    /// Regular file.
    pub const FILE: u32 = 0o100_000;
    /// Symbolic link: its target is the data.
    pub const LINK: u32 = 0o120_000;
    /// Character device.
    pub const CHAR: u32 = 0o020_000;
    /// Block device.
    pub const BLOCK: u32 = 0o060_000;
    /// Named pipe.
    pub const FIFO: u32 = 0o010_000;
}

/// One name in an archive, all that a newc header says about it, and its data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// As written in the archive: usually without a leading slash. Bytes: the kernel knows no encoding.
    pub name: Vec<u8>,
    /// Identity among hard links, together with `dev`; of no meaning when `nlink` is 1.
    pub ino: u32,
    /// Type and permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// How many names this file has in the archive.
    pub nlink: u32,
    /// Seconds since 1970.
    pub mtime: u32,
    /// Major and minor number of the file system it came from.
    pub dev: (u32, u32),
    /// Major and minor number of a device node.
    pub rdev: (u32, u32),
    /// A file's content, a link's target. Of hard links one carries it, the others have none.
    pub data: Vec<u8>,
}

const HEADER: usize = 110;
const TRAILER: &[u8] = b"TRAILER!!!";
/// PATH_MAX: the kernel skips longer names.
const NAME_MAX: usize = 4096;

impl Entry {
    /// The type bits of the mode.
    pub fn kind(&self) -> u32 {
        self.mode & kind::MASK
    }

    fn is_shared(&self) -> bool {
        self.nlink > 1 && self.kind() != kind::DIR
    }
}

/// Reads all archives in `bytes`.
pub fn read(bytes: &[u8]) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = 0;
    while let Some(start) = bytes[at..].iter().position(|b| *b != 0).map(|n| at + n) {
        let (more, end) = read_one(bytes, start)?;
        join(&mut entries, more);
        at = end;
    }
    if entries.is_empty() && bytes.iter().all(|b| *b == 0) {
        return Err(Fault::new("no cpio archive: it is empty"));
    }
    Ok(entries)
}

/// Appends a later archive. Its inode numbers are made distinct where hard links could otherwise join earlier ones: the
/// kernel forgets them at each trailer.
pub fn join(entries: &mut Vec<Entry>, more: Vec<Entry>) {
    let first = entries.len();
    entries.extend(more);
    if first > 0 {
        separate(entries, first);
    }
}

/// The archive that begins at `at`, up to its trailer or the end of input, and where the next one may begin.
pub fn read_one(bytes: &[u8], mut at: usize) -> Result<(Vec<Entry>, usize)> {
    let mut entries = Vec::new();
    // Padding counts from the archive's own start, not from the start of the file.
    let base = at;
    let pad = |n: usize| base + (n - base).next_multiple_of(4);
    loop {
        let broken = |why: &str| Fault::new(format!("cpio: byte {at}: {why}"));
        if at == bytes.len() && at > base {
            return Ok((entries, at));
        }
        let header = bytes.get(at..at.saturating_add(HEADER)).ok_or_else(|| broken("it ends in a header"))?;
        if !matches!(&header[..6], b"070701" | b"070702") {
            return Err(broken("no newc header (magic 070701)"));
        }
        let mut fields = [0u32; 13];
        for (field, digits) in fields.iter_mut().zip(header[6..].chunks(8)) {
            *field = number(digits).ok_or_else(|| broken("a header field is not hexadecimal"))?;
        }
        let [ino, mode, uid, gid, nlink, mtime, size, dev_major, dev_minor, rdev_major, rdev_minor, name_len, _] =
            fields;
        let (size, name_len) = (size as usize, name_len as usize);
        if name_len == 0 || name_len > NAME_MAX {
            return Err(broken("the length of a name is 0 or more than 4096"));
        }
        let name_at = at + HEADER;
        let name = bytes.get(name_at..name_at + name_len).ok_or_else(|| broken("it ends in a name"))?;
        let Some((0, name)) = name.split_last() else {
            return Err(broken("a name does not end in NUL"));
        };
        let data_at = pad(name_at + name_len);
        let data = match data_at.checked_add(size).map(|end| bytes.get(data_at..end)) {
            _ if size == 0 => &[][..],
            Some(Some(data)) => data,
            _ => return Err(broken("it ends in the data of a file")),
        };
        at = pad(data_at + size).min(bytes.len());
        if name == TRAILER {
            return Ok((entries, at));
        }
        entries.push(Entry {
            name: name.to_vec(),
            ino,
            mode,
            uid,
            gid,
            nlink,
            mtime,
            dev: (dev_major, dev_minor),
            rdev: (rdev_major, rdev_minor),
            data: data.to_vec(),
        });
    }
}

/// Exactly eight hexadecimal digits; signs and spaces, which `from_str_radix` or scanf would take, are refused.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |n, d| Some(n << 4 | char::from(*d).to_digit(16)?))
}

/// Gives hard-linked files from `first` on inode numbers that no entry before has.
fn separate(entries: &mut [Entry], first: usize) {
    let used: HashSet<u32> = entries[..first].iter().map(|e| e.ino).collect();
    let mut fresh = (1..).filter(|n| !used.contains(n));
    let mut renamed = HashMap::new();
    for entry in entries[first..].iter_mut().filter(|e| e.is_shared()) {
        let key = (entry.ino, entry.dev);
        if let Some(ino) = renamed.get(&key).copied().or_else(|| fresh.next()) {
            renamed.insert(key, ino);
            entry.ino = ino;
            entry.dev = (0, 0);
        }
    }
}

/// Writes one archive with its trailer, padded to 512 bytes as cpio(1) does.
pub fn write(entries: &[Entry]) -> Result<Vec<u8>> {
    let total: usize = entries.iter().map(|e| HEADER + e.name.len() + e.data.len() + 8).sum();
    let mut out = Vec::with_capacity(total + 1024);
    for entry in entries {
        write_one(&mut out, entry)?;
    }
    write_one(&mut out, &Entry { name: TRAILER.to_vec(), nlink: 1, ..Entry::default() })?;
    out.resize(out.len().next_multiple_of(512), 0);
    Ok(out)
}

fn write_one(out: &mut Vec<u8>, e: &Entry) -> Result<()> {
    use std::io::Write;
    let refused = |why: &str| Fault::new(format!("cpio: '{}': {why}", String::from_utf8_lossy(&e.name)));
    let size = u32::try_from(e.data.len()).map_err(|_| refused("larger than 4 GiB"))?;
    if e.name.len() >= NAME_MAX || e.name.is_empty() || e.name.contains(&0) {
        return Err(refused("a name must have 1 to 4095 bytes and no NUL"));
    }
    let fields = [
        e.ino,
        e.mode,
        e.uid,
        e.gid,
        e.nlink,
        e.mtime,
        size,
        e.dev.0,
        e.dev.1,
        e.rdev.0,
        e.rdev.1,
        e.name.len() as u32 + 1,
        0,
    ];
    out.extend_from_slice(b"070701");
    for field in fields {
        write!(out, "{field:08X}").map_err(|e| Fault::new(format!("cpio: {e}")))?;
    }
    out.extend_from_slice(&e.name);
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(&e.data);
    out.resize(out.len().next_multiple_of(4), 0);
    Ok(())
}
