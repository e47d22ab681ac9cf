//! The user's terminal, raw as long as the value lives.
use rustix::io::Errno;
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr};
use std::os::fd::{AsFd, BorrowedFd};

/// A terminal in raw mode; as it was before when dropped.
#[derive(Debug)]
pub struct Raw<'a> {
    fd: BorrowedFd<'a>,
    before: Termios,
}

impl<'a> Raw<'a> {
    /// Switch to raw. ENOTTY: it is no terminal.
    pub fn enter(fd: BorrowedFd<'a>) -> Result<Raw<'a>, Errno> {
        let before = tcgetattr(fd)?;
        let mut raw = before.clone();
        raw.make_raw();
        // What was typed ahead, as soon as the greeting was seen, is for the other side.
        tcsetattr(fd, OptionalActions::Drain, &raw)?;
        Ok(Raw { fd, before })
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        // Drain: what was said last is shown first. EIO: the terminal is gone, nobody is left to see it.
        let _ = tcsetattr(self.fd, OptionalActions::Drain, &self.before);
    }
}

/// The window's size.
pub fn size(fd: impl AsFd) -> Option<Winsize> {
    tcgetwinsize(fd).ok()
}

/// Write everything, whatever the descriptor's mode.
pub fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    use rustix::event::{PollFd, PollFlags, poll};
    while !bytes.is_empty() {
        match rustix::io::write(&fd, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None)?;
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
