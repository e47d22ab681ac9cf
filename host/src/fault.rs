//! Errors of the standard library and of rustix as `Failure`s: one line, the path in single quotes, the symbol last.

use std::io;
use std::path::Path;

use keel_core::failure::{Errno, Failure};

/// What the functions of this crate that may fail return.
pub type Result<T> = std::result::Result<T, Failure>;

/// A call `what` on `path` that failed.
pub fn at(what: &str, path: impl AsRef<Path>, error: impl Into<io::Error>) -> Failure {
    Failure::new(format!("{what} '{}': {}", path.as_ref().display(), symbol(&error.into())))
}

/// A sentence of its own.
pub fn say<T>(message: impl Into<String>) -> Result<T> {
    Err(Failure::new(message))
}

/// `ENOENT` for 2 and so on; what has no error number keeps the words of the standard library.
pub fn symbol(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno(number).to_string(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_call_the_path_and_the_symbol() {
        let failure = at("mkdir", "/a/b", io::Error::from_raw_os_error(libc::ENOTDIR));
        assert_eq!(&*failure.message, "mkdir '/a/b': ENOTDIR");
        assert_eq!(symbol(&io::ErrorKind::UnexpectedEof.into()), "unexpected end of file");
    }
}
