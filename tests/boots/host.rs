//! Keel as a machine's init: to the login, what is seen from there, and machines that lack something.

use tests::container::Facts;
use tests::vm::{PASSWORD, Spec};

#[test]
fn a_login_with_a_wrong_and_a_right_password() {
    let mut vm = Spec::host().append("keel.containers=bb").boot();
    vm.dialog.expect("the host's issue");
    vm.dialog.expect("login: ");
    vm.dialog.line("root");
    vm.dialog.expect("assword: ");
    vm.dialog.line("wrong");
    vm.dialog.expect_without("incorrect", &["# "]);
    vm.login();
    assert_eq!(vm.dialog.ok("id -u").trim(), "0");
    assert_eq!(vm.dialog.ok("tty").trim(), "/dev/ttyS0");
    vm.dialog.line("poweroff");
    vm.powers_off();
}

#[test]
fn the_host_has_what_programs_expect() {
    let mut vm = Spec::host().append("keel.autologin=root keel.hostname=box").boot();
    vm.dialog.expect("# ");
    let shell = &mut vm.dialog;
    assert_eq!(shell.ok("hostname").trim(), "box");
    let facts = Facts::parse(&shell.ok("probe facts"));
    for (target, options) in [
        ("/proc", "proc proc / rw,nosuid,nodev,noexec"),
        ("/sys", "sysfs sysfs / rw,nosuid,nodev,noexec"),
        ("/dev", "devtmpfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs tmpfs / rw,nosuid,nodev,noexec"),
        ("/run", "tmpfs tmpfs / rw,nosuid,nodev"),
        ("/tmp", "tmpfs tmpfs / rw,nosuid,nodev"),
    ] {
        let found = facts.get(&format!("mount.{target}"));
        assert!(found.starts_with(options), "{target}: {found}");
    }
    let tried = Facts::parse(&shell.ok("probe can ptmx shm kind:/dev/shm kind:/dev/null kind:/dev/fd mount"));
    for what in ["ptmx", "shm", "mount"] {
        assert_eq!(tried.get(&format!("can.{what}")), "ok", "{what}");
    }
    assert_eq!((tried.get("can.kind:/dev/shm"), tried.get("can.kind:/dev/null")), ("d 1777", "c 1:3 666"));
    assert_eq!(facts.get("tty.controlling"), "yes");
    // PID 1 reaps: a flood of orphans leaves nothing.
    assert!(shell.ok("probe orphans 2000").contains("orphans=2000"));
    assert_eq!(shell.ok("while [ $(probe zombies) != zombies=0 ]; do :; done; probe zombies").trim(), "zombies=0");
    // No signal from a user ends it: it is still there afterwards.
    shell.ok("for s in 1 3 4 5 6 7 8 11 13 14 16 18 20 21 22 28; do kill -$s 1; done");
    assert_eq!(shell.ok("readlink /proc/1/exe").trim(), "/init");
}

#[test]
fn a_command_line_of_nonsense() {
    let nonsense = "keel.cgroup=v9 keel.containrs=bb keel.on_fail keel.init=init keel.data.wait=99999999999 keel.hostname= \
        \"quoted words = here\" =x == keel.= keel.containers=,../x,,nosuch keel.modules=nosuchmodule \
        keel.fail_at=9999 keel.stop_timeout=-1 console=nosuchtty";
    let mut vm = Spec::host().loud().append(nonsense).append("console=ttyS0").boot();
    vm.dialog.expect("login: ");
    let said = vm.dialog.heard();
    for expected in [
        "'keel.cgroup=v9': should be auto|v1|v2|hybrid|none; the default holds: auto",
        "unknown word 'keel.containrs', nearest is 'keel.containers'",
        "'keel.on_fail=': should be",
        "'keel.init=init': should be /PATH",
        "there is no 'nosuchmodule'",
        "keel.fail_at: there is no step 9999",
        "keel: nosuch: ",
        "keel.containers: ",
    ] {
        assert!(said.contains(expected), "'{expected}' was expected:\n{said}");
    }
    vm.login();
    assert_eq!(vm.dialog.ok("lxc-ls").trim(), "bb");
}

#[test]
fn without_devtmpfs_devices_come_from_sys() {
    let mut vm = Spec::host().append("keel.devtmpfs=no keel.containers=bb keel.autologin=root").boot();
    vm.shell(&["bb"]);
    let shell = &mut vm.dialog;
    assert!(shell.ok("grep ' /dev ' /proc/mounts").starts_with("tmpfs /dev tmpfs"));
    let tried = Facts::parse(
        &shell.ok("probe can kind:/dev/null kind:/dev/ttyS0 kind:/dev/tty kind:/dev/ptmx kind:/dev/kmsg ptmx shm"),
    );
    for (node, kind) in [("null", "c 1:3"), ("ttyS0", "c 4:64"), ("tty", "c 5:0"), ("kmsg", "c 1:11")] {
        let found = tried.get(&format!("can.kind:/dev/{node}"));
        assert!(found.starts_with(kind), "{node}: {found}");
    }
    assert_eq!((tried.get("can.ptmx"), tried.get("can.shm")), ("ok", "ok"));
    assert_eq!(shell.ok("lxc-attach -n bb -- hostname").trim(), "bb");
    shell.line("poweroff");
    vm.powers_off();
}

#[test]
fn without_pid1_the_missing_login_is_said() {
    let mut spec = Spec::host().loud();
    spec.tree.rename("sbin/pid1", "sbin/pid1.gone");
    let mut vm = spec.boot();
    vm.dialog.expect("no login on any terminal: there is no 'pid1'");
    vm.monitor().ctrl_alt_delete().expect("sent");
    vm.powers_off();
}

#[test]
fn two_consoles_have_a_login_each() {
    let mut vm = Spec::host().append("console=ttyS1 console=ttyS0").boot();
    let mut second = vm.second();
    vm.dialog.expect("login: ");
    tests::vm::login(&mut second);
    assert_eq!(second.ok("tty").trim(), "/dev/ttyS1");
    vm.login();
    second.line("poweroff");
    vm.powers_off();
}

/// What people do first: look, go to the guest, come back.
#[test]
fn from_the_hosts_login_to_the_guests_and_back() {
    let mut vm = Spec::host().append("keel.containers=bb").boot();
    vm.login();
    let shell = &mut vm.dialog;
    assert_eq!(shell.ok("lxc-ls").trim(), "bb");
    let table = shell.ok("lxc-ls -f");
    assert!(table.lines().nth(1).is_some_and(|l| l.starts_with("bb   RUNNING")), "{table}");
    assert!(shell.ok("lxc-info -n bb").contains("State:          RUNNING"));

    shell.line("lxc-console -n bb -t 0");
    shell.expect("Type <Ctrl+a q> to exit the console");
    tests::vm::login(shell);
    assert_eq!(shell.ok("hostname").trim(), "bb");
    assert!(shell.ok("uname -a").starts_with("Linux bb "));
    let processes = shell.ok("ps");
    assert!(processes.contains("1 root     /sbin/init") && processes.lines().count() < 20, "{processes}");
    let mounts = shell.ok("mount");
    for line in ["devpts on /dev/pts", "tmpfs on /dev ", "proc on /proc", "shm on /dev/shm"] {
        assert!(mounts.contains(line), "'{line}' is not in {mounts}");
    }
    assert!(!mounts.contains("/var/lib/lxc"), "{mounts}");
    let inside = Facts::parse(&shell.ok("probe can ptmx shm kind:/dev/shm"));
    assert_eq!(
        (inside.get("can.ptmx"), inside.get("can.shm"), inside.get("can.kind:/dev/shm")),
        ("ok", "ok", "d 1777")
    );
    shell.expect("bb:~# ");
    shell.send("\x01q");
    shell.expect("keel:~# ");
    assert_eq!(shell.ok("hostname").trim(), "keel");

    // A guest's power-off is its own; it is started again by hand.
    shell.ok("lxc-stop -n bb");
    assert!(shell.ok("lxc-info -n bb").contains("STOPPED"));
    shell.ok("lxc-start -n bb");
    assert_eq!(shell.ok("lxc-attach -n bb -- cat /etc/hostname").trim(), "bb");
    assert_eq!(shell.sh("lxc-attach -n bb -- sh -c 'exit 7'").0, 7);
    shell.ok("lxc-create -t busybox -n cc -- --password x > /dev/null && lxc-start -n cc");
    assert_eq!(shell.ok("lxc-attach -n cc -- hostname").trim(), "cc");
    shell.ok("lxc-destroy -f -n cc");
    assert_eq!(shell.ok("lxc-ls").trim(), "bb");
    assert_eq!(shell.ok(&format!("echo {PASSWORD}")).trim(), PASSWORD);
}
