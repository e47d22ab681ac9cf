//! The only place with `unsafe`: one thin function for each call that rustix does not have. Errors are errno only.
#![allow(unsafe_code)]

pub mod binder;
pub mod bpf;
pub mod clock;
#[cfg(test)]
pub mod counted;
pub mod descriptors;
#[cfg(not(test))]
pub mod entry;
#[cfg(all(target_arch = "x86_64", target_env = "gnu", target_feature = "crt-static", not(test)))]
mod glibc;
#[cfg(all(target_env = "musl", not(test)))]
mod heap;
pub mod input;
pub mod loops;
pub mod mount;
pub mod peer;
pub mod process;
pub mod seccomp;
pub mod signal;
pub mod signalfd;
pub mod vfork;

use keel_core::failure::Errno;

/// rustix's errno as ours.
pub fn errno(error: rustix::io::Errno) -> Errno {
    Errno(error.raw_os_error())
}

/// An I/O error of std as ours; EIO for one that carries no errno.
pub fn io_errno(error: &std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno)
}

/// What libc left in errno.
fn last() -> Errno {
    io_errno(&std::io::Error::last_os_error())
}

/// A libc call's result: -1 means errno.
fn checked<T: PartialEq + From<i8>>(result: T) -> Result<T, Errno> {
    if result == T::from(-1) { Err(last()) } else { Ok(result) }
}
