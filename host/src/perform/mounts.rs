//! mount(2) and its family. Targets beneath the rootfs are given by descriptor.

use super::beneath::{self, FdPath};
use super::{Stage, errno, open};
use crate::sys;
use keel_core::failure::Errno;
use keel_core::step::{Place, Slot, Step, ms};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use std::ffi::{CStr, CString};

/// A place that mount(2) takes: the host's path, or a descriptor of what is beneath the rootfs.
enum Target<'a> {
    Host(&'a CStr),
    /// The descriptor stays open as long as its name is used.
    Root {
        _open: OwnedFd,
        text: FdPath,
    },
}

impl<'a> Target<'a> {
    fn new(stage: &Stage, place: &'a Place) -> Result<Self, Errno> {
        match place {
            Place::Host(path) => Ok(Target::Host(path)),
            Place::Root(path) => {
                let fd = beneath::open(stage.root()?, path)?;
                let text = FdPath::new(fd.as_fd());
                Ok(Target::Root { _open: fd, text })
            }
        }
    }

    fn path(&self) -> &CStr {
        match self {
            Target::Host(path) => path,
            Target::Root { text, .. } => text.as_c_str(),
        }
    }
}

/// Does something with a place that is a directory, mostly: beneath the rootfs that becomes the working directory, and `.` is its
/// name. A name in /proc would make inodes there for a process that is new, and have them swept at its end: a tenth of a start.
fn at<T>(
    stage: &mut Stage,
    place: &Place,
    call: impl FnOnce(&CStr) -> Result<T, rustix::io::Errno>,
) -> Result<T, Errno> {
    let Place::Root(path) = place else { return call(Target::new(stage, place)?.path()).map_err(errno) };
    let fd = beneath::open(stage.root()?, path)?;
    match stage.go_to(&fd) {
        Ok(()) => call(c".").map_err(errno),
        // A file, a directory that may not be entered, or (COMPAT(linux<3.5)) a kernel that does not take such a descriptor.
        Err(_) => {
            stage.come_back()?;
            call(FdPath::new(fd.as_fd()).as_c_str()).map_err(errno)
        }
    }
}

/// Our flags are mount(2)'s, which fit 32 bits.
fn flags(bits: u64) -> MountFlags {
    MountFlags::from_bits_retain(bits as u32)
}

/// Mounts a file system.
pub fn mount(
    stage: &mut Stage,
    source: &CStr,
    place: &Place,
    fstype: &CStr,
    bits: u64,
    data: &CStr,
) -> Result<(), Errno> {
    let data = (!data.is_empty()).then_some(data);
    at(stage, place, |target| rustix::mount::mount(source, target, fstype, flags(bits), data))
}

/// Tries file system types until one takes the device: what mount(8) does without its library. Without types, those that the
/// kernel has now.
pub fn mount_probed(
    stage: &Stage,
    source: &CStr,
    at: &Place,
    bits: u64,
    data: &CStr,
    fstypes: &[CString],
) -> Result<(), Errno> {
    let target = Target::new(stage, at)?;
    let data = (!data.is_empty()).then_some(data);
    let mut last = Errno::NODEV;
    let mut fits = |fstype: &CStr| match rustix::mount::mount(source, target.path(), fstype, flags(bits), data) {
        Ok(()) => true,
        // EINVAL: not this type. Anything else is the device's own trouble, unless a later type does it.
        Err(rustix::io::Errno::INVAL) => false,
        Err(e) => {
            last = errno(e);
            false
        }
    };
    let done = match fstypes.is_empty() {
        false => fstypes.iter().any(|t| fits(t)),
        true => {
            let text = std::fs::read_to_string("/proc/filesystems").map_err(|e| sys::io_errno(&e))?;
            let types = keel_core::facts::Filesystems::new(text);
            types.on_block_devices().filter_map(|t| CString::new(t).ok()).any(|t| fits(&t))
        }
    };
    if done { Ok(()) } else { Err(last) }
}

/// Mounts an image through a free loop device. Writable where the image is, else read-only.
pub fn mount_image(stage: &Stage, image: &CStr, mount: &Step) -> Result<(), Errno> {
    let Step::MountProbed { at, flags, data, fstypes, .. } = mount else { return Err(Errno::INVAL) };
    let readonly = flags & ms::RDONLY != 0;
    let (file, readonly) = match open(image, OFlags::RDWR) {
        Ok(file) if !readonly => (file, false),
        _ => (open(image, OFlags::RDONLY)?, true),
    };
    let bits = if readonly { flags | ms::RDONLY } else { *flags };
    // Held until it is mounted: without an opener or a mount it is let go of.
    let (_device, path) = sys::loops::attach(file.as_fd(), readonly)?;
    mount_probed(stage, path.as_c_str(), at, bits, data, fstypes)
}

/// A bind mount. A source beneath the rootfs is taken by descriptor, too.
pub fn bind(stage: &Stage, from: &Place, at: &Place, recursive: bool) -> Result<(), Errno> {
    let from = Target::new(stage, from)?;
    let at = Target::new(stage, at)?;
    match recursive {
        true => rustix::mount::mount_bind_recursive(from.path(), at.path()),
        false => rustix::mount::mount_bind(from.path(), at.path()),
    }
    .map_err(errno)
}

/// Mounts what was opened as a copy of a mount.
pub fn attach(stage: &Stage, slot: Slot, place: &Place) -> Result<(), Errno> {
    use rustix::mount::MoveMountFlags as Flags;
    let tree = stage.slot(slot)?;
    match place {
        Place::Host(path) => {
            let flags = Flags::MOVE_MOUNT_F_EMPTY_PATH | Flags::MOVE_MOUNT_T_SYMLINKS;
            rustix::mount::move_mount(tree, c"", rustix::fs::CWD, path.as_c_str(), flags)
        }
        Place::Root(path) => {
            let flags = Flags::MOVE_MOUNT_F_EMPTY_PATH | Flags::MOVE_MOUNT_T_EMPTY_PATH;
            rustix::mount::move_mount(tree, c"", beneath::open(stage.root()?, path)?, c"", flags)
        }
    }
    .map_err(errno)
}

/// Takes a mount away; what is open on it stays open.
pub fn unmount(stage: &mut Stage, place: &Place) -> Result<(), Errno> {
    at(stage, place, |target| rustix::mount::unmount(target, UnmountFlags::DETACH))
}

/// Sets flags of a mount, and clears none that it has.
pub fn set_flags(stage: &Stage, at: &Place, bits: u64, recursive: bool) -> Result<(), Errno> {
    let fd = match at {
        Place::Host(path) => open(path, OFlags::PATH)?,
        Place::Root(path) => beneath::open(stage.root()?, path)?,
    };
    match sys::mount::mount_setattr(fd.as_fd(), attributes(bits), recursive) {
        // COMPAT(linux<5.12): a remount of each mount.
        Err(Errno::NOSYS) => {
            remount(fd.as_fd(), bits)?;
            if recursive { remount_below(fd.as_fd(), bits) } else { Ok(()) }
        }
        result => result,
    }
}

/// Adds flags to those that one mount has.
fn remount(at: BorrowedFd<'_>, bits: u64) -> Result<(), Errno> {
    let now = rustix::fs::fstatvfs(at).map_err(errno)?.f_flag.bits() as u64;
    // ST_* are the same numbers as MS_* up to nodiratime, but for relatime (include/linux/statfs.h).
    let relatime = if now & 0x1000 != 0 { ms::RELATIME } else { 0 };
    let kept = now & (ms::RDONLY | ms::NOSUID | ms::NODEV | ms::NOEXEC | ms::NOATIME | ms::NODIRATIME) | relatime;
    let all = MountFlags::BIND | flags(bits | kept);
    rustix::mount::mount_remount(FdPath::new(at).as_c_str(), all, c"").map_err(errno)
}

/// The same for all that is mounted below it.
fn remount_below(top: BorrowedFd<'_>, bits: u64) -> Result<(), Errno> {
    let name = rustix::fs::readlink(FdPath::new(top).as_c_str(), Vec::new()).map_err(errno)?;
    let name = name.to_string_lossy();
    let text = std::fs::read("/proc/self/mountinfo").map_err(|e| sys::io_errno(&e))?;
    for mount in keel_core::facts::mountinfo(&String::from_utf8_lossy(&text)) {
        let below = mount.target.strip_prefix(name.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
        if let Some(below) = below.filter(|b| !b.is_empty()).and_then(|b| CString::new(b).ok()) {
            remount(beneath::open(top, &below)?.as_fd(), bits)?;
        }
    }
    Ok(())
}

/// MS_* flags as MOUNT_ATTR_* (include/uapi/linux/mount.h).
fn attributes(bits: u64) -> u64 {
    // The first four have the same numbers.
    let same = bits & (ms::RDONLY | ms::NOSUID | ms::NODEV | ms::NOEXEC);
    let map = [(ms::NOATIME, 0x10), (ms::STRICTATIME, 0x20), (ms::NODIRATIME, 0x80), (ms::NOSYMFOLLOW, 0x20_0000)];
    map.iter().filter(|(flag, _)| bits & flag != 0).fold(same, |all, (_, attribute)| all | attribute)
}

/// Changes propagation.
pub fn set_propagation(stage: &mut Stage, place: &Place, bits: u64) -> Result<(), Errno> {
    at(stage, place, |target| rustix::mount::mount_change(target, MountPropagationFlags::from_bits_retain(bits as u32)))
}

/// `/` onto itself, and there: the process's root is then a mount that has a parent, which pivot_root(2) wants.
pub fn bind_root_on_itself() -> Result<(), Errno> {
    rustix::mount::mount_bind_recursive(c"/", c"/").map_err(errno)?;
    // `..` of the root is the top of what is mounted there.
    rustix::process::chdir(c"/..").map_err(errno)?;
    rustix::process::chroot(c".").map_err(errno)
}

/// The rootfs becomes `/`; the old root goes on top of it, and away (pivot_root(2), "pivot_root(".", ".")").
pub fn pivot_root(stage: &mut Stage) -> Result<(), Errno> {
    stage.moved();
    let root = stage.root()?;
    rustix::process::fchdir(root).map_err(errno)?;
    rustix::process::pivot_root(c".", c".").map_err(errno)?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH).map_err(errno)?;
    rustix::process::chdir(c"/").map_err(errno)
}

/// A copy of mounts that is mounted nowhere.
pub fn open_tree(source: &CStr, recursive: bool) -> Result<OwnedFd, Errno> {
    use rustix::mount::OpenTreeFlags as Flags;
    let all = if recursive { Flags::AT_RECURSIVE } else { Flags::empty() };
    let flags = Flags::OPEN_TREE_CLONE | Flags::OPEN_TREE_CLOEXEC | all;
    rustix::mount::open_tree(rustix::fs::CWD, source, flags).map_err(errno)
}

/// The copy of the rootfs covers `/` of an empty mount namespace.
pub fn cover_root(stage: &mut Stage, slot: Slot) -> Result<(), Errno> {
    use rustix::mount::MoveMountFlags;
    // Not the slot's own: that is the parent's to close, whose memory the child may share.
    let tree = rustix::io::fcntl_dupfd_cloexec(stage.slot(slot)?, 0).map_err(errno)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    rustix::mount::move_mount(&tree, c"", rustix::fs::CWD, c"/", flags).map_err(errno)?;
    sys::mount::mount_slave(tree.as_fd())?;
    stage.root = Some(tree);
    Ok(())
}

/// The rootfs becomes `/`. Beneath it there is nothing.
pub fn enter_root(stage: &mut Stage) -> Result<(), Errno> {
    stage.moved();
    let root = stage.root()?;
    beneath::in_proc(false);
    rustix::process::fchdir(root).map_err(errno)?;
    rustix::process::chroot(c".").map_err(errno)?;
    rustix::process::chdir(c"/").map_err(errno)
}

/// The rootfs covers `/`, for a caller whose `/` can't be left by pivot_root(2).
pub fn move_root(stage: &mut Stage) -> Result<(), Errno> {
    stage.moved();
    let root = stage.root()?;
    rustix::process::fchdir(root).map_err(errno)?;
    rustix::mount::mount_move(c".", c"/").map_err(errno)?;
    rustix::process::chroot(c".").map_err(errno)?;
    rustix::process::chdir(c"/").map_err(errno)
}
