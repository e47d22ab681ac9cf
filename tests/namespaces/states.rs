//! What a container's state is said to be, and who may start it when.

use crate::root;
use rustix::process::Signal;
use tests::container::Container;
use tests::proc::{self, Process};
use tests::ran::{PATIENCE, finish, start};

#[test]
fn info_and_ls_say_what_runs() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    assert_eq!(container.state(), "STOPPED");
    assert_eq!(container.keel("info").ok(), format!("Name:           {}\nState:          STOPPED\n", container.name));
    container.start();
    assert_eq!(container.state(), "RUNNING");
    let info = container.keel("info").ok();
    let pid = container.pid();
    assert!(
        info.contains(&format!("Name:           {}\nState:          RUNNING\nPID:            {pid}\n", container.name)),
        "{info}"
    );
    let mut ls = container.bare_command();
    ls.args(["ls", "-f", "-F", "NAME,STATE,PID", "-P"]).arg(container.lxcpath());
    let table = tests::ran::run(&mut ls).ok();
    let row: Vec<&str> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!(row, [container.name.as_str(), "RUNNING", &pid.to_string()]);
    container.keel("stop").ok();
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
}

#[test]
fn a_container_that_is_not_defined_is_said() {
    if !root() {
        return;
    }
    let container = Container::undefined();
    for (verb, code) in [("start", 1), ("info", 1), ("stop", 2), ("attach", 1), ("destroy", 1)] {
        let said = container.keel(verb).fails(code);
        assert!(said.contains(&container.name) && !said.is_empty(), "{verb}: {said}");
    }
    container.assert_nothing_left();
}

#[test]
fn a_second_start_says_that_it_runs_and_is_no_failure() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let pid = container.pid();
    let again = container.keel("start");
    assert_eq!((again.code, again.out.as_str()), (0, ""));
    assert!(again.err.contains("already running"), "{again:?}");
    assert_eq!(container.pid(), pid);
    container.started(1);
}

#[test]
fn of_two_starts_at_once_one_wins() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    for round in 1..=5 {
        let both = [(); 4].map(|()| start(&mut container.command("start"))).map(|child| finish(child, PATIENCE));
        assert!(both.iter().all(|ran| ran.code == 0), "{both:#?}");
        let silent = both.iter().filter(|ran| ran.err.is_empty()).count();
        assert_eq!(silent, 1, "{both:#?}");
        assert_eq!(container.state(), "RUNNING");
        container.started(round);
        container.keel("stop -k").ok();
        container.assert_nothing_left();
    }
}

#[test]
fn two_containers_do_not_meet() {
    if !root() {
        return;
    }
    let (one, two) = (Container::probe(""), Container::probe(""));
    one.start();
    two.start();
    for name in ["mnt", "pid", "uts", "ipc", "net"] {
        let key = format!("ns.{name}");
        assert_ne!(one.facts().get(&key), two.facts().get(&key));
    }
    one.keel("stop").ok();
    assert_eq!((one.state(), two.state()), ("STOPPED".into(), "RUNNING".into()));
    one.assert_nothing_left();
}

/// The supervisor of a container: its first program's parent.
fn supervisor(container: &Container) -> Process {
    let parent = proc::parent(container.pid()).expect("it runs");
    Process::hold(parent).expect("it runs")
}

#[test]
fn without_its_supervisor_the_truth_is_still_told() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    container.facts();
    let first = container.first_program();
    let supervisor = supervisor(&container);
    assert!(supervisor.signal(Signal::KILL) && supervisor.ends_within(PATIENCE));
    // It goes on, and can be looked at, entered and stopped; it cannot be started twice.
    assert!(!first.ends_within(std::time::Duration::ZERO));
    assert_eq!((container.state(), container.pid()), ("RUNNING".into(), first.pid));
    assert_eq!(container.ask("facts").get("hostname"), container.name);
    let again = container.keel("start");
    assert!(again.err.contains("already running"), "{again:?}");
    container.started(1);
    container.keel("stop").ok();
    assert!(first.ends_within(PATIENCE));
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
    container.start();
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn when_both_died_it_is_stopped_and_starts_again() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.cgroup.memory.limit_in_bytes = 64M");
    container.start();
    let (first, supervisor) = (container.first_program(), supervisor(&container));
    assert!(supervisor.signal(Signal::KILL) && supervisor.ends_within(PATIENCE));
    assert!(first.signal(Signal::KILL) && first.ends_within(PATIENCE));
    assert_eq!(container.state(), "STOPPED");
    // The cgroups of the dead are still there; a new start takes them, under the same name, and removes them at its end.
    container.start();
    assert_eq!(container.state(), "RUNNING");
    container.keel("stop").ok();
    container.assert_nothing_left();
}
