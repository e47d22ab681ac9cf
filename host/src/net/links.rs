//! The interfaces of a namespace, with their addresses.

use super::Netlink;
use keel_core::config::net::Address;
use keel_core::facts::Link;
use keel_core::failure::Errno;
use keel_core::netlink::{Message, attribute, ifla, nl, u32_at};
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// All interfaces that a socket speaks for. Takes time for each: 25 ms for a thousand.
pub fn dump(socket: &Netlink) -> Result<Vec<Link>, Errno> {
    let mut links: Vec<Link> = Vec::new();
    socket.ask(Message::link(nl::GETLINK, nl::DUMP, 0, 0, false), |_, body| links.extend(link(body)))?;
    addresses(socket, &mut links, 0)?;
    Ok(links)
}

/// Those of these names that there are, without addresses.
pub fn named<'a>(socket: &Netlink, names: impl Iterator<Item = &'a str>) -> Result<Vec<Link>, Errno> {
    let mut links: Vec<Link> = Vec::new();
    for name in names {
        let known = links.iter().any(|l| l.name == name);
        let Some(name) = CString::new(name).ok().filter(|_| !known) else { continue };
        match socket.by_name(&name, |body| links.extend(link(body))) {
            Ok(()) | Err(Errno::NODEV) => (),
            Err(e) => return Err(e),
        }
    }
    Ok(links)
}

/// Adds the addresses of a family (AF_INET, AF_INET6; 0: of both), global ones first.
pub fn addresses(socket: &Netlink, links: &mut [Link], family: u8) -> Result<(), Errno> {
    let mut local = Vec::new();
    let message = Message::new(nl::GETADDR, nl::DUMP, &[family, 0, 0, 0, 0, 0, 0, 0]);
    socket.ask(message, |_, body| {
        let Some((index, scope, address)) = address(body) else { return };
        match links.iter_mut().find(|l| l.index == index) {
            Some(link) if scope == 0 => link.addresses.push(address),
            Some(_) => local.push((index, address)),
            None => (),
        }
    })?;
    for (index, address) in local {
        links.iter_mut().filter(|l| l.index == index).for_each(|l| l.addresses.push(address));
    }
    Ok(())
}

/// All interfaces of the caller's namespace.
pub fn links() -> Result<Vec<Link>, Errno> {
    dump(&Netlink::route()?)
}

fn text(value: Option<&[u8]>) -> String {
    let value = value.unwrap_or(&[]);
    String::from_utf8_lossy(value.strip_suffix(&[0]).unwrap_or(value)).into_owned()
}

/// `struct ifinfomsg` and its attributes.
fn link(body: &[u8]) -> Option<Link> {
    let attributes = body.get(16..)?;
    let of = |kind| attribute(attributes, kind);
    let info = of(ifla::LINKINFO).unwrap_or(&[]);
    let kind = text(attribute(info, ifla::INFO_KIND));
    // IFLA_BR_VLAN_FILTERING, IFLA_BR_VLAN_DEFAULT_PVID (include/uapi/linux/if_link.h).
    let data = attribute(info, ifla::INFO_DATA).unwrap_or(&[]);
    let filters = kind == "bridge" && attribute(data, 7) == Some(&[1]);
    let default = attribute(data, 39).and_then(|v| Some(u16::from_ne_bytes(v.try_into().ok()?)));
    // `struct rtnl_link_stats64`: packets in and out, bytes in and out.
    let count = |at: usize| {
        let wide =
            of(ifla::STATS64).and_then(|s| Some(u64::from_ne_bytes(s.get(at * 8..at * 8 + 8)?.try_into().ok()?)));
        // COMPAT(linux<2.6.35): 32 bits.
        wide.or_else(|| u32_at(of(ifla::STATS)?, at * 4).map(u64::from)).unwrap_or(0)
    };
    Some(Link {
        index: u32_at(body, 4)?,
        name: text(of(ifla::IFNAME)),
        alias: text(of(ifla::IFALIAS)),
        mtu: of(ifla::MTU).and_then(|m| u32_at(m, 0)).unwrap_or(0),
        hwaddr: of(ifla::ADDRESS).and_then(|a| a.try_into().ok()),
        kind,
        default_vlan: filters.then(|| default.unwrap_or(1)),
        bytes: (count(2), count(3)),
        addresses: Vec::new(),
        routes: [false; 3],
        master: of(ifla::MASTER).and_then(|m| u32_at(m, 0)).unwrap_or(0),
    })
}

/// `struct ifaddrmsg` and its attributes: interface, scope, address.
fn address(body: &[u8]) -> Option<(u32, u8, Address)> {
    let attributes = body.get(8..)?;
    // IFA_LOCAL where it differs from the peer's IFA_ADDRESS.
    let bytes = attribute(attributes, 2).or_else(|| attribute(attributes, 1))?;
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some((u32_at(body, 4)?, *body.get(3)?, Address { ip, prefix: *body.get(1)?, broadcast: None }))
}
