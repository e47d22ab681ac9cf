//! Making a process and becoming a program.

use super::{checked, last};
use keel_core::failure::Errno;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// `struct clone_args` (include/uapi/linux/sched.h), up to the field that Linux 5.7 added.
#[repr(C)]
#[derive(Default)]
pub(super) struct CloneArgs {
    pub flags: u64,
    pub pidfd: u64,
    pub child_tid: u64,
    pub parent_tid: u64,
    pub exit_signal: u64,
    pub stack: u64,
    pub stack_size: u64,
    pub tls: u64,
    pub set_tid: u64,
    pub set_tid_size: u64,
    pub cgroup: u64,
}

const SYS_CLONE3: libc::c_long = 435;
pub(super) const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
pub(super) const CLONE_PIDFD: u64 = 0x1000;

/// Which side of a clone one is on.
pub enum Cloned {
    /// The new process; whether it is in the cgroup already.
    Child { in_cgroup: bool },
    /// The caller: the new process's id and, where the kernel has them, its descriptor.
    Parent { pid: i32, pidfd: Option<OwnedFd> },
}

/// Makes a process like fork(2) does, in new namespaces (CLONE_NEW* flags), in a version 2 cgroup if one is given.
///
/// Falls back step by step where the kernel is older or refuses the cgroup; the child is told whether it is in it.
/// The caller must have one thread: the child is a copy of it, and another thread's locks would stay locked.
pub fn clone(namespaces: u32, cgroup: Option<BorrowedFd<'_>>) -> Result<Cloned, Errno> {
    let mut pidfd: i32 = -1;
    let mut args = CloneArgs {
        flags: u64::from(namespaces) | CLONE_PIDFD,
        pidfd: (&raw mut pidfd).addr() as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    let mut in_cgroup = false;
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
        in_cgroup = true;
    }
    let mut result = clone3(&args);
    if result.is_err() && in_cgroup {
        // COMPAT(linux<5.7): no CLONE_INTO_CGROUP. Also a cgroup that takes no process this way: joining it will tell.
        args.flags &= !CLONE_INTO_CGROUP;
        args.cgroup = 0;
        in_cgroup = false;
        result = clone3(&args);
    }
    if result == Err(Errno::NOSYS) || result == Err(Errno::INVAL) {
        // COMPAT(linux<5.3): no clone3, and no pidfd (5.2) that could be relied on.
        result = clone_flags(namespaces);
    }
    match result? {
        0 => Ok(Cloned::Child { in_cgroup }),
        pid => {
            // SAFETY: the kernel has just made this descriptor for us.
            let pidfd = (pidfd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(pidfd) });
            Ok(Cloned::Parent { pid: pid as i32, pidfd })
        }
    }
}

fn clone3(args: &CloneArgs) -> Result<libc::c_long, Errno> {
    // SAFETY: no CLONE_VM and no stack: the child goes on with a copy of everything, as after fork(2); `args` is as large as
    // its size says.
    checked(unsafe { libc::syscall(SYS_CLONE3, std::ptr::from_ref(args), size_of::<CloneArgs>()) })
}

fn clone_flags(namespaces: u32) -> Result<libc::c_long, Errno> {
    let flags = libc::c_long::from(libc::SIGCHLD) | namespaces as libc::c_long;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: as above. The order of the last two arguments differs between processors; both are null.
    checked(unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) })
}

/// Makes a process like fork(2) does, in new namespaces, as a child of our parent: 0 in it, its number here.
pub fn clone_sibling(namespaces: u32) -> Result<i32, Errno> {
    clone_flags(namespaces | libc::CLONE_PARENT as u32).map(|pid| pid as i32)
}

/// execve(2). Returns only to say why not. `argv` and `envp` end with a null pointer.
pub fn exec(path: &CStr, argv: &Pointers, envp: &Pointers) -> Errno {
    // SAFETY: `Pointers` end with null and point to strings that live as long as the plan they were made from.
    unsafe { libc::execve(path.as_ptr(), argv.0.as_ptr(), envp.0.as_ptr()) };
    last()
}

/// What `main` was given; it lives as long as the process.
static ARGV: AtomicPtr<*const libc::c_char> = AtomicPtr::new(null_mut());

/// Keeps the arguments of this process for [`exec_again`].
#[cfg(not(test))]
pub(super) fn remember_arguments(argv: *const *const libc::c_char) {
    ARGV.store(argv.cast_mut(), Ordering::Relaxed);
}

unsafe extern "C" {
    static environ: *const *const libc::c_char;
}

/// The lines of this process's environment that are variables, `NAME=VALUE`. Nobody changes it.
pub fn environment() -> impl Iterator<Item = &'static [u8]> {
    let all = (0..).map_while(|index| {
        // SAFETY: the list ends with null, and we stop there; its strings live as long as the process.
        unsafe {
            let line = *environ.add(index);
            (!line.is_null()).then(|| CStr::from_ptr(line).to_bytes())
        }
    });
    all.filter(|line| line.iter().skip(1).any(|byte| *byte == b'='))
}

/// execve(2) of another file with this process's own arguments and environment. Returns only to say why not.
pub fn exec_again(path: &CStr) -> Errno {
    let argv = ARGV.load(Ordering::Relaxed);
    if argv.is_null() {
        // Not started by `main`: a test.
        return Errno::NOSYS;
    }
    // SAFETY: both lists end with null, as execve(2) gave them to us, and nobody changes the environment.
    unsafe { libc::execve(path.as_ptr(), argv, environ) };
    last()
}

/// A list of strings as execve(2) wants it. Made before the clone.
pub struct Pointers(Vec<*const libc::c_char>);

impl Pointers {
    /// Points to strings that must live until the exec.
    pub fn new(strings: &[std::ffi::CString]) -> Self {
        Pointers(strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect())
    }
}

/// Ends the process at once: no handlers of exit(3), no destructors.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: does not return, so nothing can be left in a wrong state.
    unsafe { libc::_exit(code) }
}

/// prctl(PR_CAPBSET_DROP) of one capability.
pub fn drop_bounding(capability: u32) -> Result<(), Errno> {
    // SAFETY: takes numbers.
    checked(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(capability), 0, 0, 0) }).map(drop)
}

/// setgroups(2) of this thread, by the system call itself: libc's is for all threads.
pub fn set_groups(groups: &[u32]) -> Result<(), Errno> {
    // The 32-bit processors have two of it: SYS_setgroups takes 16-bit ids there.
    #[cfg(any(target_arch = "x86", target_arch = "arm"))]
    const SYS_SETGROUPS: libc::c_long = libc::SYS_setgroups32;
    #[cfg(not(any(target_arch = "x86", target_arch = "arm")))]
    const SYS_SETGROUPS: libc::c_long = libc::SYS_setgroups;
    // SAFETY: the list is as long as is said; the kernel reads it only.
    checked(unsafe { libc::syscall(SYS_SETGROUPS, groups.len(), groups.as_ptr()) }).map(drop)
}

/// prlimit(2) of a process (0: this one); all ones: no limit.
pub fn set_limit(pid: i32, resource: u32, soft: u64, hard: u64) -> Result<(), Errno> {
    // `struct rlimit64`, which has 64 bits on every processor.
    let limit = [soft, hard];
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: `limit` is the two numbers that the kernel reads; no old limit is asked for.
    checked(unsafe { libc::syscall(libc::SYS_prlimit64, pid, resource, limit.as_ptr(), none) }).map(drop)
}

/// setns(2); `kind` is the CLONE_NEW* flag that the file must be of.
pub fn join_namespace(file: BorrowedFd<'_>, kind: u32) -> Result<(), Errno> {
    // SAFETY: a descriptor and a number; the caller has one thread, so no other is left behind.
    checked(unsafe { libc::setns(file.as_raw_fd(), kind as i32) }).map(drop)
}

/// keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL): an empty keyring without a name.
pub fn new_session_keyring() -> Result<(), Errno> {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_int = 1;
    let anonymous = std::ptr::null::<libc::c_char>();
    // SAFETY: takes a name or null.
    checked(unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, anonymous) }).map(drop)
}

/// prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE) for the calling thread group (Linux 5.14).
pub fn isolate_core() -> Result<(), Errno> {
    const PR_SCHED_CORE: libc::c_int = 62;
    const CREATE: libc::c_ulong = 1;
    const THREAD_GROUP: libc::c_ulong = 1;
    // SAFETY: takes numbers; 0 is the caller.
    checked(unsafe { libc::prctl(PR_SCHED_CORE, CREATE, 0 as libc::c_ulong, THREAD_GROUP, 0) }).map(drop)
}

/// prctl(PR_SET_PDEATHSIG).
pub fn set_parent_death_signal(signal: i32) -> Result<(), Errno> {
    // SAFETY: takes a number.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong, 0, 0, 0) }).map(drop)
}

/// unshare(2) of namespaces.
pub fn unshare(namespaces: u32) -> Result<(), Errno> {
    // SAFETY: only CLONE_NEW* flags are passed, none that unshares memory or descriptors.
    checked(unsafe { libc::unshare(namespaces as i32) }).map(drop)
}

/// Marks all descriptors from 3 on close-on-exec.
pub fn close_others_on_exec() {
    const SYS_CLOSE_RANGE: libc::c_long = 436;
    const CLOSE_RANGE_CLOEXEC: libc::c_uint = 4;
    // SAFETY: takes numbers; descriptors stay open until the exec.
    if unsafe { libc::syscall(SYS_CLOSE_RANGE, 3 as libc::c_uint, libc::c_uint::MAX, CLOSE_RANGE_CLOEXEC) } == 0 {
        return;
    }
    // COMPAT(linux<5.11): one by one, up to the limit. /proc can't be asked: it is the container's.
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit writes to `limit`; F_SETFD of a closed descriptor answers EBADF.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        for fd in 3..limit.rlim_cur.min(1 << 16) as i32 {
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// fork(2), for helpers that are not containers. The caller must have one thread.
pub fn fork() -> Result<Cloned, Errno> {
    clone(0, None)
}
