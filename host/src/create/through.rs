//! Bytes through a program of the host: archives that are compressed with what keel has no decoder for (zstd, xz, bzip2).
//!
//! One process at each end and no thread: what is written and what is read are waited for at once. A program that is not
//! there is named; one that fails ends the reading with an error.

use super::Program;
use crate::fault::{Result, at, say};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a program makes of a reader's bytes.
pub struct Through<R> {
    reader: R,
    name: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// What was read and not yet taken.
    pending: Vec<u8>,
}

impl<R: Read> Through<R> {
    /// Begins `NAME -dc`; `shown` is what it reads, for messages.
    pub fn decoder(name: &'static str, reader: R, shown: &str) -> Result<Through<R>> {
        let Some(program) = Program::in_path(name) else {
            return say(format!("'{shown}' is compressed with {name}, and there is no '{name}' in PATH"));
        };
        let mut command = Command::new(&program);
        command.arg("-dc").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| at("exec", &program, e))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return say(format!("'{name}' has no pipes"));
        };
        // F_SETFL cannot fail for O_NONBLOCK alone.
        let _ = fcntl_getfl(&input).and_then(|flags| fcntl_setfl(&input, flags | OFlags::NONBLOCK));
        Ok(Through { reader, name, child, input: Some(input), output, pending: Vec::new() })
    }

    /// Gives it as much as it takes.
    fn feed(&mut self) -> io::Result<()> {
        let Some(input) = &mut self.input else { return Ok(()) };
        if self.pending.is_empty() {
            let mut buffer = [0; 1 << 16];
            let n = self.reader.read(&mut buffer)?;
            self.pending.extend_from_slice(&buffer[..n]);
        }
        if self.pending.is_empty() {
            self.input = None;
            return Ok(());
        }
        match input.write(&self.pending) {
            Ok(n) => drop(self.pending.drain(..n)),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // It has read enough, or has failed: its end says which.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => self.input = None,
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

impl<R: Read> Read for Through<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let output = PollFd::new(&self.output, PollFlags::IN);
            let (readable, writable) = match &self.input {
                Some(input) => {
                    let mut both = [output, PollFd::from_borrowed_fd(input.as_fd(), PollFlags::OUT)];
                    poll(&mut both, None)?;
                    (!both[0].revents().is_empty(), !both[1].revents().is_empty())
                }
                None => (true, false),
            };
            if readable {
                let n = self.output.read(buffer)?;
                if n == 0 && !buffer.is_empty() {
                    self.input = None;
                    let status = self.child.wait()?;
                    if !status.success() {
                        return Err(io::Error::other(format!("{}: {status}", self.name)));
                    }
                }
                return Ok(n);
            }
            if writable {
                self.feed()?;
            }
        }
    }
}

impl<R> Drop for Through<R> {
    fn drop(&mut self) {
        // Ended already, mostly: both say so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_files_come_back_and_broken_ones_are_said() {
        if Program::in_path("xz").is_none() {
            return crate::scratch::skip("no xz in PATH");
        }
        // More than a pipe holds, in both directions.
        let data: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        let scratch = crate::scratch::Scratch::new();
        let plain = scratch.path().join("plain");
        std::fs::write(&plain, &data).unwrap();
        let made = Command::new("xz").args(["-0", "-k"]).arg(&plain).status().unwrap();
        assert!(made.success());
        let packed = std::fs::read(scratch.path().join("plain.xz")).unwrap();
        let mut back = Vec::new();
        Through::decoder("xz", packed.as_slice(), "f").unwrap().read_to_end(&mut back).unwrap();
        assert!(back == data);
        let broken = &packed[..packed.len() / 2];
        let error = Through::decoder("xz", broken, "f").unwrap().read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().starts_with("xz: exit status"), "{error}");
    }
}
