//! An interface of the host that goes into the network namespace of a running process, and back.
//!
//! It loses its addresses on the way, as the kernel has it; nobody brings it up. At the end of the namespace the kernel
//! brings back what is hardware and removes the rest.

use super::Namespace;
use super::namespace::own;
use keel_core::failure::Errno;
use keel_core::netlink::{Message, ifla, nl};
use rustix::fd::AsRawFd;
use std::ffi::CStr;

/// Moves `name` of the host in, under the name `new`. ENODEV: the host has no such interface; EEXIST: the name is taken.
pub fn take_in(name: &CStr, pid: i32, new: &CStr) -> Result<(), Errno> {
    let there = Namespace::of(pid)?;
    let index = there.host.index(name)?;
    let message = Message::link(nl::SETLINK, nl::ACK, 0, index, false);
    there.host.change(message.u32(ifla::NET_NS_FD, there.number()).text(ifla::IFNAME, new))
}

/// Moves `name` of the process's namespace out to the host, under the name `new`.
pub fn take_out(name: &CStr, pid: i32, new: &CStr) -> Result<(), Errno> {
    let there = Namespace::of(pid)?;
    let index = there.inside.index(name)?;
    let host = own()?;
    let message = Message::link(nl::SETLINK, nl::ACK, 0, index, false);
    there.inside.change(message.u32(ifla::NET_NS_FD, host.as_raw_fd() as u32).text(ifla::IFNAME, new))
}
