//! Containers whose rootfs is taken in an empty mount namespace, as an agent does where it can: what is seen from inside is what a
//! start without an agent gives, and nothing of the host is beneath.

use crate::agent::agent_of;
use crate::root;
use std::process::Command;
use tests::container::{Container, Facts};
use tests::proc::until;
use tests::skip::skip;

const ENTERS: &str = "enter an empty mount namespace";

/// Whether the kernel has what it takes.
#[track_caller]
fn can() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    let mut numbers = release.split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (5, 12) {
        skip("no mount_setattr(2) (Linux 5.12)");
        return false;
    }
    root()
}

/// What it sees but for numbers that are others at each start.
fn seen(facts: &Facts) -> Vec<(String, String)> {
    let same = |key: &str| !key.starts_with("ns.") && !key.starts_with("status.NSpid") && !key.starts_with("cgroup.");
    let mut all: Vec<(String, String)> =
        facts.below("").filter(|(key, _)| same(key)).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    for (key, value) in &mut all {
        // Numbers of peer groups.
        if key.starts_with("mount.") {
            *value = value
                .split(' ')
                .map(|w| w.trim_end_matches(|c: char| c.is_ascii_digit()))
                .collect::<Vec<_>>()
                .join(" ");
        }
    }
    all.sort();
    all
}

#[test]
fn nothing_looks_different_from_inside() {
    if !can() {
        return;
    }
    let config = |container: &Container| {
        let outside = container.outside().display().to_string();
        std::fs::create_dir_all(container.outside().join("more/mounted")).expect("a directory");
        std::fs::write(container.outside().join("file"), "x").expect("written");
        container.add_config(&format!(
            "lxc.tty.max = 2\nlxc.mount.entry = {outside} mnt none rbind,ro,create=dir 0 0\n\
             lxc.mount.entry = {outside}/file etc/file none bind,create=file 0 0\n\
             lxc.mount.entry = /not/there run none bind,optional 0 0\n\
             lxc.mount.entry = mnt tmp none bind,relative 0 0\n\
             lxc.mount.entry = t run tmpfs size=64k 0 0\nlxc.mount.auto = cgroup:mixed\n"
        ));
    };
    let container = Container::probe("");
    config(&container);
    container.start();
    let alone = seen(&container.facts());
    container.keel("stop -k").ok();
    assert!(!container.keel("plan").ok().contains(ENTERS));
    let mut agent = agent_of(&container);
    let plan = container.keel("plan").ok();
    assert!(plan.contains(ENTERS) && !plan.contains("pivot_root"), "{plan}");
    container.start();
    assert_eq!(seen(&container.facts()), alone);
    let of_host = |value: &str| value.contains("master:") || value.contains("shared:");
    assert!(alone.iter().any(|(key, value)| key == "mount./mnt" && of_host(value)), "{alone:#?}");
    // Who comes later finds the same root.
    assert_eq!(container.ask("can list:/").get("can.list:/"), "dev,etc,facts,mnt,probe,proc,run,starts,sys,tmp");
    container.keel("stop -k").ok();
    agent.kill().and_then(|()| agent.wait()).expect("a child of ours");
    let _ = std::fs::remove_file(container.base().join("run/agent"));
    container.assert_nothing_left();
}

#[test]
fn beneath_the_root_there_is_nothing_and_nothing_can_be_made() {
    if !can() {
        return;
    }
    let container = Container::probe("");
    let mut agent = agent_of(&container);
    container.start();
    // `..` leads to no other place than the container's root, which covers the whole of what is beneath.
    let own = container.ask("can list:/").get("can.list:/").to_owned();
    assert_eq!(container.ask("can top").get("can.top"), own);
    // Without that cover: no name is there, and none can be made, read-only or not (its only inode is the root).
    assert_eq!(container.ask("can beneath").get("can.beneath"), " EROFS ok EROFS ok ENOSPC");
    // The control: out of a directory of this host that way leads to the host's root.
    let outside = |word: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["-m", "--propagation", "private", "chroot"])
            .arg(container.rootfs())
            .args(["/probe", "can", word]);
        Facts::parse(&tests::ran::run(&mut command).ok()).get(&format!("can.{word}")).to_owned()
    };
    assert!(outside("top").contains("usr"));
    container.keel("stop -k").ok();
    agent.kill().and_then(|()| agent.wait()).expect("a child of ours");
    let _ = std::fs::remove_file(container.base().join("run/agent"));
    container.assert_nothing_left();
}

/// A hook that wants the host's tree gets it, and the plan says that it is for this hook.
#[test]
fn hooks_have_the_hosts_tree() {
    if !can() {
        return;
    }
    let container = Container::probe("");
    let left = container.outside().join("left");
    for (hook, other_way) in
        [("mount", true), ("pre-mount", true), ("autodev", true), ("pre-start", false), ("start-host", false)]
    {
        let _ = std::fs::remove_file(&left);
        let text = std::fs::read_to_string(container.config_file()).expect("a configuration");
        container.add_config(&format!("lxc.hook.{hook} = /bin/sh -c 'ls / > {}'", left.display()));
        let mut agent = agent_of(&container);
        let plan = container.keel("plan").ok();
        assert_eq!(plan.contains("# in a copy of the host's mounts: "), other_way, "{hook}: {plan}");
        assert_ne!(plan.contains(ENTERS), other_way, "{hook}: {plan}");
        container.start();
        let names = std::fs::read_to_string(&left).expect("the hook ran");
        assert!(names.contains("usr\n"), "{hook}: {names}");
        container.keel("stop -k").ok();
        container.set_config(&text);
        agent.kill().and_then(|()| agent.wait()).expect("a child of ours");
    }
    let _ = std::fs::remove_file(container.base().join("run/agent"));
    container.assert_nothing_left();
}

/// What is opened for a child that shares the agent's memory is closed in the agent, too.
#[test]
fn an_agent_holds_nothing_of_a_container_that_has_ended() {
    if !can() {
        return;
    }
    let container = Container::probe("");
    let mut agent = agent_of(&container);
    let held = || std::fs::read_dir(format!("/proc/{}/fd", agent.id())).expect("it runs").count();
    let once = || {
        container.start();
        let running = held();
        container.keel("stop -k").ok();
        running
    };
    once();
    // The connection that asked for the stop may still be there.
    let before = held();
    for _ in 0..4 {
        // The control: a container that runs is seen.
        assert!(once() > before);
    }
    until("descriptors are given back", container.base(), || (held() < before + 4).then_some(()));
    agent.kill().and_then(|()| agent.wait()).expect("a child of ours");
    let _ = std::fs::remove_file(container.base().join("run/agent"));
    container.assert_nothing_left();
}
