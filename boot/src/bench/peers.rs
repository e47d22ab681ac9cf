//! What keel is compared with: Debian's packages, downloaded and unpacked into the cache. Nothing is installed and no service
//! of theirs starts; in the bench's own mount namespace they lie over /usr, as if they were.

use crate::apt;
use crate::cache;
use crate::fault::Result;
use std::path::PathBuf;
use std::process::Command;

/// Packages, and those that they need and a small Debian may not have.
const PACKAGES: [&str; 20] = [
    "lxc",
    "liblxc1",
    "liblxc-common",
    "crun",
    "runc",
    "bubblewrap",
    "systemd-container",
    "tini",
    "dumb-init",
    "catatonit",
    "util-linux",
    "libapparmor1",
    "libcap2",
    "libseccomp2",
    "libselinux1",
    "libyajl2",
    "libsystemd0",
    "libsystemd-shared",
    "libcurl4",
    "strace",
];

/// The peers, unpacked.
#[derive(Debug)]
pub struct Peers {
    /// A tree with `usr` in it.
    pub tree: PathBuf,
    /// Package and version of each.
    pub versions: Vec<(String, String)>,
    /// What could not be had, and why.
    pub missing: Vec<String>,
}

/// Downloads what is not in the cache yet.
pub fn obtain() -> Result<Peers> {
    let mut missing = Vec::new();
    let tree = cache::entry("bench-peers-1", |into| {
        eprintln!("cargo boot: downloading lxc, crun, runc, bubblewrap, systemd-nspawn, tini, dumb-init, catatonit");
        apt::with_lists(|| apt::known("crun").then_some(()))?;
        let mut versions = String::new();
        for package in PACKAGES {
            // What is installed is used as it is.
            if let Some(version) = installed(package) {
                versions += &format!("{package} {version}\n");
                continue;
            }
            match apt::unpack(package, into) {
                Ok(()) => versions += &format!("{package} {}\n", candidate(package)),
                Err(why) => versions += &format!("{package} - {why}\n"),
            }
        }
        let list = into.join("versions");
        std::fs::write(&list, versions).map_err(|e| crate::fault::Fault::at("write", &list, &e))
    })?;
    let list = tree.join("versions");
    let text = std::fs::read_to_string(&list).map_err(|e| crate::fault::Fault::at("read", &list, &e))?;
    let mut versions = Vec::new();
    for (package, version) in text.lines().filter_map(|l| l.split_once(' ')) {
        match version.strip_prefix("- ") {
            Some(why) => missing.push(format!("{package}: {why}")),
            None => versions.push((package.to_owned(), version.to_owned())),
        }
    }
    Ok(Peers { tree, versions, missing })
}

fn installed(package: &str) -> Option<String> {
    let said =
        apt::quiet(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Abbrev} ${Version}", package])).ok()?;
    said.strip_prefix("ii ").map(|v| v.trim().to_owned())
}

fn candidate(package: &str) -> String {
    let said = apt::quiet(Command::new("apt-cache").env("LC_ALL", "C").args(["policy", package])).unwrap_or_default();
    let line = said.lines().find_map(|l| l.trim().strip_prefix("Candidate: "));
    line.unwrap_or("of a version that apt does not say").to_owned()
}
