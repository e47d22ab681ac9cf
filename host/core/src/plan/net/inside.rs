//! What is set up inside: addresses, the interface itself, gateways.

use super::{Named, Work};
use crate::config::net::{Address, Gateway};
use crate::config::{At, Origin};
use crate::plan::operand;
use crate::step::Step;
use crate::step::net::{Change, NetStep, Side};
use alloc::format;
use core::net::IpAddr;

impl<'a> Work<'a> {
    /// Addresses, up, routes.
    pub(super) fn inside(&mut self, interface: &Named<'a>) {
        let (net, name) = (interface.net, &interface.inside);
        if name.is_empty() {
            return;
        }
        for At { value, origin } in &net.addresses {
            let broadcast = value.broadcast().filter(|_| value.broadcast.is_some() || value.prefix < 31);
            let (link, Address { ip, prefix, .. }) = (operand(name), *value);
            self.must(NetStep::AddAddress { side: Side::Inside, link, ip, prefix, broadcast }, *origin);
        }
        if net.up {
            self.set(Side::Inside, name, Change::Up, net.kind.origin);
            if !self
                .steps
                .iter()
                .any(|p| matches!(&p.step, Step::Net(NetStep::SetLink { name, .. }) if name.as_bytes() == b"lo"))
            {
                self.set(Side::Inside, "lo", Change::Up, net.kind.origin);
            }
        }
        for (v6, gateway) in [(false, &net.gateway4), (true, &net.gateway6)] {
            if let Some(At { value, origin }) = gateway {
                self.gateway(interface, v6, *value, *origin);
            }
        }
    }

    fn gateway(&mut self, interface: &Named<'a>, v6: bool, gateway: Gateway, origin: Origin) {
        let (net, name) = (interface.net, &interface.inside);
        let family = if v6 { "ipv6" } else { "ipv4" };
        if !net.up {
            return self.refuse(
                origin,
                format!("'{family}.gateway' needs 'flags = up': there is no way through an interface that is down"),
            );
        }
        let of_family = |ip: &IpAddr| ip.is_ipv6() == v6;
        let via = match gateway {
            Gateway::Dev => None,
            Gateway::Ip(ip) => Some(ip),
            Gateway::Auto => {
                let Some(link) = net.link.as_ref().map(|l| l.value.as_str()) else {
                    return self.refuse(
                        origin,
                        format!("'{family}.gateway = auto' is an address of the 'link', and there is none"),
                    );
                };
                match self.link(link).and_then(|l| l.addresses.iter().map(|a| a.ip).find(of_family)) {
                    Some(ip) => Some(ip),
                    None => {
                        let text =
                            format!("'{family}.gateway = auto': the host's '{link}' has no address of that family");
                        return self.refuse(origin, text);
                    }
                }
            }
        };
        let local = |ip: IpAddr| matches!(ip, IpAddr::V6(ip) if ip.segments()[0] & 0xffc0 == 0xfe80);
        if !net.addresses.iter().any(|a| of_family(&a.value.ip)) && !via.is_some_and(local) {
            return self.refuse(origin, format!("'{family}.gateway' needs an '{family}.address'"));
        }
        if let Some(ip) = via
            && !net.addresses.iter().any(|a| a.value.holds(ip))
            && !local(ip)
        {
            // In another network: only a route of its own makes it a neighbour.
            let to = Address { ip, prefix: if v6 { 128 } else { 32 }, broadcast: None };
            self.route(Side::Inside, name, Some(to), None, origin);
        }
        let step = NetStep::AddRoute { side: Side::Inside, link: operand(name), to: None, via, v6 };
        self.must(step, origin);
    }

    pub(super) fn route(&mut self, side: Side, link: &str, to: Option<Address>, via: Option<IpAddr>, origin: Origin) {
        let v6 = to.map(|a| a.ip).or(via).is_some_and(|ip| ip.is_ipv6());
        let to = to.map(|a| (network(a), a.prefix));
        self.must(NetStep::AddRoute { side, link: operand(link), to, via, v6 }, origin);
    }
}

/// The first address of a network: the kernel takes no route with bits behind the prefix.
fn network(address: Address) -> IpAddr {
    match address.ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(address.prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(ip) & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(address.prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(ip) & mask).into())
        }
    }
}
