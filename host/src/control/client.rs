//! The asking side of a control socket: connect, send one frame, wait for the answer.
//!
//! Blocks, but never longer than the caller's deadline.
use super::protocol::{MAX_REPLY, Reply, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    self, AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage,
};
use rustix::net::{SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// A connection. What the supervisor lent over it (a tty) goes back when it is dropped.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
}

impl Connection {
    /// Connect. ENOENT and ECONNREFUSED: nobody supervises there.
    pub fn open(path: &Path) -> Result<Connection, Errno> {
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        net::connect(&socket, &SocketAddrUnix::new(path)?)?;
        Ok(Connection { socket })
    }

    /// Ask and wait for the answer; no `timeout`: as long as the supervisor lives.
    pub fn ask(&self, request: &Request, timeout: Option<Duration>) -> Result<Reply, Errno> {
        Ok(self.ask_for_descriptor(request, timeout)?.0)
    }

    /// As [`Connection::ask`], with the descriptor that came along.
    pub fn ask_for_descriptor(
        &self,
        request: &Request,
        timeout: Option<Duration>,
    ) -> Result<(Reply, Option<OwnedFd>), Errno> {
        net::send(&self.socket, &request.encode(), SendFlags::NOSIGNAL)?;
        self.wait_readable(timeout)?;
        self.receive()
    }

    /// As [`Connection::ask`], with a descriptor that goes along.
    pub fn ask_with(&self, request: &Request, fd: BorrowedFd<'_>, timeout: Duration) -> Result<Reply, Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = [fd];
        control.push(SendAncillaryMessage::ScmRights(&fds));
        net::sendmsg(&self.socket, &[IoSlice::new(&request.encode())], &mut control, SendFlags::NOSIGNAL)?;
        self.wait_readable(Some(timeout))?;
        Ok(self.receive()?.0)
    }

    /// Asks, and waits for nothing: for a test that answers itself.
    #[cfg(test)]
    pub fn send(&self, request: &Request) -> Result<(), Errno> {
        net::send(&self.socket, &request.encode(), SendFlags::NOSIGNAL).map(drop)
    }

    fn wait_readable(&self, timeout: Option<Duration>) -> Result<(), Errno> {
        let end = timeout.map(|t| Instant::now() + t);
        loop {
            let left = end.map(|end| {
                let left = end.saturating_duration_since(Instant::now());
                Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ }
            });
            match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], left.as_ref()) {
                Ok(0) => return Err(Errno::TIMEDOUT),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn receive(&self) -> Result<(Reply, Option<OwnedFd>), Errno> {
        // Asked for its length, which most of the time is a hundredth of the longest's.
        let (_, length) = net::recv(&self.socket, &mut [0u8; 0][..], RecvFlags::PEEK | RecvFlags::TRUNC)?;
        let mut frame = vec![0; length.min(MAX_REPLY)];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let message =
            net::recvmsg(&self.socket, &mut [IoSliceMut::new(&mut frame)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        let mut lent = None;
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut fds) = part {
                lent = fds.next();
            }
        }
        match message.bytes {
            0 => Err(Errno::CONNRESET),
            n => Ok((Reply::decode(&frame[..n]), lent)),
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
