//! Logins on a pseudo-terminal: of a container's console, and of `--getty` for another init.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::pty::OpenptFlags;

use crate::fixture::{Guest, able, command, root, wait_for};
use crate::skip_unless;

/// The master of a new pseudo-terminal and its slave's path.
struct Terminal {
    master: File,
    slave: String,
    seen: String,
}

impl Terminal {
    fn new() -> Terminal {
        let master: OwnedFd =
            rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let slave = rustix::pty::ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        Terminal { master: File::from(master), slave, seen: String::new() }
    }

    /// Reads until `what` has come, and forgets what was before its end.
    fn expect(&mut self, what: &str) -> String {
        wait_for(what, || {
            if !self.seen.contains(what) {
                let mut fds = [rustix::event::PollFd::new(&self.master, rustix::event::PollFlags::IN)];
                let second = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
                let ready = rustix::event::poll(&mut fds, Some(&second)).unwrap() > 0;
                let mut bytes = [0; 4096];
                // EIO: nobody has the slave open at the moment.
                if ready && let Ok(n) = self.master.read(&mut bytes) {
                    self.seen.push_str(&String::from_utf8_lossy(&bytes[..n]));
                }
            }
            let end = self.seen.find(what)? + what.len();
            Some(self.seen.drain(..end).collect())
        })
    }

    fn say(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }
}

fn log_in(terminal: &mut Terminal) {
    terminal.expect("login: ");
    terminal.say("root\n");
    terminal.expect("Password: ");
    terminal.say("wrong\n");
    terminal.expect("Login incorrect");
    terminal.expect("login: ");
    terminal.say("root\n");
    terminal.expect("Password: ");
    terminal.say("secret\n");
    terminal.expect("# ");
}

#[test]
fn a_containers_console_has_a_login_with_job_control() {
    skip_unless!(able());
    let mut terminal = Terminal::new();
    let mut container = command(&["/pid1"]);
    container.env("CONSOLE", &terminal.slave);
    let guest = Guest { child: container.spawn().unwrap() };
    terminal.expect("Issue of console");
    log_in(&mut terminal);
    // A controlling terminal: /dev/tty opens, and the keys reach the foreground.
    terminal.say("echo ctty > /dev/tty\n");
    terminal.expect("\nctty");
    // Each in the foreground before its key comes.
    for (key, then) in [("\x1a", "Stopped"), ("\x03", "# ")] {
        terminal.say("sh -c 'echo in front; exec sleep 1000'\n");
        terminal.expect("\nin front");
        terminal.say(key);
        terminal.expect(then);
    }
    terminal.say("kill -9 %1\n");
    terminal.expect("# ");
    terminal.say("stty size; exit\n");
    terminal.expect("24 80");
    // And again after logout.
    terminal.expect("login: ");
    guest.signal(30);
    assert_eq!(guest.finish().code(), 1002);
}

#[test]
fn automatic_logins_only_when_asked_for() {
    skip_unless!(able());
    let mut terminal = Terminal::new();
    let mut container = command(&["/pid1", "keel.autologin=root", "keel.term=xterm"]);
    container.env("CONSOLE", &terminal.slave);
    let _guest = Guest { child: container.spawn().unwrap() };
    terminal.expect("# ");
    terminal.say("echo $USER-$HOME-$TERM\n");
    terminal.expect("root-/root-xterm");
}

#[test]
fn a_console_that_nobody_reads_stops_nothing() {
    skip_unless!(able());
    let mut terminal = Terminal::new();
    let mut container = command(&["/pid1", "keel.autologin=root"]);
    container.env("CONSOLE", &terminal.slave);
    let guest = Guest { child: container.spawn().unwrap() };
    terminal.expect("# ");
    // The shell's child fills the terminal and stays; orphans go on being reaped and the end is not hindered.
    terminal.say("(while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done) & for i in 1 2 3 4 5; do (true &); done\n");
    terminal.expect("aaaaaaaa");
    guest.signal(15);
    assert_eq!(guest.finish().code(), 1002);
}

#[test]
fn getty_for_another_init() {
    skip_unless!(able());
    let mut terminal = Terminal::new();
    // The terminal under a name of its own inside the root.
    let script = "mount --bind / / && touch $1/tty && mount --bind $2 $1/tty && shift 2 && exec \"$@\"";
    let mut outside = Command::new("unshare");
    outside
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh"])
        .arg(root())
        .arg(&terminal.slave);
    outside.arg("chroot").arg(root()).args(["/pid1", "--getty", "/tty"]).stdin(Stdio::null());
    let mut child = outside.spawn().unwrap();
    log_in(&mut terminal);
    terminal.say("exit 0\n");
    let status = wait_for("the end of the login", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}
