//! What a root file system is kept on besides a directory: overlays, and image files with a file system, for `create` and
//! `copy`.
//!
//! Mounts are made in a mount namespace of this process's own and end with it. Refuses what has a manager of its own (lvm,
//! btrfs, zfs, rbd, nbd): its volumes are made by its tools, and their paths are what lxc.rootfs.path takes.

use crate::create::{Program, Tree};
use crate::fault::{Result, at, say};
use keel_core::commands::UsageError;
use keel_core::failure::{Errno, Failure};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use std::ffi::{CStr, CString};
use std::fs::{self, OpenOptions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// LXC's default size of an image.
const SIZE: u64 = 1 << 30;
/// The image's name in a container's directory.
pub const IMAGE: &str = "rootdev";
/// What has to be written that is kept by an overlay, in a container's directory.
pub const DELTA: &str = "overlay/delta";

/// Where a new root file system is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backing {
    /// In a directory.
    Dir,
    /// In a directory that stays as it is; what is written goes beside it.
    Overlay,
    /// In a file with a file system, of that many bytes and that type.
    Image(u64, String),
}

impl Backing {
    /// `-B TYPE`, `--fssize`, `--fstype`. LXC's `best` is the best that there is here.
    pub fn new(
        kind: Option<&str>,
        size: Option<&str>,
        fstype: Option<&str>,
    ) -> std::result::Result<Backing, UsageError> {
        let size = size.map(bytes).transpose()?;
        let fstype = fstype.unwrap_or("ext4");
        if fstype.is_empty() || !fstype.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(UsageError(format!("--fstype: '{}' is no file system", fstype.escape_debug())));
        }
        match kind {
            None | Some("dir" | "best" | "none") => Ok(Backing::Dir),
            Some("overlay" | "overlayfs") => Ok(Backing::Overlay),
            Some("loop") => Ok(Backing::Image(size.unwrap_or(SIZE), fstype.into())),
            Some(other) => {
                let why = format!("storage of type '{other}' is not available, there is dir, overlay and loop");
                Err(UsageError(why))
            }
        }
    }
}

/// `SIZE[U]`: of B, K, M (which is meant where nothing is said), G, T.
pub fn bytes(text: &str) -> std::result::Result<u64, UsageError> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let shift = match &text[digits..] {
        "b" | "B" => Some(0),
        "k" | "K" => Some(10),
        "" | "m" | "M" => Some(20),
        "g" | "G" => Some(30),
        "t" | "T" => Some(40),
        _ => None,
    };
    let number = text[..digits].parse::<u64>().ok().filter(|n| *n > 0);
    match (number, shift) {
        (Some(number), Some(shift)) if number <= (i64::MAX as u64) >> shift => Ok(number << shift),
        _ => Err(UsageError(format!("'{}' is no size, as 500M is [units B K M G T]", text.escape_debug()))),
    }
}

/// Makes a file with an empty file system.
pub fn make_image(path: &Path, size: u64, fstype: &str) -> Result<()> {
    let name = format!("mkfs.{fstype}");
    // A user's PATH may lack them.
    let places = ["/sbin", "/usr/sbin"].map(|dir| Path::new(dir).join(&name));
    let Some(mkfs) = Program::in_path(&name).or_else(|| places.into_iter().find(|path| path.is_file())) else {
        return say(format!("no '{name}' in PATH: it makes the file system of an image"));
    };
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|e| at("open", path, e))?;
    file.set_len(size).map_err(|e| at("truncate", path, e))?;
    drop(file);
    // What is no block device takes a word.
    let force = if fstype.starts_with("ext") { "-F" } else { "-f" };
    let mut command = Command::new(&mkfs);
    if ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"].contains(&fstype) {
        command.arg("-q").arg(force);
    }
    let made = command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match made {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => say(format!("'{}' failed: {status}", mkfs.display())),
        Err(e) => Err(at("exec", mkfs, e)),
    }
}

/// A mount that goes when this does.
#[derive(Debug)]
pub struct Mounted(PathBuf);

impl Mounted {
    /// An image's file system on the directory `on`.
    pub fn image(image: &Path, on: &Path, readonly: bool) -> Result<Mounted> {
        own_namespace()?;
        let file = OpenOptions::new().read(true).write(!readonly).open(image).map_err(|e| at("open", image, e))?;
        let attached = crate::sys::loops::attach(file.as_fd(), readonly);
        let (_device, name) =
            attached.map_err(|e| Failure::errno(format_args!("loop device for '{}'", image.display()), e))?;
        let types = fs::read_to_string("/proc/filesystems").map_err(|e| at("read", "/proc/filesystems", e))?;
        let flags = if readonly { MountFlags::RDONLY } else { MountFlags::empty() };
        let mut last = Errno::NODEV;
        for fstype in keel_core::facts::Filesystems::new(types).on_block_devices() {
            match mount(name.as_c_str(), on, fstype, flags, None) {
                Ok(()) => {
                    // What mkfs puts into it, and fsck where it is missing; no part of any root file system.
                    if !readonly {
                        let _ = fs::remove_dir(on.join("lost+found"));
                    }
                    return Ok(Mounted(on.into()));
                }
                // EINVAL: not this type.
                Err(rustix::io::Errno::INVAL) => {}
                Err(e) => last = crate::sys::errno(e),
            }
        }
        Err(Failure::errno(format_args!("mount '{}'", image.display()), last))
    }

    /// What an overlay shows, to be read.
    pub fn overlay(lower: &str, upper: &str, on: &Path) -> Result<Mounted> {
        own_namespace()?;
        let lower = if Path::new(upper).is_dir() { format!("{upper}:{lower}") } else { lower.to_owned() };
        if !lower.contains(':') {
            // One directory alone is no overlay.
            rustix::mount::mount_bind(lower.as_str(), on).map_err(|e| at("bind", &lower, e))?;
            return Ok(Mounted(on.into()));
        }
        let data = CString::new(format!("lowerdir={lower}")).unwrap_or_default();
        let data: Option<&CStr> = Some(&data);
        mount("overlay", on, "overlay", MountFlags::RDONLY, data).map_err(|e| at("mount the overlay", on, e))?;
        Ok(Mounted(on.into()))
    }

    /// Its top.
    pub fn open(&self) -> Result<OwnedFd> {
        crate::copy::files::open(&self.0)
    }

    /// Its top, to be filled.
    pub fn tree(&self) -> Result<Tree> {
        Tree::open(&self.0).map_err(|e| at("open", &self.0, e))
    }

    /// Takes it away; what was written is in the image then.
    pub fn finish(self) -> Result<()> {
        let path = self.0.clone();
        std::mem::forget(self);
        unmount(&path, UnmountFlags::NOFOLLOW).map_err(|e| at("umount", &path, e))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The failure that led here is the one to report.
        let _ = unmount(&self.0, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
    }
}

/// A mount namespace for this process: the host's mounts are seen, ours are not.
fn own_namespace() -> Result<()> {
    crate::sys::process::unshare(libc::CLONE_NEWNS as u32)
        .map_err(|e| Failure::errno("unshare a mount namespace", e))?;
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .map_err(|e| Failure::errno("make '/' a slave", crate::sys::errno(e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in
            [("1", 1 << 20), ("500M", 500 << 20), ("3k", 3 << 10), ("7b", 7), ("2G", 2 << 30), ("1t", 1 << 40)]
        {
            assert_eq!(bytes(text).unwrap(), expected, "{text}");
        }
        for wrong in ["", "M", "0", "-1", "5x", "5MB", "1.5G", "99999999999999999999", "9999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn kinds() {
        assert_eq!(Backing::new(Some("best"), None, None).unwrap(), Backing::Dir);
        let image = Backing::new(Some("loop"), Some("9M"), Some("ext2")).unwrap();
        assert_eq!(image, Backing::Image(9 << 20, "ext2".into()));
        for (kind, size, fstype) in
            [("lvm", None, None), ("loop", Some("x"), None), ("loop", None, Some("../x")), ("", None, None)]
        {
            assert!(Backing::new(Some(kind), size, fstype).is_err(), "{kind}");
        }
    }
}
