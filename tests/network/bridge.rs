//! A veth on a bridge, and one that the host routes to.

use crate::place::{Place, busybox, inside};
use tests::container::Container;

fn on_bridge(address: &str, more: &str) -> String {
    format!(
        "lxc.net.0.type = veth\nlxc.net.0.link = br0\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = {address}\n{more}\n"
    )
}

fn bridge() -> Option<Place> {
    let place = Place::make()?;
    place.ip("link add br0 type bridge");
    place.ip("addr add 10.9.0.1/24 dev br0");
    place.ip("addr add fd09::1/64 dev br0 nodad");
    place.ip("link set br0 up");
    Some(place)
}

#[test]
fn two_containers_reach_each_other_and_the_host() {
    let Some(place) = bridge() else { return };
    let more = "lxc.net.0.hwaddr = 00:16:3e:xx:xx:5x\nlxc.net.0.ipv4.gateway = auto\nlxc.net.0.mtu = 1400\n\
                lxc.net.0.ipv6.address = fd09::5/64\nlxc.net.0.ipv6.gateway = auto";
    let a = busybox(&on_bridge("10.9.0.5/24", more));
    let b = busybox(&on_bridge("10.9.0.6", "lxc.net.0.name = lan\nlxc.net.0.veth.pair = bb-lan"));
    a.start();
    b.start();
    for address in ["10.9.0.6", "10.9.0.1"] {
        inside(&a, &format!("ping -c 1 -W 5 {address}"));
    }
    let seen = inside(&a, "ip addr show dev eth0");
    for words in ["mtu 1400", "ether 00:16:3e:", "inet 10.9.0.5/24 brd 10.9.0.255", "inet6 fd09::5/64", ",UP"] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    assert!(inside(&a, "ip route").contains("default via 10.9.0.1 dev eth0"));
    assert!(inside(&a, "ip -6 route").contains("default via fd09::1 dev eth0"));
    assert!(inside(&a, "ip addr show dev lo").contains(",UP"));
    // Without a prefix it is that of class A, as in LXC.
    assert!(inside(&b, "ip addr show dev lan").contains("inet 10.9.0.6/8 brd 10.255.255.255"));

    let links = place.links();
    assert!(links.contains(&"bb-lan".into()) && links.len() == 3, "{links:?}");
    let veth = links.iter().find(|l| l.starts_with("veth")).expect("a name by chance");
    assert_eq!(veth.len(), 10);
    let said = a.keel("info").ok();
    let lines: Vec<&str> = said.lines().collect();
    let at = lines.iter().position(|l| *l == format!("Link:           {veth}")).expect("its link");
    assert!(lines[at + 1].starts_with(" TX bytes:      ") && lines[at + 2].starts_with(" RX bytes:      "), "{said}");
    assert!(lines[at + 3].starts_with(" Total bytes:   ") && lines.len() == at + 4, "{said}");
    let bare = a.keel("info -SH").ok();
    let number = |label: &str| -> u64 {
        let line = bare.lines().find_map(|l| l.strip_prefix(label)).unwrap_or_else(|| panic!("{bare}"));
        line.trim().parse().unwrap()
    };
    assert!(number(" TX bytes:") > 0 && number(" RX bytes:") > 0, "{bare}");
    assert_eq!(number(" TX bytes:") + number(" RX bytes:"), number(" Total bytes:"));
    assert!(said.contains("IP:             10.9.0.5\n"), "{said}");
    let mut ls = a.bare_command();
    ls.args(["ls", "-f", "-F", "IPV4,IPV6", "-P"]).arg(a.lxcpath());
    assert_eq!(tests::ran::run(&mut ls).ok(), "IPV4     IPV6    \n10.9.0.5 fd09::5 \n");

    a.keel("stop -k").ok();
    b.keel("stop -k").ok();
    place.until_links(&["br0"]);
}

#[test]
fn the_host_routes_to_a_container_without_a_bridge() {
    let Some(place) = bridge() else { return };
    place.ip("addr add 10.8.0.1/32 dev lo");
    // The kernel answers for a gateway only if it knows a way to it other than where the question came from.
    place.ip("route add default dev br0");
    let a = busybox(
        "lxc.net.3.type = veth\nlxc.net.3.veth.mode = router\nlxc.net.3.flags = up\nlxc.net.3.veth.pair = routed\n\
         lxc.net.3.ipv4.address = 10.8.0.7/32\nlxc.net.3.ipv4.gateway = 169.254.0.1\n\
         lxc.net.3.veth.ipv4.route = 10.7.0.0/16\n",
    );
    a.start();
    assert!(place.ip("route").contains("10.8.0.7 dev routed scope link"));
    assert!(place.ip("route").contains("10.7.0.0/16 dev routed scope link"));
    assert!(inside(&a, "ip route").contains("default via 169.254.0.1 dev eth0"));
    inside(&a, "ping -c 1 -W 5 10.8.0.1");
    place.ip("neigh show proxy");
    a.keel("stop -k").ok();
    place.until_links(&["br0"]);
}

#[test]
fn the_link_answers_for_a_container_behind_it() {
    let Some(place) = bridge() else { return };
    let world = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.veth.pair = up0\nlxc.net.0.flags = up\nlxc.net.0.ipv4.address = 10.6.0.1/24\n",
    );
    world.start();
    place.ip("route add default dev up0");
    place.ip("route add 10.6.0.0/24 dev up0");
    let a = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.veth.mode = router\nlxc.net.0.link = up0\nlxc.net.0.flags = up\n\
         lxc.net.0.l2proxy = 1\nlxc.net.0.ipv4.address = 10.6.0.7/32\nlxc.net.0.ipv4.gateway = 169.254.0.1\n",
    );
    let said = a.keel("start").fails(1);
    assert!(said.contains("'l2proxy' needs the host's sysctl net.ipv4.conf.up0.forwarding = 1"), "{said}");
    // By a program of this namespace: to be seen by it and by nobody else.
    let on = "echo 1 > /proc/sys/net/ipv4/conf/up0/forwarding";
    tests::ran::run(std::process::Command::new("sh").args(["-c", on])).ok();
    a.start();
    assert!(place.ip("neigh show proxy").contains("10.6.0.7 dev up0"));
    inside(&world, "ping -c 1 -W 5 10.6.0.7");
    a.keel("stop -k").ok();
    assert!(!place.ip("neigh show proxy").contains("10.6.0.7"));
    world.keel("stop -k").ok();
    place.until_links(&["br0"]);
}

#[test]
fn every_failing_step_leaves_nothing() {
    let Some(place) = bridge() else { return };
    let down = "lxc.net.0.ipv4.gateway = auto\nlxc.net.0.veth.pair = bb0";
    let a = Container::probe(&on_bridge("10.9.0.5/24", down));
    let plan = a.keel("plan").ok();
    let network = |line: &&str| line.contains(" ip ") || line.contains("network namespace");
    let numbers: Vec<&str> =
        plan.lines().filter(network).map(|l| l.split_whitespace().next().expect("a number")).collect();
    assert!(numbers.len() >= 10, "{plan}");
    for number in numbers {
        let said = a.keel(&format!("start --fail-at {number}:EPERM")).fails(1);
        assert!(said.contains(&format!("step {number} of ")) && said.contains("EPERM"), "{said}");
        assert_eq!(a.state(), "STOPPED");
        place.until_links(&["br0"]);
    }
    a.start();
    a.keel("stop -k").ok();
}

#[test]
fn a_bridge_that_is_missing_is_named() {
    let Some(place) = bridge() else { return };
    let a = Container::probe("lxc.net.0.type = veth\nlxc.net.0.link = br1\n");
    let said = a.keel("start").fails(1);
    assert!(
        said.contains("config:") && said.contains("master br1: ENODEV (the host has no interface 'br1')"),
        "{said}"
    );
    let a = Container::probe("lxc.net.0.type = veth\nlxc.net.0.link = lo\n");
    let said = a.keel("start").fails(1);
    assert!(said.contains("master lo: ") && said.contains("('lo' is no bridge of the kernel's)"), "{said}");
    place.until_links(&["br0"]);
}

#[test]
fn a_name_of_its_own_is_free_again_at_once() {
    let Some(place) = bridge() else { return };
    let a = Container::probe(&on_bridge("10.9.0.5/24", "lxc.net.0.veth.pair = bb0"));
    for _ in 0..5 {
        a.start();
        assert!(place.links().contains(&"bb0".into()));
        a.keel("stop -k").ok();
    }
    place.until_links(&["br0"]);
    // Somebody else's is left alone.
    place.ip("link add bb0 type bridge");
    let said = a.keel("start").fails(1);
    assert!(said.contains("EEXIST ('bb0' exists on the host"), "{said}");
    place.until_links(&["bb0", "br0"]);
}

#[test]
fn ids_of_its_own_have_the_rights_over_its_interfaces() {
    let Some(place) = bridge() else { return };
    let config = on_bridge("10.9.0.5/24", "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536");
    let a = busybox(&config);
    let chown = std::process::Command::new("chown").args(["-R", "100000:100000"]).arg(a.rootfs()).status();
    assert!(chown.expect("chown").success());
    a.start();
    inside(&a, "ping -c 1 -W 5 10.9.0.1");
    inside(&a, "ip addr add 10.9.0.77/24 dev eth0");
    a.keel("stop -k").ok();
    place.until_links(&["br0"]);
}
