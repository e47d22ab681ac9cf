//! What `pid1` may cost: size of the file, memory, wake-ups, threads; and that it has no allocator.

use std::process::Command;

use crate::fixture::{Guest, able, find, kernel_can_reap, pid1_binary, start, wait_for, wait_until_kernel_reaps};
use crate::skip_unless;

#[test]
fn the_file_is_small_and_static() {
    let bytes = std::fs::read(pid1_binary()).unwrap();
    assert!(bytes.len() <= 64 * 1024, "{} bytes", bytes.len());
    // No interpreter, no dynamic section: e_type is EXEC.
    assert_eq!(bytes[16..18], 2u16.to_le_bytes());
    for segment in ["/lib64/ld-linux", "libc.so"] {
        assert!(!bytes.windows(segment.len()).any(|w| w == segment.as_bytes()), "{segment}");
    }
}

/// `strip` leaves no names in what is shipped, so a build of its own is looked at.
#[test]
fn no_allocator_is_linked() {
    skip_unless!(find("nm"));
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pid1-symbols");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--package", "pid1", "--target-dir"])
        .arg(&target)
        .env("CARGO_PROFILE_RELEASE_STRIP", "false")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success());
    let names = Command::new("nm").arg(target.join("release/pid1")).output().unwrap();
    let names = String::from_utf8_lossy(&names.stdout);
    assert!(names.contains("_start") && names.contains("memcpy"), "nm says nothing");
    for allocator in ["__rust_alloc", "__rdl_", "__rg_", "malloc", "5alloc", "3std"] {
        let found = names.lines().find(|line| line.contains(allocator));
        assert_eq!(found, None, "{allocator}");
    }
}

/// What is resident while it waits: two pages of the program, one of its own, and three or four of stack and arguments.
const RESIDENT_KB: u64 = 32;

/// A line's number in a file of a guest's PID 1.
fn field(guest: &Guest, file: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/{file}", guest.pid())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Until `pid1` has done all and waits: the last that it does is to give back the memory that only the start needed, which leaves two
/// mappings of the program.
pub fn wait_until_idle(guest: &Guest) {
    let maps = format!("/proc/{}/maps", guest.pid());
    wait_for(&format!("pid1 that waits in less than {RESIDENT_KB} kB"), || {
        let programs = std::fs::read_to_string(&maps).ok()?.lines().filter(|line| line.ends_with("/pid1")).count();
        let rss = field(guest, "smaps_rollup", "Rss:")?;
        let idle = programs == 2 && rss <= RESIDENT_KB && crate::fixture::waits(guest.pid());
        idle.then(|| eprintln!("Rss {rss} kB"))
    });
}

/// Forwarding needs no more of the program than waiting does, whoever reaps: the kernel is asked to with the first orphan.
#[test]
fn what_is_given_back_stays_away() {
    skip_unless!(able());
    for before in ["", "(true &);"].into_iter().filter(|before| before.is_empty() || kernel_can_reap()) {
        let script = format!("trap 'echo heard' USR1; {before} echo ready; while :; do sleep 1000 & wait; done");
        let mut guest = start(&["--", "sh", "-c", &script]);
        guest.read_until("ready\n");
        if !before.is_empty() {
            wait_until_kernel_reaps(&guest);
        }
        wait_until_idle(&guest);
        for _ in 0..3 {
            guest.signal(10);
            guest.read_until("heard\n");
        }
        wait_until_idle(&guest);
    }
}

#[test]
fn memory_threads_and_wakeups() {
    skip_unless!(able());
    let guest = start(&[]);
    wait_until_idle(&guest);
    let field = |file: &str, name: &str| field(&guest, file, name).unwrap_or_else(|| panic!("{name} in {file}"));
    let anonymous = field("smaps_rollup", "Anonymous:");
    eprintln!("anonymous {anonymous} kB");
    assert_eq!(field("status", "Threads:"), 1);
    assert!(anonymous <= 5 * 4, "{anonymous} kB private");
    // Nothing happens, so nobody wakes up. The wait is for something that does not come.
    let before = field("status", "voluntary_ctxt_switches:");
    let pause = rustix::event::Timespec { tv_sec: 2, tv_nsec: 0 };
    rustix::event::poll(&mut [], Some(&pause)).unwrap();
    assert_eq!(field("status", "voluntary_ctxt_switches:"), before);
}
