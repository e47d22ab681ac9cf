//! A terminal for a command: it gets the one side as its standard descriptors, the test speaks at the other.

use crate::dialog::Dialog;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::process::{Child, Command};

/// A terminal of 80 by 24 characters: the test's side, and the command's.
pub fn pair() -> (std::os::fd::OwnedFd, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("openpt");
    grantpt(&master).expect("grantpt");
    unlockpt(&master).expect("unlockpt");
    tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).expect("TIOCSWINSZ");
    let name = ptsname(&master, Vec::new()).expect("ptsname").into_string().expect("a path");
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let slave = rustix::fs::open(name, flags, rustix::fs::Mode::empty()).expect("the other side");
    (master, File::from(slave))
}

/// A command on a terminal of its own. Dropped, it is killed and reaped.
#[derive(Debug)]
pub struct OnTerminal {
    child: Child,
    /// The test's side.
    pub dialog: Dialog,
}

impl OnTerminal {
    /// Starts it.
    #[track_caller]
    pub fn start(command: &mut Command) -> OnTerminal {
        let (master, slave) = pair();
        let copy = || slave.try_clone().expect("dup");
        command.stdin(copy()).stdout(copy()).stderr(copy());
        let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        // The command's copies of the other side live in the builder too: only the child's are to remain.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        drop(slave);
        let output = master.try_clone().expect("dup");
        let name = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        OnTerminal { child, dialog: Dialog::new(&name, master, output) }
    }

    /// Waits for its end: what it said last, and its exit status (128 + n for signal n).
    #[track_caller]
    pub fn end(&mut self) -> (String, i32) {
        use std::os::unix::process::ExitStatusExt;
        let said = self.dialog.to_end();
        let status = self.child.wait().expect("a child of ours");
        (said, status.code().or_else(|| status.signal().map(|n| 128 + n)).unwrap_or(-1))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // Ended already: both say so.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
