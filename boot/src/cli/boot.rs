//! `cargo boot`: from nothing to a login.

use super::Words;
use super::ramdisk::{built, containers};
use crate::codec::Compression;
use crate::fault::{At, Fault, Result};
use crate::layout::Layout;
use crate::qemu::Machine;
use crate::scratch::Scratch;
use crate::{accel, apt, artifacts};
use std::path::Path;
use std::process::ExitCode;

/// Quiet, and without the self-tests of ciphers, which take a fifth of the boot under emulation.
const APPEND: &str = "console=ttyS0 panic=-1 quiet cryptomgr.notests=1";

/// Builds, packs, boots.
pub fn run(words: &Words) -> Result<ExitCode> {
    apt::ensure(&[artifacts::QEMU, artifacts::BUSYBOX])?;
    let kernel = match words.value("kernel") {
        Some(file) => artifacts::kernel_file(Path::new(file))?,
        None => artifacts::kernel()?,
    };
    let binaries = built(words)?;
    let names = containers(words, "bb");
    let password = words.value("password").unwrap_or("keel");
    let issue = first_screen(password, &names);
    let layout = Layout {
        binaries: &binaries,
        busybox: &artifacts::busybox()?,
        containers: &names,
        password: Some(password),
        issue: &issue,
        additions: &[],
    };
    let scratch = Scratch::new()?;
    let initrd = scratch.path().join("ramdisk");
    std::fs::write(&initrd, layout.ramdisk()?.pack(Compression::None)?).at("write", &initrd)?;
    let mut machine = Machine::new(kernel.image);
    machine.memory_mib = match words.value("memory") {
        None => 256,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| *n >= 16)
            .ok_or_else(|| Fault::new(format!("memory '{text}': a number of MiB, 16 or more")))?,
    };
    machine.append = APPEND.to_owned();
    if !names.is_empty() {
        machine.append += &format!(" keel.containers={}", names.join(","));
    }
    if let Some(more) = words.value("append") {
        machine.append += &format!(" {more}");
    }
    machine.initrd = Some(initrd);
    if words.has("dry-run") {
        // The line can be typed only while the ramdisk is there, so it stays.
        println!("{}", machine.printed("mon:stdio"));
        std::mem::forget(scratch);
        return Ok(ExitCode::SUCCESS);
    }
    let by = if machine.accel == accel::Accel::Kvm { "KVM" } else { "software emulation" };
    eprintln!("cargo boot: Linux {} in QEMU by {by}; Ctrl-A X ends it", kernel.release);
    let status = machine.on_terminal(&artifacts::qemu()?)?;
    match status.success() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Fault::new(format!("qemu: {}", apt::ending(status)))),
    }
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
