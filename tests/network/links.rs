//! Interfaces on an interface of the host: macvlan; the others are in `machine`, since few kernels have them. A cable stands for the world outside: a veth whose other
//! end is in this namespace, too.

use crate::place::{Place, busybox, inside};

fn cable() -> Option<Place> {
    let place = Place::make()?;
    place.ip("link add up0 type veth peer name far0");
    place.ip("addr add 10.6.0.1/24 dev far0");
    place.ip("link set far0 up");
    place.ip("link set up0 up");
    Some(place)
}

fn on_link(kind: &str, address: &str, more: &str) -> String {
    format!(
        "lxc.net.0.type = {kind}\nlxc.net.0.link = up0\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = {address}\n{more}\n"
    )
}

#[test]
fn macvlan_reaches_the_world_and_its_like() {
    let Some(place) = cable() else { return };
    let a = busybox(&on_link("macvlan", "10.6.0.5/24", "lxc.net.0.macvlan.mode = bridge"));
    let more = "lxc.net.0.macvlan.mode = bridge\nlxc.net.0.hwaddr = 02:00:00:00:00:06\nlxc.net.0.mtu = 1300";
    let b = busybox(&on_link("macvlan", "10.6.0.6/24", more));
    a.start();
    b.start();
    inside(&a, "ping -c 1 -W 5 10.6.0.1");
    inside(&a, "ping -c 1 -W 5 10.6.0.6");
    let seen = inside(&b, "ip addr show dev eth0");
    assert!(seen.contains("02:00:00:00:00:06") && seen.contains("mtu 1300"), "{seen}");
    a.keel("stop -k").ok();
    b.keel("stop -k").ok();
    place.until_links(&["up0", "far0"]);
    let said = busybox(&on_link("macvlan", "10.6.0.5/24", "lxc.net.0.link = up1")).keel("start").fails(1);
    assert!(said.contains("ENODEV (the host has no interface 'up1')"), "{said}");
}

#[test]
fn a_name_inside_may_be_one_of_the_hosts() {
    let Some(place) = cable() else { return };
    place.ip("link set far0 name eth0");
    let a = busybox(&on_link("macvlan", "10.6.0.5/24", ""));
    a.start();
    inside(&a, "ping -c 1 -W 5 10.6.0.1");
    a.keel("stop -k").ok();
}
