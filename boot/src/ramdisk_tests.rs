//! Ramdisks and archives: content survives unpacking and packing, cpio(1) agrees, and hostile bytes are errors.

use crate::codec::{self, Compression};
use crate::cpio::{self, Entry, kind};
use crate::ramdisk::Ramdisk;

/// One of everything, as an Android or Debian ramdisk has it: owners, modes, nodes, links, hard links, an empty file.
fn sample() -> Vec<Entry> {
    let entry = |name: &str, mode, data: &[u8]| Entry {
        name: name.into(),
        mode,
        nlink: 1,
        mtime: 1_234_567_890,
        data: data.to_vec(),
        ..Entry::default()
    };
    vec![
        entry(".", kind::DIR | 0o755, b""),
        Entry { ino: 7, uid: 0, gid: 2000, ..entry("init", kind::FILE | 0o750, b"#!/init") },
        entry("init.rc", kind::FILE | 0o644, b"on boot\n"),
        entry("empty", kind::FILE | 0o600, b""),
        entry("bin", kind::LINK | 0o777, b"/system/bin"),
        Entry { rdev: (5, 1), ..entry("dev/console", kind::CHAR | 0o600, b"") },
        Entry { rdev: (259, 70_000), uid: 1000, ..entry("dev/block", kind::BLOCK | 0o660, b"") },
        entry("pipe", kind::FIFO | 0o644, b""),
        // What an archive ends with, in a file, as in any busybox; and what another begins with.
        entry("bin/cpio", kind::FILE | 0o755, b"TRAILER!!!\0\0\0\0\0\0\x00070701\x1f\x8b"),
        Entry { ino: 9, nlink: 2, ..entry("one", kind::FILE | 0o4755, b"") },
        Entry { ino: 9, nlink: 2, ..entry("two", kind::FILE | 0o4755, b"shared") },
        entry("n\u{e9}-\u{1f600}", kind::FILE | 0o644, &[0, 255, 10]),
    ]
}

#[test]
fn an_untouched_ramdisk_keeps_every_field_in_every_compression() {
    let plain = cpio::write(&sample()).unwrap();
    for (name, c) in codec::NAMES {
        let (tree, found) = Ramdisk::read(&c.pack(&plain).unwrap()).unwrap();
        assert_eq!(found, c, "{name}");
        assert_eq!(tree.entries(), sample(), "{name}");
        let (again, _) = Ramdisk::read(&tree.pack(found).unwrap()).unwrap();
        assert_eq!(again.entries(), sample(), "{name}");
    }
}

#[test]
fn archives_one_after_the_other_are_one_tree_and_hard_links_do_not_join() {
    let shared = |name: &str, data: &[u8]| Entry {
        name: name.into(),
        ino: 9,
        nlink: 2,
        mode: kind::FILE | 0o644,
        data: data.to_vec(),
        ..Entry::default()
    };
    let first = cpio::write(&sample()).unwrap();
    let second = cpio::write(&[shared("three", b""), shared("four", b"other")]).unwrap();
    let early_plain = [first.clone(), vec![0; 1024], Compression::Gzip.pack(&second).unwrap()].concat();
    for bytes in [[first, vec![0; 512], second].concat(), early_plain] {
        let (tree, _) = Ramdisk::read(&bytes).unwrap();
        let ino = |name| tree.get(name).map(|e| e.ino).unwrap();
        assert_eq!(ino("one"), ino("two"));
        assert_eq!(ino("three"), ino("four"));
        assert_ne!(ino("one"), ino("three"));
        assert_eq!(tree.entries().len(), sample().len() + 2);
    }
}

#[test]
fn the_later_of_two_entries_counts_and_a_rename_takes_all() {
    let mut entries = sample();
    entries.push(Entry { data: b"later".to_vec(), ..entries[1].clone() });
    let (mut tree, _) = Ramdisk::read(&cpio::write(&entries).unwrap()).unwrap();
    assert_eq!(tree.get("/init").unwrap().data, b"later");
    assert!(tree.rename("/init", "/init.android"));
    tree.file("/init", 0o755, "keel");
    assert_eq!(tree.get("./init.android").unwrap().data, b"later");
    assert_eq!(tree.get("init").unwrap().data, b"keel");
    assert!(!tree.rename("/nothing", "/x"));
}

#[test]
fn parents_come_before_their_children() {
    let mut tree = Ramdisk::new();
    tree.file("/a/b/c", 0o644, "x").dir("/a", 0o700);
    let names: Vec<_> = tree.entries().iter().map(|e| String::from_utf8_lossy(&e.name).into_owned()).collect();
    assert_eq!(names, ["a", "a/b", "a/b/c"]);
    assert_eq!(tree.get("a").unwrap().mode, kind::DIR | 0o700);
}

#[test]
fn every_truncation_and_flipped_byte_is_an_error_or_an_archive_never_a_panic() {
    let whole = cpio::write(&sample()).unwrap();
    for cut in 0..whole.len() {
        let _ = cpio::read(&whole[..cut]);
        let _ = Ramdisk::read(&whole[..cut]);
    }
    for at in 0..whole.len() {
        for value in [0, b'f', b'F', b'-', 0xff] {
            let mut bad = whole.clone();
            bad[at] = value;
            let _ = cpio::read(&bad);
        }
    }
}

#[test]
fn lengths_beyond_the_input_are_refused_before_anything_is_copied() {
    let whole = cpio::write(&sample()).unwrap();
    for field in [6, 11] {
        let mut bad = whole.clone();
        bad[6 + field * 8..14 + field * 8].copy_from_slice(b"FFFFFFFF");
        let said = cpio::read(&bad).unwrap_err().0;
        assert!(said.starts_with("cpio: byte 0: "), "{said}");
    }
    assert!(cpio::read(b"").unwrap_err().0.contains("empty"));
    assert!(cpio::read(b"070707000000").unwrap_err().0.contains("header"));
}

#[test]
fn cpio_the_program_reads_what_is_written_here() {
    if crate::apt::program("cpio").is_none() {
        assert!(std::env::var_os("MUST").is_none(), "skipped: cpio(1) is not installed");
        eprintln!("skipped: cpio(1) is not installed");
        return;
    }
    let file = std::env::temp_dir().join(format!("keel-cpio-{}", std::process::id()));
    std::fs::write(&file, cpio::write(&sample()).unwrap()).unwrap();
    let out = std::process::Command::new("cpio").arg("-itvF").arg(&file).env("LC_ALL", "C").output().unwrap();
    std::fs::remove_file(&file).unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    for line in ["5,   1 ", "bin -> /system/bin", "-rwsr-xr-x   2 root", "259, 70000 "] {
        assert!(text.contains(line), "no '{line}' in:\n{text}");
    }
}
