//! Reads a small file whole, in as few system calls as it takes: /proc's files have no size and give about a page at each
//! read(2), and std asks for 32 bytes first. What has no end is not for this.

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::path::Path;

/// Its bytes.
pub fn whole(path: &Path) -> Result<Vec<u8>, Errno> {
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = Vec::with_capacity(16 * 1024);
    loop {
        if bytes.capacity() - bytes.len() < 4096 {
            bytes.reserve(bytes.capacity());
        }
        match rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes)) {
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
        assert_eq!(whole(&path), Ok(text));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(whole(&path), Err(Errno::NOENT));
        assert!(whole(Path::new("/proc/self/status")).is_ok_and(|s| s.starts_with(b"Name:")));
    }
}
