//! Where else a console's bytes go: its log file, which does not grow for ever, and a terminal or file of the host
//! (`lxc.console.path`), which stays outside: the container has a terminal of its own, and bytes are passed on.
use super::container::Id;
use super::events::{Interest, Token};
use super::{Watch, What};
use keel_core::config::{Console, ConsolePath};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

/// `lxc.console.logfile`.
#[derive(Debug)]
pub(super) struct LogFile {
    path: String,
    file: File,
    written: u64,
    /// The most that it holds; 0: no limit.
    limit: u64,
    rotate: bool,
}

impl LogFile {
    /// Opens it, to be appended to.
    pub(super) fn open(path: &str, console: &Console) -> std::io::Result<LogFile> {
        let file =
            OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)?;
        let written = file.metadata()?.len();
        Ok(LogFile { path: path.into(), file, written, limit: console.size, rotate: console.rotate })
    }

    /// Appends. A file that is full is renamed to `FILE.1`, or emptied.
    pub(super) fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.limit > 0 && self.written + bytes.len() as u64 > self.limit {
            if self.rotate {
                std::fs::rename(&self.path, format!("{}.1", self.path))?;
                let console = Console { size: self.limit, rotate: true, ..Console::default() };
                *self = LogFile::open(&self.path.clone(), &console)?;
            } else {
                self.file.set_len(0)?;
                self.written = 0;
            }
        }
        self.file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// What waits for the host's terminal, at most; the oldest goes. As much waits for the container.
const BEHIND: usize = 64 * 1024;

/// `lxc.console.path`.
#[derive(Debug)]
pub(super) struct Outside {
    file: File,
    /// As it was before it was made raw.
    before: Option<Termios>,
    token: Option<Token>,
    pending: VecDeque<u8>,
}

impl Outside {
    fn open(path: &str) -> std::io::Result<Outside> {
        let flags = libc::O_NOCTTY | libc::O_NONBLOCK;
        let file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
        // ENOTTY: a file.
        let before = tcgetattr(&file).ok();
        if let Some(mut raw) = before.clone() {
            raw.make_raw();
            tcsetattr(&file, OptionalActions::Now, &raw)?;
        }
        Ok(Outside { file, before, token: None, pending: VecDeque::new() })
    }

    /// Passes on what the console said, as far as it is taken.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        let over = (self.pending.len() + bytes.len()).saturating_sub(BEHIND).min(self.pending.len());
        self.pending.drain(..over);
        self.pending.extend(bytes);
        self.flush();
    }

    fn flush(&mut self) {
        while !self.pending.is_empty() {
            match rustix::io::write(&self.file, self.pending.as_slices().0) {
                Ok(n) => drop(self.pending.drain(..n)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // Hung up: as if nobody looked.
                Err(_) => self.pending.clear(),
            }
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // EIO: the terminal is gone.
            let _ = tcsetattr(&self.file, OptionalActions::Now, before);
        }
    }
}

impl Watch {
    /// Connects the console with the host's terminal, if it has one.
    pub(super) fn connect_outside(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let ConsolePath::Path(path) = &container.definition.config.console.path else { return };
        match Outside::open(path) {
            Ok(mut outside) => {
                // EPERM: a file, of which nothing is to be read.
                outside.token = self.events.add(&outside.file, Interest::Changes, What::Outside(id)).ok();
                container.outside = Some(outside);
            }
            Err(e) => {
                let why = super::failure(format_args!("lxc.console.path: open '{path}'"), &e);
                log::warn!("{}: {why}", container.definition.name);
            }
        }
    }

    /// It is no longer used.
    pub(super) fn disconnect_outside(&mut self, id: Id) {
        let Some(outside) = self.containers.get_mut(&id).and_then(|c| c.outside.take()) else { return };
        if let Some(token) = outside.token {
            self.events.remove(token, &outside.file);
        }
    }

    /// Something was typed on it, or it takes more.
    pub(super) fn outside_changed(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(outside) = &mut container.outside else { return };
        outside.flush();
        let mut typed = Vec::new();
        let mut buffer = [0u8; 1024];
        while typed.len() < BEHIND {
            match rustix::io::read(&outside.file, &mut buffer) {
                Ok(0) | Err(Errno::AGAIN) => break,
                Ok(n) => typed.extend_from_slice(&buffer[..n]),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        if !typed.is_empty() && container.input.len() < BEHIND {
            self.console_input(id, &typed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_file_keeps_its_limit() {
        let path = std::env::temp_dir().join(format!("keel-outlets-{}", std::process::id()));
        let path = path.to_str().unwrap();
        for rotate in [false, true] {
            let mut file = LogFile::open(path, &Console { size: 8, rotate, ..Console::default() }).unwrap();
            for word in ["abcd", "efgh", "ij"] {
                file.write(word.as_bytes()).unwrap();
            }
            assert_eq!(std::fs::read_to_string(path).unwrap(), "ij");
            assert_eq!(std::fs::read_to_string(format!("{path}.1")).ok(), rotate.then(|| "abcdefgh".into()));
            std::fs::remove_file(path).unwrap();
        }
        std::fs::remove_file(format!("{path}.1")).unwrap();
    }
}
