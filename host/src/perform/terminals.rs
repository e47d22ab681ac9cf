//! Terminals of a container, and how the child hands them over.
//!
//! All pseudo-terminals are of the container's own devpts: a terminal of the host never gets in.

use super::beneath::{self, FdPath};
use super::report::{BATCH, Message};
use super::{Stage, errno};
use crate::sys;
use keel_core::failure::Errno;
use keel_core::step::{Place, Terminal};
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::io::IoSlice;
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

/// Waits until the parent has performed a round. Its end is ours.
pub fn await_parent(stage: &mut Stage, round: u16) -> Result<(), Errno> {
    stage.report.say(Message::Await(round.into()))?;
    let report = stage.report.socket()?;
    let mut go = [0; 1];
    match rustix::io::retry_on_intr(|| rustix::io::read(report, &mut go)).map_err(errno)? {
        0 => Err(Errno(libc::EPIPE)),
        _ => Ok(()),
    }
}

/// Sends all masters, in the order in which they were opened, and closes them here.
pub fn send(stage: &mut Stage) -> Result<(), Errno> {
    let report = stage.report.socket()?;
    for batch in stage.masters.chunks(BATCH) {
        let bytes = Message::Terminals(batch.len() as u32).encode();
        let mut fds = [report; BATCH];
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
