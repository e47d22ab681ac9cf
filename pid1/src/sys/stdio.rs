//! Standard input, output and error.

use rustix::fd::BorrowedFd;

/// A standard descriptor.
fn standard(number: i32) -> BorrowedFd<'static> {
    // SAFETY: 0 to 2 are nobody's to close; where one was closed from outside, calls answer EBADF.
    unsafe { BorrowedFd::borrow_raw(number) }
}

/// Descriptor 0.
pub fn input() -> BorrowedFd<'static> {
    standard(0)
}

/// Descriptor 1.
pub fn output() -> BorrowedFd<'static> {
    standard(1)
}

/// Descriptor 2.
pub fn error() -> BorrowedFd<'static> {
    standard(2)
}
