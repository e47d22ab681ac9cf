//! Configurations for Android as projects write them for LXC, in old and new spellings, started as they are: nothing of Keel's is in
//! them. The stand-in is their init. In a machine of their own: without Keel's keys nothing keeps an Android from changing it.

use crate::boot::machines_rc;
use crate::picture::Picture;
use tests::dialog::Dialog;
use tests::vm::Spec;

const CONFIGS: [(&str, &str); 6] = [
    ("halium-legacy", include_str!("plain/halium-legacy.conf")),
    ("halium", include_str!("plain/halium.conf")),
    ("waydroid", include_str!("plain/waydroid.conf")),
    ("waydroid-legacy", include_str!("plain/waydroid-legacy.conf")),
    ("redroid", include_str!("plain/redroid.conf")),
    ("anbox", include_str!("plain/anbox.conf")),
];

const SECCOMP: &str =
    "2\nblacklist\n[all]\nkexec_load errno 1\ninit_module errno 1\nfinit_module errno 1\nno_such_call errno 1\n";

#[test]
fn plain_configurations_start_as_they_are() {
    let mut spec = Spec::host().append("keel.autologin=root").modules(&["bridge", "veth"]);
    spec.memory_mib = 512;
    let tree = &mut spec.tree;
    let probe = tree.get("bin/probe").map(|e| e.data.clone()).expect("the probe");
    // The machine would sleep where /sys is writable.
    let rc = machines_rc().replace("    write /sys/power/state mem\n", "");
    for (name, config) in CONFIGS {
        let dir = format!("var/lib/lxc/{name}");
        tree.file(&format!("{dir}/config"), 0o644, config);
        let (init, mode) = if name == "anbox" { ("anbox-init", 0o755) } else { ("init", 0o750) };
        tree.file(&format!("{dir}/rootfs/{init}"), mode, probe.clone());
        tree.file(&format!("{dir}/rootfs/init.rc"), 0o750, rc.as_str());
        tree.link(&format!("{dir}/rootfs/sbin/ueventd"), "../init");
        for mount_point in ["dev", "proc", "sys", "data", "mnt", "mnt_extra", "tmp", "run", "var"] {
            tree.dir(&format!("{dir}/rootfs/{mount_point}"), 0o755);
        }
    }
    tree.file("var/lib/lxc/halium-legacy/pre-start.sh", 0o755, "#!/bin/sh\necho \"$@\" > /run/pre-start\n");
    tree.file("var/lib/lxc/waydroid/nodes", 0o644, include_str!("plain/waydroid-nodes.conf"));
    tree.file(
        "var/lib/lxc/waydroid/session",
        0o644,
        "lxc.mount.entry = /srv/waydroid data none rbind,create=dir 0 0\n",
    );
    tree.file("var/lib/lxc/waydroid/seccomp", 0o644, SECCOMP);
    tree.file("var/lib/lxc/bare/config", 0o644, BARE);
    tree.file(
        "var/lib/lxc/bare/init.rc",
        0o640,
        format!("{rc}on boot\n chmod 0600 /zero\n mount tmpfs none /other ro remount\n"),
    );
    for dir in ["halium", "waydroid", "redroid", "anbox", "bare"] {
        tree.dir(&format!("srv/{dir}"), 0o777);
    }
    let mut vm = spec.boot();
    vm.shell(&[]);
    let shell = &mut vm.dialog;
    shell.ok("mkdir /srv/other && mount -t tmpfs none /srv/other");
    let before = Picture::of(shell);
    shell.ok("ip link add waydroid0 type bridge && ip link set waydroid0 up");
    for (name, _) in CONFIGS {
        shell.ok(&format!("lxc-start -n {name}"));
        let init = shell.ok(&format!("lxc-info -pH -n {name}")).trim().to_owned();
        let root = format!("/proc/{init}/root");
        if name == "anbox" {
            let facts = shell.ok(&format!("until [ -e {root}/dev/facts ]; do :; done; cat {root}/dev/facts"));
            assert!(facts.contains("hostname=anbox\n"), "{facts}");
            assert!(shell.ok(&format!("cat /proc/{init}/uid_map")).contains("1000       1000          1"));
        } else {
            let calls = shell.ok(&format!("until [ -e {root}/data/calls ]; do :; done; cat {root}/data/calls"));
            // It has gone its whole way.
            assert!(
                calls.contains("unlink /dev/__null__: ok") && calls.contains("write /data/booted 1: ok"),
                "{name}: {calls}"
            );
        }
        match name {
            "halium-legacy" => {
                assert_eq!(shell.ok("cat /run/pre-start").trim(), "halium-legacy lxc pre-start");
                let arch = shell.ok("lxc-attach -n halium-legacy -- /init facts | grep -i machine");
                assert!(arch.contains("i686"), "{arch}");
            }
            "waydroid" => {
                let own = shell.ok(&format!("grep -E 'Seccomp:|CapBnd' /proc/{init}/status"));
                assert!(own.contains("Seccomp:\t2") && !own.contains("ffffffff"), "{own}");
            }
            "redroid" => {
                let words = shell.ok(&format!("tr '\\0' ' ' < /proc/{init}/cmdline"));
                assert_eq!(words.trim(), "/init androidboot.hardware=redroid androidboot.redroid_gpu_mode=guest");
            }
            _ => {}
        }
        shell.ok(&format!("lxc-stop -k -n {name}"));
        assert_eq!(shell.ok(&format!("lxc-info -sH -n {name}")).trim(), "STOPPED");
    }
    the_picture_of_the_host_sees_all_that_an_android_changes(shell, &before, &rc);
    shell.line("poweroff");
    vm.powers_off();
}

/// Nothing is kept from it. Of the machine it has a file system and a device; its root, as every container's that is LXC's, is kept from
/// becoming read-only.
const BARE: &str = "lxc.rootfs.path = /var/lib/lxc/redroid/rootfs\nlxc.uts.name = bare\nlxc.net.0.type = none\nlxc.init.cmd = /init\n\
    lxc.autodev = 0\nlxc.mount.entry = /srv/bare data none bind,create=dir 0 0\n\
    lxc.mount.entry = /srv/other other none bind,create=dir 0 0\nlxc.mount.entry = /dev/zero zero none bind,create=file 0 0\n\
    lxc.mount.entry = /var/lib/lxc/bare/init.rc init.rc none bind 0 0\n";

/// The control of all canaries: what an Android does to a host that nothing protects is in the picture, each kind of it, and each
/// setting that its rc file writes.
fn the_picture_of_the_host_sees_all_that_an_android_changes(shell: &mut Dialog, before: &Picture, rc: &str) {
    let earlier = Picture::of(shell);
    shell.ok("lxc-start -n bare");
    shell.ok("until [ -e /srv/bare/calls ]; do :; done");
    let calls = shell.ok("cat /srv/bare/calls");
    shell.ok("until [ -s /srv/bare/announced ]; do :; done");
    let announced = shell.ok("cat /srv/bare/announced");
    shell.ok("lxc-stop -k -n bare");
    let after = Picture::of(shell);
    let changes = before.changes(&after);
    println!("what an Android changes of a host: {changes:#?}");
    for kind in [
        "sysctl.",
        "proc.kmsg",
        "proc.cmdline",
        "sys.power/state",
        "mount.",
        "dev./dev/zero",
        "clock.booted",
        "clock.zone",
        "uevents",
    ] {
        assert!(
            changes.iter().any(|change| change.starts_with(kind)),
            "no change of '{kind}' in {changes:#?}\n{calls}"
        );
    }
    assert_eq!(after.get("clock.zone"), Some("60"));
    // Those before have had a writable /sys, too. The kernel keeps some to itself: those of devices that have no class.
    let count = |picture: &Picture| picture.get("uevents").and_then(|text| text.split(' ').next()?.parse().ok());
    let (first, all): (u32, u32) = count(&earlier).zip(count(&after)).expect("numbers");
    let announced: u32 = announced.trim().parse().expect("a number");
    assert!((100..=announced).contains(&(all - first)), "{first}, {all}, and {announced} were asked for");
    for line in rc.lines() {
        let Some((name, value)) = line.trim().strip_prefix("write /proc/sys/").and_then(|l| l.split_once(' ')) else {
            continue;
        };
        if calls.contains(&format!("{}: ok", line.trim())) {
            assert_eq!(after.get(&format!("sysctl.{name}")), Some(value), "{name} is not in the picture");
        }
    }
}
