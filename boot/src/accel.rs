//! KVM or software emulation. A readable /dev/kvm is no proof: under a nested PVM (module kvm_pvm) it exists and stock
//! kernels hang. So the hardware's own module must be loaded, the device must open, and a virtual machine must come to be.

use crate::target::Arch;
use std::process::{Command, Stdio};

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accel {
    /// The processor, through /dev/kvm.
    Kvm,
    /// QEMU's translator: always there.
    Tcg,
}

impl Accel {
    /// `$KEEL_ACCEL` (kvm or tcg), else KVM where it really works. A word that is neither counts as not given.
    pub fn choose() -> Accel {
        match std::env::var("KEEL_ACCEL").as_deref() {
            Ok("kvm") => Accel::Kvm,
            Ok("tcg") => Accel::Tcg,
            _ if kvm_works() => Accel::Kvm,
            _ => Accel::Tcg,
        }
    }

    /// QEMU's words: the accelerator, and a processor that it can give.
    pub fn arguments(self, arch: Arch) -> [&'static str; 4] {
        match self {
            Accel::Kvm => ["-accel", "kvm", "-cpu", "host"],
            // Has SSE2, which Rust's i686 takes for granted, and no long mode.
            Accel::Tcg if arch == Arch::I686 => ["-accel", "tcg", "-cpu", "qemu32,+rdrand"],
            // Not `max`: QEMU 7.2 emulates AVX, and wrongly: crypt(3) of SHA-512 gives another hash, and no login succeeds.
            Accel::Tcg => ["-accel", "tcg", "-cpu", "qemu64,+rdrand"],
        }
    }
}

fn kvm_works() -> bool {
    let loaded = ["kvm_intel", "kvm_amd"].iter().any(|m| std::path::Path::new("/sys/module").join(m).is_dir());
    let opens = || std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok();
    loaded && opens() && machine_starts()
}

/// Creates a machine without a kernel and asks it to quit: a QEMU that cannot use KVM exits with 1.
fn machine_starts() -> bool {
    use std::io::Write;
    let child = Command::new("qemu-system-x86_64")
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-M", "pc", "-m", "32", "-S", "-qmp", "stdio"])
        .args(Accel::Kvm.arguments(Arch::X86_64))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let asked = child.stdin.take().is_some_and(|mut input| {
        input.write_all(b"{\"execute\":\"qmp_capabilities\"}{\"execute\":\"quit\"}\n").is_ok()
    });
    asked && child.wait().is_ok_and(|s| s.success())
}
