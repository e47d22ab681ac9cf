//! Keys with one effect each: clocks, environments, cgroup directories, consoles, what the supervisor's death means.

use rustix::process::Signal;
use std::fs;
use tests::container::Container;
use tests::proc::{self, Process};

fn tried(config: &str, tries: &str) -> Container {
    let container = Container::probe(config);
    let words: String = tries.split_whitespace().map(|word| format!(" try={word}")).collect();
    container.add_config(&format!("lxc.init.cmd = /probe init{words} facts=/facts"));
    container
}

fn uptime(text: &str) -> f64 {
    text.split(' ').next().and_then(|word| word.parse().ok()).expect("a number")
}

#[test]
fn clocks_environments_and_core_scheduling() {
    if !tests::skip::root() {
        return;
    }
    let container = tried(
        "lxc.time.offset.boot = 1000h\nlxc.time.offset.monotonic = -1s\nlxc.environment = A=all\n\
         lxc.environment.runtime = R=init\nlxc.environment.hooks = H=hook\n",
        "read:/proc/uptime read:/proc/self/timens_offsets",
    );
    let out = container.outside().join("env");
    container.add_config(&format!("lxc.hook.pre-start = sh -c 'env >> {}'", out.display()));
    container.start();
    let facts = container.facts();
    let host = fs::read_to_string("/proc/uptime").expect("readable");
    let ahead = uptime(facts.get("can.read:/proc/uptime")) - uptime(&host);
    assert!((3_599_000.0..3_601_000.0).contains(&ahead), "{ahead}");
    let inside = container.ask("can read:/proc/uptime");
    let ahead = uptime(inside.get("can.read:/proc/uptime")) - uptime(&host);
    assert!((3_599_000.0..3_601_000.0).contains(&ahead), "attach: {ahead}");
    let offsets = facts.get("can.read:/proc/self/timens_offsets");
    assert!(offsets.contains("-1") && offsets.contains("3600000"), "{offsets}");
    assert_eq!((facts.get("env.A"), facts.get("env.R"), facts.find("env.H")), ("all", "init", None));
    let hook = fs::read_to_string(out).expect("the hook ran");
    let has = |line: &str| hook.lines().any(|l| l == line);
    assert!(has("A=all") && has("H=hook") && !has("R=init"), "{hook}");
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn directories_of_cgroups_are_where_they_shall_be_and_go_with_the_container() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("");
    let dir = format!("{}-dir/a", container.name);
    container.add_config(&format!("lxc.cgroup.dir = {dir}\nlxc.cgroup.dir.container.inner = in"));
    container.start();
    let text = fs::read_to_string(format!("/proc/{}/cgroup", container.pid())).expect("readable");
    let end = format!("/{dir}/lxc.payload.{}/in", container.name);
    assert!(text.lines().any(|line| line.ends_with(&end)), "{text}");
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

/// Its cgroups, as the host has them.
fn cgroups(pid: i32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("readable");
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).map(String::from).collect()
}

#[test]
fn the_supervisor_has_a_cgroup_of_its_own_and_leaves_it() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("");
    let (box_, monitor) = (format!("{}-box/c", container.name), format!("{}-mon/m", container.name));
    container.add_config(&format!("lxc.cgroup.dir.container = {box_}\nlxc.cgroup.dir.monitor = {monitor}"));
    container.start();
    container.facts();
    let supervisor = proc::parent(container.pid()).expect("a supervisor");
    let all_in = |pid: i32, dir: &str| cgroups(pid).iter().filter(|path| path.ends_with(&format!("/{dir}"))).count();
    let hierarchies = tests::canary::cgroup_roots().len();
    assert_eq!((all_in(container.pid(), &box_), all_in(supervisor, &monitor)), (hierarchies, hierarchies));
    let supervisor = Process::hold(supervisor).expect("it runs");
    container.keel("stop -k").ok();
    assert!(supervisor.ends_within(tests::ran::PATIENCE));
    container.assert_nothing_left();

    // Killed, it cannot leave: the next who looks removes what is left.
    container.start();
    let supervisor = proc::parent(container.pid()).and_then(Process::hold).expect("a supervisor");
    supervisor.signal(Signal::KILL);
    assert!(supervisor.ends_within(tests::ran::PATIENCE));
    container.keel("stop -k").ok();
    container.assert_nothing_left();

    let pivot = format!("keel-pivot-{}", std::process::id());
    container.add_config(&format!("lxc.cgroup.dir.monitor.pivot = {pivot}"));
    container.start();
    let supervisor = proc::parent(container.pid()).and_then(Process::hold).expect("a supervisor");
    container.keel("stop -k").ok();
    assert!(supervisor.ends_within(tests::ran::PATIENCE));
    container.assert_nothing_left();
    let pivots: Vec<_> =
        tests::canary::cgroup_roots().iter().map(|root| root.join(&pivot)).filter(|p| p.exists()).collect();
    assert_eq!(pivots.len(), hierarchies);
    pivots.iter().for_each(|dir| fs::remove_dir(dir).expect("nobody is in it"));
}

#[test]
fn relative_is_below_the_callers_cgroup() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("");
    let Some(root) = tests::canary::cgroup_roots().into_iter().find(|root| root.join("cgroup.procs").exists()) else {
        return tests::skip::skip("no cgroups are mounted");
    };
    let own = root.join(format!("{}-caller", container.name));
    fs::create_dir(&own).expect("a cgroup");
    for file in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read(root.join(file)) {
            fs::write(own.join(file), value).expect("written");
        }
    }
    for relative in [0, 1] {
        // Whoever starts it is in that one.
        let mut start = std::process::Command::new("sh");
        let script = format!("echo 0 > {}/cgroup.procs && exec \"$@\"", own.display());
        let keel = container.command("start");
        start.args(["-c", &script, "sh"]).arg(keel.get_program()).args(keel.get_args());
        for (name, value) in keel.get_envs() {
            match value {
                Some(value) => start.env(name, value),
                None => start.env_remove(name),
            };
        }
        tests::ran::run(start.args(["-s", &format!("lxc.cgroup.relative={relative}")])).ok();
        container.facts();
        let below = format!("/{}-caller/lxc.payload.{}", container.name, container.name);
        let found = cgroups(container.pid()).iter().filter(|path| path.ends_with(&below)).count();
        assert_eq!(found, relative, "{:?}", cgroups(container.pid()));
        let supervisor = proc::parent(container.pid()).and_then(Process::hold).expect("a supervisor");
        container.keel("stop -k").ok();
        assert!(supervisor.ends_within(tests::ran::PATIENCE));
    }
    fs::remove_dir(&own).expect("nobody is in it");
    container.assert_nothing_left();
}

#[test]
fn a_console_goes_to_a_file_and_its_log_stays_small() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("");
    let (console, log) = (container.outside().join("console"), container.outside().join("log"));
    let say: String = "x".repeat(3000);
    container.add_config(&format!(
        "lxc.console.path = {}\nlxc.console.logfile = {}\nlxc.console.size = 4KB\nlxc.console.rotate = 1\n\
         lxc.init.cmd = /probe init say={say} say={say} then=exit:0",
        console.display(),
        log.display(),
    ));
    container.keel("start").ok();
    container.reaches("STOPPED");
    let said = fs::read_to_string(console).expect("the console's file");
    assert_eq!(said.matches('x').count(), 6000);
    assert!(fs::metadata(&log).expect("a log").len() <= 4096);
    assert!(log.with_extension("1").exists());
    container.assert_nothing_left();
}

#[test]
fn a_container_outlives_its_supervisor_unless_told_otherwise() {
    if !tests::skip::root() {
        return;
    }
    for (config, outlives) in [("", true), ("lxc.monitor.signal.pdeath = SIGKILL", false)] {
        let container = Container::probe(config);
        container.start();
        container.facts();
        let first = container.first_program();
        let parent = proc::parent(container.pid()).expect("a parent");
        let supervisor = Process::hold(parent).expect("a supervisor");
        supervisor.signal(Signal::KILL);
        if outlives {
            assert_eq!(container.state(), "RUNNING");
            container.keel("stop -k").ok();
        } else {
            assert!(first.ends_within(tests::ran::PATIENCE));
        }
    }
}

#[test]
fn strict_and_dialect() {
    let container = Container::probe("lxc.rootfs.mout = /x");
    let said = container.keel("plan").err;
    assert!(said.contains("unknown key 'lxc.rootfs.mout'"), "{said}");
    let why = container.keel("plan --strict").fails(1);
    assert!(why.contains("unknown key 'lxc.rootfs.mout', nearest is 'lxc.rootfs.mount'"), "{why}");
    let plan = |words: &str| container.keel(&format!("plan {words}")).out;
    assert!(plan("").contains("clone mnt uts ipc pid net"), "{}", plan(""));
    assert!(!plan("--dialect legacy").contains("ipc pid net"), "{}", plan("--dialect legacy"));
}

/// Up to LXC 1.0 a container's log daemon found the console behind /dev/kmsg, and never the host's log.
#[test]
fn kmsg_is_the_console_where_it_is_asked_for() {
    if !tests::skip::root() {
        return;
    }
    for (value, link) in [("1", Some("console")), ("0", None)] {
        let container = Container::probe(&format!("lxc.autodev = 1\nlxc.kmsg = {value}"));
        // A key of LXC 2 beside one of LXC 3 is said.
        assert!(container.keel("start").fails(0).contains("'lxc.kmsg' ended with LXC 2"));
        let found = std::fs::read_link(format!("/proc/{}/root/dev/kmsg", container.pid())).ok();
        assert_eq!(found.as_deref(), link.map(std::path::Path::new), "{value}");
        container.keel("stop -k").ok();
    }
}
