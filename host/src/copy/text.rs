//! A configuration for a copy: paths into the container's directory lead to the copy's, hardware addresses are new.

use crate::fault::Result;
use crate::observe;
use keel_core::config::address::HwAddr;
use keel_core::config::lxc::edit::{self, Change};
use keel_core::failure::Failure;
use std::fs;
use std::path::{Path, PathBuf};

/// The text in the making.
pub struct Edited {
    /// What it is now.
    pub text: String,
    /// Files in the container's directory that go with it: where they are, and where they go in the copy's.
    pub files: Vec<(PathBuf, PathBuf)>,
}

impl Edited {
    /// The lines of a container in `old` for one in `new`.
    pub fn new(text: &str, old: &Path, new: &Path, keep_mac: bool) -> Edited {
        let mut files = Vec::new();
        let (from, to) = (old.display().to_string(), new.display().to_string());
        let (roots, root) = (format!("{from}/rootfs"), format!("{to}/rootfs"));
        let text = edit::map(text, |key, value| {
            let changed = if key.starts_with("lxc.hook.") || key == "lxc.mount.fstab" || key == "lxc.seccomp.profile" {
                let path = value.split([' ', '\t']).next().unwrap_or_default();
                match Path::new(path).strip_prefix(old) {
                    Ok(below) if fs::metadata(path).is_ok_and(|meta| meta.is_file()) => {
                        if !files.iter().any(|(known, _): &(PathBuf, PathBuf)| known == Path::new(path)) {
                            files.push((path.into(), below.into()));
                        }
                        replaced(value, &from, &to)
                    }
                    _ => value.to_owned(),
                }
            } else if key == "lxc.mount.entry" {
                replaced(value, &roots, &root)
            } else if key.starts_with("lxc.net.") && key.ends_with(".hwaddr") && !keep_mac && !value.is_empty() {
                // The range that LXC takes, which belongs to Xen.
                let range = HwAddr { given: [0x00, 0x16, 0x3e, 0, 0, 0], open: [0, 0, 0, 0xff, 0xff, 0xff] };
                range.settled(observe::random()).to_string()
            } else {
                value.to_owned()
            };
            if changed == value { Change::Keep } else { Change::To(changed) }
        });
        Edited { text, files }
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        self.text = edit::set(&self.text, key, value).map_err(|e| Failure::new(e.to_string()))?;
        Ok(())
    }

    /// Adds a line.
    pub fn add(&mut self, key: &str, value: &str) -> Result<()> {
        self.text = edit::add(&self.text, key, value).map_err(|e| Failure::new(e.to_string()))?;
        Ok(())
    }
}

/// The lines of a container whose directory has another name now.
pub fn moved(text: &str, old: &Path, new: &Path) -> String {
    let (from, to) = (old.display().to_string(), new.display().to_string());
    edit::map(text, |_, value| match replaced(value, &from, &to) {
        same if same == value => Change::Keep,
        other => Change::To(other),
    })
}

/// `old` as whole names of a path, wherever it begins one.
pub fn replaced(value: &str, old: &str, new: &str) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some(at) = rest.find(old) {
        let (before, found) = rest.split_at(at);
        let after = &found[old.len()..];
        let begins = before.chars().next_back().or(out.chars().next_back()).is_none_or(|c| " \t=:,\"'".contains(c));
        let ends = after.chars().next().is_none_or(|c| "/ \t:,\"'".contains(c));
        out += before;
        out += if begins && ends { new } else { old };
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_replaced_as_whole_names() {
        for (value, expected) in [
            ("/l/bb", "/l/cc"),
            ("/l/bb/x y", "/l/cc/x y"),
            ("dir:/l/bb/rootfs", "dir:/l/cc/rootfs"),
            ("overlay:/l/bb/a:/l/bb/b", "overlay:/l/cc/a:/l/cc/b"),
            ("/l/bbb /x/l/bb", "/l/bbb /x/l/bb"),
            ("o upperdir=/l/bb/u,workdir=/l/bb/w", "o upperdir=/l/cc/u,workdir=/l/cc/w"),
        ] {
            assert_eq!(replaced(value, "/l/bb", "/l/cc"), expected);
        }
    }

    #[test]
    fn only_what_has_to_change_does() {
        let old = Path::new("/l/bb");
        let text = "# c\nlxc.net.0.hwaddr = 00:16:3e:11:22:33\nlxc.hook.start = /l/bb/none.sh\nlxc.mount.entry = proc /l/bb/rootfs/proc proc\nlxc.mount.entry = /l/bb/shared mnt none bind\n";
        let kept = Edited::new(text, old, Path::new("/l/cc"), true);
        assert_eq!(kept.text, text.replace("/l/bb/rootfs", "/l/cc/rootfs"));
        assert!(kept.files.is_empty());
        let new = Edited::new(text, old, Path::new("/l/cc"), false).text;
        let address = new.lines().nth(1).unwrap().strip_prefix("lxc.net.0.hwaddr = 00:16:3e:").unwrap();
        assert!(address.len() == 8 && !new.contains("11:22:33"), "{new}");
        assert_eq!(moved(text, old, Path::new("/l/cc")), text.replace("/l/bb", "/l/cc"));
    }
}
