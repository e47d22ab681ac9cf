//! Standard output and standard error, in one place.
//!
//! A reader that goes away (`keel ls | head -1`) is no failure: what is left is dropped. Text from files and names goes
//! to a terminal with its control characters made visible, so that it cannot act on it.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use crate::fault::{Result, at};

/// Prints to standard output.
pub fn print(text: &str) -> Result<()> {
    stream(text).map(drop)
}

/// The same for what goes on and on: false when nobody reads any more.
pub fn stream(text: &str) -> Result<bool> {
    let stdout = io::stdout();
    let text = if stdout.is_terminal() { visible(text) } else { text.to_owned() };
    let mut stdout = stdout.lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(at("write", "standard output", e)),
        Ok(()) => Ok(true),
    }
}

/// Where messages go, and who speaks.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    /// In front of each line: `keel`, `lxc-start`.
    pub speaker: String,
    /// `-q`: nothing is said.
    pub quiet: bool,
    /// `-o FILE`: messages are appended here as well.
    pub logfile: Option<PathBuf>,
}

impl Messages {
    /// Prints a message of one or more lines to standard error, each with the speaker in front.
    pub fn print(&self, message: &str) {
        let mut text = String::new();
        for line in message.lines() {
            text += &format!("{}: {line}\n", self.speaker);
        }
        if !self.quiet {
            let mut stderr = io::stderr().lock();
            let shown = if io::stderr().is_terminal() { visible(&text) } else { text.clone() };
            // Nobody is left to hear about a standard error that cannot be written.
            let _ = stderr.write_all(shown.as_bytes());
        }
        if let Some(path) = &self.logfile {
            let written = OpenOptions::new().append(true).create(true).open(path);
            if let Err(e) = written.and_then(|mut file| file.write_all(text.as_bytes()))
                && !self.quiet
            {
                let _ = writeln!(io::stderr(), "{}: {}", self.speaker, at("write", path, e));
            }
        }
    }
}

/// Control characters but for the line break and the tab, as `\u{1b}`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(visible("a\x1b[2J\u{9b}b\r\n\tä"), "a\\u{1b}[2J\\u{9b}b\\u{d}\n\tä");
    }
}
