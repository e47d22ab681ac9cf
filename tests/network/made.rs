//! `keel net`: a bridge on request, and the world behind it.

use crate::place::{Place, busybox, inside, until};
use std::process::Command;
use tests::built::built;
use tests::ran::{Ran, run};

#[track_caller]
fn net(words: &str) -> Ran {
    run(Command::new(&built().keel).arg("net").args(words.split_whitespace()))
}

fn forwarding() -> String {
    // Of this thread's namespace, which is not that of the process.
    run(Command::new("cat").arg("/proc/sys/net/ipv4/ip_forward")).ok().trim().into()
}

#[test]
fn the_world_is_reached_through_nat_and_all_of_it_goes_again() {
    let Some(place) = Place::make() else { return };
    let forwarded = forwarding();
    assert_eq!(net("up").ok(), "");
    assert_eq!(net("up").ok(), "", "there already");
    assert_eq!(net("ls").ok(), "keelbr0 10.0.3.1/24 nat -\n");
    assert_eq!(forwarding(), "1");

    // The world: it has no way back to the containers' network.
    let world = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.veth.pair = uplink\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = 192.0.2.2/24\n",
    );
    world.start();
    place.ip("addr add 192.0.2.1/24 dev uplink");
    let a = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.link = keelbr0\nlxc.net.0.flags = up\nlxc.net.0.veth.pair = bb0\n\
         lxc.net.0.ipv4.address = 10.0.3.5/24\nlxc.net.0.ipv4.gateway = auto\n",
    );
    a.start();
    inside(&a, "ping -c 1 -W 5 10.0.3.1");
    inside(&a, "ping -c 1 -W 5 192.0.2.2");
    assert_eq!(net("ls").ok(), "keelbr0 10.0.3.1/24 nat bb0\n");
    assert_eq!(net("down").fails(1), "keel: 'keelbr0' is in use: bb0\n");
    // It is the NAT that did it.
    assert_eq!(net("up lab0 -a 10.66.0.1/24 --no-nat").ok(), "");
    let b = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.link = lab0\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = 10.66.0.5/24\nlxc.net.0.ipv4.gateway = auto\n",
    );
    b.start();
    inside(&b, "ping -c 1 -W 5 192.0.2.1");
    b.keel("attach -- ping -c 1 -W 1 192.0.2.2").fails(1);

    for container in [&a, &b, &world] {
        container.keel("stop -k").ok();
    }
    drop((a, b, world));
    place.until_links(&["keelbr0", "lab0"]);
    assert_eq!(net("down lab0").ok(), "");
    assert_eq!(forwarding(), "1", "the other one still needs it");
    assert_eq!(net("down").ok(), "");
    assert_eq!(forwarding(), forwarded);
    assert_eq!(place.links(), Vec::<String>::new());
    assert_eq!(net("ls").ok(), "");
}

#[test]
fn what_is_not_keels_is_left_alone() {
    let Some(place) = Place::make() else { return };
    place.ip("link add br0 type bridge");
    assert_eq!(net("up br0").fails(1), "keel: 'br0' exists and was not made by keel: it is left alone\n");
    assert_eq!(net("down br0").fails(1), "keel: 'br0' was not made by keel: it is left alone\n");
    assert_eq!(net("down br1").fails(1), "keel: there is no bridge 'br1'\n");
    assert_eq!(net("up").ok(), "");
    let said = net("up -a 10.1.1.1/24").fails(1);
    assert_eq!(said, "keel: 'keelbr0' has 10.0.3.1/24 already ['keel net down keelbr0' removes it]\n");
    assert!(net("pu").fails(2).starts_with("keel: 'pu' is none of up, down, ls, nearest is 'up'\n"));
    assert!(net("up -a 10.1.1").fails(2).starts_with("keel: '10.1.1' is no IPv4 address\n"));
    assert_eq!(net("down").ok(), "");
    assert_eq!(place.links(), ["br0"]);
}

#[test]
fn the_world_of_ipv6_is_reached_through_nat_too() {
    let Some(place) = Place::make() else { return };
    let switch = || run(Command::new("cat").arg("/proc/sys/net/ipv6/conf/all/forwarding")).ok().trim().to_string();
    let forwarded = [forwarding(), switch()];
    assert_eq!(net("up -a 10.0.3.1/24 -a fd0a::1/64").ok(), "");
    assert_eq!(net("ls").ok(), "keelbr0 10.0.3.1/24,fd0a::1/64 nat -\n");
    assert_eq!([forwarding(), switch()], ["1", "1"]);
    let world = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.veth.pair = uplink\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = 192.0.2.2/24\nlxc.net.0.ipv6.address = 2001:db8::2/64\n",
    );
    world.start();
    place.ip("addr add 192.0.2.1/24 dev uplink");
    place.ip("addr add 2001:db8::1/64 dev uplink nodad");
    let a = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.link = keelbr0\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = 10.0.3.5/24\nlxc.net.0.ipv4.gateway = auto\n\
         lxc.net.0.ipv6.address = fd0a::5/64\nlxc.net.0.ipv6.gateway = auto\n",
    );
    a.start();
    inside(&a, "ping -c 1 -W 5 192.0.2.2");
    // Addresses of IPv6 are of use when nobody else has claimed them, some seconds later.
    let reaches = |address: &str| a.keel(&format!("attach -- ping -6 -c 1 -W 2 {address}")).code == 0;
    until("the world answers", || reaches("2001:db8::2").then_some(()));
    // It is the NAT that did it: the world has no way to the containers' networks.
    assert_eq!(net("up lab0 -a fd0b::1/64 --no-nat").ok(), "");
    let b = busybox(
        "lxc.net.0.type = veth\nlxc.net.0.link = lab0\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv6.address = fd0b::5/64\nlxc.net.0.ipv6.gateway = auto\n",
    );
    b.start();
    let here = "attach -- ping -6 -c 1 -W 5 2001:db8::1";
    until("the host answers", || (b.keel(here).code == 0).then_some(()));
    b.keel("attach -- ping -6 -c 1 -W 1 2001:db8::2").fails(1);
    for container in [&a, &b, &world] {
        container.keel("stop -k").ok();
    }
    drop((a, b, world));
    place.until_links(&["keelbr0", "lab0"]);
    assert_eq!(net("down lab0").ok(), "");
    assert_eq!(net("down").ok(), "");
    assert_eq!([forwarding(), switch()], forwarded);
    // Its tables are gone, too: another of that name has none.
    assert_eq!(net("up -a 10.0.3.1/24 -a fd0a::1/64 --no-nat").ok(), "");
    assert_eq!(net("ls").ok(), "keelbr0 10.0.3.1/24,fd0a::1/64 - -\n");
    assert_eq!(net("down").ok(), "");
}
