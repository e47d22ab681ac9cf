//! `cargo boot ramdisk`.

use super::Words;
use crate::artifacts;
use crate::build::{Binaries, both};
use crate::codec::Compression;
use crate::fault::{At, Fault, Result};
use crate::graft::graft;
use crate::layout::Layout;
use crate::target::{Arch, Target};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Makes the file.
pub fn run(words: &Words) -> Result<ExitCode> {
    let out = words.value("o").ok_or_else(|| Fault::new("no output file: give -o FILE"))?;
    let compression = words.value("compress").map(Compression::named).transpose()?;
    let additions = words.all("add").map(addition).collect::<Result<Vec<_>>>()?;
    let base = match words.value("base") {
        None => None,
        Some(file) => Some((file, std::fs::read(file).at("read", Path::new(file))?)),
    };
    let target = target(words)?;
    if matches!(target.arch, Arch::Aarch64 | Arch::Armv7) {
        return Err(Fault::new(
            "a ramdisk for ARM is made where its programs run, on ARM: 'cargo boot build' makes them",
        ));
    }
    let busybox = artifacts::busybox(target.arch)?;
    let binaries = built(target)?;
    let names_of_modules = words.list("modules", "");
    let mut modules = Vec::new();
    if !names_of_modules.is_empty() {
        let kernel = artifacts::kernel(target.arch)?;
        for name in &names_of_modules {
            modules.extend(kernel.modules(name)?.into_iter().filter(|f| !modules.contains(f)).collect::<Vec<_>>());
        }
    }
    let names = containers(words, "bb");
    let layout = Layout {
        binaries: &binaries,
        busybox: &busybox,
        containers: &names,
        password: words.value("password"),
        issue: words.value("issue").unwrap_or("Keel\n"),
        modules: &modules,
        additions: &additions,
    };
    let (bytes, notes) = match base {
        None => (layout.ramdisk()?.pack(compression.unwrap_or(Compression::Gzip))?, Vec::new()),
        Some((file, base)) => {
            let made = graft(&base, &layout, compression).map_err(|e| Fault::new(format!("'{file}': {e}")))?;
            (made.bytes, made.notes)
        }
    };
    std::fs::write(out, &bytes).at("write", Path::new(out))?;
    println!("{out}: {} bytes", bytes.len());
    for note in notes {
        println!("{out}: {note}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What the words ask for. Only x86_64 has a C library in the stock toolchain.
pub fn target(words: &Words) -> Result<Target> {
    let arch = words.value("arch").unwrap_or("x86_64");
    let libc = if arch == "x86_64" { "gnu" } else { "musl" };
    Target::named(arch, words.value("libc").unwrap_or(libc))
}

/// The programs for a target.
pub fn built(target: Target) -> Result<Binaries> {
    eprintln!("cargo boot: building keel and pid1 for {}", target.triple());
    both(target)
}

/// The names of the containers to make; `--containers none` makes none.
pub fn containers(words: &Words, otherwise: &str) -> Vec<String> {
    let names = words.list("containers", otherwise);
    if names == ["none"] { Vec::new() } else { names }
}

/// `SRC[:DST]`; without DST it goes where it is on this machine.
fn addition(text: &str) -> Result<(PathBuf, String)> {
    let (from, to) = match text.rsplit_once(':') {
        Some((from, to)) => (from, to.to_owned()),
        None => {
            let whole = std::fs::canonicalize(text).at("resolve", Path::new(text))?;
            (text, whole.to_string_lossy().into_owned())
        }
    };
    match Path::new(from).symlink_metadata() {
        Ok(_) => Ok((PathBuf::from(from), to)),
        Err(e) => Err(Fault::at("stat", Path::new(from), &e)),
    }
}
