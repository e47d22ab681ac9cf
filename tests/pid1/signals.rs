//! Signals to PID 1: forwarded to a payload, or the end of a container.

use crate::fixture::{able, start};
use crate::skip_unless;

#[test]
fn signals_are_forwarded_to_the_payload() {
    skip_unless!(able());
    for (number, name) in [(15, "TERM"), (2, "INT"), (1, "HUP"), (10, "USR1"), (28, "WINCH")] {
        let script = format!("trap 'echo got; exit 9' {name}; echo ready; while :; do sleep 1000 & wait; done");
        let mut guest = start(&["sh", "-c", &script]);
        guest.read_until("ready");
        guest.signal(number);
        guest.read_until("got");
        assert_eq!(guest.finish().code(), 9, "{name}");
    }
}

#[test]
fn a_payload_without_a_handler_ends_by_the_signal() {
    skip_unless!(able());
    let mut guest = start(&["sh", "-c", "echo ready; exec sleep 1000"]);
    guest.read_until("ready");
    guest.signal(15);
    assert_eq!(guest.finish().code(), 128 + 15);
}

#[test]
fn the_group_hears_only_when_asked() {
    skip_unless!(able());
    let script = "(trap 'echo child heard; exit' USR1; echo ready; while :; do sleep 1000 & wait; done) & \
                  trap 'echo payload heard' USR1; wait; wait; exit 3";
    let mut guest = start(&["-g", "sh", "-c", script]);
    guest.read_until("ready");
    guest.signal(10);
    let ended = guest.finish();
    assert_eq!(ended.code(), 3);
    assert!(ended.out.contains("child heard") && ended.out.contains("payload heard"), "{}", ended.out);
}

#[test]
fn lxc_and_power_failure_end_a_wrapper_too() {
    skip_unless!(able());
    for number in [30, 37] {
        let mut guest = start(&["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 1000 & wait; done"]);
        guest.read_until("ready");
        guest.signal(number);
        assert_eq!(guest.finish().code(), 5, "{number}");
    }
}

/// A container without a payload and without terminals: only signals end it. reboot(2) ends the namespace, which its parent sees as
/// SIGINT for halt and power-off, SIGHUP for reboot; kexec is refused there.
#[test]
fn each_way_to_end_a_container() {
    skip_unless!(able());
    const HALT: i32 = 1000 + 2;
    const REBOOT: i32 = 1000 + 1;
    let table = [
        (15, HALT),
        (30, HALT),
        (10, HALT),
        (12, HALT),
        (2, REBOOT),
        (37, HALT),
        (38, HALT),
        (39, REBOOT),
        (40, 0),
        (47, HALT),
        (48, HALT),
        (49, REBOOT),
        (50, 0),
    ];
    for (number, code) in table {
        let guest = start(&[]);
        wait_until_waiting(&guest);
        guest.signal(number);
        assert_eq!(guest.finish().code(), code, "signal {number}");
    }
}

/// Until it blocks the signals that it waits for, or waits: they are in no mask then. Before that, the kernel throws a signal away that a
/// PID 1 has no handler for, and its name is the program's a moment earlier.
fn wait_until_waiting(guest: &crate::fixture::Guest) {
    let path = format!("/proc/{}/status", guest.pid());
    crate::fixture::wait_for("pid1 that waits", || {
        let status = std::fs::read_to_string(&path).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let blocked = u64::from_str_radix(field("SigBlk:")?, 16).ok()? >> 14 & 1 == 1;
        (field("Name:")? == "pid1" && (blocked || crate::fixture::waits(guest.pid()))).then_some(())
    });
}

#[test]
fn signals_without_meaning_end_nothing() {
    skip_unless!(able());
    let guest = start(&[]);
    wait_until_waiting(&guest);
    for number in [1, 3, 13, 14, 20, 28, 34, 41, 64] {
        guest.signal(number);
    }
    guest.signal(15);
    assert_eq!(guest.finish().code(), 1002);
}
