//! Cgroups on this host, whatever version it has: made, joined, limited, removed.

use crate::root;
use std::fs;
use std::path::PathBuf;
use tests::canary::cgroup_roots;
use tests::container::Container;
use tests::skip::skip;

/// Where version 1 has this controller.
fn version1(controller: &str) -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let has = |options: &str| options.split(',').any(|o| o == controller);
    let fields = text.lines().map(|l| l.split(' ').map(str::to_owned).collect::<Vec<_>>());
    fields.filter(|f| f.len() > 3 && f[2] == "cgroup" && has(&f[3])).map(|f| PathBuf::from(&f[1])).next()
}

#[test]
fn a_container_is_in_cgroups_of_its_own_and_sees_their_roots() {
    if !root() {
        return;
    }
    if cgroup_roots().is_empty() {
        return skip("no cgroups are mounted");
    }
    let container = Container::probe("");
    container.start();
    let facts = container.facts();
    for (controller, path) in facts.below("cgroup.") {
        // In its cgroup namespace each is '/'. What is not mounted on the host could not be joined.
        assert!(path == "/" || path.starts_with("/.."), "{controller}: {path}");
    }
    let host = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).expect("it runs");
    assert!(host.contains(&format!("/lxc.payload.{}", container.name)), "{host}");
    container.keel("stop").ok();
    container.assert_nothing_left();
}

#[test]
fn limits_of_version_1_are_in_force() {
    if !root() {
        return;
    }
    let Some(memory) = version1("memory") else { return skip("the memory controller is not on version 1 here") };
    let container = Container::probe("lxc.cgroup.memory.limit_in_bytes = 24M\nlxc.cgroup.cpu.shares = 512");
    container.start();
    let own = memory.join(format!("lxc.payload.{}", container.name));
    assert_eq!(fs::read_to_string(own.join("memory.limit_in_bytes")).expect("readable").trim(), (24 << 20).to_string());
    if let Some(cpu) = version1("cpu") {
        let shares = cpu.join(format!("lxc.payload.{}/cpu.shares", container.name));
        assert_eq!(fs::read_to_string(shares).expect("readable").trim(), "512");
    }
    let hog = container.keel("attach -- /probe hog 200");
    let got: u32 = hog.out.lines().last().and_then(|l| l.strip_prefix("hog=")?.parse().ok()).unwrap_or(0);
    assert!(hog.code == 137 && (4..24).contains(&got), "{} MiB: {}", got, hog.code);
    assert_eq!(container.state(), "RUNNING");
    container.keel("stop").ok();
    container.assert_nothing_left();
}

#[test]
fn a_limit_of_processes_is_in_force() {
    if !root() {
        return;
    }
    if version1("pids").is_none() {
        return skip("the pids controller is not on version 1 here");
    }
    let container = Container::probe("lxc.cgroup.pids.max = 20");
    container.start();
    let forks = container.ask("forks 100");
    let made: u32 = forks.get("forks").parse().expect("a number");
    assert!((10..20).contains(&made), "{made}");
    assert_eq!(forks.get("forks.end"), "EAGAIN");
}

#[test]
fn devices_that_are_not_allowed_cannot_be_made_or_opened() {
    if !root() {
        return;
    }
    if version1("devices").is_none() {
        return skip("the devices controller is not on version 1 here");
    }
    let container = Container::probe(
        "lxc.cgroup.devices.deny = a\nlxc.cgroup.devices.allow = c 1:3 rwm\nlxc.cgroup.devices.allow = c 1:5 r\n\
         lxc.cgroup.devices.allow = c 5:2 rwm\nlxc.cgroup.devices.allow = c 136:* rwm\nlxc.pty.max = 8",
    );
    container.start();
    let tried = container.ask("can mknod-dev block:8,0 block:254,0 write:/dev/zero open:/dev/zero open:/dev/full ptmx");
    for (what, answer) in [
        ("mknod-dev", "ok"),
        ("block:8,0", "EPERM"),
        ("block:254,0", "EPERM"),
        ("write:/dev/zero", "EPERM"),
        ("open:/dev/zero", "ok"),
        ("open:/dev/full", "EPERM"),
        ("ptmx", "ok"),
    ] {
        assert_eq!(tried.get(&format!("can.{what}")), answer, "{what}");
    }
    let facts = container.facts();
    assert_eq!(facts.get("tty.0"), "yes");
}

#[test]
fn a_value_that_the_kernel_refuses_is_named() {
    if !root() {
        return;
    }
    if version1("memory").is_none() {
        return skip("the memory controller is not on version 1 here");
    }
    let container = Container::probe("lxc.cgroup.memory.limit_in_bytes = much");
    let said = container.keel("start").fails(1);
    assert!(said.contains("write 'much' to") && said.contains("memory.limit_in_bytes: EINVAL"), "{said}");
    container.assert_nothing_left();
    let container = Container::probe("lxc.cgroup.memory.no_such_file = 1");
    let said = container.keel("start").fails(1);
    assert!(said.contains("memory.no_such_file"), "{said}");
    container.assert_nothing_left();
}

#[test]
fn without_any_cgroup_it_runs_and_a_limit_is_refused() {
    if !root() {
        return;
    }
    let mut container = Container::probe("");
    let mut roots = cgroup_roots();
    // The deepest first, and what they are mounted on last.
    roots.sort_by_key(|p| std::cmp::Reverse(p.components().count()));
    for mount in roots {
        container.condition("--hide", &mount.display().to_string());
    }
    container.start();
    assert_eq!(container.state(), "RUNNING");
    assert_eq!(container.ask("facts").get("hostname"), container.name);
    container.keel("stop").ok();
    container.assert_nothing_left();
    container.add_config("lxc.cgroup.memory.limit_in_bytes = 64M");
    let said = container.keel("start").fails(1);
    assert!(said.contains("memory.limit_in_bytes") || said.contains("memory"), "{said}");
    container.assert_nothing_left();
}
