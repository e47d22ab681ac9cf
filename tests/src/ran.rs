//! What a command did, and running one with a deadline.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything that is expected to end takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a command did.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit status; 128 + n when signal n ended it.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Ran {
    /// Its output; fails the test unless it succeeded and said nothing on standard error.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.code == 0 && self.err.is_empty(), "{self:#?}");
        self.out
    }

    /// Its standard error; fails the test unless it ended with that status.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert!(self.code == code, "status {code} was expected: {self:#?}");
        self.err
    }
}

/// Runs a command to its end. It is killed, and the test fails, when that takes too long.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    finish(start(command), PATIENCE)
}

/// Starts it with its outputs kept and no input.
#[track_caller]
pub fn start(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

/// Reads both outputs to their ends and waits. Both ends of the pipes must be closed by then: something that was left
/// running and holds one is a failure of its own.
#[track_caller]
pub fn finish(mut child: Child, patience: Duration) -> Ran {
    let deadline = Instant::now() + patience;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut out_bytes, mut err_bytes) = (Vec::new(), Vec::new());
    while out.is_some() || err.is_some() {
        let ready = [out.as_ref().map(|p| p.as_fd()), err.as_ref().map(|p| p.as_fd())].map(|fd| {
            fd.is_some_and(|fd| {
                let mut one = [PollFd::new(&fd, PollFlags::IN)];
                poll(&mut one, Some(&Timespec::default())).is_ok_and(|n| n > 0)
            })
        });
        if ready[0] {
            take(&mut out, &mut out_bytes);
        }
        if ready[1] {
            take(&mut err, &mut err_bytes);
        }
        if ready == [false, false] {
            let fds: Vec<_> = out.iter().map(|p| p.as_fd()).chain(err.iter().map(|p| p.as_fd())).collect();
            let mut fds: Vec<_> = fds.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || poll(&mut fds, Some(&timespec(left))).is_ok_and(|n| n == 0) {
                let _ = child.kill();
                let _ = child.wait();
                let said = [out_bytes, err_bytes].map(|b| String::from_utf8_lossy(&b).into_owned());
                panic!("not over after {patience:?} (or something left running holds its output): {said:#?}");
            }
        }
    }
    let status = child.wait().expect("a child of ours");
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|n| 128 + n)).unwrap_or(-1);
    let [out, err] = [out_bytes, err_bytes].map(|b| String::from_utf8_lossy(&b).into_owned());
    Ran { code, out, err }
}

fn take<T: Read>(pipe: &mut Option<T>, to: &mut Vec<u8>) {
    let mut buffer = [0; 65536];
    match pipe.as_mut().map(|p| p.read(&mut buffer)) {
        Some(Ok(n)) if n > 0 => to.extend_from_slice(&buffer[..n]),
        _ => *pipe = None,
    }
}

/// A duration as poll(2) takes it.
pub fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs() as _, tv_nsec: duration.subsec_nanos() as _ }
}
