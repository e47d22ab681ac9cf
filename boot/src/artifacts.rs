//! Finds or obtains what a boot needs from outside: QEMU, a static busybox, a kernel. Only Debian's and Ubuntu's packages
//! are fetched. The kernel is unpacked into the cache and never installed; its ELF is carved out once.

use crate::apt::{self, Need};
use crate::fault::{At, Fault, Result};
use crate::foreign;
use crate::target::{Arch, Target};
use crate::{cache, vmlinux};
use std::fs;
use std::path::{Path, PathBuf};

/// A kernel to boot, and what came with it.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// An ELF vmlinux with a PVH entry, or a bzImage: what QEMU's `-kernel` takes.
    pub image: PathBuf,
    /// As it came, a bzImage most often: what kexec_file_load(2) takes.
    pub packed: PathBuf,
    /// `lib/modules/RELEASE`; absent for a kernel given by file or built here without modules.
    pub modules_dir: Option<PathBuf>,
    /// `uname -r`, or the file's name where the release is unknown.
    pub release: String,
}

/// Small kernels made for virtual machines first: Debian's cloud flavour, Ubuntu's virtual; then whatever there is.
const KERNELS: [&str; 4] =
    ["linux-image-cloud-amd64", "linux-image-virtual", "linux-image-amd64", "linux-image-generic"];

/// The same for 32-bit PCs: the one with PAE has a PVH entry as well.
const KERNEL_I386: &str = "linux-image-686-pae";

/// The QEMU that emulates a processor.
pub fn qemu(arch: Arch) -> Result<PathBuf> {
    let name = qemu_name(arch)?;
    apt::ensure(&[QEMU])?;
    apt::program(name).ok_or_else(|| Fault::new(format!("{name} is not in PATH")))
}

/// Its name.
pub fn qemu_name(arch: Arch) -> Result<&'static str> {
    match arch {
        Arch::X86_64 => Ok("qemu-system-x86_64"),
        Arch::I686 => Ok("qemu-system-i386"),
        _ => Err(Fault::new("only machines of x86_64 and i686 are booted; ARM is built and packed")),
    }
}

/// The packages that every boot needs.
pub const QEMU: Need = Need { package: "qemu-system-x86", there: || apt::program("qemu-system-x86_64").is_some() };
/// The shell, login and applets of the demo's host and containers.
pub const BUSYBOX: Need = Need { package: "busybox-static", there: || static_busybox().is_some() };

/// A busybox that runs without any library: `$KEEL_BUSYBOX`, else the first static one in PATH; for another processor than
/// this machine's its package's.
pub fn busybox(arch: Arch) -> Result<PathBuf> {
    if arch != Arch::X86_64 {
        let target = Target { arch, libc: crate::target::Libc::Musl };
        let place = cache::entry(&format!("busybox-{}", target.debian()), |dir| {
            foreign::unpack("busybox-static", target.debian(), dir)
        })?;
        return Ok(place.join("bin/busybox"));
    }
    apt::ensure(&[BUSYBOX])?;
    static_busybox().ok_or_else(|| Fault::new("no static busybox in PATH"))
}

fn static_busybox() -> Option<PathBuf> {
    let given = std::env::var_os("KEEL_BUSYBOX").map(PathBuf::from);
    given
        .or_else(|| apt::program("busybox"))
        .into_iter()
        .chain(["/bin/busybox", "/usr/lib/busybox-static/busybox"].map(PathBuf::from))
        .find(|p| fs::read(p).is_ok_and(|bytes| !needs_interpreter(&bytes)))
}

/// Whether an ELF file has a PT_INTERP program header (or is no ELF file at all): such a program needs files of a libc.
pub fn needs_interpreter(elf: &[u8]) -> bool {
    let half = |at: usize| elf.get(at..at + 2).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])));
    let word = |at: usize| elf.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    let wide = elf.get(4) == Some(&2);
    // elf(5): e_phoff, e_phentsize, e_phnum; PT_INTERP is 3.
    let header = if wide { (word(32), half(54), half(56)) } else { (word(28), half(42), half(44)) };
    match header {
        (Some(start), Some(size), Some(count)) if elf.starts_with(b"\x7fELF") => {
            (0..count).any(|i| word(start.saturating_add(i * size)) == Some(3))
        }
        _ => true,
    }
}

/// The kernel to boot: `$KEEL_KERNEL` (`$KEEL_KERNEL_I686`), else the cached one, else the distribution's, downloaded.
pub fn kernel(arch: Arch) -> Result<Kernel> {
    qemu_name(arch)?;
    let (variable, entry) = match arch {
        Arch::I686 => ("KEEL_KERNEL_I686", "kernel-distribution-i386"),
        _ => ("KEEL_KERNEL", "kernel-distribution"),
    };
    match std::env::var_os(variable).filter(|v| !v.is_empty()) {
        Some(file) => kernel_file(Path::new(&file)),
        None => distribution_kernel(arch, entry, &KERNELS),
    }
}

/// The distribution's kernel for hardware, which has modules that the small ones are without (binder_linux).
pub fn full_kernel() -> Result<Kernel> {
    distribution_kernel(Arch::X86_64, "kernel-full", &KERNELS[2..])
}

/// A kernel that someone names: a bzImage is carved into the cache when its ELF can be entered directly.
pub fn kernel_file(file: &Path) -> Result<Kernel> {
    let bytes = fs::read(file).at("read", file)?;
    let named = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut image = fs::canonicalize(file).at("resolve", file)?;
    if !bytes.starts_with(b"\x7fELF") {
        let elf = vmlinux::carve(&bytes).map_err(|e| Fault::new(format!("'{}': {e}", file.display())))?;
        if vmlinux::has_pvh(&elf) {
            image = cache::entry(&format!("carved-{}", crate::hash::hex(&bytes)), |dir| {
                fs::write(dir.join("vmlinux"), &elf).at("write", &dir.join("vmlinux"))
            })?
            .join("vmlinux");
        }
    }
    Ok(Kernel { image, packed: file.to_path_buf(), modules_dir: None, release: named })
}

fn distribution_kernel(arch: Arch, name: &str, packages: &[&str]) -> Result<Kernel> {
    let place = cache::entry(name, |dir| {
        match arch {
            Arch::I686 => foreign_kernel(dir)?,
            _ => native_kernel(dir, packages)?,
        }
        let image = one_in(&dir.join("boot"), "vmlinuz-")?;
        let bytes = fs::read(&image).at("read", &image)?;
        let elf = vmlinux::carve(&bytes).map_err(|e| Fault::new(format!("'{}': {e}", image.display())))?;
        if vmlinux::has_pvh(&elf) {
            fs::write(dir.join("vmlinux"), elf).at("write", dir)?;
        }
        Ok(())
    })?;
    let packed = one_in(&place.join("boot"), "vmlinuz-")?;
    let release = packed.file_name().and_then(|n| n.to_str()?.strip_prefix("vmlinuz-")).unwrap_or_default().to_owned();
    let modules_dir =
        ["lib/modules", "usr/lib/modules"].map(|d| place.join(d).join(&release)).into_iter().find(|d| d.is_dir());
    let elf = place.join("vmlinux");
    Ok(Kernel { image: if elf.is_file() { elf } else { packed.clone() }, packed, modules_dir, release })
}

fn native_kernel(dir: &Path, packages: &[&str]) -> Result<()> {
    let package = apt::with_lists(|| newest_kernel(packages))?
        .ok_or_else(|| Fault::new("apt knows no kernel package (linux-image-cloud-amd64, linux-image-virtual)"))?;
    eprintln!("cargo boot: downloading {package} into the cache");
    apt::unpack(&package, dir)?;
    // Ubuntu ships the modules in a package of their own.
    let modules = package.replacen("linux-image-", "linux-modules-", 1);
    if apt::known(&modules) { apt::unpack(&modules, dir) } else { Ok(()) }
}

fn foreign_kernel(dir: &Path) -> Result<()> {
    let root = foreign::Root::new("i386", dir)?;
    let versioned = |d: &String| d.starts_with("linux-image-") && d.contains(|c: char| c.is_ascii_digit());
    let package = (root.depends(KERNEL_I386).into_iter())
        .find(versioned)
        .ok_or_else(|| Fault::new(format!("apt knows no {KERNEL_I386} for i386 (Debian has it up to version 12)")))?;
    eprintln!("cargo boot: downloading {package} into the cache");
    root.unpack(&package, dir)
}

/// The versioned package behind the first of `KERNELS` that apt knows.
fn newest_kernel(packages: &[&str]) -> Option<String> {
    packages.iter().find_map(|meta| {
        apt::depends(meta)
            .into_iter()
            .find(|d| d.starts_with("linux-image-") && d.contains(|c: char| c.is_ascii_digit()))
    })
}

fn one_in(dir: &Path, prefix: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(dir).at("read", dir)?;
    entries
        .filter_map(|e| e.ok())
        .map(|e| e.path())
        .find(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix)))
        .ok_or_else(|| Fault::new(format!("no '{prefix}*' in '{}'", dir.display())))
}

impl Kernel {
    /// The module `name` (as `modprobe` spells it) and before it the modules it depends on, in the order to load them.
    /// Files are looked up below `modules_dir`; dependencies come from the modules themselves, since the package has no
    /// modules.dep. A module that is not there is an error: it may be built in, which the caller knows.
    pub fn modules(&self, name: &str) -> Result<Vec<PathBuf>> {
        let dir = self
            .modules_dir
            .as_deref()
            .ok_or_else(|| Fault::new(format!("module '{name}': kernel '{}' came without modules", self.release)))?;
        crate::modules::closure(dir, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_is_told_from_a_static_one() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needs_interpreter(&own));
        assert!(needs_interpreter(b"#!/bin/sh"));
        assert!(needs_interpreter(&own[..20]));
        if let Some(busybox) = static_busybox() {
            assert!(!needs_interpreter(&fs::read(busybox).unwrap()));
        }
    }
}
