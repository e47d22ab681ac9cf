//! The kernel's lists as text: lines and fields by plain loops over the bytes, since these are read at every start, and what is read
//! once runs from a cold cache: little code counts for more than fast code.

use alloc::string::String;

/// The lines of a text, without their ends; what follows the last end is one if there is any.
pub(super) fn lines(text: &str) -> Lines<'_> {
    Lines(text)
}

/// See [`lines`].
pub(super) struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let end = find(self.0, b'\n', 0);
        let line = self.0.get(..end)?;
        self.0 = self.0.get(end + 1..).unwrap_or("");
        Some(line)
    }
}

/// Where an ASCII character comes first from a place on; the length when it does not come.
fn find(text: &str, byte: u8, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while at < bytes.len() && bytes[at] != byte {
        at += 1;
    }
    at
}

/// What stands behind each of some names at the beginning of a line, without blanks around it: `SigIgn:` of /proc/PID/status.
pub fn fields<'a, const N: usize>(text: &'a str, names: [&str; N]) -> [Option<&'a str>; N] {
    let mut found = [None; N];
    for line in lines(text) {
        for (value, name) in found.iter_mut().zip(names) {
            if value.is_none() {
                *value = line.strip_prefix(name).map(str::trim_ascii);
            }
        }
    }
    found
}

/// Whether a line of /proc/PID/mountinfo is one that the start of a container depends on: a mount at `/`, or of cgroups.
pub(super) fn counts_for_a_start(line: &str) -> bool {
    let bytes = line.as_bytes();
    // Five fields, then options, then optional fields up to the dash (proc(5)); a blank within a field is written as `\040`.
    let mut at = 0;
    for _ in 0..4 {
        at = find(line, b' ', at) + 1;
    }
    if bytes.get(at) == Some(&b'/') && bytes.get(at + 1) == Some(&b' ') {
        return true;
    }
    loop {
        at = find(line, b' ', at) + 1;
        match bytes.get(at..at + 2) {
            None => return false,
            Some(b"- ") => return bytes[at + 2..].starts_with(b"cgroup"),
            Some(_) => {}
        }
    }
}

/// /proc/filesystems: the types of file systems that the kernel has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filesystems(String);

impl Filesystems {
    /// Of the file's text.
    pub fn new(text: String) -> Filesystems {
        Filesystems(text)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether a type is among them.
    pub fn has(&self, fstype: &str) -> bool {
        lines(&self.0).any(|line| name(line) == fstype)
    }

    /// Those that are on a block device, in the kernel's order.
    pub fn on_block_devices(&self) -> impl Iterator<Item = &str> {
        lines(&self.0).filter(|line| !line.starts_with("nodev")).map(name).filter(|name| !name.is_empty())
    }

    /// Without one of them.
    pub fn remove(&mut self, fstype: &str) {
        let kept = lines(&self.0).filter(|line| name(line) != fstype).flat_map(|line| [line, "\n"]).collect();
        self.0 = kept;
    }
}

/// The type in a line: what is behind the tab.
fn name(line: &str) -> &str {
    line.get(find(line, b'\t', 0) + 1..).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn lines_are_those_of_std() {
        for text in ["", "\n", "a", "a\n", "a\n\nb", "\u{e4}\n\u{fc}b\n"] {
            assert_eq!(lines(text).collect::<Vec<_>>(), text.lines().collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn types_are_found_whether_on_a_device_or_not() {
        let mut all = Filesystems::new("nodev\tsysfs\n\text4\nnodev\tcgroup2\n\tvfat\n".into());
        assert!(all.has("sysfs") && all.has("ext4") && !all.has("cgroup") && !all.has("nodev") && !all.has(""));
        assert_eq!(all.on_block_devices().collect::<Vec<_>>(), ["ext4", "vfat"]);
        all.remove("ext4");
        assert_eq!(all.text(), "nodev\tsysfs\nnodev\tcgroup2\n\tvfat\n");
        assert!(!Filesystems::new("broken\n".into()).has("broken"));
    }

    #[test]
    fn a_field_is_what_stands_behind_its_name() {
        let status = "Name:\tSeccomp:\nSeccomp:\t0\nSigIgn:\t0000000000001000\nSeccomp:\t1\n";
        assert_eq!(
            fields(status, ["Seccomp:", "SigIgn:", "Sec"]),
            [Some("0"), Some("0000000000001000"), Some("comp:\t0")]
        );
        assert_eq!(fields("", ["Name:"]), [None]);
    }

    #[test]
    fn mounts_that_count_are_those_at_the_root_and_of_cgroups() {
        let line = |target: &str, kind: &str| alloc::format!("31 23 0:28 / {target} rw,relatime shared:4 - {kind} rw");
        for (text, counts) in [
            (line("/", "ext4 /dev/sda"), true),
            (line("/sys/fs/cgroup", "cgroup2 none"), true),
            (line("/sys/fs/cgroup/a", "cgroup cgroup"), true),
            (line("/sys/fs/cgroup", "tmpfs tmpfs"), false),
            (line("/mnt", "ext4 cgroup"), false),
            ("27 1 8:1 / / rw - ext4 /dev/sda1 rw".into(), true),
            ("27 1 8:1 / /x rw - cgroup a".into(), true),
            ("27 1 8:1 / /x rw -".into(), false),
            ("27 1 8:1".into(), false),
            ("".into(), false),
        ] {
            assert_eq!(counts_for_a_start(&text), counts, "{text}");
        }
    }
}
