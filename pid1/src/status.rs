//! What a wait status says: an exit code, or a signal.
//!
//! Stopped and continued statuses are not asked for by `pid1` and read as nonsense here: only pass what wait4(2) gives without
//! WUNTRACED, or what PIDFD_GET_INFO calls `exit_code`.

use core::fmt;

use crate::signals;

/// A raw wait status, as wait4(2) writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// The status of a program that ended with `code`.
    #[must_use]
    pub const fn exited(code: u8) -> Status {
        Status((code as u32) << 8)
    }

    /// The signal that ended it, if one did.
    #[must_use]
    pub const fn signal(self) -> Option<u8> {
        match (self.0 & 0x7f) as u8 {
            0 => None,
            n => Some(n),
        }
    }

    /// One number for both, as shells and tini give it: the exit code, or 128 + signal.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self.signal() {
            // 127 would be a stopped process, which is never asked for: 128 + 127 still fits.
            Some(n) => 128 + n,
            None => (self.0 >> 8) as u8,
        }
    }

    /// Did it write a core file?
    #[must_use]
    pub const fn dumped_core(self) -> bool {
        self.signal().is_some() && self.0 & 0x80 != 0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signal() {
            Some(n) => {
                write!(f, "was ended by {}", signals::Name(n))?;
                f.write_str(if self.dumped_core() { " (core written)" } else { "" })
            }
            None => write!(f, "exited with {}", self.exit_code()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_exit_code() {
        for code in 0..=255u8 {
            assert_eq!(Status::exited(code).exit_code(), code);
            assert_eq!(Status::exited(code).signal(), None);
        }
        for signal in 1..=64u32 {
            for core in [0, 0x80] {
                let status = Status(signal | core);
                assert_eq!(u32::from(status.exit_code()), 128 + signal);
                assert_eq!(status.dumped_core(), core != 0);
            }
        }
    }

    #[test]
    fn words() {
        assert_eq!(Status::exited(3).to_string(), "exited with 3");
        assert_eq!(Status(9).to_string(), "was ended by SIGKILL");
        assert_eq!(Status(11 | 0x80).to_string(), "was ended by SIGSEGV (core written)");
        assert_eq!(Status(37).to_string(), "was ended by SIGRTMIN+3");
    }
}
