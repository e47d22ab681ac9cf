//! Signals as descriptors: everything blocked, read by signalfd(2). `signal::reset` undoes it before an exec.
//!
//! rustix has signal sets but neither sigprocmask(2) nor signalfd(2).
use super::last;
use keel_core::failure::Errno;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// One signal as read from the descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Caught {
    /// Signal number.
    pub signal: i32,
    /// Who sent it, 0 for the kernel or a process of a foreign pid namespace.
    pub sender: i32,
}

/// Signals that mean a fault of this very program stay as they are: blocked, they would be an endless loop.
const FAULTS: [i32; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];

fn all_but_faults() -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset initialises the whole set it is given; sigdelset gets an initialised set and valid numbers.
    unsafe {
        libc::sigfillset(set.as_mut_ptr());
        for signal in FAULTS {
            libc::sigdelset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Block every signal but the faults, in this thread (keel has one).
pub fn block_all() {
    let set = all_but_faults();
    // SAFETY: `set` is initialised, the old set is not asked for.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut()) };
}

/// A descriptor that yields every signal blocked by [`block_all`]; non-blocking.
pub fn descriptor() -> Result<OwnedFd, Errno> {
    let set = all_but_faults();
    // SAFETY: `set` is initialised; -1 asks for a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(last());
    }
    // SAFETY: the kernel has just returned this descriptor and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The next signal, or none when there is none left.
pub fn next(fd: impl AsFd) -> Option<Caught> {
    const SIZE: usize = size_of::<libc::signalfd_siginfo>();
    let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
    // SAFETY: the buffer is SIZE bytes long and lives through the call.
    let n = unsafe { libc::read(fd.as_fd().as_raw_fd(), info.as_mut_ptr().cast(), SIZE) };
    if n != SIZE as isize {
        return None;
    }
    // SAFETY: all zeroes is a valid value, and the kernel has filled the whole structure.
    let info = unsafe { info.assume_init() };
    Some(Caught { signal: info.ssi_signo as i32, sender: info.ssi_pid as i32 })
}

/// Send a signal to a process; 0 only asks whether it is there. Realtime signals too, which rustix's type leaves out.
pub fn send(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: kill(2) touches no memory.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(last()),
    }
}

/// Send a signal through a pidfd: cannot hit a stranger that got the number.
fn send_pidfd(fd: impl AsFd, signal: i32) -> Result<(), Errno> {
    const SYS_PIDFD_SEND_SIGNAL: libc::c_long = 424;
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: no siginfo is given, the call touches no memory of ours.
    let rc = unsafe {
        libc::syscall(SYS_PIDFD_SEND_SIGNAL, fd, signal, std::ptr::null::<libc::siginfo_t>(), 0 as libc::c_uint)
    };
    if rc == 0 { Ok(()) } else { Err(last()) }
}

/// Through the pidfd where there is one, else by number: for children, and for processes just looked at.
pub fn send_to(pid: i32, pidfd: Option<impl AsFd>, signal: i32) -> Result<(), Errno> {
    match pidfd.map(|fd| send_pidfd(fd, signal)) {
        // COMPAT(linux<5.1): no pidfd_send_signal.
        None | Some(Err(Errno::NOSYS)) => send(pid, signal),
        Some(sent) => sent,
    }
}
