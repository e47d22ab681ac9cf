//! Several Androids on one machine, each with a binder of its own: nodes of the host's that are dealt out (the distribution's
//! kernel with binder_linux), or an instance of binderfs each (the project's own kernel).

use crate::boot::named;
use crate::picture::Picture;
use ::boot::kernel::Kind;
use tests::vm::{Spec, Vm};

/// Becomes binder's context manager: one for each set of contexts.
pub const MANAGER: &str = "service manager /system/bin/contextmanager /data/manager\n class main\n";

fn machine(spec: Spec, androids: &[(&str, &str)]) -> (Vm, Picture) {
    let mut spec = spec.append("keel.autologin=root");
    spec.memory_mib = 768;
    for (name, config) in androids {
        named(&mut spec.tree, name, MANAGER, config);
    }
    let mut vm = spec.boot();
    vm.dialog.expect("# ");
    let before = Picture::of(&mut vm.dialog);
    (vm, before)
}

/// Its context manager is in force, and there is room for one only.
pub fn has_a_context_of_its_own(vm: &mut Vm, name: &str) {
    vm.dialog.ok(&format!("until [ -s /srv/{name}/manager ]; do :; done"));
    assert_eq!(vm.dialog.ok(&format!("cat /srv/{name}/manager")).trim(), "ok", "{name}");
    vm.dialog.ok(&format!("(keel attach {name} -- /system/bin/contextmanager /data/second >/dev/null 2>&1 &)"));
    vm.dialog.ok(&format!("until [ -s /srv/{name}/second ]; do :; done"));
    assert_eq!(vm.dialog.ok(&format!("cat /srv/{name}/second")).trim(), "EBUSY", "{name}");
}

#[test]
fn nodes_are_dealt_out_given_back_and_one_that_crashes_harms_nobody() {
    let kernel = ::boot::artifacts::full_kernel().unwrap_or_else(|why| panic!("{why}"));
    let require = "keel.android.binder = require\n";
    let spec = Spec::host().kernel(kernel, &[("binder_linux", "devices=binder0,binder1")]).append("keel.cgroup=v1");
    let crashes = "keel.android.binder = none\nlxc.cgroup.devices.deny = c 1:3 rwm\nkeel.restart = always\n";
    let seven = "keel.android.binder = require\nkeel.android.binder.protocol = 7\n";
    let androids = [("one", require), ("two", require), ("three", require), ("loop", crashes), ("seven", seven)];
    let (mut vm, before) = machine(spec, &androids);
    let shell = &mut vm.dialog;
    let (code, said) = shell.sh("keel start seven");
    assert!(
        code == 1 && said.contains("binder speaks protocol 8 on this kernel, and the container's programs speak 7"),
        "{said}"
    );
    shell.ok("keel start loop");
    shell.ok("keel start one");
    shell.ok("keel start two");
    has_a_context_of_its_own(&mut vm, "one");
    has_a_context_of_its_own(&mut vm, "two");
    let shell = &mut vm.dialog;
    let (code, said) = shell.sh("keel start three");
    let why = "no binder device is free: 'binder0' is that of 'one', 'binder1' is that of 'two'";
    assert!(code == 1 && said.contains(why), "{said}");
    // The one that ends at once is started again and again, later each time; why, is said.
    shell.ok("until keel log loop | grep -c 'keel: started' | grep -q '[3-9]'; do :; done");
    let said = shell.ok("keel log loop");
    assert!(said.contains("ended with status 1: its init could not make or open /dev/__null__"), "{said}");
    let waits = shell.ok("dmesg | grep -o 'loop: starts again in .*'");
    let waits: Vec<&str> = waits.lines().map(str::trim).take(2).collect();
    assert_eq!(waits, ["loop: starts again in 1 s", "loop: starts again in 2 s"]);
    shell.ok("keel stop -k loop; true");
    for name in ["one", "two"] {
        assert_eq!(shell.ok(&format!("keel info -sH {name}")).trim(), "RUNNING", "{name}");
    }
    // As libcutils and bionic want them: each hierarchy by itself, and a container's own part as its root.
    let groups = shell.ok("keel attach two -- /init can read:/proc/1/cgroup");
    assert!(groups.contains("cpu:/") && groups.contains("cpuacct:/") && !groups.contains("lxc.payload"), "{groups}");
    let dir = "/sys/fs/cgroup/cpu/lxc.payload.two/apps";
    assert_eq!(shell.ok(&format!("cat {dir}/cpu.shares {dir}/bg_non_interactive/cpu.shares")).trim(), "1024\n52");
    shell.ok("keel attach two -- /init can read:/dev/cpuctl/apps/tasks | grep -q =ok; keel attach two -- /init can kind:/acct/uid | grep -q d");
    // What one had is the next one's.
    shell.ok("keel stop one");
    shell.ok("keel start three");
    has_a_context_of_its_own(&mut vm, "three");
    for name in ["two", "three"] {
        vm.dialog.ok(&format!("keel stop -k {name}"));
    }
    before.is_still_that_of(&mut vm.dialog);
    vm.dialog.line("poweroff");
    vm.powers_off();
}

#[test]
fn an_instance_of_binderfs_each_on_version_2_of_cgroups() {
    let kernel = ::boot::kernel::built(Kind::Whole).unwrap_or_else(|why| panic!("{why}"));
    let mut spec = Spec::host().append("keel.cgroup=v2");
    spec.kernel = Some(kernel);
    let refused = "keel.android.binder = require\nkeel.android.supervise = none\n";
    let androids = [("one", "keel.android.binder = require\n"), ("two", refused)];
    let (mut vm, before) = machine(spec, &androids);
    let said = vm.dialog.ok("keel plan one");
    assert!(said.contains("no version 1 cgroup with cpuacct and cpu: no accounts by user"), "{said}");
    assert!(said.contains("# android: no /dev/ashmem: the kernel has none"), "{said}");
    vm.dialog.ok("keel start one");
    vm.dialog.ok("keel start two");
    has_a_context_of_its_own(&mut vm, "one");
    has_a_context_of_its_own(&mut vm, "two");
    for (name, mounted) in [("one", "ok"), ("two", "EPERM")] {
        vm.dialog.ok(&format!("until [ -e /srv/{name}/calls ]; do :; done"));
        let calls = vm.dialog.ok(&format!("cat /srv/{name}/calls"));
        assert!(calls.contains(&format!("mount tmpfs /dev: {mounted}")), "{name}: {calls}");
        vm.dialog.ok(&format!("keel stop -k {name}"));
    }
    before.is_still_that_of(&mut vm.dialog);
    vm.dialog.line("poweroff");
    vm.powers_off();
}
