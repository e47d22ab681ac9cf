//! What needs a kernel with everything, or hardware of one's own: VLANs, ipvlan, and a network card that the kernel gives
//! back when nobody was there to do it.

use tests::skip;
use tests::vm::Spec;

/// Modules of the tests' kernel.
const MODULES: [&str; 9] =
    ["veth", "bridge", "8021q", "ipvlan", "macvlan", "dummy", "virtio_pci", "virtio_net", "ipv6"];

fn lines(kind: &str, link: &str, address: &str, more: &str) -> String {
    format!(
        "lxc.net =\nlxc.net.0.type = {kind}\nlxc.net.0.link = {link}\nlxc.net.0.flags = up\n\
         lxc.net.0.ipv4.address = {address}/24\n{more}\n"
    )
}

#[test]
fn every_type_of_interface_in_a_machine_of_its_own() {
    if !skip::root() {
        return;
    }
    let mut spec = Spec::host().modules(&MODULES).append("keel.modules=/etc/modules");
    spec.extra.extend(["-device", "virtio-net-pci,mac=02:00:00:00:00:01"].map(String::from));
    let tagged = "lxc.net.0.veth.vlan.id = 12\nlxc.net.0.veth.vlan.tagged.id = 10\nlxc.net.0.veth.vlan.tagged.id = 13";
    let trunk = lines("veth", "vbr0", "10.7.2.9", tagged);
    let own = "lxc.net.0.ipvlan.mode = l2\nlxc.net.0.ipvlan.isolation = private";
    let mut vm = spec
        .container("vlan", &lines("vlan", "br0", "10.5.0.5", "lxc.net.0.vlan.id = 7\nlxc.net.0.name = seven"))
        .container("port", &lines("veth", "br0", "10.9.0.6", ""))
        .container("ip1", &lines("ipvlan", "dum0", "10.6.0.5", "lxc.net.0.ipvlan.mode = l2"))
        .container("ip2", &lines("ipvlan", "dum0", "10.6.0.6", "lxc.net.0.ipvlan.mode = l2"))
        .container("ten", &lines("veth", "vbr0", "10.7.0.5", "lxc.net.0.veth.vlan.id = 10"))
        .container("ten2", &lines("veth", "vbr0", "10.7.0.6", "lxc.net.0.veth.vlan.id = 10"))
        .container("ten3", &lines("veth", "vbr0", "10.7.0.7", "lxc.net.0.veth.vlan.id = 11"))
        .container("trunk", &trunk)
        .container("own1", &lines("ipvlan", "dum1", "10.8.0.5", own))
        .container("own2", &lines("ipvlan", "dum1", "10.8.0.6", own))
        .container("card", &lines("phys", "eth0", "10.4.0.5", "lxc.net.0.name = lan"))
        .boot();
    vm.login();
    let d = &mut vm.dialog;
    for link in ["br0 type bridge", "vbr0 type bridge", "dum0 type dummy", "dum1 type dummy"] {
        d.ok(&format!("ip link add {link}"));
    }
    d.ok("echo 1 > /sys/class/net/vbr0/bridge/vlan_filtering");
    d.ok("for l in br0 vbr0 dum0 dum1; do ip link set $l up || exit; done");
    // A container sends into the VLAN, the other is in it.
    for name in ["vlan", "port", "ip1", "ip2", "ten", "ten2", "ten3", "trunk", "own1", "own2"] {
        d.ok(&format!("keel start {name}"));
    }
    d.ok("keel attach port -- ip link add link eth0 name seven type vlan id 7");
    d.ok("keel attach port -- ip addr add 10.5.0.6/24 dev seven");
    d.ok("keel attach port -- ip link set seven up");
    d.ok("keel attach port -- ping -c 1 -W 20 10.5.0.5");
    d.ok("keel attach ip1 -- ping -c 1 -W 20 10.6.0.6");
    // Ports of the same VLAN hear each other, others do not.
    d.ok("keel attach ten -- ping -c 1 -W 20 10.7.0.6");
    assert_ne!(d.sh("keel attach ten -- ping -c 1 -W 2 10.7.0.7").0, 0);
    // One port may be in several, with tags: in those that were said and in no other, and untagged in its own only.
    for (id, address) in [(10, "10.7.0.8"), (11, "10.7.1.8")] {
        d.ok(&format!("keel attach trunk -- ip link add link eth0 name v{id} type vlan id {id}"));
        d.ok(&format!("keel attach trunk -- ip addr add {address}/24 dev v{id}"));
        d.ok(&format!("keel attach trunk -- ip link set v{id} up"));
    }
    d.ok("keel attach ten -- ping -c 1 -W 20 10.7.0.8");
    d.ok("keel attach ten3 -- ip addr add 10.7.1.7/24 dev eth0");
    assert_ne!(d.sh("keel attach ten3 -- ping -c 1 -W 2 10.7.1.8").0, 0);
    d.ok("keel attach ten -- ip addr add 10.7.2.5/24 dev eth0");
    assert_ne!(d.sh("keel attach ten -- ping -c 1 -W 2 10.7.2.9").0, 0);
    // What is isolated hears nobody of its link, unlike ip1 and ip2.
    assert_ne!(d.sh("keel attach own1 -- ping -c 1 -W 2 10.8.0.6").0, 0);

    // A supervisor of its own, not process 1, is killed, then its container.
    d.ok("mkdir -m 700 /run/other");
    d.ok("export KEEL_RUN=/run/other");
    d.ok("keel start card");
    assert_ne!(d.sh("ip link show eth0").0, 0, "it is inside");
    assert!(d.ok("keel attach card -- ip addr show lan").contains("10.4.0.5/24"));
    d.ok("kill -9 $(keel info card --json | sed 's/.*\"supervisor\":\\([0-9]*\\).*/\\1/')");
    let pid = d.ok("keel info -pH card").trim().to_string();
    d.ok(&format!("kill -9 {pid}"));
    // Whoever looks next brings it home.
    assert!(d.ok("keel info -sH card").contains("STOPPED"));
    let seen = d.ok("ip link show eth0");
    assert!(seen.contains("02:00:00:00:00:01") && !seen.contains("alias"), "{seen}");
    assert_ne!(d.sh("ip link show lan").0, 0);
    d.line("poweroff");
    vm.powers_off();
}
