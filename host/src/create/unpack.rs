//! Unpacks a tar archive into a new root file system: owners, modes, times, links, devices, extended attributes.
//!
//! The archive is hostile: every name is resolved below the top by descriptor, `..` is refused, and nothing is written
//! through a symbolic link. As a layer of an image it takes away what its whiteouts name. Only gzip is decoded here; for zstd,
//! xz and bzip2 the host's programs are taken, whose decoders would cost a program that has to be small.

use super::through::Through;
use crate::fault::{Result, at, say, symbol};
use crate::tree::{DIR, Entry, Marks, dir, entries, names, new_file};
use formats::gunzip::Gunzip;
use keel_core::failure::Failure;
use rustix::fs::{self, AtFlags, FileType, Mode};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tar::{Archive, EntryType, Header};

/// A whiteout's name begins so (OCI image specification, layer.md).
const WHITEOUT: &[u8] = b".wh.";
/// It takes away all that lower layers have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// An archive's bytes, unpacked if they are compressed. `shown` is its name.
pub fn opened<'r>(reader: impl Read + 'r, shown: &str) -> Result<Box<dyn Read + 'r>> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let start = reader.fill_buf().map_err(|e| at("read", shown, e))?;
    let kinds: [(&[u8], &str); 4] =
        [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ", "xz"), (b"BZh", "bzip2")];
    match kinds.iter().find(|(magic, _)| start.starts_with(magic)) {
        None => Ok(Box::new(reader)),
        Some((_, "gzip")) => Ok(Box::new(Gunzip::all(reader))),
        Some((_, kind)) => Ok(Box::new(Through::decoder(kind, reader, shown)?)),
    }
}

/// Unpacks into `top`. `layer`: whiteouts are obeyed. `interrupted` is asked now and then.
pub fn unpack(
    reader: impl Read,
    top: BorrowedFd<'_>,
    layer: bool,
    shown: &str,
    interrupted: &dyn Fn() -> bool,
) -> Result<()> {
    let mut unpacking = Unpacking { top, layer, made: BTreeSet::new(), dirs: BTreeMap::new() };
    let mut archive = Archive::new(reader);
    let broken = |e: io::Error| Failure::new(format!("'{shown}' is no sound tar archive: {}", symbol(&e)));
    for (number, entry) in archive.entries().map_err(broken)?.enumerate() {
        let mut entry = entry.map_err(broken)?;
        if number % 64 == 0 && interrupted() {
            return say("interrupted");
        }
        let path = entry.path_bytes().into_owned();
        unpacking.one(&path, &mut entry).map_err(|why| {
            Failure::new(format!("'{shown}': '{}': {why}", String::from_utf8_lossy(&path).escape_debug()))
        })?;
    }
    unpacking.finish().map_err(|(path, errno)| {
        Failure::new(format!("'{shown}': '{}': {}", String::from_utf8_lossy(&path), symbol(&errno.into())))
    })
}

struct Unpacking<'t> {
    top: BorrowedFd<'t>,
    layer: bool,
    /// What came out of this archive: whiteouts are for what was there before.
    made: BTreeSet<Vec<u8>>,
    /// Directories get their marks at the end, when nothing is written into them any more.
    dirs: BTreeMap<Vec<u8>, Marks>,
}

type Done<T> = std::result::Result<T, String>;

fn why(error: impl Into<io::Error>) -> String {
    symbol(&error.into())
}

impl Unpacking<'_> {
    fn one<R: Read>(&mut self, path: &[u8], entry: &mut tar::Entry<'_, R>) -> Done<()> {
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader | EntryType::XHeader) {
            return Ok(());
        }
        let parts: Vec<&[u8]> = names(path).collect();
        if parts.contains(&&b".."[..]) {
            return Err("'..' leads out of the archive".into());
        }
        let marks = marks(entry)?;
        let Some((name, above)) = parts.split_last() else {
            self.dirs.insert(Vec::new(), marks);
            return Ok(());
        };
        let whole = parts.join(&b'/');
        if self.layer && name.starts_with(WHITEOUT) {
            return self.white_out(above, name);
        }
        let parent = self.parents(above)?;
        let c_name = CString::new(*name).map_err(|_| "a zero byte in the name".to_owned())?;
        let (at, c_name) = (parent.as_fd(), c_name.as_c_str());
        if kind == EntryType::Directory {
            let there = fs::statat(at, c_name, AtFlags::SYMLINK_NOFOLLOW);
            if !there.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory) {
                remove(at, c_name)?;
                fs::mkdirat(at, c_name, Mode::RWXU).map_err(why)?;
            }
            self.dirs.insert(whole.clone(), marks);
            self.made.insert(whole);
            return Ok(());
        }
        if kind != EntryType::Link || entry.link_name_bytes().is_none_or(|to| names(&to).collect::<Vec<_>>() != parts) {
            remove(at, c_name)?;
        }
        let node = |kind| {
            let device = if kind == FileType::Fifo { 0 } else { device(entry.header())? };
            fs::mknodat(at, c_name, kind, Mode::empty(), device).map_err(why)
        };
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                let mut file = new_file(at, c_name).map_err(why)?;
                io::copy(entry, &mut file).map_err(why)?;
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().ok_or("a link without a target")?;
                let target = CString::new(target.into_owned()).map_err(|_| "a zero byte in the target".to_owned())?;
                fs::symlinkat(&target, at, c_name).map_err(why)?;
            }
            EntryType::Link => {
                let target = entry.link_name_bytes().ok_or("a link without a target")?;
                let target: Vec<&[u8]> = names(&target).collect();
                let (old, way) = target.split_last().ok_or("a link without a target")?;
                let way = dir(self.top, &way.join(&b'/')).map_err(why)?;
                if target != parts {
                    fs::linkat(&way, *old, at, c_name, AtFlags::empty()).map_err(why)?;
                }
                self.made.insert(whole);
                // It has the marks of what it leads to.
                return Ok(());
            }
            EntryType::Char => node(FileType::CharacterDevice)?,
            EntryType::Block => node(FileType::BlockDevice)?,
            EntryType::Fifo => node(FileType::Fifo)?,
            other => return Err(format!("an entry of type {:?} is not available", char::from(other.as_byte()))),
        }
        self.made.insert(whole);
        Entry { dir: at, name: c_name }.mark(&marks, kind == EntryType::Symlink).map_err(why)
    }

    /// Opens the directory of these names; makes those that are not there.
    fn parents(&self, parts: &[&[u8]]) -> Done<OwnedFd> {
        let mut at = dir(self.top, b"").map_err(why)?;
        for part in parts {
            match fs::mkdirat(&at, *part, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(why(errno)),
            }
            at = fs::openat(&at, *part, DIR, Mode::empty()).map_err(|e| match e {
                Errno::LOOP | Errno::NOTDIR => "a name on the way is a link or a file, not a directory".to_owned(),
                other => why(other),
            })?;
        }
        Ok(at)
    }

    fn white_out(&mut self, above: &[&[u8]], name: &[u8]) -> Done<()> {
        let prefix = above.join(&b'/');
        let parent = match dir(self.top, &prefix) {
            Ok(parent) => parent,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(why(errno)),
        };
        let full = |name: &[u8]| if prefix.is_empty() { name.to_vec() } else { [&prefix[..], b"/", name].concat() };
        let gone: Vec<CString> = match name {
            OPAQUE => entries(parent.as_fd()).map_err(why)?,
            name => {
                let name = &name[WHITEOUT.len()..];
                if matches!(name, b"" | b"." | b"..") {
                    return Err("a whiteout of nothing".into());
                }
                vec![CString::new(name).map_err(|_| "a zero byte in the name".to_owned())?]
            }
        };
        for name in gone {
            let path = full(name.to_bytes());
            // A directory that only came by as the way to a new file was there before.
            let below = [&path[..], b"/"].concat();
            let own = |made: &BTreeSet<Vec<u8>>| {
                made.contains(&path) || made.range(below.clone()..).next().is_some_and(|p| p.starts_with(&below))
            };
            if !own(&self.made) {
                remove(parent.as_fd(), &name)?;
                self.dirs.retain(|dir, _| *dir != path && !dir.starts_with(&below));
            }
        }
        Ok(())
    }

    fn finish(self) -> std::result::Result<(), (Vec<u8>, Errno)> {
        // Deepest first: a directory without permissions would hide what is below it from a user.
        for (path, marks) in self.dirs.iter().rev() {
            match dir(self.top, path) {
                Ok(at) => Entry { dir: at.as_fd(), name: c"." }.mark(marks, false),
                // A later entry of the same name is no directory.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(()),
                Err(errno) => Err(errno),
            }
            .map_err(|errno| (path.clone(), errno))?;
        }
        Ok(())
    }
}

/// Takes an entry away, whatever it is; none is as good.
fn remove(dir: BorrowedFd<'_>, name: &CStr) -> Done<()> {
    match fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(errno) => return Err(why(errno)),
    }
    // Under a name that is text.
    let gone = format!("{}-whiteout", crate::store::OWN_PREFIX);
    fs::renameat(dir, name, dir, &gone).map_err(why)?;
    crate::remove::tree(dir, &gone, None).map_err(|(_, errno)| why(errno))
}

fn device(header: &Header) -> Done<u64> {
    let number = |found: io::Result<Option<u32>>| found.map_err(why).map(|n| n.unwrap_or(0));
    Ok(fs::makedev(number(header.device_major())?, number(header.device_minor())?))
}

fn marks<R: Read>(entry: &mut tar::Entry<'_, R>) -> Done<Marks> {
    let header = entry.header();
    let id = |found: io::Result<u64>| {
        found.map_err(why).and_then(|id| u32::try_from(id).map_err(|_| format!("id {id} is too large")))
    };
    let mut marks = Marks {
        uid: id(header.uid())?,
        gid: id(header.gid())?,
        mode: header.mode().map_err(why)?,
        mtime: (i64::try_from(header.mtime().unwrap_or(0)).unwrap_or(0), 0),
        ..Marks::default()
    };
    if let Some(extensions) = entry.pax_extensions().map_err(why)? {
        for extension in extensions {
            let extension = extension.map_err(why)?;
            let (key, value) = (extension.key_bytes(), extension.value_bytes());
            if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                let name = CString::new(name).map_err(|_| "a zero byte in an attribute".to_owned())?;
                marks.xattrs.push((name, value.to_vec()));
            } else if key == b"mtime" {
                marks.mtime = time(value).unwrap_or(marks.mtime);
            }
        }
    }
    marks.atime = marks.mtime;
    Ok(marks)
}

/// `1234.567`.
fn time(text: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(text).ok()?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    Some((seconds.parse().ok()?, digits.parse().ok()?))
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
