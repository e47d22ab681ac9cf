//! Memory of what supervises a container that runs.

use super::within;
use tests::container::Container;
use tests::skip::root;

/// KiB that are the supervisor's own and nobody else's.
const SUPERVISOR: u64 = 176;

fn private_kib(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it runs");
    let line = |name: &str| -> u64 {
        let line = text.lines().find_map(|l| l.strip_prefix(name)).expect("a line of smaps_rollup");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    // Not Private_Dirty: pages of a program file that was written a moment ago are among those.
    line("Anonymous:")
}

#[test]
fn a_supervisor_keeps_little_for_itself() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let status = std::fs::read_to_string(format!("/proc/{}/status", container.pid())).expect("it runs");
    let parent = status.lines().find_map(|l| l.strip_prefix("PPid:")).and_then(|v| v.trim().parse().ok());
    let parent: i32 = parent.expect("a parent");
    let comm = std::fs::read_to_string(format!("/proc/{parent}/comm")).expect("a name");
    assert!(comm.starts_with("keel"), "{comm}");
    within("KiB of a supervisor", private_kib(parent), SUPERVISOR).unwrap();
    // It keeps no more after many questions than after as many before. The first hundreds are glibc's, whose heap is smaller after a
    // start than what it settles at (120 KiB, and so after 5,000 more).
    let ask = |times: usize| (0..times).for_each(|_| drop(container.keel("info -sH").ok()));
    ask(1000);
    let before = private_kib(parent);
    within("KiB of a supervisor that has answered", before, SUPERVISOR).unwrap();
    ask(1000);
    assert_eq!(private_kib(parent), before);
    // The control: this process has a megabyte more than it may.
    let mut heap = vec![0u8; 1 << 20];
    heap.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    within("KiB of this process", private_kib(std::process::id() as i32), SUPERVISOR).unwrap_err();
    assert_eq!(heap[4096], 1);
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}
