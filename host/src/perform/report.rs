//! What the child of a start says to its parent, and by which way.

use super::errno;
use keel_core::failure::Errno;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags};
use std::io::IoSliceMut;
use std::mem::MaybeUninit;

/// The way.
#[derive(Default)]
pub enum Report {
    /// Nobody listens: a plan without a child.
    #[default]
    Nobody,
    /// A connection, of packets; descriptors go this way only, and answers come.
    Socket(OwnedFd),
    /// The memory that both share until the exec, with room for all that can be said: nothing is allocated then.
    Memory(Vec<Message>),
}

impl Report {
    /// In the child: says something.
    pub fn say(&mut self, message: Message) -> Result<(), Errno> {
        match self {
            Report::Nobody => Ok(()),
            Report::Socket(socket) => {
                let bytes = message.encode();
                let send = || rustix::net::send(&*socket, &bytes, SendFlags::NOSIGNAL);
                rustix::io::retry_on_intr(send).map(drop).map_err(errno)
            }
            Report::Memory(said) if said.len() == said.capacity() => Err(Errno(libc::ENOBUFS)),
            Report::Memory(said) => {
                said.push(message);
                Ok(())
            }
        }
    }

    /// The connection.
    pub fn socket(&self) -> Result<BorrowedFd<'_>, Errno> {
        match self {
            Report::Socket(socket) => Ok(socket.as_fd()),
            Report::Nobody | Report::Memory(_) => Err(Errno::INVAL),
        }
    }
}

/// What the child says to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A step that may fail has failed: its number, and why.
    Noted(u32, Errno),
    /// A step has failed, and the child ends.
    Failed(u32, Errno),
    /// Masters of terminals come with this message; how many.
    Terminals(u32),
    /// The child waits for a round of the plan.
    Await(u32),
    /// What follows is the exec: the end of the connection without another message means that it was done.
    Exec,
}

/// Bytes of a message.
const MESSAGE_LEN: usize = 12;

/// How many descriptors go with one message; the kernel's limit is 253 (SCM_MAX_FD).
pub(super) const BATCH: usize = 64;

impl Message {
    pub(super) fn encode(self) -> [u8; MESSAGE_LEN] {
        let (kind, a, b) = match self {
            Message::Noted(step, e) => (1, step, e.0),
            Message::Failed(step, e) => (2, step, e.0),
            Message::Terminals(count) => (3u32, count, 0),
            Message::Exec => (4, 0, 0),
            Message::Await(round) => (5, round, 0),
        };
        let mut bytes = [0; MESSAGE_LEN];
        bytes[..4].copy_from_slice(&kind.to_ne_bytes());
        bytes[4..8].copy_from_slice(&a.to_ne_bytes());
        bytes[8..].copy_from_slice(&b.to_ne_bytes());
        bytes
    }

    fn decode(bytes: &[u8; MESSAGE_LEN]) -> Option<Message> {
        let word = |i: usize| [bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]];
        let (a, b) = (u32::from_ne_bytes(word(4)), i32::from_ne_bytes(word(8)));
        match u32::from_ne_bytes(word(0)) {
            1 => Some(Message::Noted(a, Errno(b))),
            2 => Some(Message::Failed(a, Errno(b))),
            3 => Some(Message::Terminals(a)),
            4 => Some(Message::Exec),
            5 => Some(Message::Await(a)),
            _ => None,
        }
    }
}

/// In the parent: the child may go on.
pub fn let_go_on(report: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::net::send(report, &[1], SendFlags::NOSIGNAL).map(drop).map_err(errno)
}

/// In the parent: the next message, with the descriptors that came. Nothing at the end of the connection; EAGAIN when
/// nothing is there yet. A message that is none of ours is EPROTO.
pub fn receive(report: BorrowedFd<'_>, fds: &mut Vec<OwnedFd>) -> Result<Option<Message>, Errno> {
    let mut bytes = [0; MESSAGE_LEN];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let read = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(report, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags)
    });
    let read = match read {
        // The child has died with something unread of ours; its end is what counts.
        Err(rustix::io::Errno::CONNRESET) => return Ok(None),
        read => read.map_err(errno)?,
    };
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    match read.bytes {
        0 => Ok(None),
        MESSAGE_LEN => Message::decode(&bytes).map(Some).ok_or(Errno(libc::EPROTO)),
        _ => Err(Errno(libc::EPROTO)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_were() {
        for message in [
            Message::Noted(1, Errno::PERM),
            Message::Failed(9, Errno(133)),
            Message::Terminals(6),
            Message::Exec,
            Message::Await(1),
        ] {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
        assert_eq!(Message::decode(&[0; MESSAGE_LEN]), None);
    }

    #[test]
    fn what_is_said_in_memory_is_there_and_has_an_end() {
        let mut report = Report::Memory(Vec::with_capacity(2));
        let Report::Memory(room) = &report else { unreachable!() };
        for _ in 0..room.capacity() {
            report.say(Message::Exec).unwrap();
        }
        assert_eq!(report.say(Message::Exec), Err(Errno(libc::ENOBUFS)));
        assert_eq!(report.socket().err(), Some(Errno::INVAL));
        let Report::Memory(said) = report else { unreachable!() };
        assert!(said.iter().all(|message| *message == Message::Exec) && said.len() >= 2);
    }
}
