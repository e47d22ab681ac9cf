//! The programs that go into a root file system: found, looked at, copied.
//!
//! They run where no dynamic linker is, so one that asks for an interpreter (PT_INTERP, elf(5)) is refused. busybox is
//! run once, for the list of its applets, and only if it can run on this machine; else a list that is compiled in is
//! used.

use std::env;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::manifest::check_components;
use keel_core::failure::Failure;

use crate::fault::{Result, at, say};

/// A static program, opened.
pub struct Program {
    /// Where it was found.
    pub path: PathBuf,
    /// Its content, at the start.
    pub file: File,
    /// `e_machine` of its header, elf(5).
    pub machine: u16,
}

impl Program {
    /// Opens and checks a program.
    pub fn open(path: &Path) -> Result<Program> {
        // O_NONBLOCK: opening a FIFO would wait for ever before it could be refused.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|e| at("open", path, e))?;
        if !file.metadata().map_err(|e| at("stat", path, e))?.is_file() {
            return say(format!("'{}' is not a file", path.display()));
        }
        let elf = look(|buffer, offset| file.read_exact_at(buffer, offset).is_ok())
            .map_err(|why| Failure::new(format!("'{}' {why}", path.display())))?;
        if let Some(interpreter) = elf.interpreter {
            return say(format!(
                "'{}' is not static: it needs '{}' (PT_INTERP), which the container does not have",
                path.display(),
                interpreter.escape_debug()
            ));
        }
        Ok(Program { path: path.to_owned(), file, machine: elf.machine })
    }

    /// `NAME` in PATH.
    pub fn in_path(name: &str) -> Option<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_else(|| OsStr::new("/sbin:/usr/sbin:/bin:/usr/bin").to_owned());
        env::split_paths(&path)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(name))
            .find(|file| file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok())
    }
}

/// What matters of an ELF header.
#[derive(Debug, PartialEq, Eq)]
struct Elf {
    machine: u16,
    interpreter: Option<String>,
}

/// Reads the header and the program headers; `read` fills a buffer from an offset or says that it cannot.
fn look(read: impl Fn(&mut [u8], u64) -> bool) -> std::result::Result<Elf, &'static str> {
    const CUT: &str = "is not a program: its ELF header is cut short";
    let mut ident = [0; 64];
    // A 32-bit header has 52 bytes; no program is shorter than 64.
    if !read(&mut ident, 0) {
        return Err("is not a program: it is too short");
    }
    if &ident[..4] != b"\x7fELF" {
        return Err(if &ident[..2] == b"#!" {
            "is a script, not a program"
        } else {
            "is not a program: no ELF header"
        });
    }
    let wide = match ident[4] {
        1 => false,
        2 => true,
        _ => return Err("is not a program: neither 32 nor 64 bits"),
    };
    let big = ident[5] == 2;
    let number = |bytes: &[u8]| {
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
    };
    let machine = number(&ident[18..20]) as u16;
    let (table, size, count) = if wide {
        (number(&ident[32..40]), number(&ident[54..56]), number(&ident[56..58]))
    } else {
        (number(&ident[28..32]), number(&ident[42..44]), number(&ident[44..46]))
    };
    let need = if wide { 56 } else { 32 };
    if count > 0 && size < need {
        return Err(CUT);
    }
    for index in 0..count {
        let mut header = [0; 56];
        let header = &mut header[..need as usize];
        if !table.checked_add(index * size).is_some_and(|at| read(header, at)) {
            return Err(CUT);
        }
        const PT_INTERP: u64 = 3;
        if number(&header[..4]) == PT_INTERP {
            let (at, len) = if wide {
                (number(&header[8..16]), number(&header[32..40]))
            } else {
                (number(&header[4..8]), number(&header[16..20]))
            };
            let mut text = vec![0; len.min(256) as usize];
            if !read(&mut text, at) {
                return Err(CUT);
            }
            text.retain(|byte| *byte != 0);
            return Ok(Elf { machine, interpreter: Some(String::from_utf8_lossy(&text).into_owned()) });
        }
    }
    Ok(Elf { machine, interpreter: None })
}

/// Paths of all applets, relative to the root, and whether the program itself named them.
pub fn applets(busybox: &Program, compiled_in: &str) -> (Vec<String>, bool) {
    match ask(&busybox.path) {
        Some(list) => (list, true),
        None => (lines(compiled_in), false),
    }
}

/// `busybox --list-full`; none when it cannot run here (another CPU, built without the option).
fn ask(path: &Path) -> Option<Vec<String>> {
    let path = std::path::absolute(path).ok()?;
    let output = Command::new(path)
        .arg0("busybox")
        .arg("--list-full")
        .env_clear()
        // Pipes, since a ramdisk may have no /dev/null yet.
        .stdin(Stdio::piped())
        .output()
        .ok()?;
    let list = lines(std::str::from_utf8(&output.stdout).ok()?);
    (output.status.success() && !list.is_empty()).then_some(list)
}

/// Plain relative paths in a directory only: what a program prints is not trusted to be one, and `linuxrc`, which
/// busybox puts at the top, is of no use in a container.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| line.contains('/') && check_components(line).is_ok())
        .map(str::to_owned)
        .collect()
}

/// What a link at `from` says to lead to `to`, both relative to the root: relative too, so that it means the same
/// program from outside the container.
pub fn relative(from: &str, to: &str) -> String {
    let (from_dir, to_dir) = (dir(from), dir(to));
    if from_dir == to_dir {
        return to.rsplit('/').next().unwrap_or(to).to_owned();
    }
    "../".repeat(from.matches('/').count()) + to
}

fn dir(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_at(bytes: &[u8]) -> std::result::Result<Elf, &'static str> {
        look(|buffer, offset| {
            let at = usize::try_from(offset).unwrap_or(usize::MAX);
            match at.checked_add(buffer.len()).and_then(|end| bytes.get(at..end)) {
                Some(part) => {
                    buffer.copy_from_slice(part);
                    true
                }
                None => false,
            }
        })
    }

    /// A program of one program header: `kind`, with `/lib/ld.so` as its data.
    fn elf(wide: bool, big: bool, kind: u32) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..4].copy_from_slice(b"\x7fELF");
        bytes[4] = 1 + u8::from(wide);
        bytes[5] = 1 + u8::from(big);
        bytes.resize(64 + if wide { 56 } else { 32 }, 0);
        let data = bytes.len() as u64;
        bytes.extend(b"/lib/ld.so\0");
        let mut put = |at: usize, size: usize, value: u64| {
            let all = value.to_be_bytes();
            let part = &mut bytes[at..at + size];
            part.copy_from_slice(&all[8 - size..]);
            if !big {
                part.reverse();
            }
        };
        put(18, 2, 62);
        if wide {
            put(32, 8, 64);
            put(54, 2, 56);
            put(56, 2, 1);
            put(64, 4, kind.into());
            put(72, 8, data);
            put(96, 8, 11);
        } else {
            put(28, 4, 64);
            put(42, 2, 32);
            put(44, 2, 1);
            put(64, 4, kind.into());
            put(68, 4, data);
            put(80, 4, 11);
        }
        bytes
    }

    #[test]
    fn finds_the_interpreter_in_every_class_and_order() {
        for wide in [false, true] {
            for big in [false, true] {
                let dynamic = Elf { machine: 62, interpreter: Some("/lib/ld.so".into()) };
                assert_eq!(look_at(&elf(wide, big, 3)), Ok(dynamic), "{wide} {big}");
                assert_eq!(look_at(&elf(wide, big, 1)), Ok(Elf { machine: 62, interpreter: None }));
            }
        }
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_an_answer() {
        let whole = elf(true, false, 3);
        for end in 0..whole.len() {
            let _ = look_at(&whole[..end]);
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = look_at(&bytes);
            }
        }
        let script = format!("#!/bin/sh\n{}", " ".repeat(64));
        assert_eq!(look_at(script.as_bytes()), Err("is a script, not a program"));
    }

    #[test]
    fn links_are_relative() {
        assert_eq!(relative("bin/ls", "bin/busybox"), "busybox");
        assert_eq!(relative("usr/bin/[", "bin/busybox"), "../../bin/busybox");
        assert_eq!(relative("linuxrc", "bin/busybox"), "bin/busybox");
        assert_eq!(relative("sbin/x", "busybox"), "../busybox");
    }

    #[test]
    fn paths_of_applets_are_plain() {
        assert_eq!(
            lines("bin/ls\nlinuxrc\n/etc/passwd\n../x\n\nbin/../x\nbin/\u{1b}\nusr/bin/[\n"),
            ["bin/ls", "usr/bin/["]
        );
    }
}
