//! A netlink socket: a request, its answer.
//!
//! A socket belongs to the network namespace that it was opened in, whatever its process does afterwards.

use crate::sys::errno;
use keel_core::failure::Errno;
use keel_core::netlink::{Message, attribute, ifla, messages, nl, u32_at};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use std::cell::Cell;
use std::ffi::CStr;
use std::time::Duration;

/// The longest answer in one piece: the kernel fills up to 32 KiB (net/netlink/af_netlink.c, netlink_dump).
const LONGEST: usize = 32 << 10;

/// One socket.
#[derive(Debug)]
pub struct Netlink {
    fd: OwnedFd,
    sequence: Cell<u32>,
}

impl Netlink {
    /// For interfaces, addresses and routes of the caller's namespace: NETLINK_ROUTE.
    pub fn route() -> Result<Netlink, Errno> {
        // NETLINK_ROUTE is 0.
        Netlink::open(None)
    }

    /// For a protocol.
    pub fn open(protocol: Option<rustix::net::Protocol>) -> Result<Netlink, Errno> {
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol);
        Ok(Netlink { fd: fd.map_err(errno)?, sequence: Cell::new(0) })
    }

    /// Told of every change of an interface: RTMGRP_LINK.
    pub fn watching_links() -> Result<Netlink, Errno> {
        let socket = Netlink::route()?;
        rustix::net::bind(&socket.fd, &netlink::SocketAddrNetlink::new(0, 1)).map_err(errno)?;
        Ok(socket)
    }

    /// Waits for something to read and throws it away; false: nothing came in time.
    pub fn wait(&self, time: Duration) -> Result<bool, Errno> {
        let time = Timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ };
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| poll(&mut fds, Some(&time))).map_err(errno)? == 0 {
            return Ok(false);
        }
        match rustix::net::recv(&self.fd, vec![0; LONGEST].as_mut_slice(), RecvFlags::empty()) {
            // ENOBUFS: so much came that some of it was lost.
            Ok(_) | Err(rustix::io::Errno::NOBUFS) => Ok(true),
            Err(e) => Err(errno(e)),
        }
    }

    /// Sends a request that changes something; it is done when this returns.
    pub fn change(&self, message: Message) -> Result<(), Errno> {
        self.ask(message, |_, _| ())
    }

    /// Sends a request; each message of the answer goes to `each`, by its type and without its header.
    pub fn ask(&self, message: Message, each: impl FnMut(u16, &[u8])) -> Result<(), Errno> {
        let sequence = self.next();
        self.send(&message.finish(sequence))?;
        self.answer(sequence, each)
    }

    /// A number for the next request.
    pub fn next(&self) -> u32 {
        self.sequence.set(self.sequence.get().wrapping_add(1));
        self.sequence.get()
    }

    /// Sends bytes as they are.
    pub fn send(&self, bytes: &[u8]) -> Result<(), Errno> {
        rustix::io::retry_on_intr(|| rustix::net::send(&self.fd, bytes, SendFlags::empty())).map(drop).map_err(errno)
    }

    /// Takes the answer to a request, up to its acknowledgement or the end of a dump.
    pub fn answer(&self, sequence: u32, mut each: impl FnMut(u16, &[u8])) -> Result<(), Errno> {
        let mut buffer = vec![0; LONGEST];
        loop {
            let received =
                rustix::io::retry_on_intr(|| rustix::net::recv(&self.fd, buffer.as_mut_slice(), RecvFlags::empty()));
            let (length, _) = received.map_err(errno)?;
            for (kind, of, body) in messages(&buffer[..length]) {
                match kind {
                    _ if of != sequence => {}
                    nl::DONE => return Ok(()),
                    // The errno, negative; 0 is an acknowledgement.
                    nl::ERROR => match u32_at(body, 0).unwrap_or(0) as i32 {
                        0 => return Ok(()),
                        e => return Err(Errno(-e)),
                    },
                    kind => each(kind, body),
                }
            }
        }
    }

    /// Takes the answers to several requests; an error of one of the `ends` is that of all.
    pub fn answers(&self, to: &[u32], ends: [u32; 2]) -> Result<(), Errno> {
        let mut open = to.to_vec();
        let mut first = Ok(());
        let mut buffer = vec![0; LONGEST];
        while !open.is_empty() {
            let received =
                rustix::io::retry_on_intr(|| rustix::net::recv(&self.fd, buffer.as_mut_slice(), RecvFlags::empty()));
            let (length, _) = received.map_err(errno)?;
            for (kind, of, body) in messages(&buffer[..length]) {
                let code = if kind == nl::ERROR { u32_at(body, 0).unwrap_or(0) as i32 } else { 0 };
                if code != 0 && ends.contains(&of) {
                    return Err(Errno(-code));
                }
                open.retain(|number| *number != of);
                if code != 0 && first.is_ok() {
                    first = Err(Errno(-code));
                }
            }
        }
        first
    }

    /// The number of an interface; ENODEV: there is none of that name.
    pub fn index(&self, name: &CStr) -> Result<u32, Errno> {
        let mut found = None;
        self.by_name(name, |body| found = u32_at(body, 4))?;
        found.ok_or(Errno::NODEV)
    }

    /// What the kernel says of the interface of a name: `struct ifinfomsg` and its attributes.
    pub fn by_name(&self, name: &CStr, mut each: impl FnMut(&[u8])) -> Result<(), Errno> {
        let message = Message::link(nl::GETLINK, nl::ACK, 0, 0, false).text(ifla::IFNAME, name);
        self.ask(message, |_, body| {
            let named = attribute(body.get(16..).unwrap_or(&[]), ifla::IFNAME);
            if named == Some(name.to_bytes_with_nul()) {
                each(body);
            }
        })
    }
}
