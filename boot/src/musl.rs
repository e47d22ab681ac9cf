//! musl's start files and libc.a for a processor, from Debian's `musl-dev`, unpacked into the cache; never installed.

use crate::cache;
use crate::fault::{At, Fault, Result};
use crate::foreign;
use crate::target::Target;
use std::fs;
use std::path::{Path, PathBuf};

/// A directory with crt1.o, crti.o, crtn.o, libc.a and an empty libunwind.a (std asks for one, `panic=abort` uses none).
pub fn obtain(target: Target) -> Result<PathBuf> {
    let arch = target.debian();
    cache::entry(&format!("musl-{arch}"), |dir| {
        foreign::unpack("musl-dev", arch, dir)?;
        let lib = find_lib(dir)?;
        for name in ["crt1.o", "crti.o", "crtn.o", "libc.a"] {
            fs::copy(lib.join(name), dir.join(name)).at("copy", &lib.join(name))?;
        }
        fs::remove_dir_all(dir.join("usr")).at("remove", &dir.join("usr"))?;
        fs::write(dir.join("libunwind.a"), "!<arch>\n").at("write", dir)
    })
}

/// `usr/lib/TRIPLE`: whatever Debian calls it.
fn find_lib(dir: &Path) -> Result<PathBuf> {
    let base = dir.join("usr/lib");
    fs::read_dir(&base)
        .at("read", &base)?
        .filter_map(|e| e.ok())
        .map(|e| e.path())
        .find(|p| p.join("libc.a").is_file())
        .ok_or_else(|| Fault::new(format!("no libc.a in '{}'", base.display())))
}
