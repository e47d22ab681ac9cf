//! What a container's network leaves on the host is taken back: interfaces that were lent, answers for its addresses, and
//! the scripts that are run at the end.
//!
//! A veth is not among them: its end on the host goes with the namespace, and to delete it would take 27 ms.

use super::{Namespace, Netlink, links, namespace};
use crate::perform::hook::Program;
use crate::sys::errno;
use keel_core::facts::Link;
use keel_core::failure::{Errno, Failure};
use keel_core::netlink::{self, Message, ifla, nl};
use keel_core::plan::SHELLS;
use keel_core::plan::net::home_of;
use keel_core::step::net::Left;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

/// What is to be taken back, and the namespace that it is in, if that still is.
#[derive(Debug, Default)]
pub struct Undo {
    /// In the order in which it was made.
    pub left: Vec<Left>,
    /// Kept only for what is in it.
    pub namespace: Option<Namespace>,
}

impl Undo {
    /// What the steps of a start have left.
    pub fn new(left: Vec<Left>, namespace: Option<Namespace>) -> Undo {
        // Without need it would keep everything inside alive.
        let namespace = namespace.filter(|_| !left.is_empty());
        Undo { left, namespace }
    }

    /// Takes all back, last first; what can't be is returned, one sentence each. No process of the container may be left.
    pub fn run(self) -> Vec<Failure> {
        let Undo { left, namespace } = self;
        let undo = |left: &Left| match left {
            Left::Device { name, mtu, hwaddr, .. } => {
                let result = bring_home(name, *mtu, *hwaddr, namespace.as_ref());
                result.map_err(|e| Failure::errno(format_args!("ip link set {} netns of the host", shown(name)), e))
            }
            Left::Proxy { link, ip } => {
                let gone =
                    Netlink::route().and_then(|host| host.change(netlink::proxy(nl::DELNEIGH, host.index(link)?, *ip)));
                match gone {
                    Ok(()) | Err(Errno::NOENT | Errno::NODEV) => Ok(()),
                    Err(e) => Err(Failure::errno(left, e)),
                }
            }
            Left::Route { link, ip } => {
                let to = Some((*ip, if ip.is_ipv4() { 32 } else { 128 }));
                let gone = Netlink::route().and_then(|host| {
                    host.change(netlink::route(nl::DELROUTE, host.index(link)?, to, None, ip.is_ipv6()))
                });
                match gone {
                    // ESRCH: there is none.
                    Ok(()) | Err(Errno(libc::ESRCH) | Errno::NODEV) => Ok(()),
                    Err(e) => Err(Failure::errno(left, e)),
                }
            }
            Left::Script { argv, envp } => run(argv, envp).map_err(|e| Failure::errno(left, e)),
        };
        left.iter().rev().filter_map(|left| undo(left).err()).collect()
    }
}

/// How long a script may keep all other containers of the supervisor waiting. It is not killed then.
const PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };

/// Runs a script. ETIMEDOUT: it still does.
fn run(argv: &[CString], envp: &[CString]) -> Result<(), Errno> {
    let shells = SHELLS.map(|path| CString::new(path).unwrap_or_default());
    let hook = Program::new(&shells, argv, envp).start()?;
    let ready = retry_on_intr(|| poll(&mut [PollFd::new(&hook, PollFlags::IN)], Some(&PATIENCE)));
    match ready.map_err(errno)? {
        0 => Err(Errno(libc::ETIMEDOUT)),
        _ => hook.result(),
    }
}

fn shown(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

/// The interface, on the host. With nobody to move it there it comes when the kernel has taken its namespace apart, which
/// takes some milliseconds; one that was no hardware never does.
fn arrived(host: &Netlink, alone: bool, is_it: impl Fn(&Link) -> bool) -> Result<Option<Link>, Errno> {
    let changes = Netlink::watching_links()?;
    let end = Instant::now() + Duration::from_secs(1);
    loop {
        let found = links::dump(host)?.into_iter().find(&is_it);
        let left = end.saturating_duration_since(Instant::now());
        if found.is_some() || !alone || left.is_zero() {
            return Ok(found);
        }
        changes.wait(left)?;
    }
}

/// An interface of the host comes back under its name, from the container's namespace or from where the kernel has put it
/// when that was gone (net/core/dev.c, default_device_exit_batch). It is known by its alias.
fn bring_home(name: &CStr, mtu: u32, hwaddr: Option<[u8; 6]>, from: Option<&Namespace>) -> Result<(), Errno> {
    let is_it = |link: &Link| home_of(&link.alias).is_some_and(|home| home.as_bytes() == name.to_bytes());
    let host = Netlink::route()?;
    if let Some(from) = from {
        for link in links::dump(&from.inside)?.iter().filter(|l| is_it(l)) {
            let own = namespace::own()?;
            let number = std::os::fd::AsRawFd::as_raw_fd(&own) as u32;
            let message = Message::link(nl::SETLINK, nl::ACK, 0, link.index, false).u32(ifla::NET_NS_FD, number);
            // A name that is free whatever the host has by now; its own follows.
            from.inside.change(message.text(ifla::IFNAME, c"dev%d"))?;
        }
    }
    let Some(link) = arrived(&host, from.is_none(), is_it)? else { return Ok(()) };
    let set = || Message::link(nl::SETLINK, nl::ACK, 0, link.index, false);
    let mtu = Some(mtu).filter(|mtu| *mtu != 0 && *mtu != link.mtu).map(u32::to_ne_bytes);
    host.change(set().attr_if(ifla::MTU, mtu).attr_if(ifla::ADDRESS, hwaddr))?;
    if link.name.as_bytes() != name.to_bytes() {
        // On failure the alias goes on to say what it is.
        host.change(set().text(ifla::IFNAME, name))?;
    }
    host.change(set().attr(ifla::IFALIAS, &[]))
}
