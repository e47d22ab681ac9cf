//! What keeps an Android from booting without a word: repaired where that is safe, else named.

use super::Files;
use crate::fault::{Result, at, say};
use formats::cpio::{Entry, kind};
use keel_core::failure::Failure;
use std::fs;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};

/// ELF classes and machines (elf(5)) that a kernel runs, by the machine of this program.
const RUNS: &[(u8, u16, &str)] = if cfg!(target_arch = "x86_64") {
    &[(1, 3, "x86"), (2, 62, "x86_64")]
} else if cfg!(target_arch = "x86") {
    &[(1, 3, "x86")]
} else if cfg!(target_arch = "aarch64") {
    &[(2, 183, "arm64"), (1, 40, "arm")]
} else {
    &[(1, 40, "arm")]
};

/// The files of the ramdisk.
pub fn files(files: &mut Files, from: &Path, notes: &mut Vec<String>) -> Result<()> {
    init(files, from)?;
    owners(files, notes);
    modes(files, notes);
    nodes(files, notes);
    if !files.contains_key("init.rc") {
        notes.push("there is no /init.rc: init has nothing to do".into());
    }
    if !files.contains_key("sbin/ueventd") {
        notes.push("there is no /sbin/ueventd: it was made, as a link to init".into());
        files.or_insert_with("sbin".into(), super::directory);
        let link = Entry { mode: kind::LINK | 0o777, data: b"../init".to_vec(), ..Entry::default() };
        files.insert("sbin/ueventd".into(), link);
    }
    Ok(())
}

/// Without a program that this kernel runs there is no Android at all.
fn init(files: &mut Files, from: &Path) -> Result<()> {
    let shown = from.display();
    // It may be a link, within the ramdisk.
    let target = match files.get("init") {
        Some(entry) if entry.kind() == kind::LINK => {
            String::from_utf8_lossy(&entry.data).trim_start_matches('/').to_owned()
        }
        Some(_) => "init".to_owned(),
        None => return say(format!("'{shown}' has no /init: it is no Android's ramdisk")),
    };
    let Some(entry) = files.get_mut(&target).filter(|e| e.kind() == kind::FILE) else {
        return say(format!("'{shown}': /init is no program and no link to one in the ramdisk"));
    };
    entry.mode |= 0o500;
    let head = entry.data.get(..20).filter(|head| head.starts_with(b"\x7fELF"));
    let Some(head) = head else {
        return say(format!(
            "'{shown}': /init is no ELF program [an Android-x86 initrd.img is not the ramdisk: that is ramdisk.img beside it]"
        ));
    };
    runs(head).map_err(|machine| {
        let runs: Vec<&str> = RUNS.iter().map(|(_, _, name)| *name).collect();
        Failure::new(format!("'{shown}': /init is a program for {machine}; this kernel runs {}", runs.join(" and ")))
    })
}

/// Whether this kernel runs a program that begins so; else whose it is.
pub fn runs(head: &[u8]) -> std::result::Result<(), &'static str> {
    let [0x7f, b'E', b'L', b'F', class, ..] = head else { return Err("no processor (no ELF header)") };
    let machine = head.get(18..20).map_or(0, |m| u16::from_le_bytes([m[0], m[1]]));
    if RUNS.iter().any(|(c, m, _)| (c, *m) == (class, machine)) {
        return Ok(());
    }
    let known = [(3, "x86"), (62, "x86_64"), (40, "arm"), (183, "arm64"), (8, "mips")];
    Err(known.iter().find(|(m, _)| *m == machine).map_or("an unknown processor", |(_, name)| name))
}

/// All that is in a ramdisk is root's. Unpacked and packed again by somebody else, it is not.
fn owners(files: &mut Files, notes: &mut Vec<String>) {
    let wrong: Vec<&String> = files.iter().filter(|(_, e)| e.uid != 0).map(|(name, _)| name).collect();
    if let Some(first) = wrong.first() {
        notes.push(format!("{} files were not root's ('{first}' first): now they are", wrong.len()));
    }
}

/// init reads no file that others may write, and says so only in the kernel's log.
fn modes(files: &mut Files, notes: &mut Vec<String>) {
    for (name, entry) in files.iter_mut() {
        let read = !name.contains('/') && (name.ends_with(".rc") || name.ends_with(".prop"));
        if read && entry.kind() == kind::FILE && entry.mode & 0o022 != 0 {
            let now = entry.mode & 0o7755;
            notes.push(format!(
                "'/{name}' had mode {:04o}, and init reads no file that others may write: now {now:04o}",
                entry.mode & 0o7777
            ));
            entry.mode = entry.mode & kind::MASK | now;
        }
    }
}

fn nodes(files: &Files, notes: &mut Vec<String>) {
    let left = files.values().filter(|e| !matches!(e.kind(), kind::DIR | kind::FILE | kind::LINK)).count();
    if left > 0 {
        notes.push(format!("{left} device nodes or pipes are left out: /dev is made at each start"));
    }
}

/// What is at the path of --system, --data or --cache.
pub enum Volume {
    /// Used as it is, by this path.
    Plain(String),
    /// A sparse image: made plain beside the rootfs.
    Sparse(PathBuf),
}

/// Checks it.
pub fn volume(name: &str, path: &Path) -> Result<Volume> {
    let path = fs::canonicalize(path).map_err(|e| at(&format!("--{name}: open"), path, e))?;
    let meta = fs::metadata(&path).map_err(|e| at("stat", &path, e))?;
    let kind = meta.file_type();
    if !kind.is_dir() && !kind.is_file() && !kind.is_block_device() {
        return say(format!("--{name}: '{}' is no image, device or directory", path.display()));
    }
    if kind.is_file() {
        let file = fs::File::open(&path).map_err(|e| at("open", &path, e))?;
        let mut head = [0; 1084];
        let read = file.read_exact_at(&mut head, 0).is_ok();
        if head.starts_with(&formats::sparse::MAGIC) {
            return Ok(Volume::Sparse(path));
        }
        if !read || !is_file_system(&head) {
            return say(format!("--{name}: '{}' is no image of squashfs, ext4 or erofs", path.display()));
        }
    }
    match path.to_str() {
        Some(text) if !text.chars().any(char::is_control) && text.trim() == text => Ok(Volume::Plain(text.to_owned())),
        _ => say(format!("--{name}: '{}' cannot be written into a configuration file", path.display())),
    }
}

/// squashfs, ext2 to 4, erofs, and what has a boot sector's end (vfat).
pub fn is_file_system(head: &[u8; 1084]) -> bool {
    let is = |at: usize, magic: &[u8]| head.get(at..at + magic.len()) == Some(magic);
    is(0, b"hsqs") || is(1080, &[0x53, 0xef]) || is(1024, &[0xe2, 0xe1, 0xf5, 0xe0]) || is(510, &[0x55, 0xaa])
}
