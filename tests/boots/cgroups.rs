//! Cgroups of either version at any root, made by Keel at boot, and limits in force in a container.

use tests::container::Facts;
use tests::vm::{Spec, Vm};

/// Version 1's names; where only version 2 is, Keel translates them.
const LIMITS: &str = "lxc.cgroup.memory.limit_in_bytes = 24M\nlxc.cgroup.pids.max = 20\nlxc.cgroup.devices.deny = a\n\
    lxc.cgroup.devices.allow = c 1:3 rwm\nlxc.cgroup.devices.allow = /dev/zero rwm\nlxc.cgroup.devices.allow = c 5:* rwm\n\
    lxc.cgroup.devices.allow = c 136:* rwm\nlxc.cgroup.cpu.shares = 512\nlxc.cgroup.cpu.cfs_period_us = 100000\n\
    lxc.cgroup.cpu.cfs_quota_us = 90000";

fn booted(words: &str) -> Vm {
    let spec = Spec::host().config("bb", LIMITS).append("keel.containers=bb keel.autologin=root").append(words);
    let mut vm = spec.boot();
    vm.shell(&["bb"]);
    vm
}

fn inside(vm: &mut Vm, words: &str) -> (i32, String) {
    vm.dialog.sh(&format!("lxc-attach -n bb -- /bin/probe {words}"))
}

#[track_caller]
fn limits_are_in_force(vm: &mut Vm) {
    let (code, said) = inside(vm, "hog 200 | tail -n 1");
    let got: u32 = said.lines().find_map(|l| l.trim().strip_prefix("hog=")?.parse().ok()).unwrap_or(0);
    assert!((2..24).contains(&got), "{got} MiB, {code}: {said}");
    let forks = Facts::parse(&inside(vm, "forks 100").1);
    let made: u32 = forks.get("forks").parse().expect("a number");
    assert!(made < 20 && forks.get("forks.end") == "EAGAIN", "{forks:?}");
    let tried = Facts::parse(&inside(vm, "can mknod-dev open:/dev/zero open:/dev/full block:254,0 ptmx").1);
    for (what, answer) in [
        ("mknod-dev", "ok"),
        ("open:/dev/zero", "ok"),
        ("open:/dev/full", "EPERM"),
        ("block:254,0", "EPERM"),
        ("ptmx", "ok"),
    ] {
        assert_eq!(tried.get(&format!("can.{what}")), answer, "{what}");
    }
    assert!(vm.dialog.ok("lxc-info -n bb").contains("RUNNING"));
    // The host is not limited.
    let (code, said) = vm.dialog.sh("probe hog 60 | tail -n 1");
    assert!(code == 0 && said.contains("hog=60"), "{said}");
    vm.dialog.ok("lxc-stop -k -n bb");
    assert_eq!(
        vm.dialog
            .ok("find / -xdev -name 'lxc.payload.bb*'; find /sys/fs/cgroup /system -name 'lxc.payload.bb*' 2>/dev/null; true")
            .trim(),
        ""
    );
}

/// One device more and away again; what was allowed before stays so.
#[track_caller]
fn rules_for_devices_can_be_changed(vm: &mut Vm) {
    let answers = |vm: &mut Vm| {
        let tried = Facts::parse(&inside(vm, "can open:/dev/urandom open:/dev/mine open:/dev/full open:/dev/zero").1);
        ["urandom", "mine", "full", "zero"].map(|name| tried.get(&format!("can.open:/dev/{name}")).to_owned())
    };
    assert_eq!(answers(vm), ["EPERM", "ENOENT", "EPERM", "ok"]);
    vm.dialog.ok("lxc-device -n bb add /dev/urandom /dev/mine");
    assert_eq!(answers(vm), ["ok", "ok", "EPERM", "ok"]);
    vm.dialog.ok("lxc-device -n bb del /dev/urandom /dev/mine");
    assert_eq!(answers(vm), ["EPERM", "ENOENT", "EPERM", "ok"]);
    vm.dialog.ok("lxc-cgroup -n bb devices.allow '/dev/full r'");
    assert_eq!(answers(vm), ["EPERM", "ENOENT", "ok", "ok"]);
    vm.dialog.ok("lxc-cgroup -n bb devices.deny 'c 1:7 rwm'");
}

#[test]
fn version_1_in_the_usual_place() {
    let mut vm = booted("keel.cgroup=v1");
    rules_for_devices_can_be_changed(&mut vm);
    let mounts = vm.dialog.ok("grep ' cgroup ' /proc/mounts");
    for controller in ["memory", "pids", "devices", "cpu", "cpuset", "freezer"] {
        assert!(mounts.contains(&format!("cgroup /sys/fs/cgroup/{controller} cgroup ")), "{controller}: {mounts}");
    }
    assert_eq!(
        vm.dialog.ok("cat /sys/fs/cgroup/memory/memory.use_hierarchy /sys/fs/cgroup/cpuset/cgroup.clone_children"),
        "1\n1\n"
    );
    limits_are_in_force(&mut vm);
}

#[test]
fn version_1_where_android_has_it() {
    let mut vm = booted("keel.cgroup=v1 keel.cgroup.root=/system/cgroup");
    let mounts = vm.dialog.ok("grep ' cgroup' /proc/mounts");
    assert!(mounts.contains("cgroup /system/cgroup/memory cgroup ") && !mounts.contains("/sys/fs/cgroup"), "{mounts}");
    limits_are_in_force(&mut vm);
}

#[test]
fn version_2() {
    let mut vm = booted("keel.cgroup=v2");
    let mounts = vm.dialog.ok("grep cgroup /proc/mounts");
    assert!(mounts.contains("cgroup2 /sys/fs/cgroup cgroup2 ") && !mounts.contains(" cgroup "), "{mounts}");
    let own = |file: &str| format!("cat /sys/fs/cgroup/lxc.payload.bb/{file}");
    assert_eq!(vm.dialog.ok(&own("cpu.weight")).trim(), "20");
    assert_eq!(vm.dialog.ok(&own("cpu.max")).trim(), "90000 100000");
    rules_for_devices_can_be_changed(&mut vm);
    limits_are_in_force(&mut vm);
}

#[test]
fn both() {
    let mut vm = booted("keel.cgroup=hybrid");
    let mounts = vm.dialog.ok("grep cgroup /proc/mounts");
    assert!(
        mounts.contains("cgroup /sys/fs/cgroup/memory cgroup ") && mounts.contains("/sys/fs/cgroup/unified cgroup2 "),
        "{mounts}"
    );
    limits_are_in_force(&mut vm);
}

#[test]
fn none() {
    let mut vm = Spec::host().append("keel.cgroup=none keel.containers=bb keel.autologin=root").boot();
    vm.shell(&["bb"]);
    let shell = &mut vm.dialog;
    assert_eq!(shell.sh("grep cgroup /proc/mounts").0, 1);
    assert_eq!(shell.ok("lxc-attach -n bb -- hostname").trim(), "bb");
    shell.ok("lxc-stop -n bb");
    // A limit that nothing could keep is refused, not forgotten.
    let (code, said) = shell.sh("lxc-start -n bb -s lxc.cgroup.memory.limit_in_bytes=64M");
    assert!(code == 1 && said.contains("memory"), "{code}: {said}");
    shell.ok("lxc-start -n bb");
    shell.line("poweroff");
    vm.powers_off();
}
