//! `keel agent`: one process for several containers beside another init.

use crate::root;
use std::process::Stdio;
use tests::container::Container;
use tests::proc::until;

#[test]
fn one_process_supervises_what_it_is_asked_for_and_stops_it() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let mut command = container.bare_command();
    command.arg("agent").arg("-P").arg(container.lxcpath());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut agent = command.spawn().expect("keel runs");
    let socket = container.base().join("run/agent");
    // A path is there before anybody listens.
    let answers = || {
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
        let client = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).ok()?;
        connect(client, &SocketAddrUnix::new(&socket).ok()?).ok()
    };
    until("the agent's socket", container.base(), answers);
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
    assert!(!socket.exists());
    container.assert_nothing_left();
}
