//! Another init takes process 1, and Keel goes on beside it.

use tests::vm::Spec;

/// Says who it is, then is a shell on the console: an init that knows nothing of Keel.
const SECOND: &str = "#!/bin/busybox sh\nexport PATH=/bin:/sbin\necho \"second init: process $$ $*\"\n\
    exec /bin/busybox setsid -c /bin/busybox sh -i < /dev/ttyS0 > /dev/ttyS0 2>&1\n";

#[test]
fn another_init_takes_over_and_containers_go_on() {
    let mut vm = Spec::host()
        .file("init.second", 0o755, SECOND)
        .append("keel.init=/init.second keel.containers=bb -- one two")
        .boot();
    vm.dialog.expect("second init: process 1 one two");
    vm.dialog.expect("# ");
    let shell = &mut vm.dialog;
    assert_eq!(shell.ok("cat /proc/1/comm | head -c 4").trim(), "busy");
    assert!(shell.ok("lxc-info -n bb").contains("RUNNING"));
    assert_eq!(shell.ok("lxc-attach -n bb -- hostname").trim(), "bb");
    shell.ok("lxc-stop -n bb");
    shell.ok("lxc-start -n bb");
    assert!(shell.ok("lxc-ls -f").contains("bb   RUNNING"));
    // Keel stays as a process of its own.
    assert!(shell.ok("for p in /proc/[0-9]*; do readlink $p/exe; done | grep -c '^/init$'").trim() >= "1");
}

#[test]
fn an_init_that_is_not_there_ends_as_configured() {
    let mut vm = Spec::host().append("keel.init=/no/such/init").boot();
    let said = vm.powers_off();
    assert!(said.contains("hand-over: exec '/no/such/init': ENOENT"), "{said}");
}
