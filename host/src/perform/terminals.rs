//! Terminals of a container, and the messages by which the child hands them over and reports.
//!
//! All pseudo-terminals are of the container's own devpts: a terminal of the host never gets in.

use super::beneath::{self, FdPath};
use super::{Stage, errno};
use crate::sys;
use keel_core::failure::Errno;
use keel_core::step::{Place, Terminal};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;

/// Opens a new pseudo-terminal of the devpts in the rootfs, and binds its slave over a file there.
pub fn open(stage: &mut Stage, terminal: Terminal, at: &Place) -> Result<(), Errno> {
    let root = stage.root()?;
    let ptmx = beneath::open(root, c"dev/pts/ptmx")?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    // O_PATH can't be read: the node is opened through the descriptor that was resolved.
    let master = rustix::fs::open(FdPath::new(ptmx.as_fd()).as_c_str(), flags, Mode::empty()).map_err(errno)?;
    rustix::pty::unlockpt(&master).map_err(errno)?;
    let slave = match sys::mount::pty_peer(master.as_fd()) {
        // COMPAT(linux<4.13): by its name in the devpts that has just been mounted.
        Err(Errno::INVAL | Errno(libc::ENOTTY)) => {
            let number = sys::mount::pty_number(master.as_fd())?;
            let mut name = [0; 32];
            let _ = std::io::Write::write_fmt(&mut &mut name[..31], format_args!("dev/pts/{number}"));
            let name = std::ffi::CStr::from_bytes_until_nul(&name).map_err(|_| Errno::INVAL)?;
            let found = beneath::open(root, name)?;
            rustix::fs::open(FdPath::new(found.as_fd()).as_c_str(), flags, Mode::empty()).map_err(errno)?
        }
        slave => slave?,
    };
    let Place::Root(path) = at else { return Err(Errno::INVAL) };
    let target = beneath::open(root, path)?;
    let (from, to) = (FdPath::new(slave.as_fd()), FdPath::new(target.as_fd()));
    rustix::mount::mount_bind(from.as_c_str(), to.as_c_str()).map_err(errno)?;
    // Reserved for by `Stage::new`.
    stage.masters.push(master);
    if terminal == Terminal::Console {
        stage.console = Some(slave);
    }
    Ok(())
}

/// A session of its own; 0 to 2 are the console or /dev/null. The console does not become the controlling terminal: an init
/// gives it to the sessions that it starts.
pub fn new_session(stage: &Stage, console: bool) -> Result<(), Errno> {
    // EPERM: the process leads a group already, as one without a pid namespace may.
    match rustix::process::setsid() {
        Ok(_) | Err(rustix::io::Errno::PERM) => (),
        Err(e) => return Err(errno(e)),
    }
    let null;
    let fd = match &stage.console {
        Some(slave) if console => slave.as_fd(),
        _ => {
            null = rustix::fs::open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(errno)?;
            null.as_fd()
        }
    };
    rustix::stdio::dup2_stdin(fd).map_err(errno)?;
    rustix::stdio::dup2_stdout(fd).map_err(errno)?;
    rustix::stdio::dup2_stderr(fd).map_err(errno)
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
const BATCH: usize = 64;

impl Message {
    fn encode(self) -> [u8; MESSAGE_LEN] {
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

/// Says something to the parent.
pub fn send_message(report: BorrowedFd<'_>, message: Message) -> Result<(), Errno> {
    let bytes = message.encode();
    let send = || rustix::net::send(report, &bytes, SendFlags::NOSIGNAL);
    rustix::io::retry_on_intr(send).map(drop).map_err(errno)
}

/// Waits until the parent has performed a round. Its end is ours.
pub fn await_parent(stage: &Stage, round: u16) -> Result<(), Errno> {
    let report = stage.report().ok_or(Errno::INVAL)?;
    send_message(report, Message::Await(round.into()))?;
    let mut go = [0; 1];
    match rustix::io::retry_on_intr(|| rustix::io::read(report, &mut go)).map_err(errno)? {
        0 => Err(Errno(libc::EPIPE)),
        _ => Ok(()),
    }
}

/// In the parent: the child may go on.
pub fn let_go_on(report: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::net::send(report, &[1], SendFlags::NOSIGNAL).map(drop).map_err(errno)
}

/// Sends all masters, in the order in which they were opened, and closes them here.
pub fn send(stage: &mut Stage) -> Result<(), Errno> {
    let report = stage.report.as_ref().ok_or(Errno::INVAL)?;
    for batch in stage.masters.chunks(BATCH) {
        let bytes = Message::Terminals(batch.len() as u32).encode();
        let mut fds = [report.as_fd(); BATCH];
        for (to, from) in fds.iter_mut().zip(batch) {
            *to = from.as_fd();
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(BATCH))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(&fds[..batch.len()]));
        let iov = [IoSlice::new(&bytes)];
        rustix::net::sendmsg(report, &iov, &mut ancillary, SendFlags::NOSIGNAL).map_err(errno)?;
    }
    stage.masters.clear();
    Ok(())
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
}
