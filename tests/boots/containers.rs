//! Containers started from init: several, one that crashes, one that reboots, one that cannot start.

use tests::vm::Spec;

#[test]
fn one_that_crashes_is_started_again_and_the_host_stays() {
    let restarting = "keel.restart = on-failure\nlxc.init.cmd = /bin/probe init mark=/starts";
    let mut vm = Spec::host().loud().config("bb", restarting).append("keel.containers=bb keel.autologin=root").boot();
    vm.shell(&["bb"]);
    let shell = &mut vm.dialog;
    let root = "/var/lib/lxc/bb/rootfs";
    shell.ok("kill -9 $(lxc-info -n bb -pH)");
    // Told by the file that each start appends to; waiting by a process that ends with the event would need inotifyd.
    shell.ok(&format!("until [ \"$(cat {root}/starts)\" = xx ]; do :; done"));
    assert!(shell.ok("until lxc-info -n bb -sH | grep RUNNING; do :; done").contains("RUNNING"));
    // A reboot(2) inside is this container's alone, and at once.
    shell.sh("lxc-attach -n bb -- /bin/probe power reboot");
    shell.ok(&format!("until [ \"$(cat {root}/starts)\" = xxx ]; do :; done"));
    let said = shell.ok("dmesg | sed 's,^,| ,'");
    assert!(said.contains("keel: bb: asked for a restart"), "{said}");
    // An order to stop is followed: it stays down.
    shell.ok("lxc-stop -n bb");
    assert_eq!(shell.ok("lxc-info -n bb -sH").trim(), "STOPPED");
    let said = shell.ok("dmesg | sed 's,^,| ,'");
    assert!(said.contains("bb: was killed by SIGKILL"), "{said}");
    shell.line("poweroff");
    vm.powers_off();
}

#[test]
fn one_without_a_rootfs_is_said_and_the_others_run() {
    let mut vm = Spec::host()
        .container("cc", "lxc.rootfs.path = dir:/no/such/rootfs")
        .append("keel.containers=cc,bb keel.autologin=root")
        .boot();
    let said = vm.shell(&["bb"]);
    assert!(said.contains("keel: cc: ") && said.contains("/no/such/rootfs") && said.contains("ENOENT"), "{said}");
    let shell = &mut vm.dialog;
    let table = shell.ok("lxc-ls -f -F NAME,STATE");
    assert!(table.contains("bb   RUNNING") && table.contains("cc   STOPPED"), "{table}");
    let (code, said) = shell.sh("lxc-start -n cc");
    assert!(code == 1 && said.contains("ENOENT"), "{said}");
}

#[test]
fn those_marked_start_in_order_and_stop_in_reverse() {
    let late = "lxc.start.auto = 1\nlxc.start.order = 20";
    let early = "lxc.start.auto = 1\nlxc.start.order = 10\nlxc.init.cmd = /bin/probe init then=deaf";
    let spec = Spec::host().container("late", late).container("early", early).append("keel.autologin=root");
    let mut vm = spec.append("keel.stop_timeout=2 loglevel=7").loud().boot();
    // Both run, the one with the lower number first; `bb` is not marked and not named.
    vm.dialog.expect("early: running");
    vm.dialog.expect("late: running");
    vm.dialog.expect("# ");
    assert_eq!(vm.dialog.ok("lxc-ls --running | tr -s ' \\n' '  '").trim(), "early late");
    vm.dialog.line("poweroff");
    // In reverse; the one that does not listen is killed when its time is over.
    vm.dialog.expect("late: told to stop");
    vm.dialog.expect("early: told to stop");
    let said = vm.powers_off();
    assert!(said.contains("early: did not stop within 2000 ms, killed"), "{said}");
    assert!(said.contains("reboot: Power down"), "{said}");
}

#[test]
fn a_guest_cannot_reach_the_machine() {
    let mut vm = Spec::host().append("keel.containers=bb keel.autologin=root").boot();
    vm.shell(&["bb"]);
    let shell = &mut vm.dialog;
    let said = shell
        .ok("lxc-attach -n bb -- /bin/probe can write:/proc/sys/kernel/core_pattern write:/proc/sysrq-trigger \
        clock list:/var/lib/lxc link:/proc/1/exe list:/run");
    for expected in ["core_pattern=EROFS", "sysrq-trigger=EROFS", "clock=EPERM", "list:/var/lib/lxc=ENOENT"] {
        assert!(said.contains(expected), "'{expected}' was expected: {said}");
    }
    assert!(!said.contains("keel"), "the host's run-time files are visible: {said}");
    // Power-off and halt inside end the guest only.
    shell.sh("lxc-attach -n bb -- /bin/probe power poweroff");
    shell.ok("until lxc-info -n bb -sH | grep STOPPED; do :; done");
    assert_eq!(shell.ok("readlink /proc/1/exe").trim(), "/init");
}
