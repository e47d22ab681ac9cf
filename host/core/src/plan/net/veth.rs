//! A veth: the host's end is made and put on its bridge, or routed to.

use super::{Named, Work};
use crate::config::At;
use crate::config::net::{Address, Gateway, VethMode, VlanId};
use crate::plan::{Planned, operand};
use crate::step::Step;
use crate::step::net::{Change, LinkKind, NetStep, Side};
use alloc::format;

impl<'a> Work<'a> {
    pub(super) fn veth(&mut self, interface: &Named<'a>, hwaddr: Option<[u8; 6]>) {
        let (net, veth) = (interface.net, &interface.net.veth);
        let origin = net.kind.origin;
        let host = operand(&interface.host);
        let bridge = net.link.as_ref().filter(|_| veth.mode == VethMode::Bridge);
        if bridge.is_none()
            && let Some(origin) = veth.vlan.as_ref().map(|v| v.origin).or(veth.tagged.first().map(|t| t.origin))
        {
            self.refuse(
                origin,
                "VLANs of a veth are those of a bridge's port: it needs 'veth.mode = bridge' and a 'link'".into(),
            );
        }
        if self.link(&interface.host).is_some_and(|l| l.alias == self.mark && l.kind == "veth") {
            // Left by the last start: the kernel takes a namespace apart some time after its last process has ended.
            self.must(NetStep::DeleteLink { name: host.clone() }, origin);
        }
        let mtu = net.mtu.or_else(|| {
            self.link(&bridge?.value)
                .filter(|l| !l.kind.is_empty())
                .map(|l| l.mtu)
                .filter(|mtu| *mtu != 1500 && *mtu != 0)
        });
        // A bridge takes the lowest address of its ports unless it has one of its own: this one is never the lowest.
        let mut ours = self.chance().to_le_bytes();
        ours[0] = 0xfe;
        let kind =
            LinkKind::Veth { peer: operand(&interface.inside), hwaddr, queues: (veth.rx_queues, veth.tx_queues) };
        let ours = [ours[0], ours[1], ours[2], ours[3], ours[4], ours[5]];
        self.must(NetStep::AddLink { name: host.clone(), kind, link: None, mtu, hwaddr: Some(ours) }, origin);
        let alias = operand(&self.mark);
        self.set(Side::Host, &interface.host, Change::Alias(alias), origin);
        if let Some(bridge) = bridge {
            self.set(Side::Host, &interface.host, Change::Master(operand(&bridge.value)), bridge.origin);
            self.vlans(interface, &bridge.value);
        }
        self.set(Side::Host, &interface.host, Change::Up, origin);
        for route in &veth.routes {
            self.route(Side::Host, &interface.host, Some(route.value), None, route.origin);
        }
        if veth.mode == VethMode::Router {
            self.router(interface);
        }
    }

    /// VLANs of the bridge's port.
    fn vlans(&mut self, interface: &Named<'a>, bridge: &str) {
        let veth = &interface.net.veth;
        let port = operand(&interface.host);
        if let Some(At { value, origin }) = &veth.vlan {
            let wanted = match value {
                VlanId::None => None,
                VlanId::Id(id) => Some(*id),
            };
            let default = self.link(bridge).and_then(|l| l.default_vlan).filter(|id| *id != 0 && Some(*id) != wanted);
            if let Some(id) = default {
                self.must(NetStep::DeleteBridgeVlan { port: port.clone(), id }, *origin);
            }
            if let Some(id) = wanted {
                self.must(NetStep::AddBridgeVlan { port: port.clone(), id, tagged: false }, *origin);
            }
        }
        let asked = veth.vlan.as_ref().map(|v| v.origin).or(veth.tagged.first().map(|t| t.origin));
        if let (Some(origin), Some(link)) = (asked, self.link(bridge))
            && link.default_vlan.is_none()
        {
            self.refuse(
                origin,
                format!(
                    "bridge '{bridge}' does not tell VLANs apart (ip link set {bridge} type bridge vlan_filtering 1)"
                ),
            );
        }
        for At { value, origin } in &veth.tagged {
            if veth.vlan.as_ref().is_some_and(|v| v.value == VlanId::Id(*value)) {
                self.refuse(*origin, format!("VLAN {value} is tagged and untagged at once"));
            }
            self.must(NetStep::AddBridgeVlan { port: port.clone(), id: *value, tagged: true }, *origin);
        }
    }

    /// The host routes to its end, and answers for the gateway there.
    fn router(&mut self, interface: &Named<'a>) {
        let (net, host) = (interface.net, &interface.host);
        for (v6, gateway) in [(false, &net.gateway4), (true, &net.gateway6)] {
            let Some(At { value: Gateway::Ip(ip), origin }) = gateway else { continue };
            let family = if v6 { "ipv6" } else { "ipv4" };
            let mut on = |what: &str| {
                let path = operand(&format!("/proc/sys/net/{family}/conf/{host}/{what}"));
                self.steps.push(Planned::must(Step::WriteFile { path, value: operand("1") }).from(*origin));
            };
            on("forwarding");
            if v6 {
                on("proxy_ndp");
            }
            self.must(NetStep::AddProxy { link: operand(host), ip: *ip }, *origin);
        }
        for At { value, origin } in &net.addresses {
            let prefix = if value.ip.is_ipv4() { 32 } else { 128 };
            self.route(Side::Host, host, Some(Address { prefix, ..*value }), None, *origin);
        }
    }
}
