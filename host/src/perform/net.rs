//! Steps of the network: one message each, by the socket of the side that it is about.

use super::Stage;
use crate::net::{Namespace, Netlink};
use keel_core::failure::Errno;
use keel_core::netlink::{self, Message, ifla, nl};
use keel_core::step::net::{Change, LinkKind, NetStep, Side};
use std::ffi::CStr;

/// Performs one. All but `EnterNamespace` belong to the parent, where memory can be had.
pub fn perform(stage: &mut Stage, step: &NetStep) -> Result<(), Errno> {
    match step {
        NetStep::MakeNamespace => {
            stage.network = Some(Namespace::make()?);
            return Ok(());
        }
        NetStep::TakeNamespace => {
            stage.network = Some(Namespace::of(stage.child.ok_or(Errno(libc::ESRCH))?)?);
            return Ok(());
        }
        NetStep::Remember(left) => {
            stage.left.push(left.clone());
            return Ok(());
        }
        _ => (),
    }
    // EBADF: there is no namespace of the container's own.
    let namespace = stage.network.as_ref().ok_or(Errno(libc::EBADF))?;
    let socket = |side: Side| if side == Side::Inside { &namespace.inside } else { &namespace.host };
    match step {
        NetStep::MakeNamespace | NetStep::TakeNamespace | NetStep::Remember(_) => Ok(()),
        NetStep::EnterNamespace => namespace.enter(),
        NetStep::AddLink { name, kind, link, mtu, hwaddr } => {
            let new = New { name, kind, mtu: *mtu, hwaddr: *hwaddr, namespace };
            let link = link.as_ref().map(|link| namespace.host.index(link)).transpose()?;
            namespace.host.change(new.message(link))
        }
        NetStep::DeleteLink { name } => match namespace.host.index(name) {
            Err(Errno::NODEV) => Ok(()),
            index => match namespace.host.change(Message::link(nl::DELLINK, nl::ACK, 0, index?, false)) {
                Err(Errno::NODEV) => Ok(()),
                result => result,
            },
        },
        NetStep::MoveInside { name, inside } => {
            let message = Message::link(nl::SETLINK, nl::ACK, 0, namespace.host.index(name)?, false);
            namespace.host.change(message.u32(ifla::NET_NS_FD, namespace.number()).text(ifla::IFNAME, inside))
        }
        NetStep::SetLink { side, name, change } => set(socket(*side), name, change),
        NetStep::AddBridgeVlan { port, id, tagged } => bridge_vlan(&namespace.host, nl::SETLINK, port, *id, *tagged),
        NetStep::DeleteBridgeVlan { port, id } => bridge_vlan(&namespace.host, nl::DELLINK, port, *id, true),
        NetStep::AddAddress { side, link, ip, prefix, broadcast } => {
            let socket = socket(*side);
            socket.change(netlink::address(socket.index(link)?, *ip, *prefix, *broadcast))
        }
        NetStep::AddRoute { side, link, to, via, v6 } => {
            let socket = socket(*side);
            socket.change(netlink::route(nl::NEWROUTE, socket.index(link)?, *to, *via, *v6))
        }
        NetStep::AddProxy { link, ip } => {
            namespace.host.change(netlink::proxy(nl::NEWNEIGH, namespace.host.index(link)?, *ip))
        }
    }
}

const AF_BRIDGE: u8 = 7;

/// A new interface.
struct New<'a> {
    name: &'a CStr,
    kind: &'a LinkKind,
    mtu: Option<u32>,
    hwaddr: Option<[u8; 6]>,
    namespace: &'a Namespace,
}

impl New<'_> {
    fn message(&self, link: Option<u32>) -> Message {
        let ends = |message: Message, name: &CStr, hwaddr: Option<[u8; 6]>| {
            let message = message.text(ifla::IFNAME, name).attr_if(ifla::ADDRESS, hwaddr);
            message.attr_if(ifla::MTU, self.mtu.map(u32::to_ne_bytes))
        };
        let inside = |message: Message| message.u32(ifla::NET_NS_FD, self.namespace.number());
        let kind = |message: Message, kind: &CStr, data: &dyn Fn(Message) -> Message| {
            message.nest(ifla::LINKINFO, |m| m.text(ifla::INFO_KIND, kind).nest(ifla::INFO_DATA, data))
        };
        let message = Message::link(nl::NEWLINK, nl::CREATE | nl::EXCL | nl::ACK, 0, 0, false);
        let message = ends(message, self.name, self.hwaddr);
        let message = message.attr_if(ifla::LINK, link.map(u32::to_ne_bytes));
        match self.kind {
            LinkKind::Veth { peer, hwaddr, queues: (rx, tx) } => {
                let queues = |message: Message| {
                    let message = message.attr_if(ifla::NUM_RX_QUEUES, rx.map(u32::to_ne_bytes));
                    message.attr_if(ifla::NUM_TX_QUEUES, tx.map(u32::to_ne_bytes))
                };
                kind(queues(message), c"veth", &|m| {
                    // VETH_INFO_PEER: `struct ifinfomsg` and attributes of a link.
                    m.nest(1, |m| inside(queues(ends(m.raw(&[0; 16]), peer, *hwaddr))))
                })
            }
            // IFLA_MACVLAN_MODE.
            LinkKind::Macvlan { mode } => kind(inside(message), c"macvlan", &|m| m.u32(1, *mode)),
            // IFLA_IPVLAN_MODE, IFLA_IPVLAN_FLAGS, which is younger (Linux 4.15).
            LinkKind::Ipvlan { mode, flags } => kind(inside(message), c"ipvlan", &|m| {
                let flags = (*flags != 0).then(|| flags.to_ne_bytes());
                m.attr(1, &mode.to_ne_bytes()).attr_if(2, flags)
            }),
            // IFLA_VLAN_ID.
            LinkKind::Vlan { id } => kind(inside(message), c"vlan", &|m| m.attr(1, &id.to_ne_bytes())),
        }
    }
}

fn set(socket: &Netlink, name: &CStr, change: &Change) -> Result<(), Errno> {
    let up = matches!(change, Change::Up);
    let message = Message::link(nl::SETLINK, nl::ACK, 0, socket.index(name)?, up);
    socket.change(match change {
        Change::Up => message,
        Change::Master(master) => message.u32(ifla::MASTER, socket.index(master)?),
        Change::Mtu(mtu) => message.u32(ifla::MTU, *mtu),
        Change::HwAddr(address) => message.attr(ifla::ADDRESS, address),
        Change::Name(name) => message.text(ifla::IFNAME, name),
        Change::Alias(alias) => message.attr(ifla::IFALIAS, alias.to_bytes()),
    })
}

fn bridge_vlan(socket: &Netlink, kind: u16, port: &CStr, id: u16, tagged: bool) -> Result<(), Errno> {
    // `struct bridge_vlan_info`: BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, or nothing; the VLAN.
    let flags: u16 = if tagged { 0 } else { 6 };
    let info = [flags.to_ne_bytes(), id.to_ne_bytes()].concat();
    let message = Message::link(kind, nl::ACK, AF_BRIDGE, socket.index(port)?, false);
    // IFLA_BRIDGE_VLAN_INFO.
    socket.change(message.nest(ifla::AF_SPEC, |m| m.attr(2, &info)))
}
