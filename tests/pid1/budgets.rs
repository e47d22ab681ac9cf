//! What `pid1` may cost: size of the file, memory, wake-ups, threads; and that it has no allocator.

use std::process::Command;

use crate::fixture::{Guest, able, find, pid1_binary, start, wait_for};
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

/// PID 1 of a container, when it has done all and waits.
fn idle() -> (Guest, String) {
    let guest = start(&[]);
    let proc = format!("/proc/{}", guest.pid());
    wait_for("pid1 to wait", || {
        let comm = std::fs::read_to_string(format!("{proc}/comm")).ok()?;
        let call = std::fs::read_to_string(format!("{proc}/wchan")).unwrap_or_default();
        let state = std::fs::read_to_string(format!("{proc}/status")).ok()?;
        (comm.trim() == "pid1" && state.contains("State:\tS") && !call.contains("pipe")).then_some(())
    });
    (guest, proc)
}

#[test]
fn memory_threads_and_wakeups() {
    skip_unless!(able());
    let (_guest, proc) = idle();
    let field = |file: &str, name: &str| {
        let text = std::fs::read_to_string(format!("{proc}/{file}")).unwrap();
        let line = text.lines().find(|l| l.starts_with(name)).unwrap_or_else(|| panic!("{name} in {file}")).to_owned();
        line[name.len()..].split_whitespace().next().unwrap().parse::<u64>().unwrap()
    };
    let (rss, anonymous) = (field("smaps_rollup", "Rss:"), field("smaps_rollup", "Anonymous:"));
    eprintln!("Rss {rss} kB, anonymous {anonymous} kB");
    assert_eq!(field("status", "Threads:"), 1);
    assert!(anonymous <= 5 * 4, "{anonymous} kB private");
    assert!(rss <= 96, "{rss} kB resident");
    // Nothing happens, so nobody wakes up. The wait is for something that does not come.
    let before = field("status", "voluntary_ctxt_switches:");
    let pause = rustix::event::Timespec { tv_sec: 2, tv_nsec: 0 };
    rustix::event::poll(&mut [], Some(&pause)).unwrap();
    assert_eq!(field("status", "voluntary_ctxt_switches:"), before);
}
