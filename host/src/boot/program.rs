//! Programs of the host that PID 1 starts itself: logins and the rescue shell.
use crate::sys::process::{Cloned, Pointers, exec, exit_now, fork};
use crate::sys::{descriptors, signal};
use keel_core::failure::{Errno, Failure};
use rustix::fs::{Mode, OFlags};
use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

/// PATH of what PID 1 starts; the kernel gives none.
const PATH: &str = "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/system/bin";

/// A program, its arguments and where its standard descriptors go.
#[derive(Debug)]
pub struct Program {
    path: CString,
    argv: Vec<CString>,
    envp: Vec<CString>,
    console: bool,
}

impl Program {
    /// `argv` begins with the program's name. The environment is PID 1's own, with a PATH.
    pub fn new(path: &str, argv: &[&str]) -> Program {
        let text = |s: &str| CString::new(s.replace('\0', "")).unwrap_or_default();
        let own = std::env::vars_os().filter(|(name, _)| name != "PATH").filter_map(|(name, value)| {
            let mut line = name.into_vec();
            line.push(b'=');
            line.extend(value.into_vec());
            CString::new(line).ok()
        });
        let envp = own.chain([text(PATH)]).collect();
        Program { path: text(path), argv: argv.iter().map(|a| text(a)).collect(), envp, console: false }
    }

    /// With the console as its terminal.
    pub fn on_console(mut self) -> Program {
        self.console = true;
        self
    }

    /// Start it; its pid. A program that cannot be executed ends with 127.
    pub fn start(&self) -> Result<i32, Failure> {
        let (argv, envp) = (Pointers::new(&self.argv), Pointers::new(&self.envp));
        match fork().map_err(|e| Failure::errno("fork", e))? {
            Cloned::Parent { pid, .. } => Ok(pid),
            Cloned::Child { .. } => {
                // Errors have nowhere to go: a session or terminal that is not to be had is a shell without job control.
                let _ = rustix::process::setsid();
                if self.console {
                    take_console();
                }
                signal::reset();
                descriptors::close_from(3);
                let e = exec(&self.path, &argv, &envp);
                exit_now(if e == Errno::NOENT { 127 } else { 126 })
            }
        }
    }
}

/// /dev/console cannot be a controlling terminal (tty_io.c, tty_open): the real one is asked of it.
fn take_console() {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let active = crate::place::read("/sys/class/tty/console/active".as_ref()).unwrap_or_default();
    let real = active.split_whitespace().next_back().map(|name| format!("/dev/{name}"));
    let opened = real
        .and_then(|path| rustix::fs::open(path, flags, Mode::empty()).ok())
        .or_else(|| rustix::fs::open("/dev/console", flags, Mode::empty()).ok());
    if let Some(tty) = opened {
        let _ = rustix::process::ioctl_tiocsctty(&tty);
        let _ = rustix::stdio::dup2_stdin(&tty);
        let _ = rustix::stdio::dup2_stdout(&tty);
        let _ = rustix::stdio::dup2_stderr(&tty);
    }
}
