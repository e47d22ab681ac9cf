//! keel run from a sealed copy of itself, before anything of it is near a container.
//!
//! What enters a container can be opened there as /proc/PID/exe, and written to once nobody executes it (CVE-2019-5736;
//! Linux 6.11 and 6.12 do not even wait for that). A sealed memfd cannot be written by anybody.
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::io::Errno;
use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;

use crate::sys::process::{Pointers, exec};

/// Execute a sealed copy with the same arguments; returns when this process is one already, or where it cannot be had:
/// before Linux 3.17 (COMPAT(linux<3.17)), or by `vm.memfd_noexec`.
pub fn run_from_copy() {
    let Ok(mut own) = File::open("/proc/self/exe") else { return };
    // Only a memfd has seals (EINVAL otherwise).
    if fcntl_get_seals(&own).is_ok_and(|seals| seals.contains(SealFlags::WRITE)) {
        return;
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let made = match memfd_create("keel", flags | MemfdFlags::EXEC) {
        // COMPAT(linux<6.3): no MFD_EXEC, all are executable.
        Err(Errno::INVAL) => memfd_create("keel", flags),
        made => made,
    };
    let Ok(made) = made else { return };
    let mut copy = File::from(made);
    if std::io::copy(&mut own, &mut copy).is_err() {
        return;
    }
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    if fcntl_add_seals(&copy, seals).is_err() {
        return;
    }
    let text = |bytes: Vec<u8>| CString::new(bytes).unwrap_or_default();
    // std knows them with glibc only: with musl it is std's own `main`, which is not ours, that keeps them.
    let Ok(line) = std::fs::read("/proc/self/cmdline") else { return };
    let argv: Vec<CString> =
        line.strip_suffix(b"\0").unwrap_or(&line).split(|b| *b == 0).map(|a| text(a.into())).collect();
    let envp: Vec<CString> = std::env::vars_os()
        .map(|(name, value)| {
            let mut line = name.into_vec();
            line.push(b'=');
            line.extend(value.into_vec());
            text(line)
        })
        .collect();
    let path = text(format!("/proc/self/fd/{}", copy.as_raw_fd()).into_bytes());
    // EACCES of a system that forbids it: as before.
    let _ = exec(&path, &Pointers::new(&argv), &Pointers::new(&envp));
}
