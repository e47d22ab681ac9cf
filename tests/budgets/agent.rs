//! System calls of an agent: from a request to the clone, and from the order to stop to the end.

use super::trace::{Call, calls};
use super::{calls::container, has, within};
use std::path::Path;
use std::process::{Command, Stdio};
use tests::container::Container;
use tests::proc::until;
use tests::skip::root;

/// From the request to the clone, what is there already: the floor's agent makes 2.
const REQUEST: u64 = 36;
/// From the order to the container's being gone.
const STOP: u64 = 20;
/// Descriptors of an agent that its child has a copy of, at most: it has about four for each container.
const COPIED: u64 = 64;

/// Runs an agent where no cgroups are, starts and stops a container twice, and returns the agent's calls, and those of the others.
fn traced(container: &Container) -> (Vec<Call>, Vec<Call>) {
    let (list, run) = (container.base().join("trace"), container.base().join("run"));
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c"]);
    command
        .arg("umount -R /sys/fs/cgroup 2>/dev/null; exec \"$@\"")
        .args(["sh", "strace", "-D", "-f", "-s", "300", "-o"])
        .arg(&list);
    command.arg(&tests::built::built().keel).arg("agent").arg("-P").arg(container.lxcpath());
    command.env("KEEL_RUN", &run).env_remove("CONFIG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut agent = command.spawn().expect("it runs");
    let written = |text: &str| std::fs::read_to_string(&list).is_ok_and(|all| all.contains(text)).then_some(());
    until("the agent waits", &list, || written("epoll_pwait("));
    for _ in 0..2 {
        assert_eq!(container.keel("start").ok(), "");
        container.keel("stop -k").ok();
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&agent), rustix::process::Signal::TERM)
        .expect("it runs");
    assert_eq!(agent.wait().expect("a child of ours").code(), Some(0));
    // The column of numbers is as wide as five digits.
    let last = format!("{:<5} +++ exited with 0", agent.id());
    until("strace has written all", &list, || written(&last));
    let pid = agent.id() as i32;
    let all = calls(&std::fs::read_to_string(Path::new(&list)).expect("readable"));
    all.into_iter().partition(|call| call.pid == pid)
}

/// How many calls lie between the frame that has a word and the next call of a name, for each such frame.
fn between(all: &[Call], word: &str, name: &str) -> Vec<u64> {
    let begins = all.iter().enumerate().filter(|(_, c)| c.name == "recvmsg" && c.words.contains(word));
    begins.filter_map(|(at, _)| all[at..].iter().position(|c| c.name == name)).map(|n| n as u64).collect()
}

#[test]
fn a_request_takes_few_system_calls_and_copies_few_descriptors() {
    if !root() || !has("strace") {
        return;
    }
    let container = container("lxc.init.cmd = /probe init\n");
    let (all, of_others) = traced(&container);
    // The first call of each child. The control: what a command starts has a copy of the whole table.
    let ends = |calls: &[Call]| -> Vec<u64> {
        let unshares = calls.iter().filter(|c| c.name == "close_range" && c.words.contains("CLOSE_RANGE_UNSHARE"));
        unshares.map(|c| c.words.split(',').next().and_then(|end| end.parse().ok()).expect("a number")).collect()
    };
    let copied = ends(&of_others);
    assert_eq!(copied.len(), 2, "{of_others:#?}");
    copied.iter().for_each(|end| within("descriptors that a child copies", *end, COPIED).unwrap());
    let other = super::calls::container("");
    let alone = super::trace::keel(other.base(), &["start", "-F", "-n", &other.name]);
    assert!(alone.iter().any(|call| call.name == "execve" && call.words.contains("/probe")), "{alone:#?}");
    assert_eq!(ends(&alone), Vec::<u64>::new());
    let starts = between(&all, "start", "clone3");
    let [first, second] = starts[..] else { panic!("two starts: {starts:?}, {all:#?}") };
    within("calls from a request to the clone", second, REQUEST).unwrap();
    // The control: the first request looks at what is kept from then on.
    within("calls of the first request", first, REQUEST).unwrap_err();
    let stops = between(&all, "stop", "sendto");
    let [_, stop] = stops[..] else { panic!("two stops: {stops:?}") };
    within("calls of a stop", stop, STOP).unwrap();
    // The control: what a start takes is more.
    within("calls of a start", second, STOP).unwrap_err();
    container.assert_nothing_left();
}
