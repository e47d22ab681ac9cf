//! `lxc.namespace.share.NS`: by the id of a process, by the name of a container, by path.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tests::container::{Container, Facts};
use tests::proc;
use tests::ran::run;

/// A namespace of a process, as /proc has it.
fn namespace(pid: i32, name: &str) -> String {
    let link = fs::read_link(format!("/proc/{pid}/ns/{name}")).expect("a link");
    link.display().to_string()
}

fn open_up(container: &Container) {
    for dir in [container.base().to_path_buf(), container.lxcpath(), container.lxcpath().join(&container.name)] {
        fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).expect("chmod");
    }
}

#[test]
fn each_namespace_can_be_that_of_a_process() {
    if !tests::skip::root() {
        return;
    }
    let first = Container::probe("lxc.time.offset.boot = 1000h");
    first.start();
    first.facts();
    let pid = first.pid();
    for name in ["pid", "net", "ipc", "uts", "cgroup", "time"] {
        let second = Container::probe(&format!("lxc.namespace.share.{name} = {pid}"));
        second.start();
        let facts = second.facts();
        for other in ["mnt", "pid", "net", "ipc", "uts", "cgroup", "time"] {
            let same = facts.get(&format!("ns.{other}")) == namespace(pid, other);
            assert_eq!(same, other == name, "{other} with share.{name}");
        }
        assert_eq!(facts.get("status.NSpid").split_whitespace().last() == Some("1"), name != "pid", "{facts:#?}");
        second.keel("stop -k").ok();
        second.assert_nothing_left();
        assert_eq!(first.state(), "RUNNING");
    }
    first.keel("stop -k").ok();
}

#[test]
fn another_containers_processes_are_seen_by_its_name() {
    if !tests::skip::root() {
        return;
    }
    let (first, second) = (Container::probe(""), Container::probe(""));
    first.start();
    first.facts();
    // In one lxcpath, where a name is looked for.
    let place = first.lxcpath().join("second");
    fs::create_dir(&place).expect("a directory");
    let config = fs::read_to_string(second.config_file()).expect("a configuration");
    let config = format!(
        "{config}\nlxc.namespace.share.pid = {}\nlxc.init.cmd = /probe init try=list:/proc facts=/facts\n",
        first.name
    );
    fs::write(place.join("config"), &config).expect("written");
    let keel = |verb: &str| run(first.bare_command().arg(verb).arg("-P").arg(first.lxcpath()).args(["-n", "second"]));
    keel("start").ok();
    let facts: Facts = second.facts();
    assert_eq!(facts.get("ns.pid"), namespace(first.pid(), "pid"));
    assert!(facts.get("can.list:/proc").split(',').any(|pid| pid == "1"), "{facts:#?}");
    assert_ne!(facts.get("pid"), "1");
    // It is no first program whose end would take the others with it.
    run(first.bare_command().args(["stop", "-k", "-n", "second", "-P"]).arg(first.lxcpath())).ok();
    assert_eq!(first.state(), "RUNNING");
    fs::write(place.join("config"), config + "lxc.namespace.share.pid = nobody\n").expect("written");
    let why = keel("start").fails(1);
    assert!(why.contains("'nobody' is no container that runs, no process and no path"), "{why}");
    first.keel("stop -k").ok();
    first.assert_nothing_left();
}

#[test]
fn another_containers_user_namespace_has_its_ids() {
    if !tests::skip::root() {
        return;
    }
    let first = Container::probe("lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536");
    open_up(&first);
    rustix::fs::chown(first.rootfs(), Some(rustix::fs::Uid::from_raw(100_000)), None).expect("chown");
    first.start();
    first.facts();
    let pid = first.pid();
    for of in [pid.to_string(), format!("/proc/{pid}/ns/user")] {
        let second = Container::probe(&format!("lxc.namespace.share.user = {of}\nlxc.namespace.share.net = {pid}"));
        open_up(&second);
        rustix::fs::chown(second.rootfs(), Some(rustix::fs::Uid::from_raw(100_000)), None).expect("chown");
        second.start();
        let facts = second.facts();
        assert_eq!(facts.get("ns.user"), namespace(pid, "user"));
        assert_eq!(facts.get("ns.net"), namespace(pid, "net"));
        for name in ["mnt", "pid", "uts"] {
            assert_ne!(facts.get(&format!("ns.{name}")), namespace(pid, name));
        }
        assert_eq!((facts.get("pid"), facts.get("uid")), ("1", "0"), "{facts:#?}");
        assert_eq!(fs::metadata(second.rootfs().join("facts")).expect("facts").uid(), 100_000);
        assert_eq!(second.ask("facts").get("ns.user"), facts.get("ns.user"));
        second.keel("stop -k").ok();
        second.assert_nothing_left();
    }
    let mixed = Container::probe(&format!(
        "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.namespace.share.user = {pid}"
    ));
    let why = mixed.keel("start").fails(1);
    assert!(why.contains("exclude each other"), "{why}");
    first.keel("stop -k").ok();
    first.assert_nothing_left();
}

#[test]
fn among_another_containers_mounts_there_is_nothing_of_its_own() {
    if !tests::skip::root() {
        return;
    }
    let first = Container::probe("");
    first.start();
    first.facts();
    let second = Container::probe(&format!(
        "lxc.namespace.share.mnt = {}\nlxc.init.cmd = /probe init facts=/facts-of-second",
        first.pid()
    ));
    let said = second.keel("start");
    assert!(said.code == 0 && said.err.contains("the mounts are another's"), "{said:?}");
    let path = first.rootfs().join("facts-of-second");
    proc::until("facts appear in the first one's root", &first.rootfs(), || path.exists().then_some(()));
    let own = |name| namespace(second.pid(), name) == namespace(first.pid(), name);
    assert_eq!(["mnt", "pid", "net"].map(own), [true, false, false]);
    second.keel("stop -k").ok();
    second.assert_nothing_left();
    assert_eq!(first.state(), "RUNNING");
    first.keel("stop -k").ok();
    first.assert_nothing_left();
}

#[test]
fn who_is_left_of_a_container_without_a_pid_namespace_is_ended() {
    if !tests::skip::root() {
        return;
    }
    if tests::canary::cgroup_roots().is_empty() {
        return tests::skip::skip("no cgroups are mounted");
    }
    let own = format!("lxc.namespace.share.pid = {}", std::process::id());
    for config in [own.as_str(), "lxc.namespace.keep = pid"] {
        let container = Container::probe(config);
        let shell = container.rootfs().join("bin");
        fs::create_dir_all(&shell).expect("a directory");
        run(std::process::Command::new("cp").arg(&tests::built::built().busybox).arg(shell.join("sh"))).ok();
        container.add_config("lxc.init.cmd = /bin/sh -c '/probe init facts=/second & exec /probe init facts=/facts'");
        container.start();
        container.facts();
        let second = container.rootfs().join("second");
        proc::until("the second one runs", &container.rootfs(), || second.exists().then_some(()));
        let pid = Facts::parse(&fs::read_to_string(second).expect("facts"));
        let second = proc::Process::hold(pid.get("pid").parse().expect("a pid")).expect("it runs");
        container.keel("stop -k").ok();
        assert!(second.ends_within(tests::ran::PATIENCE));
        container.assert_nothing_left();
    }
}
