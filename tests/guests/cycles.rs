//! Many lives: a container made, started, stopped and destroyed 500 times, and one supervisor that restarts its own 500 times.
//! Nothing may be more afterwards than after the first few.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use tests::built::built;
use tests::container::Container;
use tests::proc;
use tests::ran::run;

const CYCLES: usize = 500;
/// What an allocator may move by: less than a word for each cycle.
const SLACK_KIB: u64 = 32;

/// Every path below a directory.
fn below(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut left = vec![dir.to_path_buf()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            all.push(entry.path().display().to_string());
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                left.push(entry.path());
            }
        }
    }
    all.sort();
    all
}

/// A rootfs with an init and what it needs.
fn small_archive(tree: &Path, archive: &Path) {
    for dir in ["sbin", "proc", "sys", "dev", "run"] {
        fs::create_dir_all(tree.join(dir)).expect("a directory");
    }
    fs::copy(&built().pid1, tree.join("sbin/init")).expect("copied");
    run(Command::new("tar").arg("-C").arg(tree).arg("-cf").arg(archive).arg(".")).ok();
}

#[test]
fn a_container_is_made_and_destroyed_500_times() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::undefined();
    let (archive, config) = (container.base().join("outside/rootfs.tar"), container.base().join("outside/config"));
    small_archive(&container.base().join("outside/tree"), &archive);
    fs::write(&config, "lxc.mount.auto = proc:mixed sys:ro\nlxc.tty.max = 2\nlxc.pty.max = 8\n").expect("written");
    let before = below(container.base());
    // In the mount namespace of the test, so that a mount that is left is seen.
    let keel = |verb: &str| {
        let mut command = Command::new(&built().keel);
        command.env("KEEL_RUN", container.base().join("run")).arg(verb).arg("-P").arg(container.lxcpath());
        command.args(["-n", &container.name]);
        command
    };
    let cycle = |n: usize| {
        let mut create = keel("create");
        create.arg("-q");
        // Most of the time a template's 300 links would be what is measured.
        match n % 25 {
            0 => {
                create.args(["-t", "busybox", "--config", "/dev/null", "--busybox"]).arg(&built().busybox);
                create.arg("--pid1").arg(&built().pid1)
            }
            _ => create.arg("-f").arg(&config).args(["-t", "tar"]).arg(&archive),
        };
        run(&mut create).ok();
        run(&mut keel("start")).ok();
        run(keel("stop").arg("-k")).ok();
        run(&mut keel("destroy")).ok();
    };
    cycle(0);
    cycle(1);
    // The run directory of the lxcpath may stay; nothing else.
    let first = below(container.base());
    for n in 2..CYCLES {
        cycle(n);
    }
    assert_eq!(below(container.base()), first);
    assert!(first.len() <= before.len() + 1, "{first:?}");
    container.assert_nothing_left();
}

/// What a process has: descriptors, mounts in its namespace, and memory in KiB.
fn of_process(pid: i32) -> BTreeMap<&'static str, u64> {
    let count = |path: &str| fs::read_dir(format!("/proc/{pid}/{path}")).expect("it lives").count() as u64;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let kib = |key: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(key)).expect("a line of proc(5)");
        line.trim_start_matches(':').trim_end_matches("kB").trim().parse().expect("a number")
    };
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("it lives").lines().count();
    [("descriptors", count("fd")), ("mounts", mounts as u64), ("data", kib("VmData")), ("resident", kib("RssAnon"))]
        .into()
}

/// What has grown, in words.
fn grown(before: &BTreeMap<&'static str, u64>, after: &BTreeMap<&'static str, u64>) -> Vec<String> {
    let slack = |what: &str| if ["data", "resident"].contains(&what) { SLACK_KIB } else { 0 };
    let more = before.iter().filter(|(what, old)| after[*what] > **old + slack(what));
    more.map(|(what, old)| format!("{what}: {old} before, {} after", after[what])).collect()
}

#[test]
fn a_supervisor_restarts_500_times() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::busybox(&[]);
    let log = container.base().join("console.log");
    container.add_config(&format!("lxc.console.logfile = {}\nlxc.console.size = 64KB\n", log.display()));
    container.start();
    let supervisor = proc::parent(container.pid()).expect("a supervisor");
    let restart = || drop(container.keel("stop -r").ok());
    // Until what the console keeps of its last words is full.
    for _ in 0..CYCLES / 2 {
        restart();
    }
    let before = of_process(supervisor);
    for _ in 0..CYCLES {
        restart();
    }
    assert_eq!(proc::parent(container.pid()), Some(supervisor));
    // The connection of the last order may have its end yet to come.
    proc::until("it holds on to nothing", &container.base().join("run"), || {
        let found = grown(&before, &of_process(supervisor));
        if !found.is_empty() {
            println!("after {CYCLES} restarts: {found:?}");
        }
        found.is_empty().then_some(())
    });

    // Control: what it holds on to is seen.
    let terminals = [1, 2, 3].map(|n| container.on_terminal(&format!("console -t {n}")));
    proc::until("it has more descriptors", &container.base().join("run"), || {
        let found = grown(&before, &of_process(supervisor));
        found.iter().any(|what| what.starts_with("descriptors: ")).then_some(())
    });
    drop(terminals);
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}
