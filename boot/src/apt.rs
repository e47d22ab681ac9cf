//! Debian's packages, by apt's own tools. As root a missing package is installed; otherwise the one command to type is
//! named. A package that is only read from (kernels, compilers) is downloaded and unpacked into the cache, never installed.

use crate::fault::{Fault, Result, symbol};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a command quietly; its last words are the error when it fails.
pub fn quiet(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let out =
        command.stdin(Stdio::null()).output().map_err(|e| Fault::new(format!("exec '{name}': {}", symbol(&e))))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    // The first words tell which command it was; options and paths would only hide them.
    let plain = |a: &String| !a.starts_with('-') && !a.contains(['=', '/', '\n']);
    let words: Vec<String> =
        command.get_args().map(|a| a.to_string_lossy().into_owned()).filter(plain).take(3).collect();
    let said = String::from_utf8_lossy(&out.stderr);
    let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message");
    Err(Fault::new(format!("'{}': {} ({})", [vec![name], words].concat().join(" "), ending(out.status), last.trim())))
}

/// An exit status in words.
pub fn ending(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".into(),
    }
}

/// Looks for a program in PATH and where root's programs are.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"])
        .map(|dir| Path::new(dir).join(name))
        .find(|p| p.is_file())
}

/// Something a run needs: present when `there` says so, brought by `package`.
pub struct Need {
    /// Debian's and Ubuntu's name of the package.
    pub package: &'static str,
    /// Looks whether it is there already.
    pub there: fn() -> bool,
}

/// Installs what is missing as root, or names the one command that does. Says what it does on stderr.
pub fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<&str> = needs.iter().filter(|n| !(n.there)()).map(|n| n.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if program("apt-get").is_none() {
        return Err(Fault::new(format!(
            "missing: {} (no apt-get here: install them with this system's own package tool)",
            missing.join(", ")
        )));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(Fault::new(format!(
            "missing: {0}; type: sudo apt-get install -y --no-install-recommends {0}",
            missing.join(" ")
        )));
    }
    eprintln!("cargo boot: installing {}", missing.join(" "));
    let _held = crate::cache::lock(&crate::cache::dir()?.join("apt.lock"))?;
    let install = || {
        quiet(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["-q", "-y", "-o", "DPkg::Lock::Timeout=300", "install", "--no-install-recommends"])
                .args(&missing),
        )
    };
    if install().is_err() {
        update()?;
        install()?;
    }
    match needs.iter().find(|n| !(n.there)()) {
        None => Ok(()),
        Some(n) => Err(Fault::new(format!("package '{}' is installed but did not bring what it should", n.package))),
    }
}

/// Fetches the package lists: needed once on a fresh image, which has none.
fn update() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Fault::new("the package lists are missing or old; type: sudo apt-get update"));
    }
    // apt-get does not wait for another that fetches lists.
    let _held = crate::cache::lock(&crate::cache::dir()?.join("apt-lists.lock"))?;
    quiet(Command::new("apt-get").args(["-q", "update"])).map(drop)
}

/// The packages that `package` depends on, by name, as apt knows them now; empty when apt does not know `package`.
pub fn depends(package: &str) -> Vec<String> {
    let mut command = Command::new("apt-cache");
    command.args(["depends", "--no-recommends", "--no-suggests", package]);
    let text = quiet(command.env("LC_ALL", "C")).unwrap_or_default();
    dependencies(&text)
}

/// The names in what `apt-cache depends` prints.
pub(crate) fn dependencies(said: &str) -> Vec<String> {
    said.lines().filter_map(|l| l.trim().strip_prefix("Depends: ")).map(str::to_owned).collect()
}

/// Whether apt can download `package`.
pub fn known(package: &str) -> bool {
    quiet(Command::new("apt-cache").args(["show", "--no-all-versions", package])).is_ok()
}

/// Runs `look`; when it finds nothing, fetches the package lists once and looks again.
pub fn with_lists<T>(look: impl Fn() -> Option<T>) -> Result<Option<T>> {
    if program("apt-get").is_none() {
        return Err(Fault::new("no apt-get here: packages of Debian or Ubuntu are needed"));
    }
    if let Some(found) = look() {
        return Ok(Some(found));
    }
    update()?;
    Ok(look())
}

/// Downloads a package (`name`, `name=version`, `name:arch`) and unpacks it below `into`. Nothing is installed.
pub fn unpack(package: &str, into: &Path) -> Result<()> {
    let mut apt_get = Command::new("apt-get");
    apt_get.arg("-q");
    unpack_by(apt_get, package, into)
}

/// The same with an apt-get to which options were given.
pub(crate) fn unpack_by(mut apt_get: Command, package: &str, into: &Path) -> Result<()> {
    let debs = into.join(".debs");
    std::fs::create_dir_all(&debs).map_err(|e| Fault::at("mkdir", &debs, &e))?;
    quiet(apt_get.args(["download", package]).current_dir(&debs))?;
    let found = std::fs::read_dir(&debs)
        .map_err(|e| Fault::at("read", &debs, &e))?
        .filter_map(|e| e.ok())
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|x| x == "deb"))
        .ok_or_else(|| Fault::new(format!("apt-get downloaded nothing for '{package}'")))?;
    quiet(Command::new("dpkg").arg("-x").arg(&found).arg(into))?;
    std::fs::remove_dir_all(&debs).map_err(|e| Fault::at("remove", &debs, &e))
}
