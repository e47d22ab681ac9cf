//! freeze, unfreeze, wait, monitor, cgroup, and the early names kill, shutdown, restart.

use crate::{keel, root};
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;
use tests::container::Container;
use tests::proc;
use tests::ran::{PATIENCE, finish, start};

/// Waits until somebody listens for news.
fn listening(container: &Container) {
    let run = container.base().join("run");
    proc::until("a listener", &run, || {
        let dirs = std::fs::read_dir(&run).ok()?.flatten();
        dirs.map(|dir| dir.path().join(".monitors")).find(|dir| dir.exists()).map(drop)
    });
}

#[test]
fn a_stopped_container() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    for (line, code) in [
        ("freeze", 1),
        ("unfreeze", 0),
        ("wait -s STOPPED", 0),
        ("wait -s RUNNING|STOPPED", 0),
        ("wait -s RUNNING -t 0", 1),
        ("wait -s RUNNING -t 1", 1),
        ("cgroup memory.limit_in_bytes", 1),
        ("kill", 1),
        ("shutdown", 1),
        ("wait -s NOSUCH", 2),
        ("wait -s running", 2),
        ("wait", 2),
        ("cgroup", 2),
        ("cgroup ../../x", 2),
    ] {
        let ran = container.keel(line);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{line}: {ran:?}");
    }
    assert_eq!(keel(&container, "wait", ["-n", "nosuch", "-s", "STOPPED"]).code, 0);
    assert_eq!(keel(&container, "freeze", ["nosuch"]).code, 1);
    let said = container.keel("freeze").err;
    let wanted = format!(
        "keel: {0}: failed to freeze '{1}:{0}': it is not running\n",
        container.name,
        container.lxcpath().display()
    );
    assert_eq!(said, wanted);
}

/// Whether this machine has a freezer for the container.
fn freezer(container: &Container) -> bool {
    let ran = container.keel("freeze");
    if ran.err.contains("has a freezer") {
        tests::skip::skip("no freezer on this machine");
        return false;
    }
    assert_eq!(ran.ok(), "");
    true
}

#[test]
fn frozen_is_told_everywhere_and_stopping_thaws() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    if !freezer(&container) {
        return;
    }
    assert_eq!(container.state(), "FROZEN");
    assert_eq!(keel(&container, "ls", ["-1", "--frozen"]).ok(), format!("{}\n", container.name));
    container.keel("freeze").ok();
    container.keel("wait -s FROZEN -t 0").ok();
    container.keel("unfreeze").ok();
    container.keel("unfreeze").ok();
    assert_eq!(container.state(), "RUNNING");
    container.keel("freeze").ok();
    container.keel("stop -t 30").ok();
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
}

/// A container whose supervisor was killed is frozen, waited for and stopped all the same.
#[test]
fn without_a_supervisor() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let info = container.keel("info --json").ok();
    let number = info.split_once("\"supervisor\":").unwrap().1;
    let number: i32 = number[..number.find([',', '}']).unwrap()].trim().parse().unwrap();
    kill_process(Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
    if freezer(&container) {
        assert_eq!(container.state(), "FROZEN");
    }
    let waiting = start(container.command("wait").args(["-s", "STOPPED", "-t", "30"]));
    listening(&container);
    container.keel("stop -t 30").ok();
    finish(waiting, PATIENCE).ok();
}

#[test]
fn a_monitor_prints_lxcs_lines() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let monitor = |regex: &str| {
        let mut command = container.bare_command();
        command.args(["monitor", "-P"]).arg(container.lxcpath()).arg(regex).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let (mut child, mut deaf) = (monitor(&format!("{}.*", &container.name[..3])), monitor("nosuch"));
    proc::until("two listeners", &container.base().join("run"), || {
        let dirs = std::fs::read_dir(container.base().join("run")).ok()?.flatten();
        let sockets = dirs.filter_map(|dir| Some(std::fs::read_dir(dir.path().join(".monitors")).ok()?.count()));
        (sockets.sum::<usize>() == 2).then_some(())
    });
    container.start();
    let frozen = freezer(&container);
    if frozen {
        container.keel("unfreeze").ok();
    }
    container.keel("stop -k").ok();
    container.keel("wait -s STOPPED").ok();
    for child in [&mut child, &mut deaf] {
        kill_process(Pid::from_child(child), Signal::TERM).unwrap();
    }
    let name = &container.name;
    let mut expected = String::new();
    let mut states = vec!["STARTING", "RUNNING"];
    if frozen {
        states.extend(["FREEZING", "FROZEN", "THAWED", "RUNNING"]);
    }
    for state in states {
        expected += &format!("'{name}' changed state to [{state}]\n");
    }
    expected += &format!("'{name}' exited with status [0]\n");
    for state in ["STOPPING", "STOPPED"] {
        expected += &format!("'{name}' changed state to [{state}]\n");
    }
    let heard = finish(child, PATIENCE);
    assert_eq!((heard.code, heard.out), (128 + 15, expected));
    let heard = finish(deaf, PATIENCE);
    assert_eq!((heard.code, heard.out.as_str()), (128 + 15, ""));
    container.assert_nothing_left();
}

#[test]
fn waiting_ends_with_the_state() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let waiting = start(container.command("wait").args(["-s", "RUNNING", "-t", "30"]));
    listening(&container);
    container.start();
    finish(waiting, PATIENCE).ok();
    let waiting = start(container.command("wait").args(["-s", "STOPPED", "-t", "30"]));
    listening(&container);
    container.keel("kill").ok();
    finish(waiting, PATIENCE).ok();
    container.keel("restart").ok();
    let first = container.pid();
    container.keel("restart").ok();
    assert_ne!(container.pid(), first);
    container.keel("shutdown -w").ok();
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
}

#[test]
fn files_of_the_cgroup() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let Some((file, value)) = [("memory.limit_in_bytes", "67108864"), ("memory.max", "67108864")]
        .into_iter()
        .find(|(file, _)| container.keel(&format!("cgroup {file}")).code == 0)
    else {
        return tests::skip::skip("no memory controller on this machine");
    };
    assert_eq!(container.keel(&format!("cgroup {file} 64M")).ok(), "");
    assert_eq!(container.keel(&format!("cgroup {file}")).ok(), format!("{value}\n\n"));
    let name = &container.name;
    let said = container.keel("cgroup nosuch.x").fails(1);
    let path = container.lxcpath();
    let wanted =
        format!("keel: {name}: failed to retrieve value of 'nosuch.x' for '{}:{name}': ENOENT\n", path.display());
    assert_eq!(said, wanted);
    let said = container.keel(&format!("cgroup {file} banana")).fails(1);
    assert_eq!(said, format!("keel: {name}: failed to assign 'banana' value to '{file}' for '{name}': EINVAL\n"));
}
