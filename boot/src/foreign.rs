//! Debian's packages for another processor or of another release: apt with a root of its own. The machine's dpkg is not told about
//! foreign architectures, its sources stay as they are, and nothing is installed.

use crate::apt::{self, Need};
use crate::fault::{At, Fault, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's packages are.
const MIRROR: &str = "http://deb.debian.org/debian";

/// What every Debian signs its packages with, older releases too.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Ubuntu's does not come with it, and only recommends it.
pub const DEBIANS_KEYS: Need = Need { package: "debian-archive-keyring", there: || Path::new(KEYS).is_file() };

/// The mirror: `$KEEL_MIRROR`, else Debian's.
pub fn mirror() -> String {
    std::env::var("KEEL_MIRROR").unwrap_or_else(|_| MIRROR.into())
}

/// An apt that believes that it is on such a machine. Dropped, its directory is gone.
pub struct Root {
    dir: PathBuf,
    options: Vec<String>,
}

impl Root {
    /// Below `dir`, with fresh lists of packages of the machine's own sources. `arch` is Debian's name.
    pub fn new(arch: &str, dir: &Path) -> Result<Root> {
        Root::with(arch, dir, None)
    }

    /// The same with Debian's release `suite` as its only source.
    pub fn of_debian(suite: &str, arch: &str, dir: &Path) -> Result<Root> {
        apt::ensure(&[DEBIANS_KEYS])?;
        let source = format!("deb [signed-by={KEYS}] {} {suite} main\n", mirror());
        Root::with(arch, dir, Some(&source))
    }

    fn with(arch: &str, dir: &Path, source: Option<&str>) -> Result<Root> {
        let dir = dir.join(".apt");
        for sub in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(dir.join(sub)).at("mkdir", &dir)?;
        }
        let status = dir.join("status");
        fs::write(&status, "").at("write", &status)?;
        let mut options = vec![
            format!("Dir::State={}", dir.display()),
            format!("Dir::State::Lists={}", dir.join("lists").display()),
            format!("Dir::State::Status={}", status.display()),
            format!("Dir::Cache={}", dir.join("cache").display()),
            format!("APT::Architecture={arch}"),
            format!("APT::Architectures={arch}"),
            "Acquire::Languages=none".to_owned(),
        ];
        if let Some(source) = source {
            let list = dir.join("sources.list");
            fs::write(&list, source).at("write", &list)?;
            options.push(format!("Dir::Etc::SourceList={}", list.display()));
            options.push("Dir::Etc::SourceParts=-".to_owned());
        }
        let root = Root { dir, options };
        // One source of several may be out of reach (one of another architecture is): what counts is whether a package comes.
        let _ = apt::quiet(root.command("apt-get").arg("update"));
        Ok(root)
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.arg("-q").current_dir(&self.dir).env("LC_ALL", "C");
        for option in &self.options {
            command.arg("-o").arg(option);
        }
        command
    }

    /// Names of the packages that `package` depends on.
    pub fn depends(&self, package: &str) -> Vec<String> {
        let mut command = self.command("apt-cache");
        command.args(["depends", "--no-recommends", "--no-suggests", package]);
        apt::dependencies(&apt::quiet(&mut command).unwrap_or_default())
    }

    /// Downloads a package and unpacks it below `into`.
    pub fn unpack(&self, package: &str, into: &Path) -> Result<()> {
        apt::unpack_by(self.command("apt-get"), package, into)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // What is left is in a directory of the cache, and harmless.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// `package` for `arch`, unpacked below `into`: from the machine's own apt where that knows it.
pub fn unpack(package: &str, arch: &str, into: &Path) -> Result<()> {
    let named = format!("{package}:{arch}");
    match apt::known(&named) {
        true => apt::unpack(&named, into),
        false => Root::new(arch, into)
            .and_then(|root| root.unpack(package, into))
            .map_err(|e| Fault::new(format!("{package} for {arch}: {e}"))),
    }
}
