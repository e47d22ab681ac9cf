//! Standard output that may stop (a terminal's Ctrl-S, a reader that sleeps) without stopping whoever writes to it.
use super::terminal::write_all;
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, makedev};
use rustix::io::Errno;
use rustix::stdio::stdout;

/// More than this waiting: whoever produces it is to pause.
const MUCH: usize = 64 * 1024;

/// What was said and not yet shown.
#[derive(Debug)]
pub struct Output {
    /// A description of our own, so that O_NONBLOCK is nobody else's; none: standard output itself never waits for long.
    own: Option<OwnedFd>,
    waiting: Vec<u8>,
}

impl Output {
    /// Standard output as it is. A file is written directly: opened anew it would be written from its beginning.
    pub fn open() -> Output {
        let status = rustix::fs::fstat(stdout());
        let own = match status.map(|s| (FileType::from_raw_mode(s.st_mode), s.st_rdev)) {
            // /dev/null takes everything at once.
            Ok((FileType::CharacterDevice, device)) if device == makedev(1, 3) => None,
            Ok((FileType::CharacterDevice | FileType::Fifo, _)) => {
                let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                rustix::fs::open("/proc/self/fd/1", flags, Mode::empty()).ok()
            }
            _ => None,
        };
        Output { own, waiting: Vec::new() }
    }

    /// What is to be waited for until it can be written.
    pub fn descriptor(&self) -> Option<&OwnedFd> {
        self.own.as_ref()
    }

    /// Show this, now or later.
    pub fn say(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        self.flush();
    }

    /// Write what can be written now.
    pub fn flush(&mut self) {
        let Some(own) = &self.own else {
            // EIO or EPIPE: nobody looks any more.
            let _ = write_all(stdout(), &self.waiting);
            return self.waiting.clear();
        };
        while !self.waiting.is_empty() {
            match rustix::io::write(own, &self.waiting) {
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.waiting.clear(),
            }
        }
    }

    /// Nothing else is left to do: wait until all is shown.
    pub fn finish(self) {
        // EIO or EPIPE: nobody looks any more.
        let _ = write_all(stdout(), &self.waiting);
    }

    /// The producer is to pause.
    pub fn is_full(&self) -> bool {
        self.waiting.len() > MUCH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_taken_waits() {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
        let mut output = Output { own: Some(write), waiting: Vec::new() };
        let chunk = [b'x'; 4096];
        let mut said = 0;
        while !output.is_full() {
            output.say(&chunk);
            said += chunk.len();
        }
        let mut got = 0;
        let mut buffer = [0u8; 8192];
        while got < said {
            match rustix::io::read(&read, &mut buffer) {
                Ok(n) => got += n,
                Err(Errno::AGAIN) => output.flush(),
                Err(e) => panic!("{e}"),
            }
        }
        assert!(!output.is_full() && output.waiting.is_empty());
        drop(read);
        output.say(&chunk);
        assert!(output.waiting.is_empty(), "nobody reads: dropped");
    }
}
