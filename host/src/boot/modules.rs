//! Names of kernel modules → files, by a walk over /lib/modules.
//!
//! Takes what it is given in that order: what a module needs is to be named before it. Reads no modules.dep (a ramdisk
//! that was packed by hand has none). Compressed modules are found, and it is the kernel that unpacks them or says no.
use keel_core::sorted::Map;
use std::path::{Path, PathBuf};

/// How deep below /lib/modules is looked.
const DEEPEST: usize = 8;

/// `NAME`s and list files (`/FILE`, a name or path and parameters in each line) as `(file, parameters)`.
pub fn resolve(words: &[String], complaints: &mut Vec<String>) -> Vec<(String, String)> {
    let mut asked: Vec<(String, String)> = Vec::new();
    for word in words {
        if !word.starts_with('/') || word.ends_with(".ko") {
            asked.push((word.clone(), String::new()));
            continue;
        }
        match std::fs::read_to_string(word) {
            Ok(text) => asked.extend(lines(&text)),
            Err(e) => complaints.push(format!("modules: open '{word}': {}", crate::fault::symbol(&e))),
        }
    }
    if asked.is_empty() {
        return Vec::new();
    }
    let known = walk();
    let mut files = Vec::new();
    for (name, parameters) in asked {
        if name.starts_with('/') {
            files.push((name, parameters));
            continue;
        }
        match known.get(&name.replace('-', "_")) {
            Some(path) => files.push((path.display().to_string(), parameters)),
            None => complaints.push(format!("modules: there is no '{name}' below '/lib/modules'")),
        }
    }
    files
}

fn lines(text: &str) -> impl Iterator<Item = (String, String)> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (name, parameters) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        (name.to_string(), parameters.trim().to_string())
    })
}

/// All modules of the running kernel's release, or of /lib/modules itself where there is no such directory.
fn walk() -> Map<String, PathBuf> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let own = Path::new("/lib/modules").join(release);
    let mut found = Vec::new();
    let top = if own.is_dir() { own } else { PathBuf::from("/lib/modules") };
    below(&top, DEEPEST, &mut found);
    found.into_iter().collect()
}

fn below(dir: &Path, depth: usize, found: &mut Vec<(String, PathBuf)>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            below(&path, depth - 1, found);
        } else if let Some(name) = path.file_name().and_then(|n| n.to_str()).and_then(module_name) {
            found.push((name, path));
        }
    }
}

/// `virtio-net.ko.xz` → `virtio_net`.
fn module_name(file: &str) -> Option<String> {
    let (name, rest) = file.split_once(".ko")?;
    matches!(rest, "" | ".gz" | ".xz" | ".zst").then(|| name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lines() {
        assert_eq!(module_name("virtio-net.ko.xz").as_deref(), Some("virtio_net"));
        assert_eq!(module_name("x.ko").as_deref(), Some("x"));
        assert_eq!(module_name("x.konf"), None);
        let all: Vec<_> = lines("# c\n\n a  b=1 c=2\nd\n").collect();
        assert_eq!(all, [("a".into(), "b=1 c=2".into()), ("d".into(), String::new())]);
        let mut complaints = Vec::new();
        assert_eq!(resolve(&["/x/y.ko".into()], &mut complaints), [("/x/y.ko".into(), String::new())]);
        resolve(&["/nowhere/list".into()], &mut complaints);
        assert_eq!(complaints, ["modules: open '/nowhere/list': ENOENT"]);
    }
}
