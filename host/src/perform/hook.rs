//! Programs: the first one, and those that a start runs on the way (hooks). In the child they are waited for; in the parent they report through a pipe,
//! so that a loop that supervises others goes on meanwhile.

use crate::sys::process::{Cloned, Pointers, exec, exit_now, fork};
use crate::sys::{self, errno};
use keel_core::failure::Errno;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, WaitOptions, waitpid};
use std::ffi::CString;

/// A program, ready to be executed without allocating.
pub struct Program {
    strings: Vec<CString>,
    paths: Vec<CString>,
    argv: Pointers,
    envp: Pointers,
}

impl Program {
    /// Takes copies of all strings; the first of the paths that exists is executed.
    pub fn new(paths: &[CString], argv: &[CString], envp: &[CString]) -> Program {
        let strings: Vec<CString> = argv.iter().chain(envp).cloned().collect();
        let (args, env) = strings.split_at(argv.len());
        // The strings' bytes stay where they are when the list is moved.
        let (argv, envp) = (Pointers::new(args), Pointers::new(env));
        Program { strings, paths: paths.to_vec(), argv, envp }
    }

    /// Becomes the program, with descriptors 0 to 2 as they are. Returns only to say why not.
    pub fn execute(&self) -> Errno {
        sys::process::close_others_on_exec();
        let mut last = Errno::NOENT;
        for path in &self.paths {
            last = exec(path, &self.argv, &self.envp);
            if last != Errno::NOENT && last != Errno::NOTDIR {
                break;
            }
        }
        last
    }

    /// Runs it and waits. For the child of a start, whose children nobody else reaps.
    pub fn run(&self) -> Result<(), Errno> {
        match fork()? {
            Cloned::Child { .. } => self.become_it(),
            Cloned::Parent { pid, .. } => wait_for(pid),
        }
    }

    /// Starts it without waiting. A process between reports its end, so that it does not matter who reaps what.
    pub fn start(&self) -> Result<Hook, Errno> {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(errno)?;
        match fork()? {
            Cloned::Parent { .. } => Ok(Hook { status: read }),
            Cloned::Child { .. } => {
                let result = match fork() {
                    Ok(Cloned::Child { .. }) => self.become_it(),
                    Ok(Cloned::Parent { pid, .. }) => wait_for(pid),
                    Err(e) => Err(e),
                };
                let code = result.err().map_or(0, |e| e.0);
                // Nobody reads it when the start has been given up.
                let _ = rustix::io::write(&write, &code.to_ne_bytes());
                exit_now(0)
            }
        }
    }

    /// In a new process: the program, in a clean state, without input.
    fn become_it(&self) -> ! {
        debug_assert!(!self.strings.is_empty());
        sys::signal::reset();
        // Whoever performs has an empty one, which would let everybody write to what a hook makes.
        rustix::process::umask(Mode::from_raw_mode(0o022));
        if let Ok(null) = rustix::fs::open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            let _ = rustix::stdio::dup2_stdin(&null);
        }
        exit_now(if self.execute() == Errno::NOENT { 127 } else { 126 })
    }
}

/// Waits for a child and makes its end an error, unless it was a success.
fn wait_for(pid: i32) -> Result<(), Errno> {
    let pid = Pid::from_raw(pid).ok_or(Errno::INVAL)?;
    let status = rustix::io::retry_on_intr(|| waitpid(Some(pid), WaitOptions::empty())).map_err(errno)?;
    let Some((_, status)) = status else { return Ok(()) };
    match (status.exit_status(), status.terminating_signal()) {
        (Some(0), _) => Ok(()),
        (code, signal) => Err(Errno::of_status(code.unwrap_or(1) as u8, signal.map(|s| s as u8))),
    }
}

/// A hook that runs.
#[derive(Debug)]
pub struct Hook {
    status: OwnedFd,
}

impl AsFd for Hook {
    /// Readable when it has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.status.as_fd()
    }
}

impl Hook {
    /// How it ended; to be asked when it is readable. ESRCH: whoever should say so was killed.
    pub fn result(self) -> Result<(), Errno> {
        let mut code = [0; 4];
        match rustix::io::retry_on_intr(|| rustix::io::read(&self.status, &mut code)).map_err(errno)? {
            4 => match i32::from_ne_bytes(code) {
                0 => Ok(()),
                code => Err(Errno(code)),
            },
            _ => Err(Errno(libc::ESRCH)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        let c = |s: &str| CString::new(s).unwrap();
        Program::new(&[c("/no/shell"), c("/bin/sh")], &[c("sh"), c("-c"), c(script)], &[c("A=7")])
    }

    #[test]
    fn a_hook_tells_how_it_ended() {
        for (script, expected) in [
            ("exit $((A - 7))", Ok(())),
            ("exit $A", Err(Errno(-7))),
            ("kill -9 $$", Err(Errno(-256 - 9))),
            ("exec /no/such/program 2>&-", Err(Errno(-127))),
        ] {
            assert_eq!(shell(script).run(), expected, "{script}");
            // Its `result` waits: the pipe has its end when it has one.
            assert_eq!(shell(script).start().unwrap().result(), expected, "{script}");
        }
    }
}
