//! Debian with systemd where there is nothing but cgroups of version 2: in a machine with Debian's kernel, keel as its init, the
//! container's root on a disk.

use crate::debian;
use boot::qemu::Bus;
use std::process::Command;
use tests::dialog::Dialog;
use tests::ran::run;
use tests::vm::{Spec, login};

const CONFIG: &str = "lxc.rootfs.path = /dev/vda\nlxc.uts.name = deb\nlxc.tty.max = 2\nlxc.pty.max = 1024\n\
    lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed\nlxc.cap.drop = sys_module mac_admin mac_override sys_time\n\
    lxc.cgroup2.memory.max = 400M\nlxc.cgroup2.pids.max = 500\n";

/// At the guest's console, logged in: everything has been started, and nothing has failed.
#[track_caller]
fn is_up(shell: &mut Dialog) {
    login(shell);
    let said = shell.sh("systemctl is-system-running --wait || systemctl --failed --no-pager").1;
    assert!(said.contains("running"), "{said}");
}

#[test]
fn systemd_on_version_2() {
    let Some(place) = debian::place() else { return };
    let scratch = boot::scratch::Scratch::new().expect("a directory");
    let image = scratch.path().join("disk");
    let mut make = Command::new(boot::apt::program("mke2fs").expect("e2fsprogs"));
    run(make.args(["-q", "-F", "-t", "ext4", "-d"]).arg(place.join("base")).arg(&image).arg("400M")).ok();
    let mut spec = Spec::host().modules(&["virtio_pci", "virtio_blk"]).disk(&image, Bus::Virtio);
    spec.memory_mib = 512;
    let spec = spec.file("var/lib/lxc/deb/config", 0o644, CONFIG);
    let mut vm = spec.append("keel.cgroup=v2 keel.autologin=root").boot();
    vm.dialog.expect("# ");
    let d = &mut vm.dialog;
    d.ok("until [ -b /dev/vda ]; do :; done");
    d.ok("lxc-start -n deb");
    d.line("lxc-console -n deb -t 0");
    d.expect("Connected to tty 0");
    is_up(d);
    let mounts = d.ok("grep cgroup /proc/mounts");
    assert!(mounts.starts_with("cgroup2 /sys/fs/cgroup cgroup2 ") && mounts.lines().count() == 1, "{mounts}");
    // It may give controllers to its services.
    d.ok("systemd-run --quiet --unit=held -p MemoryMax=20M sleep infinity");
    assert_eq!(d.ok("cat /sys/fs/cgroup/system.slice/held.service/memory.max").trim(), "20971520");
    d.send("\x01q");
    d.expect("keel:~# ");
    let before = d.ok("lxc-info -n deb -pH").trim().to_owned();
    d.sh("lxc-attach -n deb -- systemctl reboot");
    d.ok(&format!("until p=$(lxc-info -n deb -pH) && [ -n \"$p\" ] && [ \"$p\" != {before} ]; do :; done"));
    d.line("lxc-console -n deb -t 0");
    d.expect("Connected to tty 0");
    is_up(d);
    d.send("\x01q");
    d.expect("keel:~# ");
    // Programs from outside come in although systemd has given its controllers to others: a cgroup with processes of its own may not.
    assert_eq!(d.ok("lxc-attach -n deb -- systemctl is-system-running").trim(), "running");
    assert_eq!(d.ok("cat /sys/fs/cgroup/lxc.payload.deb/memory.max").trim(), "419430400");
    d.ok("lxc-stop -n deb -t 80");
    assert_eq!(d.ok("lxc-info -n deb -sH").trim(), "STOPPED");
    assert_eq!(d.ok("find /sys/fs/cgroup -name 'lxc.payload*'; grep -c /dev/vda /proc/mounts; true").trim(), "0");
    d.line("poweroff");
    vm.powers_off();
    assert!(tests::disk::is_clean(&image), "its root was unmounted");
}
