//! The process that joins a container's namespaces: it makes the pty, the program's process, and waits for that.
//!
//! A pid namespace is entered by children only (setns(2)), so it takes one more process. This one holds nothing of the
//! host but descriptors 0 to 2 and its socket, and cannot be traced from inside (PR_SET_DUMPABLE 0, CVE-2016-8649).
use super::{Attach, Target, code, program, wait};
use crate::sys::process::{Cloned, exit_now, fork};
use crate::sys::vfork::vfork;
use crate::sys::{errno, mount};
use keel_core::facts::Namespaces;
use keel_core::failure::{Errno, Failure};
use rustix::fs::{Mode, OFlags};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage};
use rustix::net::{SendFlags, recvmsg, sendmsg};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::termios::isatty;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// What is told to the outside: the program's process, and the master of its terminal.
pub(super) struct Entered {
    pub pid: i32,
    pub terminal: Option<OwnedFd>,
}

/// Join, start the program, wait for it. The exit code to end with.
pub(super) fn enter(attach: &Attach, target: Target, socket: OwnedFd, asks: bool) -> i32 {
    let told = join(attach, target, Some(&socket), asks).and_then(|entered| {
        let told = tell(&socket, entered.pid, entered.terminal.as_ref());
        told.map_err(|e| Failure::errno("report to the outside", errno(e)))?;
        Ok(entered.pid)
    });
    match told {
        Ok(pid) => wait(pid).map_or(1, |status| i32::from(code(status))),
        Err(cause) => {
            eprintln!("keel: {}: {cause}", attach.name);
            1
        }
    }
}

/// Goes into the container and starts the program there. With a socket somebody outside has to do with the program, too:
/// about its label, or (`asks`) about what its filter asks.
pub(super) fn join(attach: &Attach, target: Target, socket: Option<&OwnedFd>, asks: bool) -> Result<Entered, Failure> {
    let call = |what: &'static str| move |e: rustix::io::Errno| Failure::errno(what, errno(e));
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(call("prctl PR_SET_DUMPABLE"))?;
    target.namespaces.enter(&target.process)?;
    if target.namespaces.has(Namespaces::MNT) {
        rustix::process::fchdir(&target.root).map_err(call("chdir to the container's root"))?;
        rustix::process::chroot(".").map_err(call("chroot to the container's root"))?;
        rustix::process::chdir("/").map_err(call("chdir '/'"))?;
    }
    let Target { bounding, no_new_privs, personality, cgroups, label, keep_groups, .. } = target;
    let rights = program::Rights { bounding, no_new_privs, personality, cgroups, label, keep_groups };

    let wanted = [isatty(rustix::stdio::stdin()), isatty(rustix::stdio::stdout()), isatty(rustix::stdio::stderr())];
    let terminal = if wanted.contains(&true) { Some(open_terminal()?) } else { None };
    let (master, slave) = terminal.unzip();
    let job = program::Job { attach, rights: &rights, slave: slave.as_ref(), terminal: wanted, socket, asks };
    Ok(Entered { pid: start(&job)?, terminal: master })
}

/// The child shares our memory until it is the program, unless it waits for somebody: then we could not go on.
fn start(job: &program::Job<'_>) -> Result<i32, Failure> {
    if job.socket.is_none() {
        let mut shared = job;
        match vfork(0, &mut shared, None, |_| None, |job| exit_now(program::become_it(job))) {
            // An old kernel, or another processor.
            Err(Errno::NOSYS) => {}
            made => return Ok(made.map_err(|e| Failure::errno("clone", e))?.0),
        }
    }
    match fork().map_err(|e| Failure::errno("fork", e))? {
        Cloned::Child { .. } => exit_now(program::become_it(job)),
        Cloned::Parent { pid, .. } => Ok(pid),
    }
}

/// A pty of the container's devpts: master and slave.
///
/// The container's root may have put anything in its place: what is opened must be the real multiplexer.
fn open_terminal() -> Result<(OwnedFd, OwnedFd), Failure> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut last = Errno::NOENT;
    for path in ["/dev/pts/ptmx", "/dev/ptmx"] {
        let master = match rustix::fs::open(path, flags | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(master) => master,
            Err(e) => {
                last = errno(e);
                continue;
            }
        };
        let is_ptmx = rustix::fs::fstat(&master)
            .is_ok_and(|s| (rustix::fs::major(s.st_rdev), rustix::fs::minor(s.st_rdev)) == (5, 2));
        if !is_ptmx {
            last = Errno::NODEV;
            continue;
        }
        rustix::pty::unlockpt(&master).map_err(|e| Failure::errno("unlockpt", errno(e)))?;
        let slave = match mount::pty_peer(master.as_fd()) {
            // COMPAT(linux<4.13): by its name.
            Err(Errno::INVAL | Errno(libc::ENOTTY)) => {
                let number = mount::pty_number(master.as_fd()).map_err(|e| Failure::errno("ptsname", e))?;
                let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
                rustix::fs::open(format!("/dev/pts/{number}"), flags, Mode::empty()).map_err(errno)
            }
            slave => slave,
        };
        let slave = slave.map_err(|e| Failure::errno("open the terminal's slave", e))?;
        return Ok((master, slave));
    }
    Err(Failure::errno("open a terminal in the container, '/dev/ptmx'", last))
}

fn tell(socket: &OwnedFd, pid: i32, master: Option<&OwnedFd>) -> Result<(), rustix::io::Errno> {
    let fds: Vec<_> = master.iter().map(|fd| fd.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&fds));
    }
    sendmsg(socket, &[IoSlice::new(&pid.to_ne_bytes())], &mut control, SendFlags::NOSIGNAL).map(drop)
}

/// What the inner process tells; nothing when it failed (and has said why).
pub(super) fn receive(socket: &OwnedFd) -> Result<Option<Entered>, Failure> {
    let mut pid = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let got = rustix::io::retry_on_intr(|| {
        recvmsg(socket, &mut [IoSliceMut::new(&mut pid)], &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let got = got.map_err(|e| Failure::errno("report from the inside", errno(e)))?;
    let mut terminal = None;
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut fds) = part {
            terminal = fds.next();
        }
    }
    Ok((got.bytes == pid.len()).then(|| Entered { pid: i32::from_ne_bytes(pid), terminal }))
}
