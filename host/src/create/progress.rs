//! How far reading an archive is, on standard error: a line that is written over on a terminal, one line in the end
//! elsewhere.

use std::io::{self, IsTerminal, Read, Write};

/// A line for each of so many bytes.
const STEP: u64 = 1 << 20;

/// A reader that says how far it is.
pub struct Progress<R> {
    inner: R,
    label: String,
    done: u64,
    /// All there is, if it is known.
    whole: Option<u64>,
    said: u64,
    quiet: bool,
    terminal: bool,
}

impl<R: Read> Progress<R> {
    /// Reads `inner`; `label` stands in front.
    pub fn new(inner: R, label: String, whole: Option<u64>, quiet: bool) -> Progress<R> {
        let terminal = io::stderr().is_terminal();
        Progress { inner, label, done: 0, whole, said: 0, quiet, terminal }
    }

    fn say(&self, end: &str) {
        // Nobody is left to hear about a standard error that cannot be written.
        let _ = match self.whole {
            Some(whole) => write!(io::stderr(), "{}: {} of {} KiB{end}", self.label, self.done >> 10, whole >> 10),
            None => write!(io::stderr(), "{}: {} KiB{end}", self.label, self.done >> 10),
        };
    }
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.done += n as u64;
        if self.terminal && !self.quiet && self.done / STEP > self.said {
            self.said = self.done / STEP;
            self.say("\r");
        }
        Ok(n)
    }
}

impl<R> Drop for Progress<R> {
    fn drop(&mut self) {
        if !self.quiet {
            let _ = match self.whole {
                Some(whole) => writeln!(io::stderr(), "{}: {} of {} KiB", self.label, self.done >> 10, whole >> 10),
                None => writeln!(io::stderr(), "{}: {} KiB", self.label, self.done >> 10),
            };
        }
    }
}
