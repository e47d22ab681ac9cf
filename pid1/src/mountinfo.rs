//! /proc/self/mountinfo and /proc/swaps, read for the end: what has to be unmounted, made read-only and switched off.
//!
//! Paths are unescaped in place (`\040` and the like, `mangle_path()` in fs/seq_file.c), as they become arguments of umount(2).

/// File systems that keep nothing: they need not be unmounted.
const KEEPS_NOTHING: [&str; 24] = [
    "autofs",
    "binder",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "hugetlbfs",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "ramfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

/// A mount, as a line of mountinfo says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// Where, still escaped.
    pub target: &'a [u8],
    /// The type of its file system.
    pub kind: &'a [u8],
}

/// Reads a line of /proc/self/mountinfo.
#[must_use]
pub fn line(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = line.split(|c| *c == b' ');
    let target = fields.nth(4)?;
    // Optional fields stand before a single dash.
    fields.find(|f| *f == b"-")?;
    Some(Mount { target, kind: fields.next()? })
}

impl Mount<'_> {
    /// Does it hold what must reach a disk or a server?
    #[must_use]
    pub fn keeps(&self) -> bool {
        !KEEPS_NOTHING.iter().any(|kind| kind.as_bytes() == self.kind)
    }
}

/// The swap device of a line of /proc/swaps, still escaped; `None` for the heading and nonsense.
#[must_use]
pub fn swap(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|c| matches!(c, b' ' | b'\t'))?;
    line.starts_with(b"/").then_some(&line[..end])
}

/// Unescapes `path` into `out`, with a NUL at its end. `None` if there is no room for it.
pub fn unescape<'o>(path: &[u8], out: &'o mut [u8]) -> Option<&'o core::ffi::CStr> {
    let (mut i, mut n) = (0, 0);
    while i < path.len() {
        let octal = match path.get(i..i + 4) {
            Some([b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7']) => {
                Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
            }
            _ => None,
        };
        *out.get_mut(n)? = octal.unwrap_or(path[i]);
        i += if octal.is_some() { 4 } else { 1 };
        n += 1;
    }
    *out.get_mut(n)? = 0;
    core::ffi::CStr::from_bytes_with_nul(&out[..=n]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let m = line(b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue")
            .unwrap();
        assert_eq!(m, Mount { target: b"/mnt\\0402", kind: b"ext3" });
        assert!(m.keeps());
        assert!(!line(b"22 1 0:20 / /proc rw - proc proc rw").unwrap().keeps());
        assert_eq!(line(b"22 1 0:20 / /proc rw"), None);
        assert_eq!(line(b""), None);
    }

    #[test]
    fn swaps() {
        assert_eq!(swap(b"Filename\t\t\t\tType\t\tSize"), None);
        assert_eq!(swap(b"/dev/zram0                              partition\t1048572"), Some(&b"/dev/zram0"[..]));
        assert_eq!(swap(b""), None);
    }

    #[test]
    fn escapes() {
        let mut buf = [0; 16];
        assert_eq!(unescape(b"/a\\040b\\134", &mut buf).unwrap(), c"/a b\\");
        assert_eq!(unescape(b"/a\\04", &mut buf).unwrap(), c"/a\\04");
        assert_eq!(unescape(b"/0123456789abcdef", &mut buf), None);
        // A NUL inside cannot be a path.
        assert_eq!(unescape(b"/a\\000b", &mut buf), None);
    }
}
