//! Where containers are kept: the lxcpath, one directory for each container, its `config`.
//!
//! A name that could leave the lxcpath, hide in a listing or act on a terminal is refused here, before any path is made
//! of it. Nothing here looks at running containers.

use keel_core::sorted;
use std::fs;
use std::path::{Path, PathBuf};

use crate::fault::{Result, at, say};

/// Where LXC keeps containers when nothing else is said.
pub const DEFAULT_LXCPATH: &str = "/var/lib/lxc";
/// Where they are on a machine whose root file system is an Android's: made anew at each boot, so the first of these that is there,
/// else a directory on /data. Elsewhere LXC's own default.
pub fn default_lxcpath() -> &'static str {
    const ON_DATA: &str = "/data/lxc";
    let there = |path: &&str| Path::new(path).is_dir();
    let found = [DEFAULT_LXCPATH, "/system/local/var/lib/lxc", ON_DATA].into_iter().find(there);
    found.unwrap_or(if is_android() { ON_DATA } else { DEFAULT_LXCPATH })
}

/// Whether this machine's root file system is an Android's.
pub fn is_android() -> bool {
    Path::new("/system/build.prop").exists()
}

/// LXC's global settings (lxc.system.conf(5)).
pub const SYSTEM_CONF: &str = "/etc/lxc/lxc.conf";
/// What a new container's configuration begins with when `-f` is not given.
pub const DEFAULT_CONF: &str = "/etc/lxc/default.conf";
/// Directory names within the lxcpath that Keel makes for itself begin so; no container's name begins with a dot.
pub const OWN_PREFIX: &str = ".keel";

/// NAME_MAX less what is put in front of a name in cgroup and file names (`lxc.payload.`).
const NAME_LIMIT: usize = 200;

/// A container's name, checked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// Takes a name as it was typed.
    pub fn new(text: &str) -> Result<Name> {
        let why = if text.is_empty() {
            "it is empty"
        } else if text.len() > NAME_LIMIT {
            return say(format!("a container's name can have {NAME_LIMIT} bytes, not {}", text.len()));
        } else if text.contains('/') {
            "it has a '/' in it"
        } else if text.chars().any(char::is_control) {
            "it has a control character in it"
        } else if text.starts_with('-') {
            "it begins with '-'"
        } else if text.starts_with('.') {
            "it begins with '.'"
        } else if text.trim() != text {
            "it begins or ends with a blank"
        } else {
            return Ok(Name(text.to_owned()));
        };
        say(format!("'{}' cannot be a container's name: {why}", text.escape_debug()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A directory of containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    lxcpath: PathBuf,
}

impl Store {
    /// The lxcpath given (`-P`), else `lxc.lxcpath` of /etc/lxc/lxc.conf, else [`default_lxcpath`]; always absolute.
    pub fn open(given: Option<&str>) -> Result<Store> {
        let lxcpath = match given {
            Some("") => return say("an empty lxcpath was given"),
            Some(path) => PathBuf::from(path),
            None => system_setting("lxc.lxcpath")?.map_or_else(|| PathBuf::from(default_lxcpath()), PathBuf::from),
        };
        let lxcpath = std::path::absolute(&lxcpath).map_err(|e| at("getcwd for", &lxcpath, e))?;
        if lxcpath.to_str().is_none_or(|text| text.chars().any(char::is_control)) {
            return say(format!("lxcpath '{}' is not printable UTF-8", lxcpath.display()));
        }
        Ok(Store { lxcpath })
    }

    /// The directory itself.
    pub fn lxcpath(&self) -> &Path {
        &self.lxcpath
    }

    /// The container's directory.
    pub fn dir(&self, name: &Name) -> PathBuf {
        self.lxcpath.join(name.as_str())
    }

    /// The container's configuration file.
    pub fn config(&self, name: &Name) -> PathBuf {
        self.dir(name).join("config")
    }

    /// Whether there is such a container: its directory has a `config`.
    pub fn is_defined(&self, name: &Name) -> bool {
        self.config(name).is_file()
    }

    /// Names of all containers, sorted by bytes. An lxcpath that is not there has none.
    pub fn names(&self) -> Result<Vec<Name>> {
        let entries = match fs::read_dir(&self.lxcpath) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(at("open", &self.lxcpath, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| at("getdents", &self.lxcpath, e))?;
            // What is no name, or no container, is something else that lies here: not this function's to judge.
            if let Some(Ok(name)) = entry.file_name().to_str().map(Name::new)
                && self.is_defined(&name)
            {
                names.push(name);
            }
        }
        sorted::sort(&mut names);
        Ok(names)
    }
}

/// A setting of /etc/lxc/lxc.conf.
pub fn system_setting(key: &str) -> Result<Option<String>> {
    setting_of_file(Path::new(SYSTEM_CONF), key)
}

/// `KEY = VALUE` of a file in LXC's grammar, the last one; none where the file is not there.
fn setting_of_file(path: &Path, key: &str) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(setting(&text, key)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(at("read", path, e)),
    }
}

fn setting(text: &str, key: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().to_owned())
        .rfind(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below_the_lxcpath() {
        for good in ["bb", "a.b", "a b", "ä", "x..", "0"] {
            assert!(Name::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", ".hidden", "-n", "a/b", "/", "a\0b", "a\nb", "\x1b[2J", "a\u{9b}b", " a", "a "] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        assert!(Name::new(&"n".repeat(NAME_LIMIT)).is_ok());
        assert!(Name::new(&"n".repeat(NAME_LIMIT + 1)).is_err());
        assert_eq!(
            &*Name::new("a\nb").unwrap_err().message,
            "'a\\nb' cannot be a container's name: it has a control character in it"
        );
    }

    #[test]
    fn the_last_setting_holds() {
        let text = "# lxc.lxcpath = /no\nlxc.lxcpath=/one\n lxc.lxcpath = /two \nlxc.lxcpath =\nlxc.lxcpathx = /no\n";
        assert_eq!(setting(text, "lxc.lxcpath").as_deref(), Some("/two"));
        assert_eq!(setting("", "lxc.lxcpath"), None);
    }

    #[test]
    fn the_path_is_absolute() {
        assert!(Store::open(Some("some/where")).unwrap().lxcpath().is_absolute());
        assert!(Store::open(Some("")).is_err());
        assert!(Store::open(Some("/a\x1bb")).is_err());
    }
}
