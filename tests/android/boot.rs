//! A machine whose init is keel starts an Android straight from its ramdisk.

use crate::fixture::{RC, TOOLS};
use crate::picture::Picture;
use ::boot::ramdisk::Ramdisk;
use tests::vm::Spec;

/// The stand-in and its container `jb` in the machine's ramdisk, with its /data in /srv/data.
pub fn android(tree: &mut Ramdisk) {
    named(tree, "jb", "", "keel.android.binder = none\n");
    tree.link("srv/data", "jb");
}

/// With a zone of its own: it would set the machine's clock (the first zone that a kernel is told moves it).
pub fn machines_rc() -> String {
    RC.replace("sysclktz 0", "sysclktz 60")
}

/// One of that name, with its /data in /srv/NAME; `rc` and `config` are added.
pub fn named(tree: &mut Ramdisk, name: &str, rc: &str, config: &str) {
    let init = tree.get("bin/probe").map(|e| e.data.clone()).expect("the probe");
    let rootfs = format!("var/lib/lxc/{name}/rootfs");
    tree.file(&format!("{rootfs}/init"), 0o750, init);
    tree.file(&format!("{rootfs}/init.rc"), 0o644, format!("{}{rc}", machines_rc()));
    tree.file(&format!("{rootfs}/default.prop"), 0o644, "ro.debuggable=1\n");
    tree.link(&format!("{rootfs}/sbin/ueventd"), "../init");
    tree.dir(&format!("srv/{name}"), 0o771);
    for tool in TOOLS {
        tree.link(&format!("srv/system/bin/{tool}"), "/init");
    }
    tree.file(
        &format!("var/lib/lxc/{name}/config"),
        0o644,
        format!(
            "lxc.rootfs.path = dir:/{rootfs}\nlxc.uts.name = {name}\nlxc.net.0.type = empty\nkeel.android = 1\n\
             keel.android.hardware = standin\nkeel.android.system = /srv/system\nkeel.android.data = /srv/{name}\n{config}"
        ),
    );
}

#[test]
fn an_android_starts_from_the_ramdisk_and_leaves_the_machine_as_it_is() {
    let mut spec = Spec::host().append("keel.autologin=root");
    spec.memory_mib = 512;
    android(&mut spec.tree);
    let mut vm = spec.boot();
    vm.dialog.expect("# ");
    let before = Picture::of(&mut vm.dialog);
    let events = "cat /sys/kernel/uevent_seqnum";
    let number = |text: String| text.trim().parse::<u64>().expect("a number");
    let first = number(vm.dialog.ok(events));
    vm.dialog.ok("keel start jb");
    vm.dialog.ok("until [ -e /srv/data/calls ]; do :; done");
    assert_eq!(vm.dialog.ok("keel getprop jb ro.hardware").trim(), "standin");
    let calls = vm.dialog.ok("cat /srv/data/calls");
    for line in
        ["mount tmpfs /dev: ok", "open /dev/__kmsg__: ok", "mount rootfs rootfs / ro remount: ok", "sysclktz 60: EPERM"]
    {
        assert!(calls.contains(line), "no '{line}' in {calls}");
    }
    vm.dialog.ok("until [ -s /srv/data/announced ]; do :; done");
    assert_eq!(vm.dialog.ok("cat /srv/data/announced").trim(), "0");
    // The console of the container is a pty of its own devpts; nothing else is new.
    before.is_still_that_of(&mut vm.dialog);
    // The loopback device of the new network and its queues; a coldboot is one for each of hundreds of devices.
    let announced = number(vm.dialog.ok(events)) - first;
    assert!(announced < 10, "{announced} uevents");
    // What init says is in its own log, and not in the kernel's.
    vm.dialog.ok("until keel log jb | grep -q \"init: command 'hostname localhost'\"; do :; done");
    assert_eq!(vm.dialog.ok("dmesg | grep -c 'init: command'; true").trim(), "0");
    vm.dialog.ok("keel stop jb");
    assert_eq!(vm.dialog.ok("keel info -sH jb").trim(), "STOPPED");
    before.is_still_that_of(&mut vm.dialog);
    vm.dialog.line("poweroff");
    vm.powers_off();
}
