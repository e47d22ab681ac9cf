//! The network of a container: its interfaces are made before the child, in a namespace that waits for it.
//!
//! The order is LXC's: the host's part of each interface and its script, then what is inside. Nothing here can be done by
//! somebody else: what an interface leaves on the host is remembered before it is made.

mod inside;
mod veth;

use super::{Plan, Planned, Request, hooks, operand};
use crate::config::net::{Address, Ipvlan, Isolation, Macvlan, VethMode};
use crate::config::{At, Config, Net, NetKind, Origin};
use crate::facts::{Facts, Link, Namespaces};
use crate::failure::Failure;
use crate::nearest;
use crate::step::Step;
use crate::step::net::{Change, Left, LinkKind, NetStep, Side};
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a plan of the network works with.
struct Work<'a> {
    facts: &'a Facts,
    mark: String,
    files: &'a [String],
    random: u64,
    names: Vec<String>,
    steps: Vec<Planned>,
    errors: &'a mut Vec<Failure>,
}

/// An interface with the names that it gets.
struct Named<'a> {
    net: &'a Net,
    /// On the host: the veth's end, the device that moves, the link of the others.
    host: String,
    inside: String,
}

/// What marks interfaces as a container's: their alias begins so (`ip link show`). The kernel takes 255 bytes (IFALIASZ).
pub fn mark(lxcpath: &str, name: &str) -> String {
    let mut text = format!("keel:{}/{name}", lxcpath.trim_end_matches('/'));
    while text.len() > 230 {
        text.pop();
    }
    text
}

/// The alias of an interface of the host that is inside: it says where it belongs.
fn alias(mark: &str, home: &str) -> CString {
    // A name has 15 bytes at most.
    operand(&format!("keel={home}:{mark}"))
}

/// The name on the host of an interface that Keel has moved, from its alias.
pub fn home_of(alias: &str) -> Option<&str> {
    alias.strip_prefix("keel=")?.split_once(':').map(|(home, _)| home)
}

/// The steps that make and set up all interfaces; none: the container has none of its own.
pub(super) fn plan(
    config: &Config,
    request: &Request,
    facts: &Facts,
    plan: &Plan,
    errors: &mut Vec<Failure>,
) -> Vec<Planned> {
    let mark = mark(&request.lxcpath, &request.name);
    let names = facts.links.iter().map(|l| l.name.clone()).collect();
    let mut work = Work { facts, mark, files: &plan.files, random: facts.random, names, steps: Vec::new(), errors };
    let interfaces = work.named(&config.net);
    if interfaces.is_empty() {
        return Vec::new();
    }
    if !facts.namespaces.has(Namespaces::NET) {
        let kind = interfaces[0].net.kind.value.word();
        let text =
            format!("network type '{kind}' needs network namespaces, which the kernel does not have (CONFIG_NET_NS)");
        work.refuse(interfaces[0].net.kind.origin, text);
    }
    for interface in &interfaces {
        // After a lent interface is back, as in LXC: what is undone last is remembered first.
        work.script(config, request, interface, false);
        work.on_the_host(interface);
        work.script(config, request, interface, true);
    }
    for interface in &interfaces {
        work.inside(interface);
    }
    work.steps
}

impl<'a> Work<'a> {
    /// All interfaces with their names: those inside as configured, else eth0 and so on; those on the host by chance.
    fn named(&mut self, nets: &'a [Net]) -> Vec<Named<'a>> {
        let mut all = Vec::new();
        let taken: Vec<&str> = nets.iter().filter_map(|n| n.name.as_ref()).map(|n| n.value.as_str()).collect();
        let mut numbers = (0..).map(|n| format!("eth{n}")).filter(|name| !taken.contains(&name.as_str()));
        for net in nets {
            let wanted = net.name.as_ref().map(|n| n.value.clone());
            let mut next = || wanted.clone().or_else(|| numbers.next()).unwrap_or_default();
            let link = net.link.as_ref().map(|l| l.value.as_str()).filter(|l| !l.is_empty());
            match (net.kind.value, link) {
                // Only its scripts are of any effect.
                (NetKind::Empty, _) if net.script_up.is_some() || net.script_down.is_some() => {
                    all.push(Named { net, host: String::new(), inside: String::new() });
                }
                (NetKind::None | NetKind::Empty, _) => (),
                (NetKind::Veth, _) => {
                    let inside = next();
                    let host = net.veth.pair.as_ref().map(|p| p.value.clone()).unwrap_or_else(|| self.name("veth"));
                    all.push(Named { net, host, inside });
                }
                (kind, None) => {
                    let text = format!("interface {} of type '{}' has no 'link'", net.index, kind.word());
                    self.refuse(net.kind.origin, text);
                }
                (NetKind::Phys, Some(link)) => match link.strip_suffix('+') {
                    None => all.push(Named { net, host: link.into(), inside: wanted.unwrap_or_else(|| link.into()) }),
                    Some(start) => {
                        let fits = |l: &&Link| l.name.starts_with(start) && l.name != "lo";
                        let found: Vec<&Link> = self.facts.links.iter().filter(fits).collect();
                        if found.is_empty() {
                            let origin = net.link.as_ref().map(|l| l.origin).unwrap_or_default();
                            self.refuse(
                                origin,
                                format!("no interface of the host has a name that begins with '{start}'"),
                            );
                        }
                        for (i, link) in found.iter().enumerate() {
                            let inside = wanted.clone().filter(|_| i == 0).unwrap_or_else(|| link.name.clone());
                            all.push(Named { net, host: link.name.clone(), inside });
                        }
                    }
                },
                (_, Some(link)) => all.push(Named { net, host: link.into(), inside: next() }),
            }
        }
        for (i, interface) in all.iter().enumerate() {
            if !interface.inside.is_empty() && all[..i].iter().any(|other| other.inside == interface.inside) {
                let origin = interface.net.name.as_ref().map_or(interface.net.kind.origin, |n| n.origin);
                self.refuse(origin, format!("two interfaces are named '{}' inside", interface.inside));
            }
        }
        all
    }

    /// A name that no interface of the host has.
    fn name(&mut self, prefix: &str) -> String {
        const DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        loop {
            let mut random = self.chance();
            let mut name = String::from(prefix);
            for _ in 0..6 {
                name.push(char::from(DIGITS[(random % 62) as usize]));
                random /= 62;
            }
            if !self.names.contains(&name) {
                self.names.push(name.clone());
                return name;
            }
        }
    }

    /// The next number of SplitMix64.
    fn chance(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn refuse(&mut self, origin: Origin, text: String) {
        let place = match self.files.get(usize::from(origin.file)) {
            Some(file) if origin.line > 0 => format!("{file}:{}: ", origin.line),
            _ => String::new(),
        };
        self.errors.push(Failure::new(place + &text));
    }

    fn must(&mut self, step: NetStep, origin: Origin) {
        self.steps.push(Planned::must(Step::Net(step)).from(origin));
    }

    fn link(&self, name: &str) -> Option<&'a Link> {
        self.facts.links.iter().find(|l| l.name == name)
    }

    /// Makes one interface, and all of it that is the host's.
    fn on_the_host(&mut self, interface: &Named<'a>) {
        let net = interface.net;
        if net.kind.value == NetKind::Empty {
            return;
        }
        let hwaddr = net.hwaddr.map(|template| template.filled(self.chance()));
        match net.kind.value {
            NetKind::Veth => self.veth(interface, hwaddr),
            NetKind::Phys => self.phys(interface, hwaddr),
            _ => self.on_a_link(interface, hwaddr),
        }
        if net.l2proxy {
            self.proxies(interface);
        }
    }

    /// The program of the user that is run now, or the one at the end; that one is also run when the start fails.
    fn script(&mut self, config: &Config, request: &Request, interface: &Named<'_>, up: bool) {
        let net = interface.net;
        let Some(At { value, origin }) = (if up { &net.script_up } else { &net.script_down }) else { return };
        let kind = net.kind.value.word();
        let (link, peer) = match (net.kind.value, &net.link) {
            (NetKind::Veth, link) => (link.as_ref().map_or("", |l| l.value.as_str()), interface.host.as_str()),
            _ => (interface.host.as_str(), ""),
        };
        let more = [("LXC_NET_TYPE", kind), ("LXC_NET_PARENT", link), ("LXC_NET_PEER", peer)];
        let more: Vec<_> = more.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let arguments = ["net", if up { "up" } else { "down" }, kind, link, peer];
        let (argv, envp) = hooks::command_line(config, request, value, &arguments, &more);
        let step = match up {
            true => Step::RunHook { shells: hooks::SHELLS.map(operand).into(), argv, envp },
            false => Step::Net(NetStep::Remember(Left::Script { argv, envp })),
        };
        self.steps.push(Planned::must(step).from(*origin));
    }

    /// The link answers for the container's addresses.
    fn proxies(&mut self, interface: &Named<'a>) {
        let net = interface.net;
        let router = net.kind.value == NetKind::Veth && net.veth.mode == VethMode::Router;
        let Some(link) = net.link.as_ref().filter(|_| router || net.kind.value == NetKind::Ipvlan) else {
            let text = "'l2proxy' needs a 'link', and type 'ipvlan', or 'veth' in mode 'router'";
            return self.refuse(net.kind.origin, text.into());
        };
        let on_ip = net.kind.value == NetKind::Ipvlan;
        if on_ip && net.ipvlan != Ipvlan::L3s {
            self.refuse(
                link.origin,
                "'l2proxy' needs 'ipvlan.mode = l3s': the others do not ask the host's routes".into(),
            );
        }
        let settings = ["ipv4.conf.NAME.forwarding", "ipv6.conf.NAME.forwarding", "ipv6.conf.NAME.proxy_ndp"];
        let has = |v6: bool| net.addresses.iter().any(|a| a.value.ip.is_ipv6() == v6);
        let on = self.link(&link.value).map_or([true; 3], |l| l.routes);
        for (i, setting) in settings.iter().enumerate() {
            if has(i > 0) && !on[i] {
                let setting = setting.replace("NAME", &link.value);
                self.refuse(link.origin, format!("'l2proxy' needs the host's sysctl net.{setting} = 1"));
            }
        }
        for At { value, origin } in &net.addresses {
            let (link, ip) = (operand(&link.value), value.ip);
            self.must(NetStep::Remember(Left::Proxy { link: link.clone(), ip }), *origin);
            self.must(NetStep::AddProxy { link, ip }, *origin);
            if on_ip {
                // The kernel answers for what it would not send out where the question came from.
                self.must(NetStep::Remember(Left::Route { link: operand("lo"), ip }), *origin);
                let prefix = if ip.is_ipv4() { 32 } else { 128 };
                self.route(Side::Host, "lo", Some(Address { ip, prefix, broadcast: None }), None, *origin);
            }
        }
    }

    fn phys(&mut self, interface: &Named<'a>, hwaddr: Option<[u8; 6]>) {
        let net = interface.net;
        let origin = net.link.as_ref().map_or(net.kind.origin, |l| l.origin);
        // It came back by itself, when nobody was there to give it its name again.
        let lost = self.facts.links.iter().find(|l| home_of(&l.alias) == Some(interface.host.as_str()));
        let lost = lost.filter(|l| l.name != interface.host && self.link(&interface.host).is_none());
        if let Some(lost) = lost {
            self.set(Side::Host, &lost.name, Change::Name(operand(&interface.host)), origin);
        }
        let now = lost.or(self.link(&interface.host));
        if now.is_none() && !self.facts.links.is_empty() {
            let names = self.facts.links.iter().map(|l| l.name.as_str());
            let text =
                format!("the host has no interface '{}'{}", interface.host, nearest::hint(&interface.host, names));
            self.refuse(origin, text);
        }
        let (name, inside) = (operand(&interface.host), operand(&interface.inside));
        let left = Left::Device {
            name: name.clone(),
            inside: inside.clone(),
            mtu: now.map_or(0, |l| l.mtu),
            hwaddr: now.and_then(|l| l.hwaddr).filter(|_| hwaddr.is_some()),
        };
        self.must(NetStep::Remember(left), origin);
        // Seen wherever it goes, so that it is found again whatever happens.
        self.set(Side::Host, &interface.host, Change::Alias(alias(&self.mark, &interface.host)), origin);
        self.must(NetStep::MoveInside { name, inside }, origin);
        if let Some(address) = hwaddr {
            self.set(Side::Inside, &interface.inside, Change::HwAddr(address), origin);
        }
        if let Some(mtu) = net.mtu {
            self.set(Side::Inside, &interface.inside, Change::Mtu(mtu), origin);
        }
    }

    /// macvlan, ipvlan, vlan: made inside under a name by chance, since the kernel also compares it with the host's.
    fn on_a_link(&mut self, interface: &Named<'a>, hwaddr: Option<[u8; 6]>) {
        let net = interface.net;
        let origin = net.link.as_ref().map_or(net.kind.origin, |l| l.origin);
        let (prefix, kind) = match net.kind.value {
            NetKind::Macvlan => {
                // MACVLAN_MODE_* (include/uapi/linux/if_link.h).
                let mode = match net.macvlan {
                    Macvlan::Private => 1,
                    Macvlan::Vepa => 2,
                    Macvlan::Bridge => 4,
                    Macvlan::Passthru => 8,
                };
                ("mc", LinkKind::Macvlan { mode })
            }
            NetKind::Ipvlan => {
                let mode = match net.ipvlan {
                    Ipvlan::L2 => 0,
                    Ipvlan::L3 => 1,
                    Ipvlan::L3s => 2,
                };
                let flags = match net.isolation {
                    Isolation::Bridge => 0,
                    Isolation::Private => 1,
                    Isolation::Vepa => 2,
                };
                ("ip", LinkKind::Ipvlan { mode, flags })
            }
            _ => {
                let Some(id) = net.vlan_id else {
                    return self
                        .refuse(net.kind.origin, format!("interface {} of type 'vlan' has no 'vlan.id'", net.index));
                };
                ("vl", LinkKind::Vlan { id })
            }
        };
        let name = self.name(prefix);
        let link = Some(operand(&interface.host));
        self.must(NetStep::AddLink { name: operand(&name), kind, link, mtu: net.mtu, hwaddr }, origin);
        let change = Change::Name(operand(&interface.inside));
        self.set(Side::Inside, &name, change, net.kind.origin);
    }

    fn set(&mut self, side: Side, name: &str, change: Change, origin: Origin) {
        self.must(NetStep::SetLink { side, name: operand(name), change }, origin);
    }
}
