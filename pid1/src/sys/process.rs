//! Processes: fork, exec, exit, wait, and the descriptors that the kernel gives for them.
//!
//! A child made with a descriptor can be reaped by the kernel: PIDFD_GET_INFO tells afterwards how it ended (Linux 6.15).

use core::ffi::CStr;

use pid1::status::Status;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::Errno;
use syscalls::{Sysno, syscall};

use super::arguments::Vector;
use super::{Result, check};

pub(super) const CLONE_PIDFD: usize = 0x1000;
const CLONE_NEWNS: usize = 0x2_0000;
const CLONE_NEWPID: usize = 0x2000_0000;
pub(super) const SIGCHLD: usize = 17;

/// A child of this process.
pub struct Child {
    /// Its id.
    pub pid: i32,
    /// Its descriptor, if it was made with one.
    pub fd: Option<OwnedFd>,
}

/// Which side of the fork this is.
pub enum Fork {
    /// The process that forked.
    Parent(Child),
    /// The new one.
    Child,
}

/// How to fork.
#[derive(Clone, Copy, Default)]
pub struct Kind {
    /// With a descriptor.
    pub descriptor: bool,
    /// As PID 1 of a pid namespace of its own, with mounts of its own.
    pub namespace: bool,
}

/// Forks. There is one thread and no state that a copy could not have, so all is allowed in the child.
#[inline(never)]
pub fn fork(kind: Kind) -> Result<Fork> {
    let mut fd = -1i32;
    let mut flags = SIGCHLD;
    if kind.descriptor {
        flags |= CLONE_PIDFD;
    }
    if kind.namespace {
        flags |= CLONE_NEWPID | CLONE_NEWNS;
    }
    // SAFETY: without CLONE_VM the child has its own copy of the stack, which it goes on with; the third argument is where the
    // descriptor goes on each CPU, the other two are not used.
    let pid = check(unsafe { syscall!(Sysno::clone, flags, 0, &raw mut fd, 0, 0) })?;
    if pid == 0 {
        return Ok(Fork::Child);
    }
    // SAFETY: the kernel has put a new descriptor there, or nothing.
    Ok(Fork::Parent(unsafe { Child::made(pid as i32, fd) }))
}

impl Child {
    /// COMPAT(linux<5.2): no CLONE_PIDFD; the flag is passed over, and -1 is what it was.
    ///
    /// # Safety
    /// `fd` must be a descriptor that nobody else owns, or -1.
    pub(super) unsafe fn made(pid: i32, fd: i32) -> Child {
        // SAFETY: the caller's promise.
        Child { pid, fd: (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) }) }
    }
}

/// Becomes the program at `path`. Returns only an error.
#[inline(never)]
pub fn exec(path: &CStr, words: Vector<'_>, environment: Vector<'_>) -> Errno {
    // SAFETY: a path and two NULL-terminated vectors of C strings, all living until the call is over.
    match check(unsafe { syscall!(Sysno::execve, path.as_ptr(), words.as_ptr(), environment.as_ptr()) }) {
        Err(e) => e,
        Ok(_) => Errno::NOEXEC,
    }
}

/// Ends this process.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: it ends the process; the loop is for the compiler.
        let _ = unsafe { syscall!(Sysno::exit_group, usize::from(code)) };
    }
}

/// Reaps one child that has ended, whichever. `None`: there are children, but none has ended. ECHILD: there are no children.
pub fn reap() -> Result<Option<(i32, Status)>> {
    const WNOHANG: usize = 1;
    let mut status = 0u32;
    // SAFETY: the kernel writes an int; no usage is asked for.
    let pid = check(unsafe { syscall!(Sysno::wait4, -1isize, &raw mut status, WNOHANG, 0) })?;
    Ok((pid != 0).then_some((pid as i32, Status(status))))
}

/// Waits until a child ends, whichever: for a process that has nothing else to do.
pub fn reap_waiting() -> Result<(i32, Status)> {
    let mut status = 0u32;
    // SAFETY: as in `reap()`.
    let pid = check(unsafe { syscall!(Sysno::wait4, -1isize, &raw mut status, 0, 0) })?;
    Ok((pid as i32, Status(status)))
}

/// `struct pidfd_info` of include/uapi/linux/pidfd.h in its first size.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: u32,
}

const PIDFD_GET_INFO: usize = 0xc040_ff0b;
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// How the process of a descriptor ended, after it was reaped. `None`: it was not.
pub fn ended(fd: BorrowedFd<'_>) -> Result<Option<Status>> {
    let mut info = PidfdInfo { mask: PIDFD_INFO_EXIT, ..PidfdInfo::default() };
    // SAFETY: the request has the size of the structure in it; the kernel reads and writes no more.
    check(unsafe { syscall!(Sysno::ioctl, fd.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) })?;
    Ok((info.mask & PIDFD_INFO_EXIT != 0).then_some(Status(info.exit_code)))
}

/// Closes all descriptors from `first` to `last`.
///
/// COMPAT(linux<5.9): without close_range(2), one by one up to the 1024 that a process has by default.
#[inline(never)]
pub fn close_range(first: u32, last: u32) {
    if first > last {
        return;
    }
    // SAFETY: the caller names descriptors that nothing in this process uses any more.
    if unsafe { syscall!(Sysno::close_range, first as usize, last as usize, 0) }.is_err() {
        for fd in first..=last.min(1024) {
            // SAFETY: as above; EBADF says that it was closed.
            let _ = unsafe { syscall!(Sysno::close, fd as usize) };
        }
    }
}

/// Closes all descriptors above standard error but these; those below 3 of them are none.
pub fn close_all_but(mut kept: [i32; 3]) {
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept.map(|fd| fd.max(2) as u32) {
        close_range(first, fd.saturating_sub(1));
        first = first.max(fd + 1);
    }
    close_range(first, u32::MAX);
}

/// Becomes the user `uid` with the one group `gid`.
pub fn become_user(uid: u32, gid: u32) -> Result<()> {
    // COMPAT(linux<2.4) none, but on 32-bit x86 and ARM the plain numbers are the calls with 16-bit ids.
    #[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
    use Sysno::{setgid, setgroups, setuid};
    #[cfg(any(target_arch = "x86", target_arch = "arm"))]
    use Sysno::{setgid32 as setgid, setgroups32 as setgroups, setuid32 as setuid};
    // SAFETY: one group, read by the kernel.
    check(unsafe { syscall!(setgroups, 1, &raw const gid) })?;
    // SAFETY: ids only. The order matters: after setuid(2) the other would be refused.
    check(unsafe { syscall!(setgid, gid as usize) })?;
    // SAFETY: ids only.
    check(unsafe { syscall!(setuid, uid as usize) }).map(drop)
}

/// A descriptor by its number, if it is open.
pub fn open_descriptor(raw: i32) -> Option<BorrowedFd<'static>> {
    if raw < 0 {
        return None;
    }
    // SAFETY: the number is at least 0; the caller is the only one to use it and does not close it.
    let fd = unsafe { BorrowedFd::borrow_raw(raw) };
    rustix::io::fcntl_getfd(fd).is_ok().then_some(fd)
}

/// A descriptor of a process (Linux 5.3): of this one, or of a child that was not reaped, whose id is nobody else's then.
pub fn descriptor(pid: i32) -> Result<OwnedFd> {
    let pid = rustix::process::Pid::from_raw(pid).ok_or(Errno::SRCH)?;
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
}

/// Does the kernel tell how a child ended that it reaped itself? Since Linux 6.15, where nothing forbids the call.
pub fn kernel_tells_status() -> bool {
    let system = rustix::system::uname();
    let mut parts = system.release().to_bytes().split(|c| !c.is_ascii_digit()).map(pid1::settings::number);
    let version = (parts.next().flatten(), parts.next().flatten());
    if version < (Some(6), Some(15)) {
        return false;
    }
    let own = descriptor(rustix::process::getpid().as_raw_nonzero().get());
    own.is_ok_and(|fd| ended(rustix::fd::AsFd::as_fd(&fd)).is_ok())
}
