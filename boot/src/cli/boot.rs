//! `cargo boot`: from nothing to a login.

use super::Words;
use super::ramdisk::{built, containers, target};
use crate::artifacts::Kernel;
use crate::build::target_dir;
use crate::codec::Compression;
use crate::fault::{At, Fault, Result};
use crate::layout::Layout;
use crate::qemu::Machine;
use crate::{accel, apt, artifacts};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Quiet, and without the self-tests of ciphers, which take a fifth of the boot under emulation.
const APPEND: &str = "console=ttyS0 panic=-1 quiet cryptomgr.notests=1 no_timer_check";

/// Builds, packs, boots.
pub fn run(words: &Words) -> Result<ExitCode> {
    let memory_mib = match words.value("memory") {
        None => 256,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| *n >= 16)
            .ok_or_else(|| Fault::new(format!("memory '{text}': a number of MiB, 16 or more")))?,
    };
    let target = target(words)?;
    let qemu = artifacts::qemu(target.arch)?;
    let kernel = match words.value("kernel") {
        Some(file) => artifacts::kernel_file(Path::new(file))?,
        None => artifacts::kernel(target.arch)?,
    };
    let binaries = built(target)?;
    let names = containers(words, "bb");
    let password = words.value("password").unwrap_or("keel");
    let modules = wanted_modules(&kernel)?;
    let issue = first_screen(password, &names);
    let layout = Layout {
        binaries: &binaries,
        busybox: &artifacts::busybox(target.arch)?,
        containers: &names,
        password: Some(password),
        issue: &issue,
        modules: &modules,
        additions: &[],
    };
    let initrd = place(&layout.ramdisk()?.pack(Compression::None)?)?;
    let mut machine = Machine::new(kernel.image);
    machine.arch = target.arch;
    machine.memory_mib = memory_mib;
    machine.append = APPEND.to_owned();
    if !names.is_empty() {
        machine.append += &format!(" keel.containers={}", names.join(","));
    }
    if !modules.is_empty() {
        machine.append += " keel.modules=/etc/modules";
    }
    if let Some(more) = words.value("append") {
        machine.append += &format!(" {more}");
    }
    machine.initrd = Some(initrd);
    if words.has("dry-run") {
        println!("{}", machine.printed("mon:stdio"));
        return Ok(ExitCode::SUCCESS);
    }
    let by = if machine.accel == accel::Accel::Kvm { "KVM" } else { "software emulation" };
    eprintln!("cargo boot: Linux {} in QEMU by {by}; Ctrl-A X ends it", kernel.release);
    let status = machine.on_terminal(&qemu)?;
    match status.success() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Fault::new(format!("qemu: {}", apt::ending(status)))),
    }
}

/// What a distribution's kernel has as modules and the demo shows: the power button, overlay and veth. One that is not there
/// is built in.
fn wanted_modules(kernel: &Kernel) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = Vec::new();
    if kernel.modules_dir.is_some() {
        for name in ["button", "evdev", "overlay", "veth", "loop"] {
            files.extend(kernel.modules(name).unwrap_or_default());
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|f| seen.insert(f.clone()));
    Ok(files)
}

/// Writes the ramdisk beside what Cargo builds, whole or not at all: another QEMU may be reading the last one.
fn place(bytes: &[u8]) -> Result<PathBuf> {
    let file = target_dir().join("ramdisk");
    let draft = target_dir().join(format!("ramdisk.{}", std::process::id()));
    std::fs::write(&draft, bytes).at("write", &draft)?;
    std::fs::rename(&draft, &file).at("rename", &draft)?;
    Ok(file)
}

/// What the login shows: the next things to type.
fn first_screen(password: &str, containers: &[String]) -> String {
    let mut text = format!("\nKeel runs as this machine's init.\n\n  log in:     root, password '{password}'\n");
    if let Some(name) = containers.first() {
        text += &format!(
            "  look:       lxc-ls -f\n  enter '{name}': lxc-console -n {name}   (its root has the same password; ^a q leaves)\n"
        );
    }
    text + "  end:        poweroff   (or Ctrl-A X, which ends QEMU at once)\n\n"
}
