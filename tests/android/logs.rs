//! What an Android says, read by its supervisor: the kernel log of its init, and the logs of its programs.

use crate::fixture::Android;
use tests::container::Facts;
use tests::proc::{Process, until};
use tests::skip;

#[test]
fn init_is_heard_from_its_first_line_on_and_after_its_end() {
    if !skip::root() {
        return;
    }
    for way in ["require", "none"] {
        let android = Android::new("", &format!("keel.android.supervise = {way}"));
        android.start();
        android.calls();
        let log = |words: &str| android.container.keel(&format!("log {words}")).ok();
        // ueventd opens it anew, when init has taken its name away.
        for line in ["keel: started, pid ", "] ueventd: starting", "] init: command 'hostname localhost' r=ok"] {
            until(&format!("the log has '{line}'"), android.container.base(), || log("").contains(line).then_some(()));
        }
        assert_eq!(log("-t 1").lines().count(), 1);
        android.container.keel("stop -k").ok();
        let kept = log("");
        assert!(
            kept.contains("] init: command 'hostname localhost' r=ok") && kept.contains("keel: was killed"),
            "{kept}"
        );
        android.container.keel("destroy").ok();
        assert!(android.container.keel("log").fails(1).contains("no log of it is there"));
    }
}

#[test]
fn logs_of_programs_have_priorities_tags_and_events() {
    if !skip::root() {
        return;
    }
    let android = Android::new("", "");
    let tags = android.container.base().join("system/etc/event-log-tags");
    std::fs::write(tags, "2722 battery_level (level|1|6),(voltage|1|1),(temperature|1|1)\n").expect("written");
    android.start();
    android.calls();
    for (log, priority, tag, text) in [
        ("main", 4, "Zygote", "Preloading classes"),
        ("main", 3, "dalvikvm", "GC_CONCURRENT"),
        ("system", 6, "ActivityManager", "ANR"),
        ("radio", 5, "RILJ", "no service"),
    ] {
        android.inside(&format!("/system/bin/log {log} {priority} {tag} {text}")).ok();
    }
    android.inside("/system/bin/eventlog 2722 97 4294967296 full").ok();
    let cat = |words: &str| android.container.keel(&format!("logcat -d {words}")).ok();
    let has = |words: &str, wanted: &str| {
        until(&format!("logcat {words}"), android.container.base(), || (cat(words) == wanted).then_some(()));
    };
    has("", "I/Zygote  : Preloading classes\nD/dalvikvm: GC_CONCURRENT\nE/ActivityManager: ANR\n");
    has("-b radio", "W/RILJ    : no service\n");
    has("-b events", "I/battery_level: [97,4294967296,full]\n");
    has("-s dalvikvm:D", "D/dalvikvm: GC_CONCURRENT\n");
    has("*:I Zygote:S", "E/ActivityManager: ANR\n");
    has("-v raw -b main", "Preloading classes\nGC_CONCURRENT\n");
    has("-t 1 -b main", "D/dalvikvm: GC_CONCURRENT\n");
    assert!(android.container.keel("logcat -d Zygote:loud").fails(2).contains("is no filter"));
    assert!(android.container.keel("logcat -d -v threadtime").fails(2).contains("no format 'threadtime'"));
    assert!(android.container.keel("logcat -d -b mian").fails(2).contains("nearest is 'main'"));
    android.container.keel("logcat -c").ok();
    has("", "");
    // One that goes on hears what comes, and ends with the container.
    let mut command = android.container.command("logcat");
    let follower = command.stdout(std::process::Stdio::piped()).spawn().expect("keel logcat");
    android.inside("/system/bin/log main 4 late one more").ok();
    has("-b main", "I/late    : one more\n");
    android.container.keel("stop -k").ok();
    let said = follower.wait_with_output().expect("its end").stdout;
    assert_eq!(String::from_utf8_lossy(&said), "I/late    : one more\n");
}

/// A kernel with Android's logger and alarm device (up to about 3.19) lists them in /proc/misc. None can be had: here the list is
/// a file of ours, and behind the numbers is nothing, so that what is let through says ENODEV.
#[test]
fn the_kernels_logger_and_alarm_are_nodes_of_the_containers_own() {
    if !skip::root() {
        return;
    }
    let names = ["log_main", "log_events", "log_radio", "log_system", "alarm"];
    let lists = std::fs::read_to_string("/proc/misc").expect("readable");
    let taken: Vec<u32> = lists.lines().filter_map(|l| l.split_whitespace().next()?.parse().ok()).collect();
    let free: Vec<u32> = (0..=254).rev().filter(|minor| !taken.contains(minor)).take(names.len()).collect();
    let mut android = Android::new("", "");
    let said = |android: &Android| {
        android.start();
        android.calls();
        let logs = ["main", "events", "radio", "system"].map(|log| format!("kind:/dev/log/{log} write:/dev/log/{log}"));
        let words = format!("{} kind:/dev/alarm open:/dev/alarm write:/dev/alarm", logs.join(" "));
        let said = android.inside(&format!("/init can {words}")).ok();
        android.container.keel("stop -k").ok();
        Facts::parse(&said)
    };
    let facts = said(&android);
    for log in ["main", "events", "radio", "system"] {
        assert_eq!(facts.get(&format!("can.kind:/dev/log/{log}")), "p 666");
        assert_eq!(facts.get(&format!("can.write:/dev/log/{log}")), "ok");
    }
    assert_eq!(facts.get("can.kind:/dev/alarm"), "none");

    let list = android.container.base().join("misc");
    let entries: String = names.iter().zip(&free).map(|(name, minor)| format!("{minor:3} {name}\n")).collect();
    std::fs::write(&list, format!("{entries}{lists}")).expect("written");
    android.container.condition("--bind", &format!("{}:/proc/misc", list.display()));
    let plan = android.container.keel("plan").ok();
    assert!(plan.contains("# android: /dev/log/* are the kernel's, and so the same in all containers"), "{plan}");
    let facts = said(&android);
    for (log, minor) in ["main", "events", "radio", "system"].iter().zip(&free) {
        assert_eq!(facts.get(&format!("can.kind:/dev/log/{log}")), format!("c 10:{minor} 666"));
        assert_eq!(facts.get(&format!("can.write:/dev/log/{log}")), "ENODEV", "the rule lets it through to no driver");
    }
    assert_eq!(facts.get("can.kind:/dev/alarm"), format!("c 10:{} 444", free[4]));
    assert_eq!(facts.get("can.open:/dev/alarm"), "ENODEV");
    assert_eq!(facts.get("can.write:/dev/alarm"), "EPERM", "whoever may write to it sets the machine's clock");
    // The host's own /dev has none of them.
    android.assert_host_unharmed();
    android.container.assert_nothing_left();
}

/// Whoever writes without end keeps nobody else waiting, and only the last of it is kept.
#[test]
fn a_flood_is_cut() {
    if !skip::root() {
        return;
    }
    let android =
        Android::new("on boot\n start flood\nservice flood /system/bin/logflood\n class core\n oneshot\n", "");
    std::os::unix::fs::symlink("/init", android.container.base().join("system/bin/logflood")).expect("a link");
    android.start();
    android.calls();
    until("the flood is over", android.container.base(), || android.data("flooded").exists().then_some(()));
    let said = || android.container.keel("logcat -d -v raw").ok();
    until("its end is there", android.container.base(), || said().contains("line 19999\n").then_some(()));
    let lines = said().lines().count();
    assert!((100..2000).contains(&lines), "{lines} lines are kept");
    android.container.keel("stop -k").ok();
}

/// The supervisor was killed: nobody reads the logs any more, and nobody dies of it.
#[test]
fn without_a_supervisor_it_goes_on() {
    if !skip::root() {
        return;
    }
    let rc = "service todo /system/bin/script /data/todo /data/said\n class late\n oneshot\n disabled\n";
    let android = Android::new(rc, "keel.android.supervise = require");
    std::fs::write(android.data("todo"), "mkdir /data/x\nmount tmpfs none /data/x\n").expect("written");
    android.start();
    android.calls();
    let supervisor = tests::proc::parent(android.container.pid()).and_then(Process::hold).expect("a supervisor");
    supervisor.signal(rustix::process::Signal::KILL);
    assert!(supervisor.ends_within(std::time::Duration::from_secs(30)), "it does not die");
    assert_eq!(android.container.state(), "RUNNING");
    // What is said is read, and lost.
    for _ in 0..3 {
        android.inside("/system/bin/log main 4 Tag text").ok();
    }
    android.container.keel("service restart idle").ok();
    // Mounts are answered by nobody, and nobody waits for an answer.
    android.container.keel("setprop ctl.start todo").ok();
    until("the script is done", android.container.base(), || android.data("said").exists().then_some(()));
    let said = std::fs::read_to_string(android.data("said")).expect("readable");
    assert_eq!(said, "mkdir /data/x: ok\nmount tmpfs none /data/x: ENOSYS\n");
    let running = || android.container.keel("getprop init.svc.idle").ok().trim() == "running";
    until("a service was started again", android.container.base(), || running().then_some(()));
    assert!(android.container.keel("log").fails(1).contains("its supervisor was killed"));
    android.container.keel("stop -k").ok();
    android.container.assert_nothing_left();
}
