//! Compilers for what the stock toolchain has no standard library for: rustup's target where it is installed, else a private
//! toolchain in the cache from Debian's own packages. Nothing is installed, rustup is untouched, no C compiler for the
//! target is needed. Debian's std is built once per target: its source must match the compiler, so both come from Debian.
//! musl only; gnu for other processors is refused (Debian's current std packages exist for amd64 alone).

use crate::apt;
use crate::build::{SMALL, set_flags, variable};
use crate::fault::{At, Fault, Result};
use crate::target::{Libc, Target};
use crate::{cache, hash, musl};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How to call Cargo for a target.
pub struct Toolchain {
    rustc: Option<PathBuf>,
    linker: PathBuf,
    flags: String,
}

impl Toolchain {
    /// Sets the compiler, the linker and the flags for `triple` only.
    pub fn apply(&self, command: &mut Command, triple: &str) {
        if let Some(rustc) = &self.rustc {
            command.env("RUSTC", rustc);
        }
        command.env(variable(triple, "LINKER"), &self.linker);
        set_flags(command, triple, &self.flags);
    }
}

/// Nothing unwinds: without its tables keel is a sixth smaller.
const STATIC: &str = "-Clinker-flavor=ld.lld -Crelocation-model=static -Ctarget-feature=+crt-static -Cforce-unwind-tables=no \
     -Clink-arg=--icf=all -Clink-arg=--ignore-data-address-equality";

/// How std itself is built; part of the sysroot's name. As small as the program it goes into: what is not generic in it is
/// optimised as it was when it was built, not as the program is.
const STD: &str = "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes -Cpanic=abort -Cforce-unwind-tables=no -Copt-level=z \
     -Cforce-frame-pointers=yes";

/// Finds or makes the toolchain for `target`. A freestanding program needs no libc.
pub fn obtain(target: Target, freestanding: bool) -> Result<Toolchain> {
    if target.libc == Libc::Gnu {
        return Err(Fault::new(format!("no static glibc toolchain for {}: use --libc musl", target.triple())));
    }
    let linker = lld()?;
    // pid1 is laid out page by page as it is (pid1.ld).
    let small = if freestanding { "" } else { SMALL };
    if rustup_has(target.triple()) {
        // rustup's musl targets bring crt1.o and libc.a themselves.
        let crt = if freestanding { "no" } else { "yes" };
        return Ok(Toolchain { rustc: None, linker, flags: format!("{STATIC} {small} -Clink-self-contained={crt}") });
    }
    let debian = debian()?;
    let sysroot = sysroot(&debian, target)?;
    let mut flags = format!("{STATIC} {small} -Clink-self-contained=no --sysroot {}", sysroot.display());
    if !freestanding {
        let m = musl::obtain(target)?;
        let m = m.display();
        flags +=
            &format!(" -Lnative={m} -Clink-arg={m}/crt1.o -Clink-arg={m}/crti.o -Clink-arg=-lc -Clink-arg={m}/crtn.o");
    }
    Ok(Toolchain { rustc: Some(debian.join("rustc")), linker, flags })
}

/// The linker that rustup's toolchain carries: it links for every processor.
fn lld() -> Result<PathBuf> {
    let root = apt::quiet(Command::new("rustc").args(["--print", "sysroot"]))?;
    let lld = Path::new(root.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    if lld.is_file() {
        return Ok(lld);
    }
    apt::program("ld.lld").ok_or_else(|| {
        Fault::new("no linker for other targets: neither rustup's rust-lld nor ld.lld (package lld) is there")
    })
}

fn rustup_has(triple: &str) -> bool {
    let asked = apt::quiet(Command::new("rustc").args(["--print", "target-libdir", "--target", triple]));
    let has_core = |dir: &Path| {
        fs::read_dir(dir)
            .is_ok_and(|d| d.filter_map(|e| e.ok()).any(|e| e.file_name().to_string_lossy().starts_with("libcore-")))
    };
    asked.is_ok_and(|dir| has_core(Path::new(dir.trim())))
}

/// Debian's compiler and the source of its std, unpacked; `rustc` in it is a wrapper that finds its own libraries.
fn debian() -> Result<PathBuf> {
    let look = || apt::known("rust-web-src").then_some(());
    if apt::with_lists(look)?.is_none() {
        return Err(Fault::new(
            "apt knows no rustc-web here (Debian has it, Ubuntu does not): install the target with rustup target add",
        ));
    }
    let policy = apt::quiet(Command::new("apt-cache").args(["show", "--no-all-versions", "rustc-web"]))?;
    let version = policy
        .lines()
        .find_map(|l| l.strip_prefix("Version: "))
        .ok_or_else(|| Fault::new("apt-cache show rustc-web: no version"))?
        .to_owned();
    cache::entry(&format!("toolchain-{}", hash::hex(version.as_bytes())), |dir| {
        eprintln!("cargo boot: downloading Debian's rustc {version} into the cache (140 MB, once)");
        let mut wanted = vec!["rustc-web".to_owned(), "libstd-rust-web-dev".to_owned(), "rust-web-src".to_owned()];
        // The compiler's own shared libraries: two steps of dependencies away.
        for from in ["libstd-rust-web-dev", "libstd-rust-web-"] {
            let names: Vec<String> = wanted.iter().filter(|w| w.starts_with(from)).cloned().collect();
            for name in names {
                let is_library = |d: &String| d.starts_with("libstd-rust-web-") || d.starts_with("libllvm");
                let new: Vec<_> = apt::depends(&name).into_iter().filter(is_library).collect();
                wanted.extend(new.into_iter().filter(|n| n != "libstd-rust-web-dev"));
            }
        }
        wanted.sort();
        wanted.dedup();
        for package in &wanted {
            apt::unpack(package, dir)?;
        }
        // Found from where the script lies: the directory gets its final name only when all is there.
        let script = "#!/bin/sh\nhere=$(dirname \"$0\")\n\
            LD_LIBRARY_PATH=$here/usr/lib/x86_64-linux-gnu exec \"$here/usr/bin/rustc\" \"$@\"\n";
        let rustc = dir.join("rustc");
        fs::write(&rustc, script).at("write", &rustc)?;
        fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).at("chmod", &rustc)
    })
}

/// A sysroot with core, alloc and std for `target` and the build machine's own std for build scripts. The recipe is part
/// of the name: Cargo does not notice a new std under an old path (E0463).
fn sysroot(debian: &Path, target: Target) -> Result<PathBuf> {
    let triple = target.triple();
    let key = debian.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let recipe = hash::hex(STD.as_bytes());
    cache::entry(&format!("{key}-{triple}-{recipe}"), |dir| {
        eprintln!("cargo boot: building std for {triple} (a minute, once)");
        let library = dir.join("library");
        copy_library(debian, &library)?;
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "-q", "--offline", "--release", "-p", "std", "--no-default-features"])
            .args(["--features", "optimize_for_size", "--target", triple])
            .current_dir(&library)
            .env("RUSTC", debian.join("rustc"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", STD)
            .env("CARGO_TARGET_DIR", dir.join("made"))
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .at("exec", Path::new("cargo"))?;
        if !status.status.success() {
            let said = String::from_utf8_lossy(&status.stderr);
            let last = said.lines().rev().find(|l| l.starts_with("error")).unwrap_or("no message");
            return Err(Fault::new(format!("building std for {triple}: {last}")));
        }
        let lib = dir.join("lib/rustlib").join(triple).join("lib");
        fs::create_dir_all(&lib).at("mkdir", &lib)?;
        let made = dir.join("made").join(triple).join("release/deps");
        for entry in fs::read_dir(&made).at("read", &made)? {
            let path = entry.at("read", &made)?.path();
            if path.extension().is_some_and(|x| x == "rlib") {
                let to = lib.join(path.file_name().unwrap_or_default());
                fs::copy(&path, &to).at("copy", &path)?;
            }
        }
        let own = "lib/rustlib/x86_64-unknown-linux-gnu";
        std::os::unix::fs::symlink(debian.join("usr").join(own), dir.join(own)).at("symlink", dir)?;
        for done in [dir.join("made"), library] {
            fs::remove_dir_all(&done).at("remove", &done)?;
        }
        Ok(())
    })
}

/// Copies std's source and takes out of its manifests what the package leaves out: dependencies of tests and of C builds.
fn copy_library(debian: &Path, to: &Path) -> Result<()> {
    let src = debian.join("usr/src");
    let versioned = fs::read_dir(&src)
        .at("read", &src)?
        .filter_map(|e| e.ok())
        .map(|e| e.path().join("library"))
        .find(|p| p.is_dir())
        .ok_or_else(|| Fault::new(format!("no rustc source in '{}'", src.display())))?;
    apt::quiet(Command::new("cp").arg("-r").arg(&versioned).arg(to))?;
    let lock = to.join("Cargo.lock");
    fs::remove_file(&lock).at("remove", &lock)?;
    let config = to.join(".cargo");
    fs::create_dir_all(&config).at("mkdir", &config)?;
    let vendored = "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n";
    fs::write(config.join("config.toml"), vendored).at("write", &config)?;
    edit(&to.join("Cargo.toml"), only_std)?;
    edit(&to.join("std/Cargo.toml"), |text| without(text, &["rand =", "rand_xorshift ="]))?;
    edit(&to.join("compiler-builtins/compiler-builtins/Cargo.toml"), |text| {
        without(text, &["cc ="]).replace("c = [\"dep:cc\"]", "c = []")
    })
}

fn edit(path: &Path, change: impl Fn(&str) -> String) -> Result<()> {
    let text = fs::read_to_string(path).at("read", path)?;
    fs::write(path, change(&text)).at("write", path)
}

/// The manifest without the lines that begin with one of `starts`.
fn without(text: &str, starts: &[&str]) -> String {
    text.split_inclusive('\n').filter(|l| !starts.iter().any(|s| l.starts_with(s))).collect()
}

/// The workspace with std as its one member.
fn only_std(text: &str) -> String {
    match text.split_once("members = [") {
        Some((head, tail)) => {
            let rest = tail.split_once(']').map_or("", |(_, rest)| rest);
            format!("{head}members = [\"std\"]{rest}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_lose_only_what_the_package_lacks() {
        assert_eq!(only_std("a\nmembers = [\n \"x\",\n]\nb\n"), "a\nmembers = [\"std\"]\nb\n");
        assert_eq!(without("cc = 1\nccc = 2\nx\n", &["cc ="]), "ccc = 2\nx\n");
    }
}
