//! Bytes between the user's terminal and the master of a tty, until one of them ends it.
use super::escape::Escape;
use super::terminal::{Raw, size, write_all};
use crate::sys::signalfd;
use crate::watch::events::{Events, Interest};
use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus};
use std::os::fd::{AsFd, BorrowedFd};

/// Why it ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// The user left by the escape key, or closed the terminal.
    Left,
    /// The supervisor ended the loan: the container has stopped.
    TakenBack,
    /// The child has ended like this.
    Ended(WaitStatus),
    /// This signal told us to end.
    Signal(i32),
}

/// Between what.
#[derive(Debug)]
pub struct Proxy<'a> {
    /// The tty's master.
    pub master: BorrowedFd<'a>,
    /// Standard input is the user's terminal; else only what the tty says is passed on.
    pub keyboard: bool,
    /// Leave by this.
    pub escape: Option<Escape>,
    /// A connection whose end ends it.
    pub loan: Option<BorrowedFd<'a>>,
    /// A child whose end ends it.
    pub child: Option<i32>,
    /// What the tty says goes here as well.
    pub log: Option<std::fs::File>,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Input,
    Master,
    Signals,
    Loan,
}

impl Proxy<'_> {
    /// Run. Blocks all signals for good: this is the last thing that a command does.
    ///
    /// The user's terminal is raw in between. EPERM or ENOTTY: standard input is no terminal.
    pub fn run(mut self) -> Result<Outcome, Errno> {
        let stdin = rustix::stdio::stdin();
        signalfd::block_all();
        let signals = signalfd::descriptor().map_err(|e| Errno::from_raw_os_error(e.0))?;
        let raw = if self.keyboard { Some(Raw::enter(stdin)?) } else { None };
        let mut events = Events::new()?;
        if self.keyboard {
            events.add(stdin, Interest::Readable, What::Input)?;
        }
        events.add(&signals, Interest::Readable, What::Signals)?;
        // Changes only: without a process on the other side a master says hangup for ever.
        events.add(self.master, Interest::Changes, What::Master)?;
        if let Some(loan) = self.loan {
            events.add(loan, Interest::Readable, What::Loan)?;
        }
        self.resize();
        let mut input = Vec::new();
        let outcome = loop {
            if let Some(outcome) = self.round(&mut events, &signals, &mut input)? {
                break outcome;
            }
        };
        if matches!(outcome, Outcome::Ended(_)) {
            self.show()?;
        }
        drop(raw);
        Ok(outcome)
    }

    fn round(
        &mut self,
        events: &mut Events<What>,
        signals: impl AsFd,
        input: &mut Vec<u8>,
    ) -> Result<Option<Outcome>, Errno> {
        for (_, what) in events.wait()? {
            match what {
                What::Loan => return Ok(Some(Outcome::TakenBack)),
                What::Master => self.show()?,
                What::Signals => {
                    if let Some(outcome) = self.signals(&signals) {
                        return Ok(Some(outcome));
                    }
                }
                What::Input => {
                    if let Some(outcome) = self.typed(input)? {
                        return Ok(Some(outcome));
                    }
                }
            }
        }
        while !input.is_empty() {
            match rustix::io::write(self.master, input) {
                Ok(n) => drop(input.drain(..n)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => input.clear(),
            }
        }
        Ok(None)
    }

    /// What the user types. More than the tty takes is dropped, as a terminal's own queue does.
    fn typed(&mut self, input: &mut Vec<u8>) -> Result<Option<Outcome>, Errno> {
        let mut buffer = [0u8; 4096];
        let typed = match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(0) | Err(Errno::IO) => return Ok(Some(Outcome::Left)),
            Ok(n) => &buffer[..n],
            Err(Errno::INTR | Errno::AGAIN) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let (bytes, left) = match &mut self.escape {
            Some(escape) => escape.filter(typed),
            None => (typed.to_vec(), false),
        };
        if input.len() < 65536 {
            input.extend(bytes);
        }
        Ok(left.then_some(Outcome::Left))
    }

    /// Show what the other side says, as much as there is now.
    fn show(&mut self) -> Result<(), Errno> {
        let mut buffer = [0u8; 4096];
        loop {
            match rustix::io::read(self.master, &mut buffer) {
                // EIO: nobody has the other side open just now.
                Ok(0) | Err(Errno::AGAIN | Errno::IO) => return Ok(()),
                Ok(n) => {
                    write_all(rustix::stdio::stdout(), &buffer[..n])?;
                    // A full disk ends the log, not the conversation.
                    self.log.take_if(|log| std::io::Write::write_all(log, &buffer[..n]).is_err());
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn signals(&self, fd: impl AsFd) -> Option<Outcome> {
        while let Some(caught) = signalfd::next(&fd) {
            match caught.signal {
                libc::SIGWINCH => self.resize(),
                libc::SIGCHLD => {
                    let child = self.child?;
                    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
                        if pid.as_raw_nonzero().get() == child {
                            return Some(Outcome::Ended(status));
                        }
                    }
                }
                libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT => {
                    return Some(Outcome::Signal(caught.signal));
                }
                _ => {}
            }
        }
        None
    }

    fn resize(&self) {
        let shown = if self.keyboard { rustix::stdio::stdin() } else { rustix::stdio::stdout() };
        if let Some(size) = size(shown) {
            // A size that cannot be told leaves the old one.
            let _ = rustix::termios::tcsetwinsize(self.master, size);
        }
    }
}
