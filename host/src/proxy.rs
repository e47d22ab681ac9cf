//! System calls that another program answers: `lxc.seccomp.notify.proxy`.
//!
//! The protocol is that of LXC 5.0.2, as a proxy was seen to get it: over AF_UNIX, SOCK_SEQPACKET, one message of a head (below),
//! `struct seccomp_notif`, `struct seccomp_notif_resp` and the cookie, with three descriptors: the directory of the calling
//! process in /proc, its memory, the filter's listener. What comes back is the same without the cookie. LXC keeps one
//! connection; here each call has its own, so that a slow answer keeps no other call waiting. What is no answer (no
//! connection, another length, another call's id) is ENOSYS, as a kernel without the call would say.

use crate::sys::errno;
use crate::sys::seccomp::{self, Notice, Response};
use keel_core::failure::Errno;
use keel_core::seccomp::Proxy;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType,
};
use std::ffi::CStr;
use std::io::IoSlice;
use std::mem::MaybeUninit;

/// `struct seccomp_notify_proxy_msg` of LXC: a reserved word, the supervisor and the first program, the sizes of the kernel's three
/// structures, how long the cookie is.
const HEAD: usize = 32;
const NOTICE: usize = 80;
const RESPONSE: usize = 24;
/// `struct seccomp_data`.
const DATA: u16 = 64;
const ANSWER: usize = HEAD + NOTICE + RESPONSE;

/// A connection to whoever listens. ENOENT, ECONNREFUSED: nobody does. EPROTOTYPE: it is another kind of socket.
pub fn reach(path: &CStr) -> Result<OwnedFd, Errno> {
    let address = SocketAddrUnix::new(path).map_err(errno)?;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    let socket = socket.map_err(errno)?;
    retry_on_intr(|| rustix::net::connect(&socket, &address)).map_err(errno)?;
    Ok(socket)
}

/// Answers a call as the proxy says, unless it waits no more. `init` is the container's first program; the supervisor is the
/// caller's parent.
pub fn answer(listener: BorrowedFd<'_>, notice: &Notice, proxy: &Proxy, init: i32) {
    let response = ask(listener, notice, proxy, init).unwrap_or_else(|why| {
        log::warn!("{}: system call {} gets ENOSYS: {why}", proxy.path, notice.number);
        Response { id: notice.id, error: -Errno::NOSYS.0, ..Response::default() }
    });
    // ENOENT: the caller was killed, or the proxy has answered by itself.
    if seccomp::respond(listener, response) == Err(Errno::INVAL) {
        let _ = seccomp::answer(listener, notice.id, Err(Errno::NOSYS));
    }
}

fn ask(listener: BorrowedFd<'_>, notice: &Notice, proxy: &Proxy, init: i32) -> Result<Response, Errno> {
    let path = std::ffi::CString::new(proxy.path.as_str()).map_err(|_| Errno::INVAL)?;
    let socket = reach(&path)?;
    let open = |name: &str, flags| {
        rustix::fs::open(format!("/proc/{}{name}", notice.pid), flags | OFlags::CLOEXEC, Mode::empty()).map_err(errno)
    };
    let (process, memory) = (open("", OFlags::RDONLY | OFlags::DIRECTORY)?, open("/mem", OFlags::RDWR)?);
    // From here on it is known that both were the caller's.
    if !seccomp::waits(listener, notice.id) {
        return Err(Errno(libc::ESRCH));
    }
    let head = head(init, proxy.cookie.len());
    let empty = Response { id: notice.id, ..Response::default() }.to_bytes();
    let notified = notice.to_bytes();
    let parts = [&head[..], &notified, &empty, proxy.cookie.as_bytes()].map(IoSlice::new);
    let fds = [process.as_fd(), memory.as_fd(), listener];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    retry_on_intr(|| rustix::net::sendmsg(&socket, &parts, &mut ancillary, SendFlags::NOSIGNAL)).map_err(errno)?;
    let mut bytes = [0; ANSWER];
    let (_, len) = retry_on_intr(|| rustix::net::recv(&socket, &mut bytes, RecvFlags::TRUNC)).map_err(errno)?;
    let response = bytes.last_chunk().map(Response::of_bytes).ok_or(Errno::INVAL)?;
    if len == ANSWER && response.id == notice.id { Ok(response) } else { Err(Errno(libc::EPROTO)) }
}

fn head(init: i32, cookie: usize) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let supervisor = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    head[8..12].copy_from_slice(&supervisor.to_ne_bytes());
    head[12..16].copy_from_slice(&init.to_ne_bytes());
    for (at, size) in [(16, NOTICE as u16), (18, RESPONSE as u16), (20, DATA)] {
        head[at..at + 2].copy_from_slice(&size.to_ne_bytes());
    }
    head[24..].copy_from_slice(&(cookie as u64).to_ne_bytes());
    head
}
