//! What the first program is and gets: ids, limits, keyrings, settings of the kernel, namespaces, signals; and what becomes of
//! a container that was for once.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use tests::built::built;
use tests::container::{Container, Facts};
use tests::proc;
use tests::ran::run;

fn tried(config: &str, tries: &str) -> Container {
    let container = Container::probe(config);
    let words: String = tries.split_whitespace().map(|word| format!(" try={word}")).collect();
    container.add_config(&format!("lxc.init.cmd = /probe init{words} facts=/facts"));
    container
}

fn ended(container: &Container) {
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn ids_groups_and_limits_are_the_first_programs() {
    if !tests::skip::root() {
        return;
    }
    let container = tried(
        "lxc.init.uid = 1001\nlxc.init.gid = 1002\nlxc.init.groups = 7,8\nlxc.init.groups = 9\n\
         lxc.prlimit.nofile = 100:200\nlxc.proc.oom_score_adj = 321",
        "read:/proc/self/oom_score_adj read:/proc/self/limits",
    );
    fs::set_permissions(container.rootfs(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("chmod");
    container.start();
    let facts = container.facts();
    assert_eq!((facts.get("uid"), facts.get("gid"), facts.get("status.Groups")), ("1001", "1002", "7 8 9"));
    assert_eq!(facts.get("can.read:/proc/self/oom_score_adj"), "321");
    let limits = |text: &str| {
        let line = text.split("\\n").find(|line| line.starts_with("Max open files")).unwrap_or_default().to_owned();
        line.split_whitespace().skip(3).take(2).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(limits(facts.get("can.read:/proc/self/limits")), ["100", "200"]);
    // A program that comes later has the limits, too, and is root.
    let later = container.ask("can read:/proc/self/limits");
    assert_eq!(limits(later.get("can.read:/proc/self/limits")), ["100", "200"]);
    assert_eq!(container.ask("facts").get("uid"), "0");
    ended(&container);
}

#[test]
fn settings_of_the_kernel_are_written_where_proc_is_writable() {
    if !tests::skip::root() {
        return;
    }
    let config = "lxc.mount.auto =\nlxc.mount.auto = proc:rw\nlxc.sysctl.net.ipv4.ip_forward = 1\nlxc.sysctl.kernel.msgmax = 4097";
    let tries = "read:/proc/sys/net/ipv4/ip_forward read:/proc/sys/kernel/msgmax";
    let container = tried(config, tries);
    container.start();
    let facts = container.facts();
    let [forward, most] =
        ["net/ipv4/ip_forward", "kernel/msgmax"].map(|name| facts.get(&format!("can.read:/proc/sys/{name}")));
    assert_eq!((forward, most), ("1", "4097"));
    ended(&container);
    let container = tried("lxc.sysctl.kernel.msgmax = 4097", tries);
    let why = container.keel("start").fails(1);
    assert!(why.contains("EROFS (it is mounted read-only: lxc.mount.auto = proc:rw mounts it writable)"), "{why}");
    let container = tried("lxc.mount.auto = proc:rw\nlxc.sysctl.no.such.setting = 1", tries);
    let why = container.keel("start").fails(1);
    assert!(why.contains("proc/sys/no/such/setting") && why.contains("ENOENT"), "{why}");
    container.assert_nothing_left();
}

#[test]
fn keyrings_and_cores() {
    if !tests::skip::root() {
        return;
    }
    let own = Facts::parse(&run(Command::new(&built().probe).args(["can", "keyring"])).ok());
    for (config, same) in [("lxc.keyring.session = 0", true), ("lxc.keyring.session = 1", false), ("", false)] {
        let container = tried(config, "keyring");
        container.start();
        let facts = container.facts();
        let is = facts.get("can.keyring") == own.get("can.keyring");
        assert!(is == same || own.get("can.keyring") == "ENOSYS", "'{config}': {}", facts.get("can.keyring"));
        ended(&container);
    }
    let container = tried("lxc.sched.core = 1", "core");
    let ran = container.keel("start");
    // A processor without siblings has nothing to be kept apart.
    let cannot = ["ENODEV (the processor has one thread in each core", "EINVAL (the kernel cannot do it"];
    if ran.code == 0 {
        let facts = container.facts();
        assert!(facts.get("can.core").parse::<u64>().is_ok_and(|cookie| cookie != 0), "{facts:#?}");
        ended(&container);
    } else {
        assert!(cannot.iter().any(|why| ran.err.contains(why)), "{ran:?}");
        container.assert_nothing_left();
    }
}

#[test]
fn namespaces_are_new_or_the_callers() {
    if !tests::skip::root() {
        return;
    }
    let own = |name: &str| fs::read_link(format!("/proc/self/ns/{name}")).expect("a link").display().to_string();
    for (config, kept) in [
        ("lxc.namespace.keep = net ipc", &["net", "ipc", "user"][..]),
        ("lxc.namespace.keep = uts cgroup", &["uts", "cgroup", "user"]),
        ("lxc.namespace.clone = pid mount", &["net", "ipc", "uts", "cgroup", "user"]),
        ("lxc.net.0.type = none", &["net", "user"]),
        ("", &["user"]),
    ] {
        let config = if config.contains("uts") { config.to_owned() } else { format!("{config}\nlxc.uts.name = here") };
        let container = tried(&config, "");
        container.start();
        let facts = container.facts();
        for name in ["mnt", "pid", "net", "ipc", "uts", "cgroup", "user"] {
            let same = facts.get(&format!("ns.{name}")) == own(name);
            assert_eq!(same, kept.contains(&name), "{name} with '{config}'");
        }
        ended(&container);
    }
    // The host's name stays what it is.
    let both = tried("lxc.namespace.keep = net\nlxc.namespace.clone = pid", "").keel("start").fails(1);
    assert!(both.contains("exclude each other"), "{both}");
}

#[test]
fn a_container_for_once_is_gone_with_its_end() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("lxc.ephemeral = 1");
    container.start();
    container.facts();
    container.keel("stop").ok();
    let gone = container.lxcpath().join(&container.name);
    proc::until("it is destroyed", &container.lxcpath(), || (!gone.exists()).then_some(()));
}

/// How it ended, in the words of its log.
fn last_words(config: &str, stop: &str) -> String {
    let container = Container::probe("");
    let log = container.outside().join("log");
    container.add_config(&format!("lxc.log.file = {}\n{config}", log.display()));
    container.start();
    container.facts();
    // One that is not running again is an error of a restart.
    let ran = container.keel(stop);
    assert!(ran.code == 0 || stop.contains("-r"), "{ran:?}");
    fs::read_to_string(log).expect("a log")
}

#[test]
fn signals_are_those_that_were_chosen() {
    if !tests::skip::root() {
        return;
    }
    for (config, stop, expected) in [
        ("", "stop -k", "was killed by SIGKILL"),
        ("lxc.signal.stop = SIGTERM", "stop -k", ": ended\n"),
        ("lxc.signal.halt = SIGUSR1", "stop", "told to stop, SIGUSR1"),
        ("lxc.init.cmd = /probe init facts=/facts then=deaf", "stop -t 1", "did not stop within 1000 ms, killed"),
        ("lxc.signal.reboot = SIGUSR2\nlxc.signal.halt = SIGINT", "stop -r -t 5 --nokill", "told to reboot, SIGUSR2"),
    ] {
        let said = last_words(config, stop);
        assert!(said.contains(expected), "'{config}' '{stop}': {said}");
    }
}

#[test]
fn the_log_has_its_level_and_its_place() {
    if !tests::skip::root() {
        return;
    }
    let words = "lxc.log.level = INFO";
    assert!(last_words(words, "stop -k").contains("running, pid "));
    let said = last_words("lxc.log.level = ERROR", "stop -k");
    assert!(!said.contains("running, pid"), "{said}");
    // The system's log: a /dev of this start's own, where somebody listens.
    let container = Container::probe("lxc.log.syslog = daemon");
    let dev = container.outside().join("dev");
    fs::create_dir(&dev).expect("a directory");
    let listener = UnixDatagram::bind(dev.join("log")).expect("a socket");
    listener.set_read_timeout(Some(tests::ran::PATIENCE)).expect("a deadline");
    let inner = container.command("start");
    let script = format!(
        "for n in null zero full random urandom tty; do cp -a /dev/$n {0}/; done; mount --rbind {0} /dev && exec \"$@\"",
        dev.display()
    );
    let mut start = Command::new(&built().probe);
    start.args(["private", "--", "sh", "-c", &script, "sh"]).arg(&built().keel);
    start.args(inner.get_args().skip_while(|word| *word != "start")).env("KEEL_RUN", container.base().join("run"));
    run(&mut start).ok();
    // LOG_DAEMON is 3, and LOG_INFO 6.
    let mut bytes = [0; 512];
    loop {
        let got = listener.recv(&mut bytes).expect("a line before the deadline");
        let line = String::from_utf8_lossy(&bytes[..got]).into_owned();
        assert!(line.starts_with("<30>keel["), "{line}");
        if line.contains(&format!("{}: running", container.name)) {
            break;
        }
    }
    ended(&container);
}

#[test]
fn as_much_of_the_console_is_kept_as_was_asked_for() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("lxc.console.buffer.size = 4KB");
    let log = container.outside().join("log");
    let (first, last) = ("a".repeat(3000), "b".repeat(3000));
    container.add_config(&format!(
        "lxc.log.file = {}\nlxc.init.cmd = /probe init say={first} say={last} then=exit:3",
        log.display()
    ));
    container.keel("start").ok();
    container.reaches("STOPPED");
    let said = fs::read_to_string(log).expect("a log");
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("its console's end: ")).collect();
    let count = |c: char| lines.iter().map(|l| l.rsplit(": ").next().unwrap_or("").matches(c).count()).sum::<usize>();
    assert!(count('a') < 1100, "{}", count('a'));
    assert!(count('a') + count('b') > 100, "{said}");
}

#[test]
fn hooks_of_the_supervisor_mount_for_themselves() {
    if !tests::skip::root() {
        return;
    }
    for unshare in [0, 1] {
        let container = Container::probe(&format!("lxc.monitor.unshare = {unshare}"));
        let told = container.outside().join("told");
        container.add_config(&format!("lxc.hook.pre-start = sh -c 'readlink /proc/self/ns/mnt > {}'", told.display()));
        let inner = container.command("start");
        let mut start = Command::new(&built().probe);
        let script = "readlink /proc/self/ns/mnt; exec \"$@\"";
        start.args(["private", "--", "sh", "-c", script, "sh"]).arg(&built().keel);
        start.args(inner.get_args().skip_while(|word| *word != "start")).env("KEEL_RUN", container.base().join("run"));
        let callers = run(&mut start).ok();
        let hooks = fs::read_to_string(told).expect("the hook ran");
        assert_eq!(callers == hooks, unshare == 0, "{callers} {hooks}");
        ended(&container);
    }
}

#[test]
fn small_rules_of_files() {
    if !tests::skip::root() {
        return;
    }
    // What is cleared is forgotten; what is included is read in its place; the caller's value is taken by name.
    let container = Container::probe("lxc.cap.drop = sys_time\nlxc.cap.drop =\nlxc.cap.keep = chown kill setuid");
    let more = container.base().join("more");
    fs::create_dir(&more).expect("a directory");
    fs::write(more.join("a.conf"), "lxc.uts.name = included\n").expect("written");
    fs::write(more.join("b.txt"), "lxc.uts.name = no\n").expect("written");
    container
        .add_config(&format!("lxc.include = {}\nlxc.environment = OWN=7\nlxc.environment = TAKEN", more.display()));
    let mut start = container.command("start");
    run(start.env("TAKEN", "by name").env("NOT", "taken")).ok();
    let facts = container.facts();
    assert_eq!((facts.get("hostname"), facts.get("env.OWN"), facts.get("env.TAKEN")), ("included", "7", "by name"));
    assert_eq!(facts.find("env.NOT"), None);
    // CAP_CHOWN is 0, CAP_KILL 5, CAP_SETUID 7.
    assert_eq!(facts.get("status.CapBnd"), "00000000000000a1");
    ended(&container);
    let why = container.keel("start").fails(1);
    assert!(why.contains("'lxc.environment = TAKEN' takes the caller's 'TAKEN': ENOENT"), "{why}");
}

#[test]
fn a_node_that_a_hook_makes_is_there_and_an_image_is_mounted_where_it_was_said() {
    if !tests::skip::root() {
        return;
    }
    let container = tried("lxc.autodev = 1", "kind:/dev/mine list:/lower");
    let stage = container.outside().join("stage");
    fs::create_dir(&stage).expect("a directory");
    let lower = container.rootfs();
    fs::create_dir(lower.join("lower")).expect("a directory");
    let upper = container.base().join("over/delta");
    fs::create_dir_all(&upper).expect("a directory");
    container.add_config(&format!(
        "lxc.hook.autodev = sh -c 'mknod $LXC_ROOTFS_MOUNT/dev/mine c 1 3; echo $LXC_ROOTFS_MOUNT > {}/told'\n\
         lxc.rootfs.path = overlay:{}:{}\nlxc.rootfs.mount = {}",
        container.outside().display(),
        lower.display(),
        upper.display(),
        stage.display()
    ));
    container.start();
    let facts = upper.join("facts");
    proc::until("facts appear in the upper directory", &upper, || facts.exists().then_some(()));
    let facts = Facts::parse(&fs::read_to_string(facts).expect("facts"));
    assert!(facts.get("can.kind:/dev/mine").starts_with("c 1:3"), "{facts:#?}");
    let told = fs::read_to_string(container.outside().join("told")).expect("told");
    assert_eq!(told.trim(), stage.display().to_string());
    ended(&container);
}
