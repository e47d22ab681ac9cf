//! `keel.android.*`: what makes a container an Android whose own, unmodified init is started.
//!
//! LXC ignores lines that do not begin with `lxc.`, so the file stays an LXC file.

use super::At;
use alloc::string::String;
use alloc::vec::Vec;

/// What an Android container is given besides its rootfs, which is its unpacked ramdisk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Android {
    /// `keel.android`: the rootfs is an Android's, and everything below is in force.
    pub on: bool,
    /// `keel.android.cmdline`: the kernel command line that it sees.
    pub cmdline: Option<String>,
    /// `keel.android.hardware`: `androidboot.hardware=` on that command line.
    pub hardware: Option<String>,
    /// `keel.android.cpuinfo`: lines that its /proc/cpuinfo has instead of the kernel's of that name, or besides.
    pub cpuinfo: Vec<String>,
    /// The same: a file that takes the place of the kernel's.
    pub cpuinfo_file: Option<At<String>>,
    /// `keel.android.system`: an image, a block device or a directory, mounted on /system read-only.
    pub system: Option<At<String>>,
    /// `keel.android.system.image`: the image within that one, by its path there: Android-x86 has a system.img in its system.sfs.
    pub system_image: Option<String>,
    /// `keel.android.data`: the same for /data, writable; none: a tmpfs.
    pub data: Option<At<String>>,
    /// `keel.android.cache`: the same for /cache, writable; none: a tmpfs.
    pub cache: Option<At<String>>,
    /// `keel.android.adb`: the TCP port of its adbd; 0: none. Without a network of its own, the host's port leads there.
    pub adb: u32,
    /// `keel.android.binder`: whether there is a /dev/binder.
    pub binder: Wish,
    /// `keel.android.binder.device`: the host's node where there is no binderfs, by its name in /proc/misc; none: `binder`.
    pub binder_device: Option<String>,
    /// `keel.android.binder.protocol`: what its programs speak; 0: not said, and not compared with the kernel's.
    pub binder_protocol: u32,
    /// `keel.android.supervise`: whether its mounts are made for it by its supervisor, or refused.
    pub supervise: Wish,
}

/// How much something is wanted that not every kernel has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// It is there where the kernel has what fits.
    #[default]
    Auto,
    /// Without it nothing is started.
    Require,
    /// It is not there.
    None,
}

impl Wish {
    /// Words and what they mean.
    pub const WORDS: [(&'static str, Wish); 3] =
        [("auto", Wish::Auto), ("require", Wish::Require), ("none", Wish::None)];
}
