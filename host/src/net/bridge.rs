//! A bridge on request: made, with an address, forwarding and NAT; and removed, but only if it was made here.
//!
//! Its alias remembers what was done for it, so that nothing else has to. DHCP is left to whoever is on it.

use super::{Netlink, links};
use keel_core::config::net::{Address, HwAddr};
use keel_core::facts::Link;
use keel_core::failure::{Errno, Failure};
use keel_core::netlink::{self, Message, ifla, nl};
use keel_core::nftables::{self, Family};
use std::ffi::CString;
use std::net::IpAddr;
use std::path::Path;

/// The alias of a bridge that Keel has made; what it has switched on for it follows.
const MARK: &str = "keel-net";

/// What there is of each family: the word of the alias, the switch.
const FAMILIES: [(Family, &str, &str); 2] = [
    (Family::V4, " forwarding", "/proc/sys/net/ipv4/ip_forward"),
    (Family::V6, " forwarding6", "/proc/sys/net/ipv6/conf/all/forwarding"),
];
/// NETLINK_NETFILTER.
const NETFILTER: rustix::net::Protocol = rustix::net::netlink::NETFILTER;

fn is_ours(link: &Link) -> bool {
    let word = |w: &str| w.is_empty() || FAMILIES.iter().any(|f| f.1[1..] == *w);
    link.kind == "bridge" && link.alias.strip_prefix(MARK).is_some_and(|rest| rest.split(' ').all(word))
}

fn all() -> Result<Vec<Link>, Failure> {
    links().map_err(|e| Failure::errno("list the host's interfaces", e))
}

/// A bridge that Keel has made.
pub struct Bridge {
    /// The interface.
    pub link: Link,
    /// What is on it.
    pub ports: Vec<String>,
    /// Its packets to the world have the host's address.
    pub nat: bool,
}

/// Whether there is a table of the bridge's.
fn has_nat(name: &str, family: Family) -> bool {
    Netlink::open(Some(NETFILTER)).and_then(|nf| nf.change(nftables::ask(name, family))).is_ok()
}

/// All bridges that Keel has made.
pub fn list() -> Result<Vec<Bridge>, Failure> {
    let all = all()?;
    let of = |link: &Link| Bridge {
        ports: all.iter().filter(|l| l.master == link.index).map(|l| l.name.clone()).collect(),
        nat: FAMILIES.iter().any(|f| has_nat(&link.name, f.0)),
        link: link.clone(),
    };
    Ok(all.iter().filter(|l| is_ours(l)).map(of).collect())
}

/// Makes it, or whatever of it is missing. What is lost is returned, one sentence each.
pub fn up(name: &str, addresses: &[Address], nat: bool) -> Result<Vec<String>, Failure> {
    let host = Netlink::route().map_err(|e| Failure::errno("netlink", e))?;
    let there = all()?.into_iter().find(|l| l.name == name);
    if let Some(link) = &there {
        if !is_ours(link) {
            return Err(Failure::new(format!("'{name}' exists and was not made by keel: it is left alone")));
        }
        let other = link.addresses.iter().find(|a| a.ip.is_ipv4() && addresses.iter().all(|b| b.ip != a.ip));
        if let Some(other) = other {
            return Err(Failure::new(format!("'{name}' has {other} already ['keel net down {name}' removes it]")));
        }
    }
    let made = there.is_none();
    let result = set_up(&host, name, addresses, nat, there);
    if result.is_err() && made {
        // The first error is the one to tell.
        let _ = host.index(&c_name(name)).and_then(|index| delete(&host, index));
    }
    result
}

fn c_name(name: &str) -> CString {
    CString::new(name).unwrap_or_default()
}

fn delete(host: &Netlink, index: u32) -> Result<(), Errno> {
    host.change(Message::link(nl::DELLINK, nl::ACK, 0, index, false))
}

fn set_up(
    host: &Netlink,
    name: &str,
    addresses: &[Address],
    nat: bool,
    there: Option<Link>,
) -> Result<Vec<String>, Failure> {
    let failed = |what: &str| {
        let what = what.to_string();
        move |e| Failure::errno(what, e)
    };
    let index = match &there {
        Some(link) => link.index,
        None => add(host, name).map_err(|e| {
            let hint = if e.0 == libc::EOPNOTSUPP { " (the kernel has no bridges: CONFIG_BRIDGE)" } else { "" };
            Failure::new(format!("ip link add {name} type bridge: {e}{hint}"))
        })?,
    };
    let set = |up| Message::link(nl::SETLINK, nl::ACK, 0, index, up);
    let mark = |text: &str| host.change(set(false).attr(ifla::IFALIAS, text.as_bytes()));
    if there.is_none() {
        mark(MARK).map_err(failed("ip link set alias"))?;
    }
    for address in addresses {
        match host.change(netlink::address(index, address.ip, address.prefix, address.broadcast())) {
            Ok(()) | Err(Errno::EXIST) => (),
            Err(e) => return Err(Failure::errno(format_args!("ip addr add {address} dev {name}"), e)),
        }
    }
    host.change(set(true)).map_err(failed("ip link set up"))?;
    let mut lost = Vec::new();
    let mut alias = there.map_or(MARK.into(), |link| link.alias);
    for (family, word, switch) in FAMILIES {
        let of_family = addresses.iter().filter(|a| a.ip.is_ipv6() == (family == Family::V6));
        let networks: Vec<(IpAddr, u8)> = of_family.map(|a| (a.ip, a.prefix)).collect();
        let Some(first) = networks.first() else { continue };
        if std::fs::read_to_string(switch).is_ok_and(|text| text.trim() == "0") {
            match std::fs::write(switch, "1") {
                Ok(()) => {
                    alias += word;
                    mark(&alias).map_err(failed("ip link set alias"))?;
                }
                Err(e) => lost.push(format!(
                    "no forwarding, so that containers reach the host only: write '{switch}': {}",
                    crate::fault::symbol(&e)
                )),
            }
        }
        if nat && let Err(e) = batch(nftables::masquerade(name, family, &networks)) {
            lost.push(format!(
                "no NAT, so that the world does not answer to {}/{}: nftables: {e} (CONFIG_NF_TABLES, CONFIG_NFT_NAT, CONFIG_NFT_MASQ)",
                first.0, first.1
            ));
        }
    }
    Ok(lost)
}

/// A new bridge, with an address of its own: else it would take that of its ports and lose it with them.
fn add(host: &Netlink, name: &str) -> Result<u32, Errno> {
    let template = HwAddr { given: [0; 6], open: [0xff; 6] };
    let hwaddr = template.filled(crate::observe::random());
    let message = Message::link(nl::NEWLINK, nl::CREATE | nl::EXCL | nl::ACK, 0, 0, false)
        .text(ifla::IFNAME, &c_name(name))
        .attr(ifla::ADDRESS, &hwaddr)
        .nest(ifla::LINKINFO, |m| m.text(ifla::INFO_KIND, c"bridge"));
    host.change(message)?;
    host.index(&c_name(name))
}

/// Removes it with all that was done for it.
pub fn down(name: &str) -> Result<(), Failure> {
    let all = all()?;
    let Some(link) = all.iter().find(|l| l.name == name) else {
        return Err(Failure::new(format!("there is no bridge '{name}'")));
    };
    if !is_ours(link) {
        return Err(Failure::new(format!("'{name}' was not made by keel: it is left alone")));
    }
    let ports: Vec<&str> = all.iter().filter(|l| l.master == link.index).map(|l| l.name.as_str()).collect();
    if !ports.is_empty() {
        return Err(Failure::new(format!("'{name}' is in use: {}", ports.join(", "))));
    }
    for (family, ..) in FAMILIES.into_iter().filter(|f| has_nat(name, f.0)) {
        let removed = batch(nftables::remove(name, family));
        removed.map_err(|e| Failure::errno(format_args!("remove the NAT of '{name}'"), e))?;
    }
    let last = all.iter().filter(|l| is_ours(l)).count() == 1;
    let host = Netlink::route().map_err(|e| Failure::errno("netlink", e))?;
    delete(&host, link.index).map_err(|e| Failure::errno(format_args!("ip link del {name}"), e))?;
    for (_, word, switch) in FAMILIES {
        if last && link.alias.split(' ').any(|w| w == &word[1..]) {
            std::fs::write(switch, "0").map_err(|e| crate::fault::at("write", Path::new(switch), e))?;
        }
    }
    Ok(())
}

/// Sends messages that take effect together.
fn batch(messages: Vec<Message>) -> Result<(), Errno> {
    let nf = Netlink::open(Some(NETFILTER))?;
    let numbers: Vec<u32> = messages.iter().map(|_| nf.next()).collect();
    let bytes: Vec<u8> = messages.into_iter().zip(&numbers).flat_map(|(m, number)| m.finish(*number)).collect();
    nf.send(&bytes)?;
    // The first and the last are answered only if they fail, and then nothing else is.
    let (inner, ends) = (&numbers[1..numbers.len() - 1], [numbers[0], numbers[numbers.len() - 1]]);
    nf.answers(inner, ends)
}
