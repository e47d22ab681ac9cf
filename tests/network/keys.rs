//! Keys of one interface, each seen where the kernel shows it, with packets where packets are meant.

use crate::place::{Place, busybox, inside, until};
use std::process::Command;
use tests::built::built;
use tests::container::Container;
use tests::ran::run;

fn host() -> Option<Place> {
    let place = Place::make()?;
    place.ip("link add br0 type bridge");
    place.ip("addr add 10.9.0.1/24 dev br0");
    place.ip("addr add fd09::1/64 dev br0 nodad");
    place.ip("link set br0 up");
    // What lies behind the gateway.
    place.ip("addr add 10.88.0.1/32 dev lo");
    place.ip("addr add fd88::1/128 dev lo");
    Some(place)
}

fn veth(more: &str) -> Container {
    busybox(&format!("lxc.net.0.type = veth\nlxc.net.0.link = br0\nlxc.net.0.flags = up\n{more}\n"))
}

/// An address of IPv6 is of use when nobody else has claimed it, some seconds later.
#[track_caller]
fn reaches(container: &Container, address: &str) {
    let ping = format!("attach -- ping -c 1 -W 5 {address}");
    until(&format!("{address} answers"), || (container.keel(&ping).code == 0).then_some(()));
}

#[test]
fn a_gateway_is_found_or_is_the_wire_itself() {
    let Some(place) = host() else { return };
    let both = |way: &str| {
        veth(&format!(
            "lxc.net.0.ipv4.address = 10.9.0.5/24\nlxc.net.0.ipv6.address = fd09::5/64\n\
             lxc.net.0.ipv4.gateway = {way}\nlxc.net.0.ipv6.gateway = {way}"
        ))
    };
    for (way, v4, v6) in [
        ("auto", "default via 10.9.0.1 dev eth0", "default via fd09::1 dev eth0"),
        ("dev", "default dev eth0 scope link", "default dev eth0"),
    ] {
        let a = both(way);
        a.start();
        let seen = [inside(&a, "ip route"), inside(&a, "ip -6 route")];
        assert!(seen[0].contains(v4) && seen[1].contains(v6), "{way}: {seen:?}");
        reaches(&a, "10.88.0.1");
        if way == "auto" {
            // Who asks the wire itself for an address of lo's is answered in IPv4 only.
            reaches(&a, "fd88::1");
        }
        a.keel("stop -k").ok();
    }
    place.until_links(&["br0"]);
    place.ip("addr flush dev br0");
    let said = both("auto").keel("start").fails(1);
    assert!(said.contains("'ipv4.gateway = auto': the host's 'br0' has no address of that family"), "{said}");
}

#[test]
fn networks_behind_a_container_are_routed_to_it() {
    let Some(place) = host() else { return };
    let a = veth(
        "lxc.net.0.veth.pair = bb0\nlxc.net.0.veth.mode = router\nlxc.net.0.link =\n\
         lxc.net.0.ipv4.address = 10.8.0.7/32\nlxc.net.0.ipv4.gateway = dev\n\
         lxc.net.0.ipv6.address = fd08::7/128\nlxc.net.0.ipv6.gateway = dev\n\
         lxc.net.0.veth.ipv4.route = 10.7.0.0/16\nlxc.net.0.veth.ipv4.route = 10.6.1.0/24\n\
         lxc.net.0.veth.ipv6.route = fd07::/48",
    );
    a.start();
    let seen = [place.ip("route show dev bb0"), place.ip("-6 route show dev bb0")];
    for words in ["10.8.0.7 scope link", "10.7.0.0/16 scope link", "10.6.1.0/24 scope link"] {
        assert!(seen[0].contains(words), "{words}: {seen:?}");
    }
    assert!(seen[1].contains("fd08::7 ") && seen[1].contains("fd07::/48 "), "{seen:?}");
    // In IPv6 the wire is asked, and only the interface that has the address answers.
    place.ip("addr add fd06::1/64 dev bb0 nodad");
    inside(&a, "ip addr add 10.7.1.1/32 dev lo");
    inside(&a, "ip addr add fd07::1/128 dev eth0");
    let ping = |address: &str| run(Command::new(&built().busybox).args(["ping", "-c1", "-W5", address])).code;
    for address in ["10.7.1.1", "fd07::1"] {
        until(&format!("{address} answers"), || (ping(address) == 0).then_some(()));
    }
    a.keel("stop -k").ok();
    place.until_links(&["br0"]);
}

#[test]
fn queues_are_as_many_as_asked_at_both_ends() {
    let Some(place) = host() else { return };
    let a = veth("lxc.net.0.veth.pair = bb0\nlxc.net.0.veth.n_rxqueues = 3\nlxc.net.0.veth.n_txqueues = 2");
    a.start();
    let expected = ["numtxqueues 2", "numrxqueues 3"];
    let host = place.ip("-d link show dev bb0");
    assert!(expected.iter().all(|words| host.contains(words)), "{host}");
    let seen = inside(&a, "ls /sys/class/net/eth0/queues");
    assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), ["rx-0", "rx-1", "rx-2", "tx-0", "tx-1"]);
    a.keel("stop -k").ok();
}

#[test]
fn digits_of_a_hardware_address_are_left_to_chance() {
    let Some(_place) = host() else { return };
    let mut seen = Vec::new();
    let a = veth("lxc.net.0.hwaddr = xX:16:3e:x5:xx:xx");
    for _ in 0..3 {
        a.start();
        let text = inside(&a, "cat /sys/class/net/eth0/address").trim().to_string();
        let bytes: Vec<u8> = text.split(':').map(|b| u8::from_str_radix(b, 16).expect("a byte")).collect();
        assert!(bytes.len() == 6 && bytes[0] & 3 == 2, "a station's, made up here: {text}");
        assert!(bytes[1..3] == [0x16, 0x3e] && bytes[3] & 15 == 5, "{text}");
        a.keel("stop -k").ok();
        seen.push(text);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "{seen:?}");
}
