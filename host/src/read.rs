//! Reads a small file whole, in as few system calls as it takes: /proc's files have no size and give about a page at each
//! read(2), and std asks for 32 bytes first. What has no end is not for this.

use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, SeekFrom, open};
use rustix::io::Errno;
use std::path::Path;

/// Enough for most files of /proc and /sys, and little of a heap of 64 KiB.
const ROOM: usize = 8 * 1024;

/// What its first read(2) gives: all of a file of /proc that is one record (`single_open` and sysctl in the kernel: stat,
/// status, boot_id), which lists are not.
pub fn once(path: &Path) -> Result<Vec<u8>, Errno> {
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = Vec::with_capacity(4096);
    rustix::io::retry_on_intr(|| rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes)))?;
    // Full: there is more.
    if bytes.len() == bytes.capacity() { whole(path) } else { Ok(bytes) }
}

/// Its bytes.
pub fn whole(path: &Path) -> Result<Vec<u8>, Errno> {
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    from_here(&file, ROOM)
}

/// What an open file has now, from its beginning; `before`: how long it was before, if that is known.
pub fn all(file: &OwnedFd, before: usize) -> Result<Vec<u8>, Errno> {
    rustix::fs::seek(file, SeekFrom::Start(0))?;
    from_here(file, if before == 0 { ROOM } else { before + 4096 })
}

fn from_here(file: &OwnedFd, room: usize) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::with_capacity(room);
    loop {
        if bytes.capacity() - bytes.len() < 4096 {
            bytes.reserve(bytes.capacity());
        }
        match rustix::io::read(file, rustix::buffer::spare_capacity(&mut bytes)) {
            Ok(0) => return Ok(bytes),
            Ok(_) | Err(Errno::INTR) => (),
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_the_first_buffer_comes_whole() {
        let path = std::env::temp_dir().join(format!("keel-read-{}", std::process::id()));
        let text: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        std::fs::write(&path, &text).unwrap();
        assert_eq!(whole(&path), Ok(text.clone()));
        assert_eq!(once(&path), Ok(text));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(whole(&path), Err(Errno::NOENT));
        let status = |bytes: Result<Vec<u8>, Errno>| String::from_utf8(bytes.unwrap()).unwrap();
        let named = |text: &str| text.lines().map(|l| l.split(':').next().unwrap().to_owned()).collect::<Vec<_>>();
        let path = Path::new("/proc/self/status");
        assert_eq!(named(&status(once(path))), named(&status(whole(path))));
    }
}
