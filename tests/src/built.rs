//! The programs under test, and the probe: given by `KEEL_BIN`, `KEEL_PID1` and `KEEL_PROBE`, else built once.
//!
//! They are the release builds: what is tested is what is packed.

use boot::build::{self, Binaries};
use boot::target::{Arch, Libc, Target};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Where they are.
#[derive(Debug)]
pub struct Built {
    /// The host agent.
    pub keel: PathBuf,
    /// The guest's PID 1.
    pub pid1: PathBuf,
    /// What answers questions from inside.
    pub probe: PathBuf,
    /// A static busybox.
    pub busybox: PathBuf,
}

impl Built {
    /// As `boot` wants them.
    pub fn binaries(&self) -> Binaries {
        Binaries { keel: self.keel.clone(), pid1: self.pid1.clone() }
    }
}

/// All of them, built when they are not there yet, for a 32-bit machine: nothing on it is from this one.
pub fn built_i686() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = Target { arch: Arch::I686, libc: Libc::Musl };
        let program =
            |package, name| build::program(target, package, name).unwrap_or_else(|why| panic!("for i686: {why}"));
        Built {
            keel: program("host", "keel"),
            pid1: program("pid1", "pid1"),
            probe: program("probe", "probe"),
            busybox: boot::artifacts::busybox(Arch::I686).unwrap_or_else(|why| panic!("{why}")),
        }
    })
}

/// All of them, built when they are not there yet.
pub fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| Built {
        keel: program("KEEL_BIN", "host", "keel"),
        pid1: program("KEEL_PID1", "pid1", "pid1"),
        probe: program("KEEL_PROBE", "probe", "probe"),
        busybox: boot::artifacts::busybox(Arch::X86_64).unwrap_or_else(|why| panic!("{why}")),
    })
}

fn program(variable: &str, package: &str, name: &str) -> PathBuf {
    match std::env::var_os(variable).filter(|v| !v.is_empty()) {
        Some(given) => std::fs::canonicalize(&given).unwrap_or_else(|e| panic!("{variable}={given:?}: {e}")),
        None => build::program(Target::STOCK, package, name).unwrap_or_else(|why| panic!("{why}")),
    }
}

/// The repository.
pub fn workspace() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(build::workspace)
}
