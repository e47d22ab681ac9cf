//! musl's start files and libc.a for a processor, from Debian's `musl-dev`, unpacked into the cache. The machine's dpkg is
//! not told about foreign architectures: apt runs with a state directory of its own.

use crate::apt;
use crate::cache;
use crate::fault::{At, Fault, Result};
use crate::target::Target;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory with crt1.o, crti.o, crtn.o, libc.a and an empty libunwind.a (std asks for one, `panic=abort` uses none).
pub fn obtain(target: Target) -> Result<PathBuf> {
    let arch = target.debian();
    cache::entry(&format!("musl-{arch}"), |dir| {
        let package = format!("musl-dev:{arch}");
        if apt::known(&package) {
            apt::unpack(&package, dir)?;
        } else {
            foreign(arch, dir)?;
        }
        let lib = find_lib(dir)?;
        for name in ["crt1.o", "crti.o", "crtn.o", "libc.a"] {
            fs::copy(lib.join(name), dir.join(name)).at("copy", &lib.join(name))?;
        }
        fs::remove_dir_all(dir.join("usr")).at("remove", &dir.join("usr"))?;
        fs::write(dir.join("libunwind.a"), "!<arch>\n").at("write", dir)
    })
}

/// `usr/lib/TRIPLE`: whatever Debian calls it.
fn find_lib(dir: &Path) -> Result<PathBuf> {
    let base = dir.join("usr/lib");
    fs::read_dir(&base)
        .at("read", &base)?
        .filter_map(|e| e.ok())
        .map(|e| e.path())
        .find(|p| p.join("libc.a").is_file())
        .ok_or_else(|| Fault::new(format!("no libc.a in '{}'", base.display())))
}

/// Downloads the package of a foreign architecture through a private apt root below `dir`, with the machine's own sources.
fn foreign(arch: &str, dir: &Path) -> Result<()> {
    let root = dir.join("apt");
    for sub in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(root.join(sub)).at("mkdir", &root)?;
    }
    let status = root.join("status");
    fs::write(&status, "").at("write", &status)?;
    let options = [
        format!("Dir::State={}", root.display()),
        format!("Dir::State::Lists={}", root.join("lists").display()),
        format!("Dir::State::Status={}", status.display()),
        format!("Dir::Cache={}", root.join("cache").display()),
        format!("APT::Architecture={arch}"),
        format!("APT::Architectures={arch}"),
        "Acquire::Languages=none".to_owned(),
    ];
    let apt_get = || {
        let mut command = Command::new("apt-get");
        command.arg("-q");
        for option in &options {
            command.arg("-o").arg(option);
        }
        command.current_dir(&root);
        command
    };
    // One source of several may be out of reach; what counts is whether the package comes.
    let updated = apt::quiet(apt_get().arg("update"));
    apt::quiet(apt_get().args(["download", "musl-dev"])).map_err(|e| updated.err().unwrap_or(e))?;
    let deb = fs::read_dir(&root)
        .at("read", &root)?
        .filter_map(|e| e.ok())
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|x| x == "deb"))
        .ok_or_else(|| Fault::new(format!("apt-get downloaded no musl-dev for {arch}")))?;
    apt::quiet(Command::new("dpkg").arg("-x").arg(deb).arg(dir))?;
    fs::remove_dir_all(&root).at("remove", &root)
}
