//! Every step of the boot fails once: the reason is on the console and the machine ends as configured, or goes on without.

use tests::vm::{Spec, Vm};

/// Without containers and with Keel's warnings on the console.
fn failing(at: usize, words: &str) -> Vm {
    Spec::host().loud().append(&format!("loglevel=5 keel.autologin=root keel.fail_at={at}:ENOMEM {words}")).boot()
}

/// How many steps the boot has, told by a failure.
fn steps() -> usize {
    let mut vm = failing(1, "");
    vm.dialog.expect("step 1 of ");
    let count = vm.dialog.expect(", ");
    vm.powers_off();
    count.parse().expect("a number")
}

/// Each of them in turn; every second one, so that two tests run beside each other.
fn each(first: usize) {
    let all = steps();
    assert!(all > 15, "{all}");
    let (mut ended, mut went_on) = (0, 0);
    for at in (first..=all).step_by(2) {
        let mut vm = failing(at, "");
        let name = format!("step {at} of {all}, ");
        vm.dialog.expect(&name);
        vm.dialog.expect(": ENOMEM");
        match vm.dialog.expect_one(&["reboot: Power down", "# "]).0 {
            0 => {
                vm.powers_off();
                ended += 1;
            }
            _ => {
                assert_eq!(vm.dialog.ok("readlink /proc/1/exe").trim(), "/init", "{name}");
                went_on += 1;
            }
        }
    }
    assert!(ended > 2 && went_on > 2, "{ended} ended, {went_on} went on");
}

#[test]
fn each_odd_step() {
    each(1);
}

#[test]
fn each_even_step() {
    each(2);
}

#[test]
fn a_failure_ends_as_configured() {
    for (action, expected) in [
        ("reboot", "reboot: Restarting system"),
        ("poweroff", "reboot: Power down"),
        ("panic", "Attempted to kill init!"),
    ] {
        let mut vm = failing(3, &format!("keel.on_fail={action}"));
        let (said, _) = vm.ends();
        assert!(said.contains("step 3 of ") && said.contains(expected), "{action}: {said}");
    }
    let mut vm = failing(3, "keel.on_fail=halt");
    vm.dialog.expect("step 3 of ");
    vm.dialog.expect("reboot: System halted");
}

/// A shell only where it was asked for, and it is one: with job control, and the machine ends after it.
#[test]
fn a_shell_where_it_was_asked_for() {
    let mut vm = failing(3, "keel.on_fail=shell");
    vm.dialog.expect("step 3 of ");
    vm.dialog.expect("a shell follows (keel.on_fail=shell)");
    vm.dialog.expect("# ");
    assert_eq!(vm.dialog.ok("echo $PPID").trim(), "1");
    vm.dialog.line("exit");
    vm.dialog.expect("reboot: Power down");
    vm.powers_off();
}
