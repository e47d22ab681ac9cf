//! A file system of a program's own, as the sdcard daemon of 4.2 makes one: /dev/fuse is opened, mounted by its descriptor, and
//! served (include/uapi/linux/fuse.h, version 7.13): one directory with one file.

use super::sys;
use std::fs::{File, OpenOptions};
use std::io::{Read, Result, Write};
use std::os::fd::AsRawFd;

const CONTENT: &[u8] = b"served";
const ROOT: u64 = 1;
const FILE: u64 = 2;

/// Mounts one, and serves it in a thread until it is unmounted.
pub fn mount(at: &str) -> Result<()> {
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
    sys::mount("/dev/fuse", at, "fuse", sys::NOSUID, &options)?;
    std::thread::spawn(move || serve(device));
    Ok(())
}

/// ENODEV ends it: it was unmounted.
fn serve(mut device: File) {
    let mut request = vec![0; 64 << 10];
    while let Ok(length) = device.read(&mut request) {
        let Some(reply) = answer(&request[..length]) else { continue };
        let _ = device.write(&reply);
    }
}

/// What a request is answered; none: nothing is.
fn answer(request: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap_or_default());
    let long = |at: usize| u64::from_ne_bytes(request[at..at + 8].try_into().unwrap_or_default());
    let (operation, unique, node) = (word(4), long(8), long(16));
    let body = match operation {
        // FORGET, INTERRUPT.
        2 | 36 => return None,
        // LOOKUP.
        1 if node == ROOT && request[40..].starts_with(b"file\0") => {
            Ok([FILE, 0, 0, 0, 0].iter().flat_map(|n| n.to_ne_bytes()).chain(attributes(FILE)).collect())
        }
        1 => Err(libc::ENOENT),
        // GETATTR: how long that holds, then what it is.
        3 => Ok([0; 16].into_iter().chain(attributes(node)).collect()),
        // OPEN, OPENDIR: a handle and flags.
        14 | 27 => Ok(vec![0; 16]),
        15 => Ok(if long(48) == 0 { CONTENT.to_vec() } else { Vec::new() }),
        // RELEASE, FLUSH, RELEASEDIR.
        18 | 25 | 29 => Ok(Vec::new()),
        // INIT: version, read ahead, flags, background, the longest write.
        26 => Ok([7u32, 13, 0, 0, 0, 4096].iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<u8>>()),
        _ => Err(libc::ENOSYS),
    };
    let (error, body) = body.map_or_else(|e| (-e, Vec::new()), |body| (0, body));
    let mut reply = Vec::from((16 + body.len() as u32).to_ne_bytes());
    reply.extend(error.to_ne_bytes());
    reply.extend(unique.to_ne_bytes());
    reply.extend(body);
    Some(reply)
}

/// struct fuse_attr.
fn attributes(node: u64) -> Vec<u8> {
    let (mode, size) =
        if node == ROOT { (libc::S_IFDIR | 0o755, 0) } else { (libc::S_IFREG | 0o644, CONTENT.len() as u64) };
    let longs = [node, size, 0, 0, 0, 0];
    let words = [0u32, 0, 0, mode, 1, 0, 0, 0, 4096, 0];
    longs.iter().flat_map(|n| n.to_ne_bytes()).chain(words.iter().flat_map(|n| n.to_ne_bytes())).collect()
}
