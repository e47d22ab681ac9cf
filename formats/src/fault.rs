//! The error type of what reads and packs images: a sentence, ready to be printed after a program's name.
//! Keeps no cause chain: whoever knows the operand writes the whole line.

use keel_core::failure::Errno;
use std::fmt;
use std::path::Path;

/// One line, lower case, no full stop; the errno's symbol where the system refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

/// What every function here returns that can fail.
pub type Result<T> = std::result::Result<T, Fault>;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// A sentence that has no errno behind it.
    pub fn new(text: impl Into<String>) -> Self {
        Fault(text.into())
    }

    /// `WHAT 'PATH': ESYMBOL`
    pub fn at(what: &str, path: &Path, e: &std::io::Error) -> Self {
        Fault(format!("{what} '{}': {}", path.display(), symbol(e)))
    }
}

/// The errno's symbol (ENOENT), or std's own words for the few errors that do not come from the kernel.
pub fn symbol(e: &std::io::Error) -> String {
    match e.raw_os_error() {
        Some(n) => Errno(n).to_string(),
        None => e.to_string(),
    }
}

/// Puts the operation and its operand in front of an I/O error.
pub trait At<T> {
    /// `.at("read", path)`
    fn at(self, what: &str, path: &Path) -> Result<T>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, what: &str, path: &Path) -> Result<T> {
        self.map_err(|e| Fault::at(what, path, &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_operation_the_operand_and_the_symbol() {
        let path = Path::new("/nonexistent/x");
        let fault = std::fs::read(path).at("read", path).unwrap_err();
        assert_eq!(fault.to_string(), "read '/nonexistent/x': ENOENT");
    }
}
