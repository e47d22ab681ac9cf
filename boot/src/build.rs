//! Builds the two programs: `keel` (std, statically linked) and `pid1` (no libc). Each alone, with a target named:
//! `--target` keeps `+crt-static` away from build scripts, and `-p pid1` alone keeps `std` features of shared crates away
//! from pid1 (E0152 otherwise). What comes out is checked: a program that needs an interpreter boots nowhere.

use crate::artifacts::needs_interpreter;
use crate::fault::{At, Fault, Result};
use crate::target::Target;
use crate::toolchain;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The built programs.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The host agent.
    pub keel: PathBuf,
    /// The guest's PID 1.
    pub pid1: PathBuf,
}

/// The workspace this crate was built from.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where Cargo puts what it builds for this workspace.
pub fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|v| !v.is_empty()) {
        Some(dir) => workspace().join(dir),
        None => workspace().join("target"),
    }
}

/// Static, and at a fixed address: relocating itself at each start would dirty 22 pages of keel, at a page fault each.
/// rust-lld is rustc's own linker for this target since 1.90; it folds functions and constants that are the same.
const STOCK_FLAGS: &str = "-Ctarget-feature=+crt-static -Crelocation-model=static \
     -Clink-arg=-Wl,--icf=all,--ignore-data-address-equality";

/// For all targets. Sequences of instructions that occur twice become a function, and what these have in common one more. Frame
/// pointers: what is on the stack is then addressed by them, a byte less each time, and what is not addressed by the stack pointer
/// can be such a sequence. Few cases are compared, not looked up in a table of eight bytes each; copies are not split for the sake of
/// a processor's store buffers. Hashes are computed by loops, not by unrolled ones for each kind of processor (a hash is for an
/// image or a password: seldom, and never on the way of a start).
pub(crate) const SMALL: &str = "-Cllvm-args=-enable-machine-outliner=always -Cllvm-args=-machine-outliner-reruns=3 \
     -Cforce-frame-pointers=yes -Cllvm-args=-min-jump-table-entries=24 -Cllvm-args=-x86-disable-avoid-SFB \
     --cfg sha2_backend=\"soft\" --cfg sha2_backend_soft=\"compact\" --cfg sha1_backend=\"soft\"";

/// Builds both programs for `target`, in release. Cargo's own progress goes to stderr.
pub fn both(target: Target) -> Result<Binaries> {
    Ok(Binaries { keel: program(target, "host", "keel")?, pid1: program(target, "pid1", "pid1")? })
}

/// Builds one program: `package`'s binary `name`. Freestanding when it is pid1: then no libc of the target is needed.
pub fn program(target: Target, package: &str, name: &str) -> Result<PathBuf> {
    let freestanding = package == "pid1";
    let triple = target.triple();
    let mut command = cargo();
    command.args(["build", "--release", "-p", package, "--bin", name, "--target", triple]);
    // A person sees how far it is; a log gets what went wrong.
    if !std::io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    let dir = if target == Target::STOCK {
        set_flags(&mut command, triple, &if freestanding { String::new() } else { format!("{STOCK_FLAGS} {SMALL}") });
        target_dir()
    } else {
        let chain = toolchain::obtain(target, freestanding)?;
        chain.apply(&mut command, triple);
        // Debian's compiler would make Cargo forget what rustup's has built.
        target_dir().join("cross")
    };
    command.arg("--target-dir").arg(&dir);
    let status = command.status().at("exec", Path::new("cargo"))?;
    if !status.success() {
        return Err(Fault::new(format!("building '{package}' for {triple} failed: cargo's messages are above")));
    }
    let built = dir.join(triple).join("release").join(name);
    let bytes = std::fs::read(&built).at("read", &built)?;
    if needs_interpreter(&bytes) {
        return Err(Fault::new(format!("'{}' needs a dynamic linker: it would not run in a ramdisk", built.display())));
    }
    Ok(built)
}

/// Cargo in the workspace, free of flags that the environment would force on every crate.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(workspace());
    for flag in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        command.env_remove(flag);
    }
    command
}

/// Flags for one target only.
pub(crate) fn set_flags(command: &mut Command, triple: &str, flags: &str) {
    command.env(variable(triple, "RUSTFLAGS"), flags);
}

/// `CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER`
pub(crate) fn variable(triple: &str, what: &str) -> String {
    format!("CARGO_TARGET_{}_{what}", triple.to_uppercase().replace('-', "_"))
}

/// One line per program: its size, as `cargo boot build` and `cargo boot size` print it.
pub fn sizes(binaries: &Binaries) -> Result<String> {
    let mut text = String::new();
    for (name, path) in [("keel", &binaries.keel), ("pid1", &binaries.pid1)] {
        let bytes = std::fs::metadata(path).at("stat", path)?.len();
        text += &format!("{name:5} {bytes:>9} bytes  {}\n", path.display());
    }
    Ok(text)
}
