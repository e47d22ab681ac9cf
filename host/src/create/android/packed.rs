//! A ramdisk that is packed in a way that this program has no room for: the packer's own program unpacks it, or busybox, which
//! has most of them. gzip and lz4, the usual ones, are not among these.

use crate::create::program::Program;
use crate::fault::{Result, at, say, symbol};
use keel_core::failure::Failure;
use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::process::{Command, Stdio};

/// First bytes, the compression's name, and programs that unpack it from their input to their output, the first that is there.
type Kind = (&'static [u8], &'static str, &'static [(&'static str, &'static [&'static str])]);

/// What kernels read besides gzip and lz4 (lib/decompress.c), and lz4's own frames.
const KINDS: [Kind; 6] = [
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd", &[("zstd", &["-dcq"])]),
    (b"\xfd7zXZ\0", "xz", &[("xz", &["-dcq"]), ("busybox", &["xz", "-dc"])]),
    (&[0x5d, 0, 0], "lzma", &[("xz", &["-dcq", "--format=lzma"]), ("busybox", &["lzma", "-dc"])]),
    (b"BZh", "bzip2", &[("bzip2", &["-dcq"]), ("busybox", &["bzip2", "-dc"])]),
    (b"\x89LZO", "lzop", &[("lzop", &["-dcq"]), ("busybox", &["lzop", "-dc"])]),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4", &[("lz4", &["-dcq"])]),
];

/// The content, where it is packed in one of these ways; None: it is not.
pub fn unpacked(bytes: &[u8], limit: usize) -> Result<Option<Vec<u8>>> {
    let Some((_, kind, programs)) = KINDS.iter().find(|(magic, ..)| bytes.starts_with(magic)) else { return Ok(None) };
    let found = programs.iter().find_map(|(name, words)| Some((Program::in_path(name)?, words)));
    let Some((path, words)) = found else {
        let names: Vec<&str> = programs.iter().map(|(name, _)| *name).collect();
        return say(format!(
            "it is packed with {kind}, and there is no '{}' in PATH to unpack it",
            names.join("' or '")
        ));
    };
    let shown = path.display().to_string();
    let memory = rustix::fs::memfd_create("ramdisk", MemfdFlags::CLOEXEC).map_err(|e| at("memfd_create", &path, e))?;
    let mut input = File::from(memory);
    input.write_all(bytes).and_then(|()| input.rewind()).map_err(|e| at("write for", &path, e))?;
    let mut command = Command::new(&path);
    command.args(*words).stdin(input).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|e| at("exec", &path, e))?;
    let mut out = Vec::new();
    let read = match child.stdout.take() {
        Some(pipe) => pipe.take(limit as u64 + 1).read_to_end(&mut out),
        None => Ok(0),
    };
    if out.len() > limit || read.is_err() {
        // It has ended, where this fails.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| at("wait for", &path, e))?;
    match read {
        Err(e) => say(format!("read from '{shown}': {}", symbol(&e))),
        Ok(_) if out.len() > limit => say(format!("it unpacks to more than {} MiB", limit >> 20)),
        Ok(_) if !status.success() => Err(Failure::new(format!("broken {kind} data ('{shown}' ended with {status})"))),
        Ok(_) => Ok(Some(out)),
    }
}
