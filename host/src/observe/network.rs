//! The host's interfaces, as far as a container's network depends on them.

use keel_core::config::net::Gateway;
use keel_core::config::{At, Config, NetKind};
use keel_core::facts::{Facts, Link};
use keel_core::failure::{Errno, Failure};
use keel_core::plan::Plan;
use keel_core::step::Step;
use keel_core::step::net::NetStep;

/// A number by chance, for names and addresses.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    // Never interrupted for so few (random(4)). EAGAIN right after boot: numbers that could be guessed will do.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::NONBLOCK);
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::from_ne_bytes(bytes) ^ now.tv_nsec as u64
}

/// Adds what only a container with interfaces of its own depends on: those of the host that it names, and their addresses
/// where one of them is to be its gateway.
pub fn network(facts: &mut Facts, config: &Config) -> Result<(), Failure> {
    facts.links = host_links(config).map_err(|e| Failure::errno("list the host's interfaces", e))?;
    facts.random = random();
    Ok(())
}

fn host_links(config: &Config) -> Result<Vec<Link>, Errno> {
    let host = crate::net::Netlink::route()?;
    // Any of them may be meant, or may be one that came back under another name.
    let all = config.net.iter().any(|net| net.kind.value == NetKind::Phys);
    let names = config.net.iter().flat_map(|net| [&net.link, &net.veth.pair]).flatten();
    let mut links = match all {
        true => crate::net::dump(&host)?,
        false => crate::net::named(&host, names.map(|name| name.value.as_str()))?,
    };
    for net in config.net.iter().filter(|net| net.l2proxy) {
        let name = net.link.as_ref().map_or("", |l| l.value.as_str());
        let on = |setting: &str| std::fs::read_to_string(setting).is_ok_and(|text| text.trim() == "1");
        links.iter_mut().filter(|l| l.name == name).for_each(|link| {
            let v6 = format!("/proc/sys/net/ipv6/conf/{name}");
            link.routes = [
                on(&format!("/proc/sys/net/ipv4/conf/{name}/forwarding")),
                on(&format!("{v6}/forwarding")),
                on(&format!("{v6}/proxy_ndp")),
            ];
        });
    }
    let auto = |gateway: &Option<At<Gateway>>| gateway.as_ref().is_some_and(|g| g.value == Gateway::Auto);
    // AF_INET, AF_INET6: every veth of the host has one of the second kind.
    for (family, wanted) in
        [(2, config.net.iter().any(|n| auto(&n.gateway4))), (10, config.net.iter().any(|n| auto(&n.gateway6)))]
    {
        if wanted && !all {
            crate::net::addresses(&host, &mut links, family)?;
        }
    }
    Ok(links)
}

/// Whether an interface is to be made under a name that another has.
pub fn has_taken_name(plan: &Plan) -> bool {
    let names: Vec<_> = plan
        .sequence()
        .filter_map(|(_, planned)| match &planned.step {
            Step::Net(NetStep::AddLink { name, .. }) => Some(name),
            _ => None,
        })
        .collect();
    let Some(host) = (!names.is_empty()).then(crate::net::Netlink::route) else { return false };
    host.is_ok_and(|host| names.into_iter().any(|name| host.index(name).is_ok()))
}
