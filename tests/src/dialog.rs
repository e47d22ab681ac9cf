//! A conversation over a byte stream: a guest's console, a container's terminal. What was said is kept, and is in the
//! message of the test that fails.

use crate::ran::timespec;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long something that is expected may take: a boot under emulation on a busy machine takes a good part of it.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Both directions, and everything that came.
#[derive(Debug)]
pub struct Dialog {
    /// Who speaks: for messages.
    name: String,
    input: OwnedFd,
    output: Option<OwnedFd>,
    heard: Vec<u8>,
    /// What lies before this was expected already.
    at: usize,
}

impl Dialog {
    /// `input` is written to, `output` read from; both may be the same terminal.
    pub fn new(name: &str, input: OwnedFd, output: OwnedFd) -> Dialog {
        Dialog { name: name.into(), input, output: Some(output), heard: Vec::new(), at: 0 }
    }

    /// Everything heard so far.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// What was heard and not yet expected.
    pub fn rest(&self) -> String {
        String::from_utf8_lossy(&self.heard[self.at..]).into_owned()
    }

    /// Waits for a text; returns what stood before it, since the last one that was expected.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.expect_one(&[text]).1
    }

    /// Waits for the first of several texts; which one, and what stood before it.
    #[track_caller]
    pub fn expect_one(&mut self, texts: &[&str]) -> (usize, String) {
        match self.find(texts, PATIENCE) {
            Some(found) => found,
            None => self.fail(&format!("expected {texts:?}, which did not come")),
        }
    }

    /// Fails when one of the texts comes before `until`.
    #[track_caller]
    pub fn expect_without(&mut self, until: &str, never: &[&str]) -> String {
        let before = self.expect(until);
        if let Some(bad) = never.iter().find(|text| before.contains(**text)) {
            self.fail(&format!("'{bad}' came, which must not"));
        }
        before
    }

    /// The first of several texts within that time.
    pub fn find(&mut self, texts: &[&str], patience: Duration) -> Option<(usize, String)> {
        let deadline = Instant::now() + patience;
        loop {
            let new = &self.heard[self.at..];
            let first = texts.iter().enumerate().filter_map(|(i, t)| Some((position(new, t.as_bytes())?, i))).min();
            if let Some((start, i)) = first {
                let before = String::from_utf8_lossy(&new[..start]).into_owned();
                self.at += start + texts[i].len();
                return Some((i, before));
            }
            if !self.more(deadline) {
                return None;
            }
        }
    }

    /// Hears until the other side closes; everything since the last expectation.
    #[track_caller]
    pub fn to_end(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        while self.more(deadline) {}
        if self.output.is_some() {
            self.fail("it goes on");
        }
        let rest = self.rest();
        self.at = self.heard.len();
        rest
    }

    /// Takes what has come; false at the end, or at the deadline.
    fn more(&mut self, deadline: Instant) -> bool {
        let Some(output) = &self.output else { return false };
        let left = deadline.saturating_duration_since(Instant::now());
        let mut one = [PollFd::new(output, PollFlags::IN)];
        match poll(&mut one, Some(&timespec(left))) {
            Ok(0) => return false,
            Err(Errno::INTR) => return true,
            _ => {}
        }
        let mut buffer = [0; 8192];
        match rustix::io::read(output, &mut buffer) {
            // EIO: the other side of a pty is closed.
            Ok(0) | Err(Errno::IO) => self.output = None,
            Ok(n) => self.heard.extend_from_slice(&buffer[..n]),
            Err(Errno::INTR) => {}
            Err(e) => panic!("read from {}: {e}", self.name),
        }
        self.output.is_some()
    }

    /// Says something, as it is. A carriage return is the enter key.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        let mut bytes = text.as_bytes();
        let deadline = Instant::now() + PATIENCE;
        while !bytes.is_empty() {
            match rustix::io::write(self.input.as_fd(), bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if Instant::now() < deadline => {
                    // What it says meanwhile may be what keeps it from listening.
                    self.more(Instant::now() + Duration::from_millis(100));
                }
                Err(e) => self.fail(&format!("write: {e}")),
            }
        }
    }

    /// A line and the enter key.
    #[track_caller]
    pub fn line(&mut self, text: &str) {
        self.send(&format!("{text}\r"));
    }

    /// Runs a command in the shell at the other side: its output and its status.
    #[track_caller]
    pub fn sh(&mut self, command: &str) -> (i32, String) {
        // The echo of the line has the sum, the output has its result.
        self.line(&format!("{command}; echo \"<$((1000+$?))>\""));
        let mut out = self.expect("<1");
        loop {
            let code = self.expect(">");
            if code.len() == 3
                && let Ok(code) = code.parse()
            {
                // The echo comes once from the terminal, and once more from a shell that was not ready yet.
                let body = &out[end_of_echo(&out)..];
                let body = body.replace('\r', "");
                let lines: Vec<&str> = body.trim_start_matches('\n').lines().filter(|l| !is_kernels(l)).collect();
                let end = if lines.is_empty() || !body.ends_with('\n') { "" } else { "\n" };
                return (code, lines.join("\n") + end);
            }
            out += &format!("<1{code}>{}", self.expect("<1"));
        }
    }

    /// The output of a command that succeeds.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> String {
        let (code, out) = self.sh(command);
        if code != 0 {
            self.fail(&format!("'{command}' ended with {code}"));
        }
        out
    }

    /// Fails the test with all that was heard.
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!("{}: {why}\n--- heard ---\n{}\n--- end ---", self.name, self.heard().replace('\r', ""))
    }
}

/// Whether a line of a machine's console is the kernel's own: `[    1.234567] text`.
fn is_kernels(line: &str) -> bool {
    let time = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")).map(|(time, _)| time.trim());
    time.is_some_and(|t| t.len() > 6 && t.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn position(all: &[u8], part: &[u8]) -> Option<usize> {
    all.windows(part.len().max(1)).position(|w| w == part)
}

/// Where the last echo of the line that `sh` types ends; a terminal breaks it anywhere.
fn end_of_echo(text: &str) -> usize {
    const END: &[u8] = b"$?))>\"";
    let (mut matched, mut end) = (0, 0);
    for (at, byte) in text.bytes().enumerate().rev() {
        if byte == END[END.len() - 1 - matched] {
            if matched == 0 {
                end = at + 1;
            }
            matched += 1;
            if matched == END.len() {
                return end;
            }
        } else if matched == 0 || !matches!(byte, b'\r' | b'\n') {
            matched = 0;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::end_of_echo;

    #[test]
    fn an_echo_ends_where_it_ends_wherever_it_is_broken() {
        for (text, rest) in [
            ("# x; echo \"<$((1000+$?))>\"\r\nout\"\n", "\r\nout\"\n"),
            ("# x; echo \"<$((1000+$\r\n?))>\"\r\nout\n", "\r\nout\n"),
            ("echo \"<$((1000+$?))>\"\n# echo \"<$((1000+$?)\r\n)>\"\nout", "\nout"),
            ("plain\n", "plain\n"),
        ] {
            assert_eq!(&text[end_of_echo(text)..], rest, "{text:?}");
        }
    }
}
