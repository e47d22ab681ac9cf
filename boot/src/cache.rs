//! The cache: `$KEEL_CACHE`, else `$XDG_CACHE_HOME/keel`, else `~/.cache/keel`. Everything in it can be made again.
//! Entries appear whole: they are made under a name of their own and renamed. A lock per entry lets two runs meet.

use crate::fault::{At, Fault, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The cache directory, made when it is not there.
pub fn dir() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let dir = match (set("KEEL_CACHE"), set("XDG_CACHE_HOME"), set("HOME")) {
        (Some(dir), _, _) => dir,
        (None, Some(base), _) => base.join("keel"),
        (None, None, Some(home)) => home.join(".cache/keel"),
        (None, None, None) => {
            return Err(Fault::new("no place for the cache: set KEEL_CACHE or HOME"));
        }
    };
    fs::create_dir_all(&dir).at("mkdir", &dir)?;
    fs::canonicalize(&dir).at("resolve", &dir)
}

/// Returns `dir()/name`, made by `make` when it is not there yet. `make` gets an empty directory to fill.
pub fn entry(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let base = dir()?;
    let place = base.join(name);
    if place.is_dir() {
        return Ok(place);
    }
    let _held = lock(&base.join(format!("{name}.lock")))?;
    if place.is_dir() {
        return Ok(place);
    }
    let draft = base.join(format!("{name}.new"));
    if draft.exists() {
        fs::remove_dir_all(&draft).at("remove", &draft)?;
    }
    fs::create_dir_all(&draft).at("mkdir", &draft)?;
    make(&draft)?;
    fs::rename(&draft, &place).at("rename", &draft)?;
    Ok(place)
}

/// Holds an exclusive lock until the returned file is dropped.
pub fn lock(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).at("mkdir", parent)?;
    }
    let file = File::create(path).at("create", path)?;
    file.lock().at("lock", path)?;
    Ok(file)
}
