//! All of this again as on an older kernel: the newer system calls answer ENOSYS to every `keel`.
//!
//! What they are replaced with is the main path on the kernels that Android has, so it is tested as much.

use crate::root;
use std::process::{Command, Stdio};
use tests::container::{Container, ENOSYS};
use tests::ran::run;

/// Calls that came after Linux 3.8 and that Keel can do without.
const NEWER: &str = "openat2,open_tree,move_mount,fsopen,fsconfig,fsmount,fspick,mount_setattr,clone3,close_range,pidfd_open,\
    pidfd_send_signal,pidfd_getfd,faccessat2,statx,memfd_create,getrandom,epoll_pwait2";

#[test]
fn everything_without_the_newer_system_calls() {
    if !root() || std::env::var_os(ENOSYS).is_some() {
        return;
    }
    // A control: the condition is there.
    let probe = &tests::built::built().probe;
    let refused = run(Command::new(probe).args(["enosys", "openat2,no_such_call", "--", "true"]));
    assert_eq!(refused.code, 2, "{refused:?}");
    let own = std::env::current_exe().expect("this program");
    // `apart` is about what only newer calls do; here agents go the other way, which `agent` sees.
    let status = Command::new(own)
        .args(["--test-threads", "2", "--skip", "apart::"])
        .env(ENOSYS, NEWER.replace([' ', '\n'], ""))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success(), "without {NEWER}:\n{said}\n{}", String::from_utf8_lossy(&status.stderr));
    println!(
        "without the newer calls: {}",
        said.lines().rev().find(|l| l.starts_with("test result")).unwrap_or_default()
    );
}

/// Before Linux 3.8 the namespaces of mounts and of pids are not listed in /proc/PID/ns, and before 3.0 none is.
#[test]
fn namespaces_that_are_not_listed_are_found() {
    if !root() {
        return;
    }
    let mut container = Container::probe("lxc.net.0.type = empty");
    let clone = |container: &Container| {
        let plan = container.keel("plan").ok();
        plan.lines().find(|line| line.starts_with("    clone ")).expect("a line for the clone").to_owned()
    };
    let listed = clone(&container);
    assert_eq!(listed.trim(), "clone mnt uts ipc pid net");
    container.condition("--tmpfs", "/proc/self/ns");
    assert_eq!(clone(&container), listed);
    // A control: there was nothing to be read.
    let probe = &tests::built::built().probe;
    let hidden = ["private", "--tmpfs", "/proc/self/ns", "--", "ls", "/proc/self/ns"];
    assert_eq!(run(Command::new(probe).args(hidden)).ok(), "");
}
