//! `keel agent`: one process for several containers beside another init.

use crate::root;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use tests::container::Container;
use tests::proc::until;

/// Starts the agent of a container's path and waits until it answers.
pub fn agent_of(container: &Container) -> Child {
    let mut command = container.bare_command();
    command.arg("agent").arg("-P").arg(container.lxcpath());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let agent = command.spawn().expect("keel runs");
    let socket = container.base().join("run/agent");
    // A path is there before anybody listens.
    let answers = || {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
        let client = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).ok()?;
        connect(client, &SocketAddrUnix::new(&socket).ok()?).ok()
    };
    until("the agent's socket", container.base(), answers);
    agent
}

#[test]
fn one_process_supervises_what_it_is_asked_for_and_stops_it() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let mut agent = agent_of(&container);
    let mut second = container.bare_command();
    let ran = tests::ran::run(second.arg("agent").arg("-P").arg(container.lxcpath()));
    assert!(ran.code == 1 && ran.err.contains("there is one already"), "{ran:?}");
    container.start();
    let status = std::fs::read_to_string(format!("/proc/{}/status", container.pid())).expect("it runs");
    let parent = status.lines().find_map(|l| l.strip_prefix("PPid:")).map(str::trim);
    assert_eq!(parent, Some(agent.id().to_string().as_str()));
    let pid = rustix::process::Pid::from_child(&agent);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    assert_eq!(agent.wait().expect("reaped").code(), Some(0));
    assert!(!container.base().join("run/agent").exists());
    container.assert_nothing_left();
}

#[test]
fn what_a_killed_agent_leaves_runs_and_is_told_and_stopped() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let mut agent = agent_of(&container);
    container.start();
    agent.kill().and_then(|()| agent.wait()).expect("a child of ours");
    assert_eq!(container.keel("info -sH").ok(), "RUNNING\n");
    // The next one takes its socket's place, and leaves the container as it is.
    let mut next = agent_of(&container);
    assert_eq!(container.keel("info -sH").ok(), "RUNNING\n");
    container.keel("stop -k").ok();
    assert_eq!(container.keel("info -sH").ok(), "STOPPED\n");
    next.kill().and_then(|()| next.wait()).expect("a child of ours");
    let _ = std::fs::remove_file(container.base().join("run/agent"));
    container.assert_nothing_left();
}

#[test]
fn what_keeps_it_from_starting_is_said() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let run = container.base().join("run");
    std::fs::create_dir_all(&run).expect("a directory");
    std::fs::set_permissions(&run, PermissionsExt::from_mode(0o755)).expect("chmod");
    let mut command = container.bare_command();
    let ran = tests::ran::run(command.arg("agent").arg("-P").arg(container.lxcpath()));
    assert!(ran.code == 1 && ran.err.contains("is not a directory of this user alone"), "{ran:?}");
}
