//! Disk images for machines: made by busybox's mke2fs, and looked at afterwards without mounting.

use crate::built::built;
use crate::ran::run;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes an ext2 image of so many MiB.
#[track_caller]
pub fn make(image: &Path, mib: u64) {
    File::create(image).and_then(|file| file.set_len(mib << 20)).expect("an image");
    let ran = run(Command::new(&built().busybox).args(["mke2fs", "-F"]).arg(image));
    assert_eq!(ran.code, 0, "{ran:#?}");
}

/// An image on a loop device of the machine, which goes when this is dropped.
#[derive(Debug)]
pub struct Loop(PathBuf);

impl Loop {
    /// The first that is free. None: this machine has none, which is a skip.
    #[track_caller]
    pub fn of(image: &Path) -> Option<Loop> {
        if !Path::new("/dev/loop-control").exists() {
            crate::skip::skip("no loop devices on this machine");
            return None;
        }
        let said = run(Command::new("losetup").args(["-f", "--show"]).arg(image)).ok();
        Some(Loop(said.trim().into()))
    }

    /// Its minor number; the major one is 7.
    pub fn minor(&self) -> u32 {
        rustix::fs::stat(&self.0).map(|stat| rustix::fs::minor(stat.st_rdev)).expect("a device")
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = run(Command::new("losetup").arg("-d").arg(&self.0));
    }
}

/// Whether it was unmounted in order. The superblock is at 1024, its `s_state` 58 bytes on (Documentation/filesystems/ext4):
/// 1 is clean; a mount for writing takes that away until the unmount.
#[track_caller]
pub fn is_clean(image: &Path) -> bool {
    let mut superblock = [0; 64];
    File::open(image).and_then(|file| file.read_exact_at(&mut superblock, 1024)).expect("readable");
    assert_eq!(superblock[56..58], [0x53, 0xef], "no ext2 image");
    superblock[58] & 1 == 1
}

/// How often it was mounted since the last check (`s_mnt_count`).
#[track_caller]
pub fn mounts(image: &Path) -> u16 {
    let mut count = [0; 2];
    File::open(image).and_then(|file| file.read_exact_at(&mut count, 1024 + 52)).expect("readable");
    u16::from_le_bytes(count)
}

/// Whether these bytes are anywhere in it.
#[track_caller]
pub fn has(image: &Path, text: &str) -> bool {
    let bytes = std::fs::read(image).expect("readable");
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}
