//! Steps of a container's network, written as a person would type them for ip(8) and bridge(8).
//!
//! All of them but `EnterNamespace` are the parent's, before the clone: interfaces are made, moved and set up in a network
//! namespace that waits for the child.

use alloc::ffi::CString;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

/// Which network namespace a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The caller's.
    Host,
    /// The container's.
    Inside,
}

/// What `AddLink` makes.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Two ends: one on the host, the peer inside. Queues: receive, transmit.
    Veth { peer: CString, hwaddr: Option<[u8; 6]>, queues: (Option<u32>, Option<u32>) },
    /// MACVLAN_MODE_* of include/uapi/linux/if_link.h.
    Macvlan { mode: u32 },
    /// IPVLAN_MODE_* and IPVLAN_F_*.
    Ipvlan { mode: u16, flags: u16 },
    /// 802.1Q.
    Vlan { id: u16 },
}

/// One change of an interface.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// IFF_UP.
    Up,
    /// It becomes a port of this bridge.
    Master(CString),
    /// Its MTU.
    Mtu(u32),
    /// Its hardware address.
    HwAddr([u8; 6]),
    /// Its name; the interface must be down (before Linux 6.2).
    Name(CString),
    /// A text for people and for Keel: who made it.
    Alias(CString),
}

/// What stays behind when a container has ended, unless somebody sees to it.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// An interface of the host that is inside: it goes back under its old name, with its old MTU and hardware address.
    Device { name: CString, inside: CString, mtu: u32, hwaddr: Option<[u8; 6]> },
    /// A neighbour proxy entry on an interface of the host.
    Proxy { link: CString, ip: IpAddr },
    /// A route of the host to a single address.
    Route { link: CString, ip: IpAddr },
    /// A program to run.
    Script { argv: Vec<CString>, envp: Vec<CString> },
}

/// One step.
#[allow(missing_docs)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetStep {
    /// unshare(CLONE_NEWNET) and back: a network namespace for the child.
    MakeNamespace,
    /// The one that the child has made, which its user namespace owns.
    TakeNamespace,
    /// setns(2) of the child into it.
    EnterNamespace,
    /// What is to be undone when the container ends, or a later step fails.
    Remember(Left),
    /// RTM_NEWLINK of a new interface. A veth is made on the host with its peer inside; the others are made inside.
    AddLink { name: CString, kind: LinkKind, link: Option<CString>, mtu: Option<u32>, hwaddr: Option<[u8; 6]> },
    /// RTM_DELLINK on the host; one that is gone already is fine.
    DeleteLink { name: CString },
    /// RTM_SETLINK of an interface of the host, which goes inside under this name.
    MoveInside { name: CString, inside: CString },
    /// RTM_SETLINK of one that exists.
    SetLink { side: Side, name: CString, change: Change },
    /// A VLAN of a port of a bridge.
    AddBridgeVlan { port: CString, id: u16, tagged: bool },
    /// A VLAN of a port of a bridge is taken away.
    DeleteBridgeVlan { port: CString, id: u16 },
    /// RTM_NEWADDR.
    AddAddress { side: Side, link: CString, ip: IpAddr, prefix: u8, broadcast: Option<Ipv4Addr> },
    /// RTM_NEWROUTE; without a destination the default route of the family of `via`, or of IPv4.
    AddRoute { side: Side, link: CString, to: Option<(IpAddr, u8)>, via: Option<IpAddr>, v6: bool },
    /// RTM_NEWNEIGH with NTF_PROXY, on the host: it answers for an address.
    AddProxy { link: CString, ip: IpAddr },
}

/// A hardware address with colons.
struct Mac([u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Side::Inside { "-n inside " } else { "" })
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkKind::Veth { peer, hwaddr, queues: (rx, tx) } => {
                f.write_str("type veth")?;
                rx.iter().try_for_each(|n| write!(f, " numrxqueues {n}"))?;
                tx.iter().try_for_each(|n| write!(f, " numtxqueues {n}"))?;
                write!(f, " peer name {} netns inside", peer.to_string_lossy())?;
                hwaddr.iter().try_for_each(|a| write!(f, " address {}", Mac(*a)))
            }
            LinkKind::Macvlan { mode } => {
                let word = match mode {
                    1 => "private",
                    2 => "vepa",
                    4 => "bridge",
                    _ => "passthru",
                };
                write!(f, "netns inside type macvlan mode {word}")
            }
            LinkKind::Ipvlan { mode, flags } => {
                let mode = ["l2", "l3", "l3s"].get(usize::from(*mode)).unwrap_or(&"l3");
                let flags = ["bridge", "private", "vepa"].get(usize::from(*flags)).unwrap_or(&"bridge");
                write!(f, "netns inside type ipvlan mode {mode} {flags}")
            }
            LinkKind::Vlan { id } => write!(f, "netns inside type vlan id {id}"),
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Left::Device { name, .. } => write!(f, "take {} back", name.to_string_lossy()),
            Left::Proxy { link, ip } => write!(f, "ip neigh del proxy {ip} dev {}", link.to_string_lossy()),
            Left::Route { link, ip } => write!(f, "ip route del {ip} dev {}", link.to_string_lossy()),
            Left::Script { argv, .. } => {
                write!(f, "run {}", argv.last().map(|a| a.to_string_lossy()).unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for NetStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |s: &CString| s.to_string_lossy().into_owned();
        match self {
            NetStep::MakeNamespace => f.write_str("make a network namespace: inside"),
            NetStep::TakeNamespace => f.write_str("take hold of the child's network namespace: inside"),
            NetStep::EnterNamespace => f.write_str("enter the network namespace"),
            NetStep::Remember(left) => write!(f, "at the end: {left}"),
            NetStep::AddLink { name, kind, link, mtu, hwaddr } => {
                f.write_str("ip link add")?;
                link.iter().try_for_each(|l| write!(f, " link {}", text(l)))?;
                write!(f, " name {}", text(name))?;
                mtu.iter().try_for_each(|m| write!(f, " mtu {m}"))?;
                hwaddr.iter().try_for_each(|a| write!(f, " address {}", Mac(*a)))?;
                write!(f, " {kind}")
            }
            NetStep::DeleteLink { name } => write!(f, "ip link del {}", text(name)),
            NetStep::MoveInside { name, inside } => {
                write!(f, "ip link set {} netns inside name {}", text(name), text(inside))
            }
            NetStep::SetLink { side, name, change } => {
                write!(f, "ip {side}link set {} ", text(name))?;
                match change {
                    Change::Up => f.write_str("up"),
                    Change::Master(master) => write!(f, "master {}", text(master)),
                    Change::Mtu(mtu) => write!(f, "mtu {mtu}"),
                    Change::HwAddr(address) => write!(f, "address {}", Mac(*address)),
                    Change::Name(new) => write!(f, "name {}", text(new)),
                    Change::Alias(alias) => write!(f, "alias {}", text(alias)),
                }
            }
            NetStep::AddBridgeVlan { port, id, tagged } => {
                write!(f, "bridge vlan add vid {id} dev {}{}", text(port), if *tagged { "" } else { " pvid untagged" })
            }
            NetStep::DeleteBridgeVlan { port, id } => write!(f, "bridge vlan del vid {id} dev {}", text(port)),
            NetStep::AddAddress { side, link, ip, prefix, broadcast } => {
                write!(f, "ip {side}addr add {ip}/{prefix}")?;
                broadcast.iter().try_for_each(|b| write!(f, " broadcast {b}"))?;
                write!(f, " dev {}", text(link))
            }
            NetStep::AddRoute { side, link, to, via, v6 } => {
                write!(f, "ip {side}{}route add ", if *v6 { "-6 " } else { "" })?;
                match to {
                    Some((ip, prefix)) => write!(f, "{ip}/{prefix}")?,
                    None => f.write_str("default")?,
                }
                via.iter().try_for_each(|ip| write!(f, " via {ip}"))?;
                write!(f, " dev {}", text(link))
            }
            NetStep::AddProxy { link, ip } => write!(f, "ip neigh add proxy {ip} dev {}", text(link)),
        }
    }
}

/// What an errno means for a step of the network, where the symbol alone misleads.
pub(crate) fn hint(step: &NetStep, errno: crate::failure::Errno) -> Option<alloc::string::String> {
    use crate::failure::Errno;
    use alloc::{format, string::ToString};
    const NODEV: i32 = Errno::NODEV.0;
    const EXIST: i32 = Errno::EXIST.0;
    const ACCES: i32 = Errno::ACCES.0;
    const OPNOTSUPP: i32 = 95;
    const AFNOSUPPORT: i32 = 97;
    const NETUNREACH: i32 = 101;
    let quoted = |s: &CString| format!("the host has no interface '{}'", s.to_string_lossy());
    Some(match (step, errno.0) {
        (NetStep::MakeNamespace | NetStep::EnterNamespace, 22) => {
            "the kernel is built without network namespaces".to_string()
        }
        (_, 1) => "needs root with CAP_NET_ADMIN".to_string(),
        (NetStep::AddLink { link: Some(link), .. }, NODEV) => quoted(link),
        (NetStep::SetLink { change: Change::Master(bridge), .. }, NODEV) => quoted(bridge),
        (NetStep::SetLink { change: Change::Master(bridge), .. }, OPNOTSUPP | 22) => {
            format!("'{}' is no bridge of the kernel's", bridge.to_string_lossy())
        }
        (NetStep::MoveInside { name, .. } | NetStep::AddProxy { link: name, .. }, NODEV) => quoted(name),
        (NetStep::MoveInside { .. }, 22) => {
            "this interface can't leave its namespace: a wireless one moves with its phy".to_string()
        }
        (NetStep::AddLink { .. }, OPNOTSUPP) => "the kernel is built without this type of interface".to_string(),
        (NetStep::AddLink { kind: LinkKind::Veth { .. }, name, .. }, EXIST) => {
            format!("'{}' exists on the host, or two interfaces have the same name inside", name.to_string_lossy())
        }
        (NetStep::AddLink { .. }, EXIST) => "the link has this VLAN already".to_string(),
        (NetStep::AddLink { .. } | NetStep::SetLink { change: Change::Master(_), .. }, 16) => {
            "the link is in use in another way: a bridge's port, or a macvlan's or ipvlan's link".to_string()
        }
        (NetStep::SetLink { change: Change::HwAddr(_), .. }, 99) => "not an address of a single interface".to_string(),
        (
            NetStep::AddAddress { ip: IpAddr::V6(_), .. } | NetStep::AddRoute { v6: true, .. },
            OPNOTSUPP | AFNOSUPPORT | ACCES,
        ) => "the kernel has no IPv6, or it is switched off".to_string(),
        (NetStep::AddRoute { .. }, NETUNREACH | 113) => {
            "the gateway is in none of the interface's networks".to_string()
        }
        (NetStep::AddBridgeVlan { .. } | NetStep::DeleteBridgeVlan { .. }, OPNOTSUPP) => {
            "the bridge does not filter VLANs (CONFIG_BRIDGE_VLAN_FILTERING)".to_string()
        }
        _ => return None,
    })
}
