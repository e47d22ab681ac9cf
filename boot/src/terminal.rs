//! A machine's console on this terminal.
//!
//! QEMU's own multiplexer is not used: it takes every Ctrl-A, and Ctrl-A Q is how one leaves a container's console inside.
//! Here Ctrl-A X ends the machine, and Ctrl-A with anything else goes on to it.

use crate::fault::{At, Fault, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal, Read, Stdin, Write};
use std::os::fd::AsFd;
use std::process::{Command, ExitStatus, Stdio};

const CTRL_A: u8 = 1;

/// Runs QEMU, whose console must be its standard input and output, until it ends or Ctrl-A X ends it.
pub fn run(mut qemu: Command) -> Result<ExitStatus> {
    let program = qemu.get_program().to_owned();
    let mut child = qemu.stdin(Stdio::piped()).spawn().at("exec", program.as_ref())?;
    let Some(mut keyboard) = child.stdin.take() else { return Err(Fault::new("the console's pipe is missing")) };
    let raw = Raw::enter();
    let mut keys = Keys::default();
    let mut open = true;
    loop {
        // Nobody reads the keyboard any more: QEMU has ended, and the pipe says so.
        let ended = PollFd::new(keyboard.as_fd(), PollFlags::empty());
        let stdin = io::stdin();
        let typed = PollFd::new(stdin.as_fd(), if open { PollFlags::POLLIN } else { PollFlags::empty() });
        let mut both = [ended, typed];
        match poll(&mut both, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => (),
            Err(e) => return Err(Fault::new(format!("poll: {}", crate::fault::symbol(&e.into())))),
        }
        let events = |fd: &PollFd<'_>| fd.revents().unwrap_or(PollFlags::empty());
        let (gone, typed) = (events(&both[0]), events(&both[1]));
        if gone.contains(PollFlags::POLLERR) {
            break;
        }
        if !typed.intersects(PollFlags::POLLIN | PollFlags::POLLHUP) || !open {
            continue;
        }
        let mut bytes = [0; 512];
        let read = stdin.lock().read(&mut bytes).unwrap_or(0);
        open = read > 0;
        let (pass, end) = keys.take(&bytes[..read]);
        if keyboard.write_all(&pass).and_then(|()| keyboard.flush()).is_err() {
            break;
        }
        if end {
            // It may have ended by itself just now.
            let _ = child.kill();
            let _ = child.wait();
            drop(raw);
            println!();
            return Ok(ExitStatus::default());
        }
    }
    child.wait().at("wait for", program.as_ref())
}

/// What is typed, watched for Ctrl-A X.
#[derive(Default)]
struct Keys {
    escaped: bool,
}

impl Keys {
    /// What goes on to the machine, and whether it is to end.
    fn take(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut pass = Vec::with_capacity(typed.len() + 1);
        for byte in typed {
            match (self.escaped, *byte) {
                (true, b'x' | b'X') => return (pass, true),
                (true, other) => {
                    pass.extend([CTRL_A, other]);
                    self.escaped = false;
                }
                (false, CTRL_A) => self.escaped = true,
                (false, other) => pass.push(other),
            }
        }
        (pass, false)
    }
}

/// The terminal passes every key at once and shows none itself; as it was again when dropped.
struct Raw(Option<(Stdin, Termios)>);

impl Raw {
    fn enter() -> Raw {
        let stdin = io::stdin();
        let Some(before) = stdin.is_terminal().then(|| tcgetattr(&stdin).ok()).flatten() else { return Raw(None) };
        let mut raw = before.clone();
        // Output stays as it is: QEMU and cargo write whole lines, too.
        raw.input_flags
            .remove(InputFlags::ICRNL | InputFlags::INLCR | InputFlags::IGNCR | InputFlags::IXON | InputFlags::ISTRIP);
        raw.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG | LocalFlags::IEXTEN);
        raw.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        raw.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        match tcsetattr(&stdin, SetArg::TCSANOW, &raw) {
            Ok(()) => Raw(Some((stdin, before))),
            Err(_) => Raw(None),
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some((stdin, before)) = &self.0 {
            // A terminal that is gone needs no restoring.
            let _ = tcsetattr(stdin, SetArg::TCSANOW, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn ctrl_a_x_ends_and_everything_else_goes_on() {
        let mut keys = Keys::default();
        assert_eq!(keys.take(b"ls\r"), (b"ls\r".to_vec(), false));
        assert_eq!(keys.take(b"\x01"), (vec![], false));
        assert_eq!(keys.take(b"q"), (b"\x01q".to_vec(), false));
        assert_eq!(keys.take(b"\x01\x01x"), (b"\x01\x01x".to_vec(), false));
        assert_eq!(keys.take(b"a\x01"), (b"a".to_vec(), false));
        assert_eq!(keys.take(b"X more"), (vec![], true));
    }
}
