//! What the binaries are built for: four processors, two C libraries, and the names that rustc and Debian give them.

use crate::fault::{Fault, Result};

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// 64-bit PC.
    X86_64,
    /// 32-bit PC with SSE2.
    I686,
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit ARM, v7 with hardware floating point.
    Armv7,
}

/// The C library that `keel` is linked with, always statically. `pid1` has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Libc {
    /// glibc: what the stock x86_64 toolchain has; ten times as large.
    Gnu,
    /// musl: what is shipped.
    Musl,
}

/// Name on the command line, processor, rustc's triples for gnu and musl, Debian's name.
pub const ARCHES: [(&str, Arch, &str, &str, &str); 4] = [
    ("x86_64", Arch::X86_64, "x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl", "amd64"),
    ("i686", Arch::I686, "i686-unknown-linux-gnu", "i686-unknown-linux-musl", "i386"),
    ("aarch64", Arch::Aarch64, "aarch64-unknown-linux-gnu", "aarch64-unknown-linux-musl", "arm64"),
    ("armv7", Arch::Armv7, "armv7-unknown-linux-gnueabihf", "armv7-unknown-linux-musleabihf", "armhf"),
];

/// One target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The processor.
    pub arch: Arch,
    /// The C library.
    pub libc: Libc,
}

impl Target {
    /// What builds everywhere with nothing but stock Rust and a C linker: used for `cargo boot` and the tests.
    pub const STOCK: Target = Target { arch: Arch::X86_64, libc: Libc::Gnu };

    /// From the words of the command line.
    pub fn named(arch: &str, libc: &str) -> Result<Target> {
        let row = ARCHES.iter().find(|row| row.0 == arch);
        let row =
            row.ok_or_else(|| Fault::new(format!("architecture '{arch}' is unknown: x86_64, i686, aarch64 or armv7")))?;
        let libc = match libc {
            "gnu" => Libc::Gnu,
            "musl" => Libc::Musl,
            _ => return Err(Fault::new(format!("C library '{libc}' is unknown: gnu or musl"))),
        };
        Ok(Target { arch: row.1, libc })
    }

    fn row(self) -> &'static (&'static str, Arch, &'static str, &'static str, &'static str) {
        // Every Arch has its row, in the order of the enum.
        &ARCHES[self.arch as usize]
    }

    /// rustc's triple.
    pub fn triple(self) -> &'static str {
        match self.libc {
            Libc::Gnu => self.row().2,
            Libc::Musl => self.row().3,
        }
    }

    /// Debian's name of the processor.
    pub fn debian(self) -> &'static str {
        self.row().4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_leads_to_its_own_row() {
        for (name, arch, gnu, musl, debian) in ARCHES {
            let target = |libc| Target::named(name, libc).unwrap();
            assert_eq!((target("gnu").triple(), target("musl").triple()), (gnu, musl));
            assert_eq!((target("gnu").arch, target("gnu").debian()), (arch, debian));
        }
        assert!(Target::named("mips", "gnu").unwrap_err().0.contains("'mips'"));
    }
}
