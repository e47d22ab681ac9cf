//! The probe's system calls. The only file of it with `unsafe`.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io::{self, Error};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

fn text(s: &str) -> CString {
    CString::new(s.replace('\0', "")).unwrap_or_default()
}

fn checked(result: i64) -> io::Result<i64> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// Ids of process, session and group.
pub fn identity() -> [(&'static str, i64); 8] {
    // SAFETY: these take nothing, or 0 for the caller, and cannot fail; umask is set back at once (one thread).
    unsafe {
        let umask = libc::umask(0o77);
        libc::umask(umask);
        [
            ("uid", libc::getuid().into()),
            ("euid", libc::geteuid().into()),
            ("gid", libc::getgid().into()),
            ("ppid", libc::getppid().into()),
            ("sid", libc::getsid(0).into()),
            ("pgrp", libc::getpgrp().into()),
            ("umask", umask.into()),
            ("nofile", {
                let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
                limit.rlim_cur as i64
            }),
        ]
    }
}

/// `uname -m`.
pub fn machine() -> String {
    // SAFETY: uname fills the struct, whose fields end with 0.
    unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        libc::uname(&mut name);
        std::ffi::CStr::from_ptr(name.machine.as_ptr()).to_string_lossy().into_owned()
    }
}

/// `c 1:3 666`, `d 755`, `l`, `f 600`, or `none`.
pub fn kind_of(path: &Path) -> String {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let Ok(meta) = path.symlink_metadata() else { return "none".into() };
    let (kind, mode) = (meta.file_type(), meta.mode() & 0o7777);
    let numbers = || format!("{}:{}", libc::major(meta.rdev()), libc::minor(meta.rdev()));
    match () {
        () if kind.is_char_device() => format!("c {} {mode:o}", numbers()),
        () if kind.is_block_device() => format!("b {} {mode:o}", numbers()),
        () if kind.is_dir() => format!("d {mode:o}"),
        () if kind.is_symlink() => format!("l {}", path.read_link().unwrap_or_default().display()),
        () if kind.is_fifo() => format!("p {mode:o}"),
        () if kind.is_socket() => format!("s {mode:o}"),
        () => format!("f {mode:o}"),
    }
}

/// Whether a descriptor is open.
pub fn is_open(fd: i32) -> bool {
    // SAFETY: asks for flags only.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// isatty(3).
pub fn is_terminal(fd: i32) -> bool {
    // SAFETY: asks only.
    unsafe { libc::isatty(fd) == 1 }
}

/// Whether /dev/tty, or descriptor 0 where that is missing, is this session's.
pub fn has_controlling_terminal() -> bool {
    let mut sid: libc::pid_t = 0;
    // SAFETY: TIOCGSID writes one pid_t; getsid(0) cannot fail.
    std::fs::File::open("/dev/tty").is_ok()
        || unsafe { libc::ioctl(0, libc::TIOCGSID as _, &mut sid) == 0 && sid == libc::getsid(0) }
}

/// TIOCSTI: a byte into the input queue of a terminal, as if typed.
pub fn push_input(fd: i32) -> io::Result<()> {
    // SAFETY: reads one byte from the pointer.
    checked(unsafe { libc::ioctl(fd, libc::TIOCSTI as _, &b'#') }.into()).map(drop)
}

/// A node like /dev/null.
pub fn make_null(path: &str) -> io::Result<()> {
    // SAFETY: the string ends with 0.
    checked(unsafe { libc::mknod(text(path).as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, 3)) }.into()).map(drop)
}

/// A node of a block device.
pub fn make_block(path: &str, major: u32, minor: u32) -> io::Result<()> {
    // SAFETY: the string ends with 0.
    let made = unsafe { libc::mknod(text(path).as_ptr(), libc::S_IFBLK | 0o600, libc::makedev(major, minor)) };
    checked(made.into()).map(drop)
}

/// mount(2); empty texts are none.
pub fn mount(source: &str, at: &str, fstype: &str, flags: libc::c_ulong) -> io::Result<()> {
    let (source, at, fstype) = (text(source), text(at), text(fstype));
    // SAFETY: strings end with 0, no data.
    let done = unsafe { libc::mount(source.as_ptr(), at.as_ptr(), fstype.as_ptr(), flags, std::ptr::null()) };
    checked(done.into()).map(drop)
}

/// umount2(2), lazily.
pub fn unmount(at: &str) -> io::Result<()> {
    // SAFETY: the string ends with 0.
    checked(unsafe { libc::umount2(text(at).as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// A mount namespace of its own, from which nothing goes back.
pub fn private_mounts() -> io::Result<()> {
    // SAFETY: this process has one thread.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNS) }.into())?;
    mount("none", "/", "", libc::MS_REC | libc::MS_PRIVATE)
}

/// Out of a root by the kernel, which puts whoever enters a mount namespace at its root; what covers that is taken away before, if
/// it can be.
pub fn leave_root() -> io::Result<()> {
    let own = std::fs::File::open("/proc/self/ns/mnt")?;
    // EINVAL: nothing is mounted there.
    let _ = unmount("/");
    // SAFETY: a descriptor and a number; this process has one thread.
    checked(unsafe { libc::setns(std::os::fd::AsRawFd::as_raw_fd(&own), libc::CLONE_NEWNS) }.into()).map(drop)
}

/// A user namespace, for nothing.
pub fn user_namespace() -> io::Result<()> {
    // SAFETY: this process has one thread.
    checked(unsafe { libc::unshare(libc::CLONE_NEWUSER) }.into()).map(drop)
}

/// sethostname(2).
pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length are of one slice.
    checked(unsafe { libc::sethostname(name.as_ptr().cast(), name.len() as _) }.into()).map(drop)
}

/// Sets the time that it is: the right is asked for, the clock stays.
pub fn set_clock_as_it_is() -> io::Result<()> {
    // SAFETY: both calls use one timespec of ours.
    unsafe {
        let mut now: libc::timespec = std::mem::zeroed();
        checked(libc::clock_gettime(libc::CLOCK_REALTIME, &mut now).into())?;
        checked(libc::clock_settime(libc::CLOCK_REALTIME, &now).into()).map(drop)
    }
}

/// open_by_handle_at(2) with a handle that cannot be: EPERM without CAP_DAC_READ_SEARCH, else another error.
pub fn open_by_handle() -> io::Result<()> {
    let root = std::fs::File::open("/")?;
    let mut handle = [0u32; 4];
    handle[0] = 8;
    use std::os::fd::AsRawFd;
    // SAFETY: a file_handle with 8 bytes of handle, as its first field says.
    let fd = unsafe { libc::syscall(libc::SYS_open_by_handle_at, root.as_raw_fd(), handle.as_ptr(), libc::O_RDONLY) };
    checked(fd as i64).map(drop)
}

/// /dev/ptmx, and the other side of it.
pub fn open_pty() -> io::Result<()> {
    // SAFETY: the descriptor is ours; ptsname_r gets a buffer with its length. Both close with the process.
    unsafe {
        let fd = checked(libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY).into())? as i32;
        checked(libc::unlockpt(fd).into())?;
        let mut name = [0u8; 64];
        checked(libc::ptsname_r(fd, name.as_mut_ptr().cast(), name.len()).into())?;
        let end = name.iter().position(|b| *b == 0).unwrap_or(0);
        std::fs::File::options().read(true).write(true).open(Path::new(std::ffi::OsStr::from_bytes(&name[..end])))?;
    }
    Ok(())
}

/// shm_open(3), written through a mapping.
pub fn shared_memory() -> io::Result<()> {
    let name = text("/probe");
    // SAFETY: the name ends with 0; the mapping has the file's length and is written within it.
    unsafe {
        let fd = checked(libc::shm_open(name.as_ptr(), libc::O_RDWR | libc::O_CREAT, 0o600).into())? as i32;
        checked(libc::ftruncate(fd, 4096).into())?;
        let at = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_WRITE, libc::MAP_SHARED, fd, 0);
        if at == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        *at.cast::<u8>() = 1;
        checked(libc::shm_unlink(name.as_ptr()).into()).map(drop)
    }
}

/// A region of Android's shared memory, of this many bytes: sized, mapped and written (drivers/staging/android/uapi/ashmem.h).
pub fn ashmem(len: usize) -> io::Result<()> {
    let file = std::fs::OpenOptions::new().read(true).write(true).open("/dev/ashmem")?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    // ASHMEM_SET_SIZE is _IOW(0x77, 3, size_t), ASHMEM_GET_SIZE _IO(0x77, 4).
    let set_size = (0x4000_7703 | size_of::<usize>() << 16) as libc::c_ulong;
    // SAFETY: numbers; the mapping has the region's length and is used within it.
    unsafe {
        checked(libc::ioctl(fd, set_size as _, len).into())?;
        let size = checked(libc::ioctl(fd, 0x7704).into())?;
        let at = libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, fd, 0);
        if at == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        let bytes = std::slice::from_raw_parts_mut(at.cast::<u8>(), len);
        bytes.fill(7);
        let whole = size as usize == len && bytes.iter().all(|byte| *byte == 7);
        if whole { Ok(()) } else { Err(Error::from_raw_os_error(libc::EIO)) }
    }
}

/// reboot(2) by name.
pub fn power(how: &str) -> io::Result<()> {
    let command = match how {
        "poweroff" => libc::RB_POWER_OFF,
        "halt" => libc::RB_HALT_SYSTEM,
        "reboot" => libc::RB_AUTOBOOT,
        _ => libc::RB_DISABLE_CAD,
    };
    // SAFETY: takes a number only.
    checked(unsafe { libc::reboot(command) }.into()).map(drop)
}

/// Dies of a signal.
pub fn raise(signal: i32) {
    // SAFETY: only this process is concerned; a default action and an unblocked signal are what is wanted. PID 1 of a pid
    // namespace is not killed by its own signals, so an abort follows there as an illegal instruction.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::raise(signal);
    }
    // A fault of the processor kills even a first program (force_sig).
    std::process::abort();
}

/// Blocks all signals.
pub fn block_signals() {
    // SAFETY: the set is ours.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_BLOCK, &all, std::ptr::null_mut());
    }
}

/// Waits for any signal; all are blocked.
pub fn wait_signal() -> i32 {
    // SAFETY: the set is ours; no information is asked for.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        loop {
            let signal = libc::sigwaitinfo(&all, std::ptr::null_mut());
            if signal > 0 {
                return signal;
            }
        }
    }
}

/// Reaps all that have ended.
pub fn reap() {
    // SAFETY: no status is asked for.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// A child that waits for a signal.
pub fn fork_waiting() -> io::Result<i32> {
    // SAFETY: one thread; the child makes system calls only.
    match checked(unsafe { libc::fork() }.into())? {
        0 => loop {
            // SAFETY: waits, returns after a handler only, of which there is none.
            unsafe { libc::pause() };
        },
        pid => Ok(pid as i32),
    }
}

/// Kills and reaps a child.
pub fn end_child(pid: i32) {
    // SAFETY: the pid is a child's that nobody has reaped.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, std::ptr::null_mut(), 0);
    }
}

/// A child that ends before its own child does: PID 1 gets that one.
pub fn fork_orphan() -> io::Result<()> {
    // SAFETY: one thread; the children make system calls only.
    unsafe {
        match checked(libc::fork().into())? {
            0 => {
                // EAGAIN in here is one orphan less.
                libc::fork();
                libc::_exit(0)
            }
            pid => checked(libc::waitpid(pid as i32, std::ptr::null_mut(), 0).into()).map(drop),
        }
    }
}

/// What a caller may leave behind for the program that it executes.
pub fn be_careless() {
    // SAFETY: one thread; the descriptors are copies of a file of ours and stay open across exec, which is the point.
    unsafe {
        libc::umask(0);
        let fd = libc::open(c"/etc/passwd".as_ptr(), libc::O_RDONLY);
        (100..200).for_each(|n| drop(checked(libc::dup2(fd, n).into())));
        (1..=64).filter(|n| *n != libc::SIGCHLD).for_each(|n| drop(checked(libc::signal(n, libc::SIG_IGN) as i64)));
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
    }
    block_signals();
}

/// setrlimit(2) by name.
pub fn limit(what: &str, n: u64) -> io::Result<()> {
    let resource = match what {
        "nofile" => libc::RLIMIT_NOFILE,
        "fsize" => libc::RLIMIT_FSIZE,
        "nproc" => libc::RLIMIT_NPROC,
        _ => return Err(Error::from_raw_os_error(libc::EINVAL)),
    };
    let limit = libc::rlimit { rlim_cur: n as libc::rlim_t, rlim_max: n as libc::rlim_t };
    // SAFETY: reads one struct of ours.
    checked(unsafe { libc::setrlimit(resource, &limit) }.into()).map(drop)
}

/// The number of the session keyring.
pub fn session_keyring() -> io::Result<i64> {
    const KEYCTL_GET_KEYRING_ID: libc::c_int = 0;
    const KEY_SPEC_SESSION_KEYRING: libc::c_int = -3;
    // SAFETY: takes numbers.
    let number = unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) };
    // A long, which has 32 bits on some processors.
    #[allow(clippy::useless_conversion)]
    checked(i64::from(number))
}

/// The cookie of core scheduling; 0: none.
pub fn core_cookie() -> io::Result<u64> {
    const PR_SCHED_CORE: libc::c_int = 62;
    let mut cookie = 0u64;
    // SAFETY: PR_SCHED_CORE_GET of this thread writes the number, which outlives the call.
    checked(unsafe { libc::prctl(PR_SCHED_CORE, 0, 0, 0, &raw mut cookie) }.into()).map(|_| cookie)
}

/// Calls that kernels of 3.2 do not have, and for which Keel has another way. (openat2 is 5.6, the mount calls 5.2 and 5.12,
/// clone3 5.3, close_range 5.9, the pidfd calls 5.1 to 5.6, faccessat2 5.8, statx 4.11, memfd_create and getrandom 3.17,
/// bpf 3.18, cachestat and the like are used by nobody here.)
pub const NEWER: [(&str, libc::c_long); 18] = [
    ("openat2", libc::SYS_openat2),
    ("open_tree", libc::SYS_open_tree),
    ("move_mount", libc::SYS_move_mount),
    ("fsopen", libc::SYS_fsopen),
    ("fsconfig", libc::SYS_fsconfig),
    ("fsmount", libc::SYS_fsmount),
    ("fspick", libc::SYS_fspick),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("clone3", libc::SYS_clone3),
    ("close_range", libc::SYS_close_range),
    ("pidfd_open", libc::SYS_pidfd_open),
    ("pidfd_send_signal", libc::SYS_pidfd_send_signal),
    ("pidfd_getfd", libc::SYS_pidfd_getfd),
    ("faccessat2", libc::SYS_faccessat2),
    ("statx", libc::SYS_statx),
    ("memfd_create", libc::SYS_memfd_create),
    ("getrandom", libc::SYS_getrandom),
    ("epoll_pwait2", libc::SYS_epoll_pwait2),
];

/// Installs a seccomp filter: these numbers answer ENOSYS. Needs CAP_SYS_ADMIN, so that no_new_privs is not set.
pub fn answer_enosys(numbers: &[libc::c_long]) -> io::Result<()> {
    let op = |code: u32, k: u32, jt: u8| libc::sock_filter { code: code as u16, jt, jf: 0, k };
    // seccomp_data begins with the call's number. All numbers of one architecture: the tests are built for one.
    let mut program = vec![op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0)];
    for (n, number) in numbers.iter().enumerate() {
        let left = (numbers.len() - n) as u8;
        program.push(op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, *number as u32, left));
    }
    program.push(op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0));
    program.push(op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32, 0));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program outlives the call, which copies it.
    checked(unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) }.into()).map(drop)
}
