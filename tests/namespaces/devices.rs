//! /dev of a container: nodes, terminals, shared memory, with and without a fresh one.

use crate::root;
use std::fs;
use tests::container::Container;

#[test]
fn a_fresh_dev_has_the_usual_nodes_and_no_more() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.tty.max = 2\nlxc.pty.max = 8");
    fs::write(container.rootfs().join("dev/of-the-image"), "").expect("written");
    container.start();
    let facts = container.facts();
    let all: Vec<_> = facts.below("dev.").map(|(name, _)| name).collect();
    let wanted = [
        "console", "fd", "full", "null", "ptmx", "pts", "random", "stderr", "stdin", "stdout", "tty", "tty1", "tty2",
        "urandom", "zero",
    ];
    assert_eq!(all, wanted);
    for (name, kind) in [
        ("null", "c 1:3 666"),
        ("full", "c 1:7 666"),
        ("random", "c 1:8 666"),
        ("tty", "c 5:0 666"),
        ("urandom", "c 1:9 666"),
        ("zero", "c 1:5 666"),
    ] {
        assert_eq!(facts.get(&format!("dev.{name}")), kind, "{name}");
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("ptmx", "pts/ptmx")] {
        assert_eq!(facts.get(&format!("dev.{name}")), format!("l {target}"), "{name}");
    }
    for name in ["console", "tty1", "tty2"] {
        assert!(
            facts.get(&format!("dev.{name}")).starts_with("c 136:"),
            "{name}: {}",
            facts.get(&format!("dev.{name}"))
        );
    }
    assert_eq!(facts.get("env.container_ttys"), "pts/0 pts/1");
    // Nothing of it came into the image.
    let image: Vec<_> =
        fs::read_dir(container.rootfs().join("dev")).expect("readable").flatten().map(|e| e.file_name()).collect();
    assert_eq!(image, ["of-the-image"]);
}

#[test]
fn terminals_and_shared_memory_are_usable() {
    if !root() {
        return;
    }
    let container =
        Container::probe("lxc.pty.max = 8\nlxc.mount.entry = shm dev/shm tmpfs nosuid,nodev,mode=1777,create=dir 0 0");
    container.start();
    let tried = container.ask("can ptmx shm open:/dev/null write:/dev/full kind:/dev/shm kind:/dev/pts/ptmx");
    for what in ["ptmx", "shm", "open:/dev/null", "write:/dev/full"] {
        assert_eq!(tried.get(&format!("can.{what}")), "ok", "{what}");
    }
    assert_eq!(tried.get("can.kind:/dev/shm"), "d 1777");
    assert_eq!(tried.get("can.kind:/dev/pts/ptmx"), "c 5:2 666");
    let facts = container.facts();
    assert!(facts.get("mount./dev/shm").contains("nosuid,nodev"), "{}", facts.get("mount./dev/shm"));
    assert!(facts.get("mount./dev/pts").contains("ptmxmode=666"), "{}", facts.get("mount./dev/pts"));
}

#[test]
fn no_console_and_no_ptys_when_none_are_asked_for() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.console.path = none\nlxc.tty.max = 0\nlxc.pty.max = 0");
    container.start();
    let facts = container.facts();
    for name in ["console", "ptmx", "tty1"] {
        assert_eq!(facts.find(&format!("dev.{name}")), None, "{name}");
    }
    for fd in 0..3 {
        assert_eq!(facts.get(&format!("fd.{fd}")), "/dev/null");
    }
    assert_eq!(facts.get("tty.controlling"), "no");
}

#[test]
fn terminals_in_a_directory_of_their_own() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.tty.dir = lxc\nlxc.tty.max = 2\nlxc.pty.max = 8");
    container.start();
    let facts = container.facts();
    assert_eq!((facts.get("dev.tty1"), facts.get("dev.tty2")), ("l lxc/tty1", "l lxc/tty2"));
    assert!(facts.get("dev.console").starts_with("c 136:"));
    let tried = container.ask("can kind:/dev/lxc/tty1 kind:/dev/lxc/console");
    assert!(tried.get("can.kind:/dev/lxc/tty1").starts_with("c 136:"));
    assert!(tried.get("can.kind:/dev/lxc/console").starts_with("c 136:"));
}

#[test]
fn without_a_fresh_dev_the_images_is_used() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.autodev = 0");
    fs::write(container.rootfs().join("dev/of-the-image"), "").expect("written");
    container.start();
    let facts = container.facts();
    assert_eq!(facts.find("mount./dev"), None);
    assert!(facts.find("dev.of-the-image").is_some());
    assert_eq!(facts.find("dev.null"), None);
    container.keel("stop").ok();
    container.assert_nothing_left();
}

/// A terminal of the host never gets inside: every terminal in there is of the container's own devpts.
#[test]
fn no_terminal_of_the_host_is_inside() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.tty.max = 1\nlxc.pty.max = 8");
    let mut terminal = container.on_terminal("start");
    assert_eq!(terminal.end(), (String::new(), 0));
    let facts = container.facts();
    let inside = facts.get("mount./dev/pts").to_string();
    let host = fs::read_to_string("/proc/self/mountinfo").expect("readable");
    for (target, of) in facts.below("mount.").filter(|(target, _)| target.starts_with("/dev/") && *target != "/dev/pts")
    {
        assert!(of.starts_with("devpts") || of.starts_with("tmpfs"), "{target}: {of}");
    }
    // Another devpts than any of the host's has another device number; the probe's root field tells the pty.
    assert!(!inside.is_empty() && host.contains("devpts"));
    let listed = container.ask("can list:/dev/pts");
    assert_eq!(listed.get("can.list:/dev/pts"), "0,1,ptmx");
}
