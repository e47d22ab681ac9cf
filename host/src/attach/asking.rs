//! A program that is attached to a container whose supervisor answers some of its system calls: what its filter asks goes there.
//!
//! The program loads the filter inside, and hands what is asked through it to the process outside, which gives it to the
//! supervisor: no way to that is ever inside. It waits until the supervisor listens, since it could ask at once.
use crate::control::client::Connection;
use crate::control::protocol::{Reply, Request};
use crate::fault::symbol;
use crate::sys::{errno, seccomp};
use keel_core::failure::Failure;
use keel_core::seccomp::Insn;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage};
use rustix::net::{SendFlags, recvmsg, send, sendmsg};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

/// How long the supervisor may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Outside: lets the program load its filter, and gives its listener to the supervisor.
pub(super) fn hand_over(socket: &OwnedFd, supervisor: &Connection) -> Result<(), Failure> {
    let failed = |what: &'static str| move |e: rustix::io::Errno| Failure::errno(what, errno(e));
    send(socket, &[0], SendFlags::NOSIGNAL).map_err(failed("let the program load its filter"))?;
    let Some(listener) = receive(socket).map_err(failed("receive the filter's listener"))? else {
        // It has said why.
        return Ok(());
    };
    match supervisor.ask_with(&Request::Supervise, listener.as_fd(), PATIENCE) {
        Ok(Reply::Done(_)) => {}
        Ok(Reply::Refused { why, .. }) => return Err(Failure::new(why)),
        Err(e) => {
            let why =
                format!("its supervisor, which answers some of its system calls, gives none: {}", symbol(&e.into()));
            return Err(Failure::new(why));
        }
    }
    send(socket, &[0], SendFlags::NOSIGNAL).map(drop).map_err(failed("let the program go on"))
}

/// Inside: loads the filter. Without a socket there is no supervisor any more, and what would be asked returns ENOSYS, as for all
/// the others in the container. False: outside somebody says why it can't be.
pub(super) fn load(program: &[Insn], socket: Option<&OwnedFd>) -> Result<bool, Failure> {
    let failed = |e| Failure::errno("load the filter whose calls the container's supervisor answers", e);
    let Some(socket) = socket else { return seccomp::load_with_listener(program).map(|_| true).map_err(failed) };
    if receive(socket).is_err() {
        return Ok(false);
    }
    let listener = seccomp::load_with_listener(program).map_err(failed)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [listener.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let sent = sendmsg(socket, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL);
    Ok(sent.is_ok() && receive(socket).is_ok())
}

/// A byte, and the descriptor that comes along. EPIPE: the other side has ended.
fn receive(socket: &OwnedFd) -> Result<Option<OwnedFd>, rustix::io::Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let got = rustix::io::retry_on_intr(|| {
        recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)
    })?;
    if got.bytes == 0 {
        return Err(rustix::io::Errno::PIPE);
    }
    Ok(control.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    }))
}
