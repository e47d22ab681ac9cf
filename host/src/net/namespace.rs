//! A network namespace beside the caller's, with a netlink socket in each.

use super::Netlink;
use crate::sys::{errno, process};
use keel_core::facts::Namespaces;
use keel_core::failure::Errno;
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// One. It lives as long as this does, with all that is in it.
#[derive(Debug)]
pub struct Namespace {
    fd: OwnedFd,
    /// Speaks for what is in it.
    pub inside: Netlink,
    /// Speaks for the caller's.
    pub host: Netlink,
}

impl Namespace {
    /// A new one.
    pub fn make() -> Result<Namespace, Errno> {
        Namespace::there(|| process::unshare(Namespaces::NET))
    }

    /// That of a process.
    pub fn of(pid: i32) -> Result<Namespace, Errno> {
        let theirs = open(&format!("/proc/{pid}/ns/net"))?;
        Namespace::there(|| enter(theirs.as_fd()))
    }

    /// Goes there, takes hold of it, and comes back.
    fn there(go: impl FnOnce() -> Result<(), Errno>) -> Result<Namespace, Errno> {
        let own = open("/proc/self/ns/net")?;
        let host = Netlink::route()?;
        go()?;
        let found = open("/proc/self/ns/net").and_then(|fd| Ok((fd, Netlink::route()?)));
        // It was entered from here a moment ago: the rights to come back are those to leave.
        enter(own.as_fd())?;
        let (fd, inside) = found?;
        Ok(Namespace { fd, inside, host })
    }

    /// The caller goes there for good: setns(2), Linux 3.0.
    pub fn enter(&self) -> Result<(), Errno> {
        enter(self.fd.as_fd())
    }

    /// What `enter` goes by.
    pub fn descriptor(&mut self) -> &mut OwnedFd {
        &mut self.fd
    }

    /// What IFLA_NET_NS_FD takes.
    pub fn number(&self) -> u32 {
        self.fd.as_raw_fd() as u32
    }
}

/// The caller's own, as IFLA_NET_NS_FD takes it.
pub fn own() -> Result<OwnedFd, Errno> {
    open("/proc/self/ns/net")
}

fn open(path: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(errno)
}

fn enter(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    move_into_link_name_space(fd, Some(LinkNameSpaceType::Network)).map_err(errno)
}
