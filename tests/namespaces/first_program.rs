//! What the first program of a container is given: namespaces, environment, descriptors, rights, and nothing of the caller.

use crate::root;
use std::fs;
use tests::container::Container;
use tests::ran::run;

/// Signals that the probe ignores: std's start-up ignores SIGPIPE in every program.
const PIPE: &str = "0000000000001000";

#[test]
fn a_program_without_a_runtime_ignores_no_signal() {
    if !root() {
        return;
    }
    let container = Container::busybox(&[]);
    container.add_config("lxc.init.cmd = /bin/sh -c 'grep ^Sig /proc/self/status > /signals; read x'");
    container.start();
    let file = container.rootfs().join("signals");
    let said = tests::proc::until("the signals", &container.rootfs(), || {
        fs::read_to_string(&file).ok().filter(|text| text.contains("SigIgn") && text.contains("SigCgt"))
    });
    assert!(said.contains("SigIgn:\t0000000000000000") && said.contains("SigBlk:\t0000000000000000"), "{said}");
    let inside = container.keel("attach -- grep ^Sig /proc/self/status").ok();
    assert!(inside.contains("SigIgn:\t0000000000000000") && inside.contains("SigBlk:\t0000000000000000"), "{inside}");
}

#[test]
fn it_has_namespaces_of_its_own() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let facts = container.facts();
    assert_eq!(facts.get("pid"), "1");
    assert_eq!(facts.get("ppid"), "0");
    assert_eq!(facts.get("hostname"), container.name);
    for name in ["mnt", "pid", "uts", "ipc", "net", "cgroup"] {
        let Ok(host) = fs::read_link(format!("/proc/self/ns/{name}")) else { continue };
        assert_ne!(facts.get(&format!("ns.{name}")), host.display().to_string(), "{name}");
    }
    // No user namespace was asked for.
    assert_eq!(facts.get("ns.user"), fs::read_link("/proc/self/ns/user").expect("a namespace").display().to_string());
    let networks: Vec<_> =
        facts.below("net.").map(|(name, _)| name).filter(|n| *n == "lo" || n.starts_with("eth")).collect();
    assert_eq!(networks, ["lo"]);
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn it_sees_no_mount_and_no_file_of_the_host() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let facts = container.facts();
    let targets: Vec<&str> = facts.below("mount.").map(|(target, _)| target).collect();
    for target in &targets {
        let known = ["/", "/dev", "/proc", "/sys"].iter().any(|t| target == t)
            || ["/proc/sys", "/dev/", "/sys/", "/proc/sysrq"].iter().any(|t| target.starts_with(t));
        assert!(known, "unexpected mount at '{target}' among {targets:?}");
    }
    let listed = container.ask("can list:/");
    assert_eq!(listed.get("can.list:/"), "dev,etc,facts,mnt,probe,proc,run,starts,sys,tmp");
    assert_eq!(facts.get("cwd"), "/");
}

#[test]
fn it_has_a_clean_environment_and_nothing_open() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let facts = container.facts();
    let environment: Vec<_> = facts.below("env.").collect();
    assert_eq!(environment, [("container", "lxc")]);
    let open: Vec<_> = facts.below("fd.").map(|(fd, _)| fd).collect();
    assert_eq!(open, ["0", "1", "2"]);
    for fd in 0..3 {
        assert_eq!(facts.get(&format!("tty.{fd}")), "yes");
    }
    // A session leader without one: a login takes it, with TIOCSCTTY.
    assert_eq!(facts.get("tty.controlling"), "no");
    assert_eq!((facts.get("sid"), facts.get("pgrp")), ("1", "1"));
    assert_eq!(facts.get("umask"), (0o22).to_string());
    assert_eq!(facts.get("status.SigIgn"), PIPE);
    assert_eq!(facts.get("status.CapInh"), "0000000000000000");
    assert_eq!(facts.get("status.CapAmb"), "0000000000000000");
}

#[test]
fn a_careless_caller_leaves_nothing_inside() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let mut start = std::process::Command::new(&tests::built::built().probe);
    start.args(["careless", "--"]);
    let inner = container.command("start");
    start.arg(inner.get_program()).args(inner.get_args());
    start.env("KEEL_RUN", container.base().join("run")).env("HOSTS", "secret");
    run(&mut start).ok();
    let facts = container.facts();
    let open: Vec<_> = facts.below("fd.").map(|(fd, _)| fd).collect();
    assert_eq!(open, ["0", "1", "2"]);
    assert_eq!(facts.find("env.HOSTS"), None);
    assert_eq!(facts.get("status.SigIgn"), PIPE);
    assert_eq!(facts.get("umask"), (0o22).to_string());
    // And its supervisor still reaps: the end is seen.
    container.keel("stop").ok();
    container.assert_nothing_left();
}

#[test]
fn the_environment_is_as_configured() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.environment = A=1 2\nlxc.environment = TAKEN\nlxc.environment = A=3");
    run(container.command("start").env("TAKEN", "from the caller")).ok();
    let facts = container.facts();
    let environment: Vec<_> = facts.below("env.").collect();
    assert_eq!(environment, [("A", "3"), ("TAKEN", "from the caller"), ("container", "lxc")]);
}

#[test]
fn a_variable_that_the_caller_does_not_have_is_said() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.environment = NO_SUCH_VARIABLE");
    let said = container.keel("start").fails(1);
    assert!(said.contains("takes the caller's 'NO_SUCH_VARIABLE': ENOENT"), "{said}");
    container.assert_nothing_left();
}

#[test]
fn capabilities_are_dropped_from_every_set() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.cap.drop = sys_time sys_module mknod");
    container.start();
    let facts = container.facts();
    let dropped = 1u64 << 25 | 1 << 16 | 1 << 27;
    for set in ["CapBnd", "CapEff", "CapPrm"] {
        let mask = u64::from_str_radix(facts.get(&format!("status.{set}")), 16).expect("hexadecimal");
        assert_eq!(mask & dropped, 0, "{set}");
        assert_ne!(mask, 0, "{set}");
    }
    let tried = container.ask("can clock mknod");
    assert_eq!((tried.get("can.clock"), tried.get("can.mknod")), ("EPERM", "EPERM"));
}

#[test]
fn kept_capabilities_are_the_only_ones() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.cap.keep = chown kill");
    container.start();
    let facts = container.facts();
    for set in ["CapBnd", "CapEff", "CapPrm"] {
        assert_eq!(facts.get(&format!("status.{set}")), format!("{:016x}", 1 | 1 << 5), "{set}");
    }
}

#[test]
fn another_user_has_no_rights() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.init.uid = 1000\nlxc.init.gid = 1001\nlxc.no_new_privs = 1");
    fs::set_permissions(container.rootfs(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("chmod");
    container.start();
    let facts = container.facts();
    assert_eq!((facts.get("uid"), facts.get("gid"), facts.get("status.CapEff")), ("1000", "1001", "0000000000000000"));
    assert_eq!((facts.get("status.Groups"), facts.get("status.NoNewPrivs")), ("", "1"));
    // A program that is attached is root, as with LXC.
    assert_eq!(container.ask("facts").get("uid"), "0");
}

#[test]
fn its_machine_and_directory_are_as_configured() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.arch = i686\nlxc.init.cwd = /tmp");
    container.start();
    let facts = container.facts();
    assert_eq!(facts.get("cwd"), "/tmp");
    if cfg!(target_arch = "x86_64") {
        assert_eq!(facts.get("machine"), "i686");
    }
}

#[test]
fn a_command_takes_its_place() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    run(container.command("start").args(["--", "/probe", "init", "facts=/facts", "a b"])).ok();
    let facts = container.facts();
    assert_eq!(facts.get("arg.3"), "a b");
    container.keel("stop").ok();
    container.assert_nothing_left();
}

#[test]
fn a_program_that_is_not_there_is_named() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.add_config("lxc.init.cmd = /no/such/program");
    let said = container.keel("start").fails(1);
    assert!(said.contains("exec /no/such/program: ENOENT (no such program in the rootfs"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    container.add_config("lxc.init.cmd = /etc");
    let said = container.keel("start").fails(1);
    assert!(said.contains("exec /etc: EACCES"), "{said}");
    container.assert_nothing_left();
}

#[test]
fn no_network_key_of_an_old_file_shares_the_hosts() {
    if !root() {
        return;
    }
    let container = Container::undefined();
    let rootfs = container.rootfs();
    for dir in ["proc", "sys", "dev", "etc"] {
        fs::create_dir_all(rootfs.join(dir)).expect("a directory");
    }
    fs::copy(&tests::built::built().probe, rootfs.join("probe")).expect("copied");
    fs::create_dir(rootfs.join("sbin")).expect("a directory");
    // Up to 0.9 the first program was always /sbin/init; the probe without words waits.
    fs::hard_link(rootfs.join("probe"), rootfs.join("sbin/init")).expect("linked");
    let (name, root) = (&container.name, rootfs.display());
    container.set_config(&format!(
        "lxc.utsname = {name}\nlxc.rootfs = {root}\nlxc.mount.entry = proc {root}/proc proc nodev 0 0\n"
    ));
    container.start();
    let host = fs::read_link("/proc/self/ns/net").expect("a namespace");
    let inside = fs::read_link(format!("/proc/{}/ns/net", container.pid())).expect("a namespace");
    assert_eq!(inside, host);
    let facts = container.ask("facts");
    assert_eq!(facts.get("hostname"), container.name);
    assert!(facts.find("mount./dev").is_none(), "an old file has no fresh /dev");
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}
