//! A picture of the host, to be compared: what a container must not change.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Settings of the kernel that an escape would like to change.
const SYSCTLS: [&str; 8] = [
    "kernel/core_pattern",
    "kernel/hostname",
    "kernel/modprobe",
    "kernel/sysrq",
    "kernel/panic",
    "vm/panic_on_oom",
    "net/ipv4/ip_forward",
    "kernel/randomize_va_space",
];

/// The picture.
#[derive(Debug)]
pub struct Canary {
    name: String,
    mounts: BTreeSet<String>,
    sysctls: BTreeMap<&'static str, String>,
    places: BTreeMap<PathBuf, String>,
}

impl Canary {
    /// Takes it. Cgroups count when this name is in theirs: other tests make and remove theirs meanwhile.
    pub fn take(name: &str) -> Canary {
        Canary { name: name.into(), mounts: mounts(), sysctls: sysctls(), places: places() }
    }

    /// What is different now.
    pub fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        let now = mounts();
        found.extend(now.difference(&self.mounts).map(|m| format!("new mount: {m}")));
        found.extend(self.mounts.difference(&now).map(|m| format!("mount gone: {m}")));
        for (key, value) in sysctls() {
            if self.sysctls.get(key) != Some(&value) {
                found.push(format!("sysctl {key}: '{value}', was {:?}", self.sysctls.get(key)));
            }
        }
        for (path, value) in places() {
            if self.places.get(&path) != Some(&value) {
                found.push(format!("{}: {value}, was {:?}", path.display(), self.places.get(&path)));
            }
        }
        found.extend(self.cgroups().into_iter().map(|dir| format!("cgroup {}", dir.display())));
        found
    }

    /// Cgroups with this name in theirs, the deepest first.
    pub fn cgroups(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for root in cgroup_roots() {
            find(&root, &self.name, 4, &mut found);
        }
        found.sort_by_key(|p| std::cmp::Reverse(p.components().count()));
        found
    }

    /// Thaws them: what is frozen by version 1 cannot even be killed.
    pub fn thaw(&self) {
        for dir in self.cgroups() {
            for (file, value) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
                if dir.join(file).exists() {
                    // A cgroup that has gone since has nothing to thaw.
                    let _ = fs::write(dir.join(file), value);
                }
            }
        }
    }

    /// Removes them; returns what there was.
    pub fn remove_cgroups(&self) -> Vec<PathBuf> {
        let found = self.cgroups();
        // EBUSY for one that is still in use: it is reported by name.
        found.iter().for_each(|dir| drop(fs::remove_dir(dir)));
        found
    }
}

fn mounts() -> BTreeSet<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn sysctls() -> BTreeMap<&'static str, String> {
    let read = |key: &&'static str| Some((*key, fs::read_to_string(Path::new("/proc/sys").join(key)).ok()?));
    SYSCTLS.iter().filter_map(read).collect()
}

/// Nodes and directories that are the host's own: kind, owner and inode.
fn places() -> BTreeMap<PathBuf, String> {
    let paths =
        ["/", "/dev", "/dev/null", "/dev/console", "/dev/pts", "/dev/ptmx", "/proc", "/sys", "/run", "/etc/passwd"];
    let see = |path: &str| {
        let meta = fs::symlink_metadata(path).ok()?;
        Some((PathBuf::from(path), format!("{:o} {}:{} {}", meta.mode(), meta.uid(), meta.gid(), meta.ino())))
    };
    paths.into_iter().filter_map(see).collect()
}

/// Where cgroup hierarchies are mounted.
pub fn cgroup_roots() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let lines = text.lines().map(|l| l.split(' ').collect::<Vec<_>>());
    lines.filter(|f| f.len() > 2 && f[2].starts_with("cgroup")).map(|f| PathBuf::from(f[1])).collect()
}

fn find(dir: &Path, name: &str, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        // `t1-2` is no part of `t1-20`.
        let is_ours = path.to_string_lossy().split(['/', '.']).any(|part| part == name);
        if is_ours {
            found.push(path.clone());
        }
        if depth > 0 {
            find(&path, name, depth - 1, found);
        }
    }
}

/// A directory tree: path, kind, mode, owner, inode, size, content. Two pictures of an untouched tree are equal.
pub fn tree(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut left = vec![root.to_path_buf()];
    while let Some(path) = left.pop() {
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        let content = match meta.file_type() {
            t if t.is_symlink() => fs::read_link(&path).map(|p| p.display().to_string()).unwrap_or_default(),
            t if t.is_file() => boot::hash::hex(&fs::read(&path).unwrap_or_default()),
            _ => String::new(),
        };
        if meta.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()));
        }
        let seen = format!("{:o} {}:{} {} {} {content}", meta.mode(), meta.uid(), meta.gid(), meta.ino(), meta.rdev());
        all.insert(path, seen);
    }
    all
}
