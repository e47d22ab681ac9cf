//! A process that is not our child: by a descriptor, which nobody else comes to stand for (pidfd_open(2)).
use crate::fault::symbol;
use crate::place::read_once;
use crate::sys::signalfd;
use keel_core::failure::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::time::{Duration, Instant};

/// See the module.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Descriptor(OwnedFd),
    /// COMPAT(linux<5.3): by its number and when it was started, if it was there.
    Number(Option<u64>),
}

impl Process {
    /// ESRCH when there is none of that number.
    pub fn open(pid: i32) -> Result<Process, Errno> {
        let number = Pid::from_raw(pid).ok_or(Errno::SRCH)?;
        match pidfd_open(number, PidfdFlags::empty()) {
            Ok(fd) => Ok(Process { pid, way: Way::Descriptor(fd) }),
            Err(Errno::NOSYS) => Ok(Process { pid, way: Way::Number(start_time(pid)) }),
            Err(errno) => Err(errno),
        }
    }

    /// Its descriptor, where the kernel has them.
    pub fn descriptor(&self) -> Option<&OwnedFd> {
        match &self.way {
            Way::Descriptor(fd) => Some(fd),
            Way::Number(_) => None,
        }
    }

    /// Whether it has not ended; a zombie has.
    pub fn lives(&self) -> bool {
        match &self.way {
            Way::Descriptor(fd) => {
                let now = Timespec { tv_sec: 0, tv_nsec: 0 };
                matches!(poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&now)), Ok(0))
            }
            Way::Number(start) => start.is_some() && start_time(self.pid) == *start,
        }
    }

    /// What no other process has had since the machine was booted, in the form of the state file: its inode in pidfs (Linux 6.9), else
    /// when it was started.
    pub fn identity(&self) -> Option<Identity> {
        // PID_FS_MAGIC (include/uapi/linux/magic.h); before, all descriptors had one inode.
        const PIDFS: u64 = 0x5049_4446;
        let numbered = self.descriptor().filter(|fd| rustix::fs::fstatfs(fd).is_ok_and(|fs| fs.f_type as u64 == PIDFS));
        match numbered.map(rustix::fs::fstat) {
            Some(Ok(stat)) if self.lives() => Some(Identity::Inode(stat.st_ino)),
            Some(_) => None,
            None => start_time(self.pid).map(Identity::Start),
        }
    }

    /// Whether it lives and is the one whose identity was written down.
    pub fn is(&self, identity: Identity) -> bool {
        match identity {
            Identity::Inode(_) => self.identity() == Some(identity),
            Identity::Start(ticks) => start_time(self.pid) == Some(ticks),
        }
    }

    /// One that is gone is no error.
    pub fn send(&self, number: i32) -> Result<(), Failure> {
        use keel_core::failure::Errno;
        if self.descriptor().is_none() && !self.lives() {
            return Ok(());
        }
        match signalfd::send_to(self.pid, self.descriptor(), number) {
            Ok(()) | Err(Errno(libc::ESRCH)) => Ok(()),
            Err(errno) => Err(Failure::errno(format_args!("kill {}", self.pid), errno)),
        }
    }

    /// False: it still lives at the end of that time.
    pub fn wait(&self, time: Duration) -> Result<bool, Failure> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // COMPAT(linux<5.3): nothing tells of the end of a process that is no child: look every 20 ms.
            let (step, mut fds) = match self.descriptor() {
                Some(fd) => (left, vec![PollFd::new(fd, PollFlags::IN)]),
                None => (left.min(Duration::from_millis(20)), vec![]),
            };
            let step = Timespec { tv_sec: step.as_secs() as _, tv_nsec: step.subsec_nanos() as _ };
            match poll(&mut fds, Some(&step)) {
                Ok(1..) => return Ok(true),
                Ok(0) if self.descriptor().is_none() && !self.lives() => return Ok(true),
                Ok(0) if left.is_zero() => return Ok(false),
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(Failure::new(format!("poll: {}", symbol(&errno.into())))),
            }
        }
    }
}

/// See [`Process::identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Of its descriptor.
    Inode(u64),
    /// Ticks since boot.
    Start(u64),
}

/// When a process was started, in ticks since boot; none for one that is gone or a zombie (proc(5), /proc/PID/stat,
/// field 22; the command's name in field 2 may hold blanks and parentheses).
fn start_time(pid: i32) -> Option<u64> {
    let text = read_once(&format!("/proc/{pid}/stat"))?;
    let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_itself_until_it_ends() {
        let own = std::process::id() as i32;
        let identity = |pid| Process::open(pid).ok().and_then(|process| process.identity());
        assert_eq!(identity(own), identity(own));
        let myself = Process::open(own).unwrap();
        assert!(myself.is(identity(own).unwrap()) && myself.is(Identity::Start(start_time(own).unwrap())));
        assert!(!myself.is(Identity::Inode(0)) && !myself.is(Identity::Start(0)));
        assert!(start_time(own).is_some());
        assert_eq!(start_time(0), None);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id() as i32;
        let process = Process::open(pid).unwrap();
        assert_ne!(identity(pid), identity(own));
        // Not reaped yet: a zombie at the latest when wait4 with WNOWAIT has seen it.
        rustix::process::waitid(
            rustix::process::WaitId::Pid(rustix::process::Pid::from_raw(pid).unwrap()),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap();
        assert!(!process.lives() && process.wait(Duration::ZERO).unwrap());
        assert_eq!((process.identity(), start_time(pid)), (None, None));
        child.wait().unwrap();
        process.send(libc::SIGTERM).unwrap();
        assert_eq!(Process::open(pid).err(), Some(Errno::SRCH));
    }
}
