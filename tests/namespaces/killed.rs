//! `keel start` and its supervisor killed at every so-manieth system call: afterwards the truth is told, the next start works,
//! and its end leaves nothing.

use crate::root;
use std::process::{Command, Stdio};
use std::time::Duration;
use tests::container::Container;
use tests::proc::Process;
use tests::skip::skip;

/// How long a start that nothing has killed may take to be one that runs.
const RUNS: Duration = Duration::from_secs(5);

#[test]
fn a_start_that_is_killed_anywhere_can_be_repeated() {
    if !root() {
        return;
    }
    if !Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    {
        return skip("no strace (package strace)");
    }
    let container = Container::probe("lxc.tty.max = 1\nlxc.pty.max = 8\nlxc.cgroup.memory.limit_in_bytes = 64M");
    let (mut killed, mut at) = (0, 3);
    loop {
        let inner = container.command("start");
        let mut traced = Command::new("strace");
        // Detached at the exec of the first program; each process counts its calls for itself.
        traced.args(["-f", "-b", "execve", "-o", "/dev/null", "-e"]).arg(format!("inject=all:signal=KILL:when={at}"));
        traced.arg(inner.get_program()).args(inner.get_args()).env("KEEL_RUN", container.base().join("run"));
        let mut child =
            traced.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("strace runs");
        let over = Process::hold(child.id() as i32).is_none_or(|p| p.ends_within(RUNS));
        let story = format!("killed at call {at}");
        let state = container.state();
        assert!(state == "RUNNING" || state == "STOPPED" || state == "STARTING", "{story}: {state}");
        let ended = container.keel("stop -k");
        assert!([0, 2].contains(&ended.code), "{story}: {ended:?}");
        if !over {
            child.kill().expect("it is ours");
        }
        child.wait().expect("a child of ours");
        let again = container.keel("start");
        assert!(again.code == 0 && again.err.is_empty(), "{story}: {again:?}");
        container.keel("stop -k").ok();
        container.assert_nothing_left();
        killed += u32::from(over);
        if !over || at > 2000 {
            break;
        }
        // Closer at the beginning, where all is made.
        at += if at < 150 { 4 } else { 11 };
    }
    assert!(killed > 20, "{killed} points only");
}
