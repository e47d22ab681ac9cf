//! Flags of mount(2), and how a plan writes them: numbers and words only.

use core::fmt;

/// MS_* flags of mount(2) (include/uapi/linux/mount.h) with their words in fstab(5).
#[allow(missing_docs)]
pub mod ms {
    pub const RDONLY: u64 = 1;
    pub const NOSUID: u64 = 2;
    pub const NODEV: u64 = 4;
    pub const NOEXEC: u64 = 8;
    pub const SYNCHRONOUS: u64 = 16;
    pub const REMOUNT: u64 = 32;
    pub const MANDLOCK: u64 = 64;
    pub const DIRSYNC: u64 = 128;
    pub const NOSYMFOLLOW: u64 = 256;
    pub const NOATIME: u64 = 1024;
    pub const NODIRATIME: u64 = 2048;
    pub const BIND: u64 = 4096;
    pub const MOVE: u64 = 8192;
    pub const REC: u64 = 16384;
    pub const UNBINDABLE: u64 = 1 << 17;
    pub const PRIVATE: u64 = 1 << 18;
    pub const SLAVE: u64 = 1 << 19;
    pub const SHARED: u64 = 1 << 20;
    pub const RELATIME: u64 = 1 << 21;
    pub const STRICTATIME: u64 = 1 << 24;
    /// Words and flags, in the order in which they are printed.
    pub const WORDS: [(&str, u64); 13] = [
        ("ro", RDONLY),
        ("nosuid", NOSUID),
        ("nodev", NODEV),
        ("noexec", NOEXEC),
        ("sync", SYNCHRONOUS),
        ("mand", MANDLOCK),
        ("dirsync", DIRSYNC),
        ("nosymfollow", NOSYMFOLLOW),
        ("noatime", NOATIME),
        ("nodiratime", NODIRATIME),
        ("relatime", RELATIME),
        ("strictatime", STRICTATIME),
        ("remount", REMOUNT),
    ];
}

/// ` -o ro,nosuid,DATA`, or nothing.
pub(super) struct Options<'a>(pub u64, pub &'a str);

impl fmt::Display for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = ms::WORDS.iter().filter(|w| self.0 & w.1 != 0).map(|w| w.0);
        let all = words.chain((!self.1.is_empty()).then_some(self.1));
        for (i, word) in all.enumerate() {
            write!(f, "{}{word}", if i == 0 { " -o " } else { "," })?;
        }
        Ok(())
    }
}

/// `ro nosuid `, each with a blank behind it.
pub(super) struct FlagWords(pub u64);

impl fmt::Display for FlagWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ms::WORDS.iter().filter(|w| self.0 & w.1 != 0).try_for_each(|w| write!(f, "{} ", w.0))
    }
}

/// The word of mount(8) behind `--make-`.
pub(super) fn propagation(flags: u64) -> &'static str {
    match (flags & !ms::REC, flags & ms::REC != 0) {
        (ms::SHARED, false) => "shared",
        (ms::SHARED, true) => "rshared",
        (ms::SLAVE, false) => "slave",
        (ms::SLAVE, true) => "rslave",
        (ms::PRIVATE, false) => "private",
        (ms::PRIVATE, true) => "rprivate",
        (_, false) => "unbindable",
        (_, true) => "runbindable",
    }
}
