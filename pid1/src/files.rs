//! Whole small files, and whether something is a mount point.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use crate::sys::Result;
use crate::text::Text;

/// Reads a file from its beginning, up to the size of the buffer.
#[inline(never)]
pub fn read<'b>(path: &CStr, buffer: &'b mut [MaybeUninit<u8>]) -> Result<&'b [u8]> {
    let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    crate::sys::read_all(fd.as_fd(), buffer)
}

/// Writes to a file that is there.
#[inline(never)]
pub fn write(path: &CStr, bytes: &[u8]) -> Result<()> {
    let fd = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())?;
    rustix::io::write(&fd, bytes).map(drop)
}

/// Is something mounted there?
///
/// COMPAT(linux<5.8): the kernel does not say; a bind mount of the same file system is then not seen.
pub fn is_mount_point(path: &CStr) -> Result<bool> {
    match rustix::fs::statx(CWD, path, AtFlags::NO_AUTOMOUNT | AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()) {
        Ok(x) if x.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT) => {
            Ok(x.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
        }
        Err(e) if e != Errno::NOSYS => Err(e),
        _ => {
            let parent = Text::<64>::of(&[path.to_bytes(), b"/.."]).ok_or(Errno::NAMETOOLONG)?;
            Ok(rustix::fs::lstat(path)?.st_dev != rustix::fs::stat(parent.c_str())?.st_dev)
        }
    }
}
