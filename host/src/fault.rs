//! A failed command in one sentence, and the symbol of an error number.
//!
//! Libraries return a `Fault`; only `cli` prints one. No line break and no full stop in it.

use std::fmt;
use std::io;
use std::path::Path;

/// What went wrong, as one line: `FILE:LINE:` first where there is a file, the symbol of the error number last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

/// What the functions of this crate that may fail return.
pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A system call `what` on `path` that failed.
    pub fn at(what: &str, path: impl AsRef<Path>, errno: impl Into<io::Error>) -> Fault {
        Fault(format!("{what} '{}': {}", path.as_ref().display(), symbol(&errno.into())))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Fault {
        Fault(text)
    }
}

impl From<&str> for Fault {
    fn from(text: &str) -> Fault {
        Fault(text.to_owned())
    }
}

/// `ENOENT` for 2 and so on; what is no error number keeps the words of the standard library.
pub fn symbol(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => NAMES
            .iter()
            .find(|(known, _)| *known == number)
            .map_or_else(|| format!("errno {number}"), |(_, name)| (*name).to_owned()),
        None => error.to_string(),
    }
}

macro_rules! names {
    ($($name:ident)*) => { &[$((libc::$name, stringify!($name))),*] };
}

/// errno(3), what file, process and socket calls answer.
const NAMES: &[(i32, &str)] = names! {
    EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST EXDEV
    ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK
    ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP ENODATA ETIME EOVERFLOW EILSEQ EUSERS ENOTSOCK EMSGSIZE EOPNOTSUPP
    EADDRINUSE EADDRNOTAVAIL ENETDOWN ECONNABORTED ECONNRESET ENOBUFS ENOTCONN ETIMEDOUT ECONNREFUSED EALREADY
    ESTALE EDQUOT ECANCELED EKEYREJECTED ENOKEY
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_call_the_path_and_the_symbol() {
        let fault = Fault::at("mkdir", "/a/b", io::Error::from_raw_os_error(libc::ENOTDIR));
        assert_eq!(fault.to_string(), "mkdir '/a/b': ENOTDIR");
        assert_eq!(symbol(&io::Error::from_raw_os_error(4000)), "errno 4000");
    }
}
