//! All of `pid1`'s `unsafe`: the start, the memory functions, and the system calls that rustix has not.
//!
//! No decision is made here: a function is a call, and its error is the errno.

#![allow(unsafe_code)]

pub mod arguments;
pub mod clock;
mod entry;
pub mod input;
pub mod memory;
pub mod power;
pub mod process;
pub mod signal;
pub mod socket;
pub mod stdio;
pub mod terminal;
pub mod vfork;

use core::fmt;
use rustix::io::Errno;

/// What a call gives, or its errno.
pub type Result<T> = core::result::Result<T, Errno>;

/// The `syscalls` crate's result as rustix's.
fn check(result: core::result::Result<usize, syscalls::Errno>) -> Result<usize> {
    result.map_err(|e| Errno::from_raw_os_error(e.into_raw()))
}

/// Prints an errno's symbol.
pub struct Symbol(pub Errno);

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = self.0.raw_os_error();
        match pid1::errno::symbol(raw) {
            Some(name) => {
                f.write_str("E")?;
                f.write_str(name)
            }
            None => write!(f, "errno {raw}"),
        }
    }
}

/// Reads a descriptor into a buffer until its end or until the buffer is full.
pub fn read_all<'b>(fd: rustix::fd::BorrowedFd<'_>, buffer: &'b mut [core::mem::MaybeUninit<u8>]) -> Result<&'b [u8]> {
    let mut len = 0;
    // Files of /proc come in pieces of a page.
    while len < buffer.len() {
        match rustix::io::read(fd, &mut buffer[len..]) {
            Ok(([], _)) => break,
            Ok((piece, _)) => len += piece.len(),
            Err(Errno::INTR) => {}
            Err(e) => return Err(e),
        }
    }
    // SAFETY: the reads have filled the first `len` bytes, one behind the other.
    Ok(unsafe { core::slice::from_raw_parts(buffer.as_ptr().cast(), len) })
}
