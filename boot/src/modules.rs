//! Kernel modules of a package: where a module's file is and what has to be loaded before it. Debian's package carries no
//! modules.dep (it is made by depmod on installation), so `depends=` is read out of each file's .modinfo.

use crate::codec::{Compression, LIMIT};
use crate::fault::{At, Fault, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Files to load for `name`, dependencies first.
pub fn closure(dir: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut files = BTreeMap::new();
    index(dir, &mut files)?;
    let mut order = Vec::new();
    visit(&files, name, &mut order, 0)?;
    Ok(order)
}

fn visit(files: &BTreeMap<String, PathBuf>, name: &str, order: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    let key = name.replace('-', "_");
    let file = files.get(&key).ok_or_else(|| Fault::new(format!("module '{name}' is not in the kernel's package")))?;
    if order.contains(file) {
        return Ok(());
    }
    // A cycle would be a broken package.
    if depth > 32 {
        return Err(Fault::new(format!("module '{name}' depends on itself")));
    }
    for dependency in depends(&content(file)?) {
        visit(files, &dependency, order, depth + 1)?;
    }
    order.push(file.clone());
    Ok(())
}

/// The module as insmod wants it: unpacked where the distribution compresses its modules.
pub fn content(file: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(file).at("read", file)?;
    match Compression::detect(&bytes)? {
        Compression::None => Ok(bytes),
        packed => packed.unpack(&bytes, LIMIT).map(|(data, _)| data),
    }
}

/// The module's name from its file's: `8021q.ko.zst` is `8021q`, dashes are underscores.
pub fn name_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let (stem, rest) = name.split_once(".ko")?;
    matches!(rest, "" | ".xz" | ".zst" | ".gz").then(|| stem.replace('-', "_"))
}

fn index(dir: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir).at("read", dir)? {
        let path = entry.at("read", dir)?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            index(&path, files)?;
        } else if let Some(name) = name_of(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// The `depends=` line of .modinfo: NUL-separated `key=value` strings.
fn depends(module: &[u8]) -> Vec<String> {
    module
        .split(|b| *b == 0)
        .find_map(|s| s.strip_prefix(b"depends="))
        .map(|list| String::from_utf8_lossy(list).split(',').filter(|d| !d.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_come_first_and_once() {
        let dir = std::env::temp_dir().join(format!("keel-modules-{}", std::process::id()));
        fs::create_dir_all(dir.join("kernel/net")).unwrap();
        for (name, list) in [("bridge", "stp,llc"), ("stp", "llc"), ("llc", "")] {
            fs::write(dir.join(format!("kernel/net/{name}.ko")), format!("\0license=GPL\0depends={list}\0")).unwrap();
        }
        let names: Vec<_> = closure(&dir, "bridge").unwrap().iter().filter_map(|p| name_of(p)).collect();
        let missing = closure(&dir, "brige").unwrap_err();
        fs::remove_dir_all(&dir).unwrap();
        assert_eq!(names, ["llc", "stp", "bridge"]);
        assert_eq!(missing.0, "module 'brige' is not in the kernel's package");
    }
}
