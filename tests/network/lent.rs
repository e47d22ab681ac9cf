//! Interfaces that are lent to a container come back under their names, whatever happens to whom.

use crate::place::{Place, busybox, inside, until};
use rustix::process::Signal;
use tests::container::Container;
use tests::proc::Process;

const LENT: &str = "lxc.net.0.type = phys\nlxc.net.0.link = nic1\nlxc.net.0.name = lan\nlxc.net.0.flags = up\n\
                    lxc.net.0.ipv4.address = 10.4.0.5/24\nlxc.net.0.mtu = 1300\nlxc.net.0.hwaddr = 02:00:00:00:00:99\n";

fn nics() -> Option<Place> {
    let place = Place::make()?;
    place.ip("link add far1 type veth peer name nic1");
    place.ip("link set nic1 address 02:00:00:00:00:01");
    place.ip("link set nic1 mtu 1480");
    place.ip("addr add 10.4.0.1/24 dev far1");
    place.ip("link set far1 up");
    Some(place)
}

/// It is as it was.
#[track_caller]
fn is_back(place: &Place) {
    place.until_links(&["far1", "nic1"]);
    until("it is as it was", || {
        let seen = place.ip("link show dev nic1");
        let same = seen.contains("02:00:00:00:00:01") && seen.contains("mtu 1480") && !seen.contains("alias");
        same.then_some(())
    });
}

#[track_caller]
fn supervisor(container: &Container) -> Process {
    let said = container.keel("info --json").ok();
    let number = said.split("\"supervisor\":").nth(1).and_then(|s| s.split([',', '}']).next());
    Process::hold(number.expect("a supervisor").trim().parse().expect("a number")).expect("it lives")
}

#[test]
fn at_the_end_it_is_as_it_was() {
    let Some(place) = nics() else { return };
    let a = busybox(LENT);
    a.start();
    place.until_links(&["far1"]);
    inside(&a, "ping -c 1 -W 5 10.4.0.1");
    let seen = inside(&a, "ip link show dev lan");
    assert!(seen.contains("mtu 1300") && seen.contains("02:00:00:00:00:99"), "{seen}");
    a.keel("stop -k").ok();
    is_back(&place);
    // Also when it has another name inside by then, and after its init has ended by itself.
    a.start();
    inside(&a, "ip link set lan down");
    inside(&a, "ip link set lan name mine");
    a.keel("attach -- kill -9 1");
    Process::hold(a.pid()).inspect(|p| assert!(p.signal(Signal::KILL)));
    is_back(&place);
}

#[test]
fn its_supervisor_is_killed() {
    let Some(place) = nics() else { return };
    let a = busybox(LENT);
    a.start();
    let supervisor = supervisor(&a);
    assert!(supervisor.signal(Signal::KILL) && supervisor.ends_within(tests::ran::PATIENCE));
    assert_eq!(a.state(), "RUNNING");
    inside(&a, "ping -c 1 -W 5 10.4.0.1");
    a.keel("stop -k").ok();
    is_back(&place);
}

#[test]
fn every_failing_step_leaves_it_or_brings_it_back() {
    let Some(place) = nics() else { return };
    let a = Container::probe(LENT);
    let plan = a.keel("plan").ok();
    let all = plan.lines().filter(|l| l.contains("must") || l.contains("may ")).count();
    for number in 1..=all {
        let said = a.keel(&format!("start --fail-at {number}:EPERM"));
        if said.code == 0 {
            // A step that may fail.
            a.keel("stop -k").ok();
        }
        is_back(&place);
    }
}

#[test]
fn all_that_begin_so() {
    let Some(place) = nics() else { return };
    place.ip("link add far2 type veth peer name nic2");
    let a = busybox("lxc.net.0.type = phys\nlxc.net.0.link = nic+\n");
    a.start();
    place.until_links(&["far1", "far2"]);
    let seen = inside(&a, "ip link");
    assert!(seen.contains(" nic1@") && seen.contains(" nic2@"), "{seen}");
    a.keel("stop -k").ok();
    place.until_links(&["far1", "far2", "nic1", "nic2"]);
}

#[test]
fn another_has_taken_its_name() {
    let Some(place) = nics() else { return };
    let a = busybox(LENT);
    a.start();
    place.ip("link add nic1 type bridge");
    a.keel("stop -k");
    // It is not lost.
    until("it is back under some name", || {
        let seen = place.ip("-o link show");
        seen.contains("keel=nic1:").then_some(())
    });
    // And finds its name again when that is free.
    place.ip("link del nic1");
    a.start();
    a.keel("stop -k").ok();
    is_back(&place);
}
