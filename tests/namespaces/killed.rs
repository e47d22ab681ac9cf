//! `keel start` and its supervisor killed at every so-manieth system call: afterwards the truth is told, the next start works,
//! and its end leaves nothing.

use crate::root;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::container::Container;
use tests::proc::{self, Process};
use tests::ran::{PATIENCE, finish, start};
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

/// Whatever a supervisor was doing when it was killed, what is said afterwards is true, and a stop leaves nothing.
#[test]
fn a_supervisor_that_is_killed_at_work() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.tty.max = 1\nlxc.cgroup.memory.limit_in_bytes = 64M");
    let orders = ["stop -r -t 5", "stop -t 30", "stop -k", "freeze", "info"];
    for round in 0..40 {
        container.start();
        let (first, supervisor) = (container.first_program(), proc::parent(container.pid()).expect("it runs"));
        let supervisor = Process::hold(supervisor).expect("it runs");
        let line = orders[round % orders.len()];
        let mut words = line.split_whitespace();
        let ordered = start(container.command(words.next().unwrap()).args(words));
        // A moment later at each round, as far as such an order takes.
        let until = Instant::now() + Duration::from_micros(400 * round as u64);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        supervisor.signal(rustix::process::Signal::KILL);
        assert!(supervisor.ends_within(PATIENCE));
        finish(ordered, PATIENCE);
        let story = format!("round {round}, '{line}'");
        let state = container.state();
        let inside: Vec<i32> = proc::touching(container.base());
        let runs = if round % orders.len() == 0 { !inside.is_empty() } else { !first.ends_within(Duration::ZERO) };
        // A start that was under way may come to its end between the two looks.
        let settled = container.state() == state && proc::touching(container.base()) == inside;
        assert!(!settled || runs == (state != "STOPPED"), "{story}: {state}, {inside:?}");
        let ended = container.keel("stop -k");
        assert!([0, 2].contains(&ended.code), "{story}: {ended:?}");
        container.assert_nothing_left();
    }
}

#[test]
fn of_twenty_starts_at_once_one_wins() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let all: Vec<_> = (0..20).map(|_| start(&mut container.command("start"))).collect();
    let all: Vec<_> = all.into_iter().map(|child| finish(child, PATIENCE)).collect();
    let losers = format!("keel: {}: already running\n", container.name);
    assert!(all.iter().all(|ran| ran.code == 0 && (ran.err.is_empty() || ran.err == losers)), "{all:#?}");
    assert_eq!(all.iter().filter(|ran| ran.err.is_empty()).count(), 1, "{all:#?}");
    container.started(1);
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}
