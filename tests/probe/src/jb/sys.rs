//! System calls of the stand-in. The only part of it with `unsafe`.
#![allow(unsafe_code)]

mod mounts;

pub use mounts::{NOSUID, mount, mount_flag, racing_mounts, unmount, unshare_mounts};

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Error, Read, Seek, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

fn text(s: &str) -> CString {
    CString::new(s.replace('\0', "")).unwrap_or_default()
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(Error::last_os_error()) } else { Ok(result) }
}

/// An error once more.
pub fn copy(e: &Error) -> Error {
    Error::from_raw_os_error(e.raw_os_error().unwrap_or(libc::EIO))
}

pub fn umask(mask: libc::mode_t) {
    // SAFETY: takes a number, cannot fail.
    unsafe { libc::umask(mask) };
}

pub fn mkdir(path: &str, mode: u32) -> io::Result<()> {
    // SAFETY: the string ends with 0.
    checked(unsafe { libc::mkdir(text(path).as_ptr(), mode as _) }).map(drop)
}

pub fn chmod(path: &str, mode: u32) -> io::Result<()> {
    // SAFETY: the string ends with 0.
    checked(unsafe { libc::chmod(text(path).as_ptr(), mode as _) }).map(drop)
}

pub fn chown(path: &str, uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: the string ends with 0.
    checked(unsafe { libc::chown(text(path).as_ptr(), uid, gid) }).map(drop)
}

/// Names of Android's fixed ids that the tests use, or a number.
pub fn id(name: &str) -> u32 {
    match name {
        "root" => 0,
        "system" => 1000,
        "radio" => 1001,
        "log" => 1007,
        "shell" => 2000,
        number => number.parse().unwrap_or(0),
    }
}

pub fn mknod_char(path: &str, mode: u32, major: u32, minor: u32) -> io::Result<()> {
    mknod(path, false, mode, major, minor)
}

pub fn mknod(path: &str, block: bool, mode: u32, major: u32, minor: u32) -> io::Result<()> {
    let kind = if block { libc::S_IFBLK } else { libc::S_IFCHR };
    // SAFETY: the string ends with 0.
    let made = unsafe { libc::mknod(text(path).as_ptr(), kind | mode as libc::mode_t, libc::makedev(major, minor)) };
    checked(made).map(drop)
}

/// settimeofday(2) of the zone alone.
pub fn set_timezone(minutes: i32) -> io::Result<()> {
    let zone = [minutes, 0];
    // SAFETY: a `struct timezone` is two ints; no time is given.
    let done = unsafe { libc::syscall(libc::SYS_settimeofday, std::ptr::null::<libc::timeval>(), zone.as_ptr()) };
    checked(done as libc::c_int).map(drop)
}

pub fn set_limit(resource: u32, soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft as _, rlim_max: hard as _ };
    // SAFETY: reads one struct of ours.
    checked(unsafe { libc::setrlimit(resource as _, &limit) }).map(drop)
}

/// Descriptors 0 to 2 become that one.
pub fn standard_is(fd: BorrowedFd<'_>) {
    // SAFETY: numbers of descriptors; nobody holds 0 to 2.
    (0..3).for_each(|n| unsafe {
        libc::dup2(fd.as_raw_fd(), n);
    });
}

pub fn create_rw(path: &str, mode: u32) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(mode).open(path)
}

/// Read-only, and inherited by what is executed.
pub fn open_inheritable(path: &str) -> io::Result<OwnedFd> {
    // SAFETY: the string ends with 0; the descriptor is new and ours.
    unsafe { Ok(OwnedFd::from_raw_fd(checked(libc::open(text(path).as_ptr(), libc::O_RDONLY | libc::O_NOFOLLOW))?)) }
}

/// An inherited descriptor by its number.
pub fn reopen(number: i32) -> Option<File> {
    // SAFETY: dup answers EBADF for what is no descriptor; the new one is ours.
    unsafe { Some(File::from_raw_fd(checked(libc::dup(number)).ok()?)) }
}

pub fn read_from_start(mut file: &File, bytes: &mut Vec<u8>) -> Option<()> {
    file.rewind().ok()?;
    file.read_to_end(bytes).ok().map(drop)
}

/// A shared mapping: written by the mapping, read by the file (one file, one page cache).
pub struct Map {
    at: *mut u8,
    len: usize,
    file: File,
}

impl Map {
    pub fn new(file: &File, len: usize) -> io::Result<Map> {
        // SAFETY: a new mapping of a file that has this length.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(Error::last_os_error());
        }
        Ok(Map { at: at.cast(), len, file: file.try_clone()? })
    }

    fn bytes(&self, at: usize, to: &mut [u8]) {
        // A hole reads as zeros; what is beyond the end was refused by the callers.
        let _ = self.file.read_exact_at(to, at as u64);
    }

    pub fn word(&self, at: usize) -> u32 {
        let mut bytes = [0; 4];
        self.bytes(at, &mut bytes);
        u32::from_ne_bytes(bytes)
    }

    pub fn text(&self, at: usize, len: usize) -> String {
        let mut bytes = vec![0; len];
        self.bytes(at, &mut bytes);
        String::from_utf8_lossy(bytes.split(|b| *b == 0).next().unwrap_or_default()).into_owned()
    }

    pub fn bytes_of(&self, at: usize, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len.min(self.len.saturating_sub(at))];
        self.bytes(at, &mut bytes);
        bytes
    }

    pub fn put(&mut self, at: usize, word: u32) {
        self.store(at, &word.to_ne_bytes());
    }

    pub fn put_text(&mut self, at: usize, len: usize, text: &str) {
        let mut bytes = vec![0; len];
        bytes[..text.len().min(len - 1)].copy_from_slice(&text.as_bytes()[..text.len().min(len - 1)]);
        self.store(at, &bytes);
    }

    fn store(&mut self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.len);
        // SAFETY: within the mapping, as has just been asserted; nobody else writes to it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at.add(at), bytes.len()) };
    }
}

static SIGNAL_PIPE: AtomicI32 = AtomicI32::new(-1);

extern "C" fn child_ended(_: libc::c_int) {
    // SAFETY: write(2) may be called in a handler; the descriptor stays open for ever.
    unsafe { libc::write(SIGNAL_PIPE.load(Ordering::Relaxed), [0u8].as_ptr().cast(), 1) };
}

/// SIGCHLD, and no other signal, becomes a byte in a socket.
pub fn on_child() -> UnixStream {
    let (ours, handlers) = UnixStream::pair().expect("a socket pair");
    let _ = ours.set_nonblocking(true);
    let _ = handlers.set_nonblocking(true);
    SIGNAL_PIPE.store(std::os::fd::IntoRawFd::into_raw_fd(handlers), Ordering::Relaxed);
    // SAFETY: the handler makes one call that is allowed in handlers.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = child_ended as *const () as usize;
        action.sa_flags = libc::SA_NOCLDSTOP | libc::SA_RESTART;
        libc::sigaction(libc::SIGCHLD, &action, std::ptr::null_mut());
    }
    // What ended before has left no byte.
    child_ended(0);
    ours
}

pub fn drain(fd: BorrowedFd<'_>) {
    let mut buffer = [0u8; 64];
    // SAFETY: reads into a buffer of ours; the socket does not block.
    while unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) } > 0 {}
}

/// Which of the descriptors are readable; waits for one, or that long.
pub fn wait_readable<const N: usize>(fds: &[Option<BorrowedFd<'_>>; N], wait: Option<Duration>) -> [bool; N] {
    let mut list =
        fds.map(|fd| libc::pollfd { fd: fd.map_or(-1, |f| f.as_raw_fd()), events: libc::POLLIN, revents: 0 });
    let wait = wait.map_or(-1, |w| w.as_millis().min(60_000) as libc::c_int + 1);
    // SAFETY: the list is as long as is said.
    unsafe { libc::poll(list.as_mut_ptr(), N as _, wait) };
    list.map(|l| l.revents != 0)
}

/// Asks again and again, every 10 ms, for as long as given: the real one polls like this.
pub fn until(longest: Duration, mut is: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + longest;
    while !is() {
        if Instant::now() >= end {
            return false;
        }
        wait_readable::<1>(&[None], Some(Duration::from_millis(10)));
    }
    true
}

/// Somebody who has connected, and who it is.
pub fn accept(listener: &OwnedFd) -> Option<(UnixStream, u32)> {
    let listener = UnixListener::from(listener.try_clone().ok()?);
    let (stream, _) = listener.accept().ok()?;
    let mut who = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: writes one ucred, as long as `len` says.
    checked(unsafe { libc::getsockopt(stream.as_raw_fd(), level, option, (&raw mut who).cast(), &mut len) }).ok()?;
    Some((stream, who.uid))
}

/// A message of exactly that length, received in one piece.
pub fn receive_exactly(mut peer: &UnixStream, len: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; len + 1];
    let n = peer.read(&mut bytes).ok()?;
    bytes.truncate(n);
    (n == len).then_some(bytes)
}

pub fn send_property(name: &str, value: &str) -> io::Result<()> {
    let mut message = [0u8; 128];
    message[..4].copy_from_slice(&1u32.to_ne_bytes());
    message[4..4 + name.len().min(31)].copy_from_slice(&name.as_bytes()[..name.len().min(31)]);
    message[36..36 + value.len().min(91)].copy_from_slice(&value.as_bytes()[..value.len().min(91)]);
    let mut socket = UnixStream::connect("/dev/socket/property_service")?;
    socket.write_all(&message)?;
    // The end of the connection means that it was taken in.
    socket.read(&mut [0]).map(drop)
}

/// A bound socket that is inherited.
pub fn bound_socket(path: &str) -> io::Result<OwnedFd> {
    let _ = std::fs::remove_file(path);
    let fd: OwnedFd = UnixListener::bind(path)?.into();
    // SAFETY: a descriptor of ours.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) })?;
    Ok(fd)
}

/// fork and exec, in a process group of its own, with /dev/null or a console on 0 to 2.
pub fn spawn(args: &[String], environment: &[(String, String)], console: Option<&str>) -> io::Result<i32> {
    let args: Vec<CString> = args.iter().map(|a| text(a)).collect();
    let environment: Vec<CString> = environment.iter().map(|(n, v)| text(&format!("{n}={v}"))).collect();
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, envp) = (pointers(&args), pointers(&environment));
    let stdio = text(console.unwrap_or("/dev/null"));
    // SAFETY: one thread; the child makes system calls only, and the lists were made before.
    unsafe {
        match checked(libc::fork())? {
            0 => {
                if console.is_some() {
                    libc::setsid();
                } else {
                    libc::setpgid(0, libc::getpid());
                }
                let fd = libc::open(stdio.as_ptr(), libc::O_RDWR);
                (0..3).for_each(|n| {
                    libc::dup2(fd, n);
                });
                libc::close(fd);
                libc::execve(argv[0], argv.as_ptr(), envp.as_ptr());
                libc::_exit(127)
            }
            pid => Ok(pid),
        }
    }
}

pub fn kill_group(pid: i32) {
    if pid > 1 {
        // SAFETY: takes numbers.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
    }
}

pub fn reap_one() -> Option<i32> {
    // SAFETY: no status is asked for.
    let pid = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
    (pid > 0).then_some(pid)
}

pub fn pause() {
    // SAFETY: waits; returns after a handler only, of which a tool has none.
    unsafe { libc::pause() };
}

pub fn sync() {
    // SAFETY: takes nothing.
    unsafe { libc::sync() };
}

/// A record of /dev/log.
pub fn write_record(log: &str, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(format!("/dev/log/{log}"))?;
    let slices: Vec<io::IoSlice<'_>> = parts.iter().map(|p| io::IoSlice::new(p)).collect();
    file.write_vectored(&slices).map(drop)
}

/// BINDER_VERSION of /dev/binder.
pub fn binder_version() -> io::Result<i32> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/binder")?;
    let mut version = 0i32;
    // SAFETY: writes one int.
    checked(unsafe { libc::ioctl(file.as_raw_fd(), 0xc004_6209u32 as _, &mut version) })?;
    Ok(version)
}

/// BINDER_SET_CONTEXT_MGR of /dev/binder; in force as long as the file is open.
pub fn context_manager() -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).open("/dev/binder")?;
    let none = 0i32;
    // SAFETY: reads one int at most.
    checked(unsafe { libc::ioctl(file.as_raw_fd(), 0x4004_6207u32 as _, &none) })?;
    // Open for ever.
    std::mem::forget(file.try_clone()?);
    Ok(file)
}

/// reboot(2): a restart, a power-off, or a restart with a word.
pub fn reboot(power_off: bool, target: &str) {
    const RESTART2: libc::c_int = 0xa1b2_c3d4_u32 as libc::c_int;
    let word = text(target);
    // SAFETY: the numbers of reboot(2); the word ends with 0.
    unsafe {
        match (power_off, target) {
            (true, _) => libc::reboot(libc::RB_POWER_OFF),
            (false, "") => libc::reboot(libc::RB_AUTOBOOT),
            (false, _) => {
                let (one, two) = (0xfee1_dead_u32 as libc::c_int, 672_274_793);
                libc::syscall(libc::SYS_reboot, one, two, RESTART2, word.as_ptr()) as libc::c_int
            }
        };
    }
}
