//! Archives of all kinds of entries, and hostile ones.

use super::*;
use crate::scratch::{Scratch, skip};
use std::os::unix::fs::{MetadataExt, symlink};
use tar::Builder;

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(rustix::process::getuid().as_raw().into());
    header.set_gid(rustix::process::getgid().as_raw().into());
    header.set_mtime(1_000_000);
    header
}

struct Made(Builder<Vec<u8>>);

impl Made {
    fn new() -> Made {
        Made(Builder::new(Vec::new()))
    }

    /// Names as they are: the crate's own functions refuse some.
    fn add(mut self, kind: EntryType, name: &str, link: &str, content: &str) -> Made {
        let mut header = header(kind, if kind == EntryType::Directory { 0o750 } else { 0o640 }, content.len() as u64);
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        self.0.append(&header, content.as_bytes()).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Made {
        self.add(EntryType::Regular, name, "", content)
    }

    fn into(self, scratch: &Scratch, layer: bool) -> Result<()> {
        let top = fs::open(scratch.path(), DIR, Mode::empty()).unwrap();
        unpack(&self.0.into_inner().unwrap()[..], top.as_fd(), layer, "x.tar", &|| false)
    }
}

#[test]
fn entries_of_all_kinds() {
    let scratch = Scratch::new();
    Made::new()
        .add(EntryType::Directory, "./d/", "", "")
        .file("./d/f", "text")
        .file("deep/er/f", "x")
        .add(EntryType::Link, "d/again", "./d/f", "")
        .add(EntryType::Symlink, "d/link", "/etc/passwd", "")
        .add(EntryType::Fifo, "fifo", "", "")
        .into(&scratch, false)
        .unwrap();
    let meta = |path: &str| std::fs::symlink_metadata(scratch.path().join(path)).unwrap();
    assert_eq!((meta("d").mode(), meta("d").mtime()), (0o040750, 1_000_000));
    assert_eq!((meta("d/f").mode(), meta("d/f").nlink(), meta("d/f").mtime()), (0o100640, 2, 1_000_000));
    assert_eq!(std::fs::read_link(scratch.path().join("d/link")).unwrap().to_str(), Some("/etc/passwd"));
    assert_eq!(meta("fifo").mode(), 0o010640);
    assert!(meta("deep/er/f").is_file());
}

#[test]
fn attributes_and_times_of_pax() {
    let scratch = Scratch::new();
    let mut made = Made::new();
    let pairs = [("SCHILY.xattr.user.keel", &b"v"[..]), ("mtime", b"1234.5")];
    made.0.append_pax_extensions(pairs).unwrap();
    made.file("f", "x").into(&scratch, false).unwrap();
    let meta = std::fs::metadata(scratch.path().join("f")).unwrap();
    assert_eq!((meta.mtime(), meta.mtime_nsec()), (1234, 500_000_000));
    let mut value = [0u8; 4];
    match fs::getxattr(scratch.path().join("f"), c"user.keel", &mut value) {
        Ok(length) => assert_eq!(&value[..length], b"v"),
        Err(Errno::NOTSUP | Errno::NODATA) => skip("no user attributes on this file system"),
        Err(errno) => panic!("{errno:?}"),
    }
}

#[test]
fn devices_have_their_numbers() {
    if !rustix::process::geteuid().is_root() {
        return skip("device nodes need root");
    }
    let scratch = Scratch::new();
    let mut made = Made::new();
    let mut null = header(EntryType::Char, 0o666, 0);
    null.set_device_major(1).unwrap();
    null.set_device_minor(3).unwrap();
    made.0.append_data(&mut null, "null", &b""[..]).unwrap();
    made.into(&scratch, false).unwrap();
    let meta = std::fs::symlink_metadata(scratch.path().join("null")).unwrap();
    assert_eq!((meta.rdev(), meta.mode()), (fs::makedev(1, 3), 0o020666));
}

/// Everything outside of the top stays as it is.
#[test]
fn nothing_leads_out() {
    let evil = [
        Made::new().file("../out/f", "evil"),
        Made::new().file("a/../../out/f", "evil"),
        Made::new().add(EntryType::Symlink, "l", "../out", "").file("l/f", "evil"),
        Made::new().add(EntryType::Symlink, "l", "../out/f", "").add(EntryType::Directory, "l/x", "", ""),
        Made::new().add(EntryType::Link, "h", "../out/f", "").file("h", "evil"),
        Made::new().add(EntryType::Symlink, "l", "../out", "").add(EntryType::Link, "h", "l/f", ""),
        Made::new().add(EntryType::Symlink, "l", "../out", "").file("l/.wh.f", ""),
        Made::new().add(EntryType::Symlink, "l", "../out", "").file("l/.wh..wh..opq", ""),
        Made::new().file(".wh...", ""),
    ];
    for (number, made) in evil.into_iter().enumerate() {
        let scratch = Scratch::new();
        std::fs::create_dir_all(scratch.path().join("top")).unwrap();
        std::fs::create_dir_all(scratch.path().join("out")).unwrap();
        std::fs::write(scratch.path().join("out/f"), "kept").unwrap();
        let top = fs::open(scratch.path().join("top"), DIR, Mode::empty()).unwrap();
        let bytes = made.0.into_inner().unwrap();
        let refused = unpack(&bytes[..], top.as_fd(), true, "x.tar", &|| false);
        assert!(refused.is_err(), "{number}");
        assert_eq!(std::fs::read_to_string(scratch.path().join("out/f")).unwrap(), "kept", "{number}");
        assert_eq!(std::fs::read_dir(scratch.path().join("out")).unwrap().count(), 1, "{number}");
    }
    // An absolute name is one below the top; a link is replaced, not written through.
    let scratch = Scratch::new();
    std::fs::write(scratch.path().join("kept"), "kept").unwrap();
    std::fs::create_dir(scratch.path().join("top")).unwrap();
    symlink("../kept", scratch.path().join("top/l")).unwrap();
    let top = fs::open(scratch.path().join("top"), DIR, Mode::empty()).unwrap();
    let bytes = Made::new().file("/abs", "x").file("l", "new").0.into_inner().unwrap();
    unpack(&bytes[..], top.as_fd(), false, "x.tar", &|| false).unwrap();
    assert!(scratch.path().join("top/abs").is_file());
    assert_eq!(std::fs::read_to_string(scratch.path().join("kept")).unwrap(), "kept");
    assert_eq!(std::fs::read_to_string(scratch.path().join("top/l")).unwrap(), "new");
}

#[test]
fn whiteouts_take_away_what_was_there_before() {
    let scratch = Scratch::new();
    Made::new()
        .file("a/old", "1")
        .file("a/both", "1")
        .file("b/x/y", "1")
        .file("gone", "1")
        .into(&scratch, true)
        .unwrap();
    Made::new()
        .file("a/new", "2")
        .file("a/.wh..wh..opq", "")
        .file("a/both", "2")
        .file(".wh.gone", "")
        .file(".wh.never", "")
        .file("b/.wh.x", "")
        .into(&scratch, true)
        .unwrap();
    let there = |path: &str| scratch.path().join(path).exists();
    assert!(there("a/new") && there("a/both") && there("b"));
    assert!(!there("a/old") && !there("gone") && !there("b/x") && !there("a/.wh..wh..opq"));
    // Without layers a name is a name.
    Made::new().file(".wh.f", "").into(&scratch, false).unwrap();
    assert!(there(".wh.f"));
    // A file takes the place of a directory, and a directory that of a file.
    Made::new().file("a", "").add(EntryType::Directory, "b/", "", "").file("b/z", "").into(&scratch, true).unwrap();
    assert!(scratch.path().join("a").is_file() && there("b/z"));
}

/// Every cut and many a changed byte of an archive is an answer.
#[test]
fn broken_archives_are_refused_or_taken() {
    let bytes = Made::new().file("a/f", "text").add(EntryType::Symlink, "l", "a", "").0.into_inner().unwrap();
    for step in 0..64 {
        let mut changed = bytes.clone();
        let at = step * 31 % bytes.len();
        changed[at] ^= 1 << (step % 8);
        let scratch = Scratch::new();
        let top = fs::open(scratch.path(), DIR, Mode::empty()).unwrap();
        let _ = unpack(&changed[..], top.as_fd(), true, "x.tar", &|| false);
        let _ = unpack(&bytes[..at], top.as_fd(), true, "x.tar", &|| false);
    }
    let scratch = Scratch::new();
    let top = fs::open(scratch.path(), DIR, Mode::empty()).unwrap();
    let message = unpack(&[7u8; 2000][..], top.as_fd(), false, "x.tar", &|| false).unwrap_err().message;
    assert!(message.starts_with("'x.tar' is no sound tar archive: "), "{message}");
    // Whether there is a zstd(1) here or not.
    let refused = match opened(&b"\x28\xb5\x2f\xfd...."[..], "x") {
        Ok(mut reader) => io::Read::read_to_end(&mut reader, &mut Vec::new()).unwrap_err().to_string(),
        Err(failure) => failure.message.into_string(),
    };
    assert!(refused.contains("zstd"), "{refused}");
    assert!(opened(&b"plain"[..], "x").is_ok());
}
