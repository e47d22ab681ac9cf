//! A TCP port of the host that leads into a container without a network: a process of its own copies, so that what is large (adb
//! push) holds up nothing in the loop, and what is hostile meets a process that has nothing but these sockets.
//!
//! Listens on the loopback address of the host, connects to that of the container's network namespace.
use crate::fault::symbol;
use crate::sys::descriptors::close_from;
use crate::sys::process::{Cloned, exit_now, fork, set_parent_death_signal};
use keel_core::failure::{Errno, Failure};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno as Io;
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// No adb has more at once.
const MOST: usize = 64;
/// Bytes that wait in one direction.
const ROOM: usize = 32 << 10;

/// Listens on a port and starts the process; its id. `init`: a process of the container.
pub fn begin(port: u16, init: i32) -> Result<i32, Failure> {
    let at = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let listener = TcpListener::bind(at).map_err(|e| Failure::new(format!("listen on {at}: {}", symbol(&e))))?;
    let path = format!("/proc/{init}/ns/net");
    let namespace = rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| Failure::errno(format_args!("open '{path}'"), Errno(e.raw_os_error())))?;
    match fork().map_err(|e| Failure::errno("fork", e))? {
        Cloned::Parent { pid, .. } => Ok(pid),
        Cloned::Child { .. } => {
            // Who dies meanwhile is missed; the port is then held until the connections end.
            let _ = set_parent_death_signal(libc::SIGKILL);
            let network = Some(LinkNameSpaceType::Network);
            let ready = move_into_link_name_space(namespace.as_fd(), network).and_then(|()| {
                listener.set_nonblocking(true).map_err(|_| Io::INVAL)?;
                rustix::stdio::dup2_stdin(&listener)
            });
            // Descriptors of the loop's are no business of this process: locks and terminals end with their last holder.
            close_from(3);
            exit_now(i32::from(ready.is_err() || run(at).is_err()))
        }
    }
}

/// One direction.
#[derive(Default)]
struct Way {
    waiting: Vec<u8>,
    /// Nothing more comes; told to the other end once all is written.
    ended: bool,
    told: bool,
}

struct Connection {
    /// The host's and the container's.
    ends: [OwnedFd; 2],
    /// From each of them to the other.
    ways: [Way; 2],
}

/// Standard input is the listener. Returns on an error only.
fn run(to: SocketAddrV4) -> Result<(), Io> {
    let mut all: Vec<Connection> = Vec::new();
    loop {
        let listener = rustix::stdio::stdin();
        let wanted = if all.len() < MOST { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = vec![PollFd::new(&listener, wanted)];
        for one in &all {
            fds.extend([0, 1].map(|end| PollFd::new(&one.ends[end], one.wanted(end))));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(Io::INTR) => {}
            Err(e) => return Err(e),
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(fds);
        let mut number = 0;
        all.retain_mut(|one| {
            number += 1;
            let seen = [ready[number * 2 - 1], ready[number * 2]];
            !seen.contains(&true) || one.move_on(seen).is_ok_and(|over| !over)
        });
        if ready[0]
            && let Ok(ours) = rustix::net::accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)
            && let Ok(theirs) = connect(to)
        {
            all.push(Connection { ends: [ours, theirs], ways: Default::default() });
        }
    }
}

/// Within this namespace's loopback it is there or refused at once.
fn connect(to: SocketAddrV4) -> Result<OwnedFd, Io> {
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    rustix::net::connect(&socket, &to)?;
    let flags = rustix::fs::fcntl_getfl(&socket)?;
    rustix::fs::fcntl_setfl(&socket, flags | OFlags::NONBLOCK)?;
    Ok(socket)
}

impl Connection {
    fn wanted(&self, end: usize) -> PollFlags {
        let mut wanted = PollFlags::empty();
        if !self.ways[end].ended && self.ways[end].waiting.is_empty() {
            wanted |= PollFlags::IN;
        }
        if !self.ways[1 - end].waiting.is_empty() {
            wanted |= PollFlags::OUT;
        }
        wanted
    }

    /// Reads and writes what is possible; whether it is over.
    fn move_on(&mut self, seen: [bool; 2]) -> Result<bool, Io> {
        for end in [0, 1] {
            if seen[end] && self.ways[end].waiting.is_empty() && !self.ways[end].ended {
                let mut bytes = vec![0; ROOM];
                match rustix::io::read(&self.ends[end], &mut bytes) {
                    Ok(0) => self.ways[end].ended = true,
                    Ok(n) => {
                        bytes.truncate(n);
                        self.ways[end].waiting = bytes;
                    }
                    Err(Io::AGAIN | Io::INTR) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        for end in [0, 1] {
            let to = self.ends[1 - end].as_fd();
            self.ways[end].write(to)?;
        }
        Ok(self.ways.iter().all(|way| way.told))
    }
}

impl Way {
    fn write(&mut self, to: BorrowedFd<'_>) -> Result<(), Io> {
        if !self.waiting.is_empty() {
            match rustix::net::send(to, &self.waiting, rustix::net::SendFlags::NOSIGNAL) {
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(Io::AGAIN | Io::INTR) => {}
                Err(e) => return Err(e),
            }
        }
        if self.ended && self.waiting.is_empty() && !self.told {
            self.told = true;
            // ENOTCONN: it is gone altogether, and the next read says so.
            let _ = rustix::net::shutdown(to, Shutdown::Write);
        }
        Ok(())
    }
}
