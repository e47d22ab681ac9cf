//! What an Android that has gone wrong, or is hostile, can't do; and how it ends.

use crate::fixture::Android;
use tests::container::Facts;
use tests::skip;

#[test]
fn nodes_can_be_made_and_disks_not_opened() {
    if !skip::root() {
        return;
    }
    let android = Android::new("", "keel.android.supervise = none");
    android.start();
    android.calls();
    let said =
        android.inside("/init can mknod-dev block:7,0 mount handle clock read:/proc/cmdline kind:/dev/ttyS0").ok();
    let facts = Facts::parse(&said);
    assert_eq!(facts.get("can.mknod-dev"), "ok", "ueventd and init make nodes");
    for refused in ["can.block:7,0", "can.mount", "can.handle", "can.clock"] {
        assert_eq!(facts.get(refused), "EPERM", "{refused}");
    }
    assert_eq!(
        facts.get("can.read:/proc/cmdline"),
        "androidboot.console=ttyS0 androidboot.serialno=4711 androidboot.hardware=standin"
    );
    assert_eq!(facts.get("can.kind:/dev/ttyS0"), "l console");
    android.assert_host_unharmed();
    android.container.keel("stop -k").ok();
    android.container.assert_nothing_left();
}

#[test]
fn cpuinfo_is_its_own_where_that_is_asked_for() {
    if !skip::root() {
        return;
    }
    // Without `androidboot.hardware` init takes the hardware's name from there.
    let rc = "on post-fs\n chmod 0440 /proc/cpuinfo\n chown root system /proc/cpuinfo\n";
    let hosts = std::fs::read_to_string("/proc/cpuinfo").expect("readable");
    let file = |android: &Android| {
        let path = android.container.outside().join("cpus");
        std::fs::write(&path, "processor\t: 0\nHardware\t: other\n").expect("written");
        path
    };
    for (of_file, lines) in [(false, "keel.android.cpuinfo = Hardware: fish"), (true, "")] {
        let android = Android::new(rc, &format!("keel.android.hardware =\n{lines}"));
        if of_file {
            android.container.add_config(&format!("keel.android.cpuinfo = {}\n", file(&android).display()));
            android.container.add_config("keel.android.cpuinfo = Revision: 0010\n");
        }
        android.start();
        let calls = android.calls();
        assert_eq!(calls.result("chmod 0440 /proc/cpuinfo"), "ok");
        assert_eq!(calls.result("chown root system /proc/cpuinfo"), "ok");
        let (hardware, revision) = if of_file { ("other", "16") } else { ("fish", "0") };
        for (name, value) in [("ro.hardware", hardware), ("ro.revision", revision)] {
            assert_eq!(android.container.keel(&format!("getprop {name}")).ok().trim(), value, "{name}");
        }
        android.assert_host_unharmed();
        android.container.keel("stop -k").ok();
    }
    // The kernel's own, with what it has not: the host's is as it was, but for frequencies.
    let names = |text: &str| text.lines().filter_map(|l| Some(l.split_once(':')?.0.to_owned())).collect::<Vec<_>>();
    assert_eq!(names(&std::fs::read_to_string("/proc/cpuinfo").expect("readable")), names(&hosts));
    assert!(!hosts.contains("Hardware"), "this test is for a kernel without such a line");
    // A file that is not there is said with its line.
    let android = Android::new("", "keel.android.cpuinfo = /no/such/file");
    let said = android.container.keel("start").fails(1);
    assert!(said.contains("keel.android.cpuinfo: open '/no/such/file': ENOENT"), "{said}");
}

#[test]
fn an_insecure_init_rc_is_not_read() {
    if !skip::root() {
        return;
    }
    let android = Android::new("", "");
    let rc = android.container.rootfs().join("init.rc");
    std::fs::set_permissions(&rc, std::os::unix::fs::PermissionsExt::from_mode(0o664)).expect("chmod");
    android.start();
    assert_eq!(android.calls().find("mkdir /mnt 0775"), None, "it boots with nothing");
    android.container.keel("stop -k").ok();
}

#[test]
fn a_power_off_from_inside_stops_it_and_a_restart_starts_it_again() {
    if !skip::root() {
        return;
    }
    let android = Android::new("", "");
    android.start();
    android.calls();
    let first = android.container.pid();
    std::fs::remove_file(android.data("calls")).expect("removed");
    // The end of the container is the end of what is attached to it.
    android.inside("/system/bin/reboot -n");
    android.calls();
    assert_ne!(android.container.pid(), first);
    // What it changed in / is gone, as on a device.
    android.inside("/system/bin/reboot -n -p");
    android.container.reaches("STOPPED");
    android.container.assert_nothing_left();
    android.assert_host_unharmed();
}

#[test]
fn two_run_side_by_side() {
    if !skip::root() {
        return;
    }
    let (one, other) = (Android::new("", ""), Android::new("", ""));
    one.start();
    other.start();
    one.calls();
    other.calls();
    one.container.keel("stop -k").ok();
    assert_eq!(other.container.state(), "RUNNING");
    other.container.keel("stop -k").ok();
    one.assert_host_unharmed();
}

#[test]
fn a_stop_ends_services_first_and_needs_no_deadline() {
    if !skip::root() {
        return;
    }
    // JellyBean is powered off by its own program; later ones by a property. Without that program it is killed.
    for (later, program, end) in
        [(false, true, "halted"), (true, true, "halted"), (false, false, "was killed by SIGKILL")]
    {
        let android = Android::new("", "");
        if later {
            std::fs::write(android.container.rootfs().join("init.44"), "").expect("written");
        }
        if !program {
            std::fs::remove_file(android.container.base().join("system/bin/reboot")).expect("removed");
        }
        let log = android.container.base().join("log");
        android.container.keel(&format!("start -s lxc.log.file={} -s lxc.log.level=INFO", log.display())).fails(0);
        android.calls();
        android.container.keel("stop -t 50").ok();
        assert_eq!(android.container.state(), "STOPPED");
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(text.contains(end) && !text.contains("did not stop"), "{text}");
        std::fs::remove_file(log).expect("removed");
        android.container.assert_nothing_left();
        android.assert_host_unharmed();
    }
}

#[test]
fn an_end_before_the_first_line_of_the_log_is_explained() {
    if !skip::root() {
        return;
    }
    // A rule that takes back what init needs first: the node can be made, and not opened.
    let android = Android::new("", "lxc.cgroup.devices.deny = c 1:3 rwm\nlxc.cgroup2.devices.deny = c 1:3 rwm\n");
    let log = android.container.base().join("log");
    android.container.keel(&format!("start -s lxc.log.file={}", log.display()));
    android.container.reaches("STOPPED");
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(text.contains("ended with status 1: its init could not make or open /dev/__null__"), "{text}");
    std::fs::remove_file(log).expect("removed");
}

#[test]
fn a_critical_service_that_always_fails_ends_in_a_restart_that_is_explained() {
    if !skip::root() {
        return;
    }
    // Fails without binder of protocol 7, as Android's own does.
    let rc =
        "on boot\n start servicemanager\nservice servicemanager /system/bin/servicemanager\n class core\n critical\n";
    let android = Android::new(rc, "keel.android.binder = none");
    let log = android.container.base().join("log");
    android.container.keel(&format!("start -s lxc.log.file={}", log.display())).fails(0);
    android.calls();
    let first = android.container.pid();
    // Five ends, five seconds apart.
    tests::proc::until("Android restarts itself", android.container.base(), || {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        said.contains("asked for a restart: its init restarts Android, as the critical service 'servicemanager' failed")
            .then_some(())
    });
    android.container.reaches("RUNNING");
    assert_ne!(android.container.pid(), first);
    android.assert_host_unharmed();
    android.container.keel("stop -k").ok();
    std::fs::remove_file(log).expect("removed");
}

#[test]
fn whichever_step_fails_nothing_is_left() {
    if !skip::root() {
        return;
    }
    let android = Android::new("", "");
    let plan = android.container.keel("plan").ok();
    let steps: Vec<&str> = plan.lines().filter(|l| l.contains(" must ") || l.contains(" may  ")).collect();
    assert!(steps.len() > 60, "{plan}");
    for (number, step) in (1..).zip(&steps) {
        let ran = android.container.keel(&format!("start --fail-at {number}"));
        if step.contains(" must ") {
            let said = ran.fails(1);
            assert!(said.contains(&format!("step {number} of {}", steps.len())), "{step}: {said}");
        } else {
            ran.fails(0);
            android.container.keel("stop -k").ok();
        }
        assert_eq!(android.container.state(), "STOPPED", "{step}");
    }
    android.container.assert_nothing_left();
    android.assert_host_unharmed();
}
