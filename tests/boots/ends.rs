//! How the machine ends: keys, buttons, commands, signals; with everything stopped, unmounted and clean.

use boot::qemu::Bus;
use boot::scratch::Scratch;
use tests::disk;
use tests::vm::{Spec, Vm};

fn running() -> Vm {
    let mut vm = Spec::host().loud().append("keel.containers=bb keel.autologin=root").boot();
    vm.shell(&["bb"]);
    vm
}

#[test]
fn ctrl_alt_delete_restarts() {
    let mut vm = running();
    vm.monitor().ctrl_alt_delete().expect("sent");
    let said = vm.powers_off();
    assert!(said.contains("reboot: Restarting system"), "{said}");
    assert!(said.contains("bb: "), "the container was not stopped: {said}");
}

#[test]
fn the_power_button_powers_off() {
    let mut vm = running();
    let said = vm.press_power_button();
    assert!(said.contains("reboot: Power down"), "{said}");
}

#[test]
fn commands_and_signals_end_it() {
    for (command, expected) in [("reboot", "reboot: Restarting system"), ("kill -PWR 1", "reboot: Power down")] {
        let mut vm = running();
        vm.dialog.line(command);
        let said = vm.powers_off();
        assert!(said.contains(expected), "{command}: {said}");
    }
    let mut vm = running();
    vm.dialog.line("halt");
    vm.dialog.expect("reboot: System halted");
}

#[test]
fn a_data_disk_is_clean_afterwards() {
    let scratch = Scratch::new().expect("a directory");
    let image = scratch.path().join("disk");
    disk::make(&image, 16);
    assert_eq!((disk::is_clean(&image), disk::mounts(&image)), (true, 0));
    let spec = Spec::host().modules(&["virtio_pci", "virtio_blk"]).disk(&image, Bus::Virtio).loud();
    let mut vm = spec.append("keel.data=/dev/vda keel.data.at=/data keel.containers=bb keel.autologin=root").boot();
    vm.shell(&["bb"]);
    assert!(vm.dialog.ok("grep ' /data ' /proc/mounts").starts_with("/dev/vda /data ext"));
    // Somebody who keeps it busy to the end, in the host and in a directory of it.
    vm.dialog
        .ok("echo written to the disk > /data/file && (cd /data && exec sleep 100000 < /data/file > /dev/null 2>&1 &)");
    vm.dialog.line("poweroff");
    let said = vm.powers_off();
    assert!(said.contains("reboot: Power down"), "{said}");
    assert!(disk::is_clean(&image) && disk::mounts(&image) == 1, "{said}");
    assert!(disk::has(&image, "written to the disk"));
}

/// The control: a machine that is killed leaves the disk as it is found in the test above if nothing unmounts it.
#[test]
fn a_killed_machine_leaves_its_disk_dirty() {
    let scratch = Scratch::new().expect("a directory");
    let image = scratch.path().join("disk");
    disk::make(&image, 16);
    let spec = Spec::host().modules(&["virtio_pci", "virtio_blk"]).disk(&image, Bus::Virtio);
    let mut vm = spec.append("root=/dev/vda rootwait=20 keel.data.at=/data keel.autologin=root").boot();
    vm.dialog.expect("# ");
    vm.dialog.ok("touch /data/file && sync");
    vm.monitor().quit().expect("sent");
    vm.ends();
    assert!(!disk::is_clean(&image));
}

#[test]
fn a_disk_that_does_not_come_ends_as_configured() {
    let mut vm = Spec::host().append("keel.data=/dev/vdz keel.data.wait=1").boot();
    let said = vm.powers_off();
    assert!(said.contains("/dev/vdz") && said.contains("ENOENT") && said.contains("step "), "{said}");
}
