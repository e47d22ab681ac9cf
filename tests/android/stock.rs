//! A kernel like those that Android-x86 and older phones came with (`cargo boot kernel --stock`): no namespaces but that of mounts, no
//! rules for devices, no devtmpfs, two static binder devices, and ashmem. What can run runs, what is lost is said, and the host stays as
//! it is.

use crate::binder::{MANAGER, has_a_context_of_its_own};
use crate::boot::named;
use crate::picture::Picture;
use ::boot::kernel::Kind;
use tests::container::Facts;
use tests::vm::{Spec, Vm};

/// What the start of any container loses.
const LOST: [&str; 5] = [
    "the kernel has no uts namespaces: the container has the host's name",
    "the kernel has no ipc namespaces: the container shares the host's message queues and shared memory",
    "the kernel has no pid namespaces: the container sees the host's processes, can signal them and reaches their files",
    "the kernel has no net namespaces: the container shares the host's network",
    "without pid namespaces reboot(2) restarts the host: nobody in the container has the right to call it",
];

/// What an Android loses besides.
const ANDROIDS: [&str; 2] = [
    "android: without a pid namespace init is not process 1, and Android can't restart itself",
    "android: no cgroup for devices (CONFIG_CGROUP_DEVICE, or version 2): root inside can open the host's disks",
];

/// What process 1 is told about being killed, and programs that run: kernel threads have no words.
const PROCESSES: &str =
    "cat /proc/1/oom_score_adj; for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline | grep -v '^tr '; done; true";

fn machine(with: impl FnOnce(Spec) -> Spec) -> Vm {
    let kernel = ::boot::kernel::built(Kind::Stock).unwrap_or_else(|why| panic!("{why}"));
    let mut spec = with(Spec::host().kernel(kernel, &[]).append("keel.autologin=root"));
    spec.memory_mib = 384;
    let mut vm = spec.boot();
    vm.dialog.expect("~# ");
    let shell = &mut vm.dialog;
    // It is the kernel that is meant.
    assert_eq!(shell.ok("ls /proc/self/ns").split_whitespace().collect::<Vec<_>>(), ["cgroup", "mnt"]);
    assert!(!shell.ok("cat /proc/cgroups").contains("devices"));
    assert!(!shell.ok("cat /proc/filesystems").contains("devtmpfs"));
    vm
}

/// The machine ends by this: what has failed inside is what restarts it here.
fn is_restarted(mut vm: Vm) {
    vm.dialog.line("cp /bin/probe /tmp/reboot; /tmp/reboot -n");
    assert!(vm.powers_off().contains("reboot: Restarting system"));
}

#[test]
fn androids_on_a_stock_kernel() {
    let require = "keel.android.binder = require\n";
    let refused = format!("{require}keel.android.supervise = none\n");
    let mut vm = machine(|mut spec| {
        for (name, config) in [("one", require), ("two", &refused), ("three", require)] {
            named(&mut spec.tree, name, MANAGER, config);
        }
        spec
    });
    let shell = &mut vm.dialog;
    let before = Picture::of(shell);
    let processes = shell.ok(PROCESSES);
    let plan = shell.ok("keel plan one");
    for lost in LOST.iter().chain(&ANDROIDS) {
        assert!(plan.contains(&format!("# {lost}")), "no '{lost}' in {plan}");
    }
    assert!(plan.contains("\n    clone mnt\n") && !plan.contains("ashmem: the kernel has none"), "{plan}");
    for name in ["one", "two"] {
        let said = vm.dialog.ok(&format!("keel start {name} 2>&1"));
        for lost in LOST.iter().chain(&ANDROIDS) {
            assert!(said.contains(lost), "no '{lost}' in {said}");
        }
        has_a_context_of_its_own(&mut vm, name);
    }
    let shell = &mut vm.dialog;
    let (code, said) = shell.sh("keel start three");
    let why = "no binder device is free: 'binder0' is that of 'one', 'binder1' is that of 'two'";
    assert!(code == 1 && said.contains(why), "{said}");
    for (name, mounted) in [("one", "ok"), ("two", "EPERM")] {
        shell.ok(&format!("until [ -e /srv/{name}/calls ]; do :; done"));
        let calls = shell.ok(&format!("cat /srv/{name}/calls"));
        for (call, result) in [
            ("mount tmpfs /dev", mounted),
            ("mount rootfs rootfs / ro remount", mounted),
            ("unlink /dev/__null__", "ok"),
            ("open /dev/__kmsg__", "ok"),
            ("write /proc/1/oom_adj -16", "ok"),
            ("sysclktz 60", "EPERM"),
            ("write /proc/sys/kernel/panic_on_oops 1", "EROFS"),
            ("write /sys/power/state mem", "EROFS"),
            // The host's name.
            ("hostname localhost", "EROFS"),
            ("chmod 0220 /proc/sysrq-trigger", "ok"),
            ("write /data/booted 1", "ok"),
        ] {
            assert!(calls.contains(&format!("{call}: {result}\n")), "{name}: no '{call}: {result}' in {calls}");
        }
        shell.ok(&format!("until [ -s /srv/{name}/announced ]; do :; done"));
        assert_eq!(shell.ok(&format!("cat /srv/{name}/announced")).trim(), "0", "uevents of the host");
        shell.ok(&format!("until keel log {name} | grep -q \"init: command 'hostname localhost'\"; do :; done"));
        assert_eq!(shell.ok(&format!("keel getprop {name} ro.hardware")).trim(), "standin");
        let words = "ashmem kind:/dev/ashmem kind:/dev/binder kind:/dev/log/main clock";
        let tried = Facts::parse(&shell.ok(&format!("keel attach {name} -- /init can {words}")));
        // The kernel's ashmem, by a node of the container's own.
        let minor = |device: &str| format!("grep ' {device}$' /proc/misc | awk '{{print $1}}'");
        let number = shell.ok(&minor("ashmem")).trim().to_owned();
        assert_eq!(tried.get("can.kind:/dev/ashmem"), format!("c 10:{number} 666"));
        assert_eq!(tried.get("can.ashmem"), "ok");
        let binder = shell.ok(&minor(if name == "one" { "binder0" } else { "binder1" })).trim().to_owned();
        assert_eq!(tried.get("can.kind:/dev/binder"), format!("c 10:{binder} 666"));
        assert_eq!(tried.get("can.clock"), "EPERM");
        assert_eq!(tried.get("can.kind:/dev/log/main"), "p 666");
        // Its own groups by name, as libcutils and bionic want them.
        let groups = shell.ok(&format!("keel attach {name} -- /init can read:/proc/self/cgroup"));
        assert!(groups.contains(":cpu:/\\n") && groups.contains(":cpuacct:/\\n"), "{groups}");
        // This kernel has budgets of real-time threads.
        let dir = format!("/sys/fs/cgroup/cpu/lxc.payload.{name}");
        let files = ["", "/apps", "/apps/bg_non_interactive"].map(|group| format!("{dir}{group}/cpu.rt_runtime_us"));
        let budgets = shell.ok(&format!("cat {}", files.join(" ")));
        assert_eq!(budgets.split_whitespace().collect::<Vec<_>>(), ["400000", "300000", "200000"], "{name}");
        // What restarts a machine is not for those inside.
        assert_eq!(shell.ok(&format!("keel attach {name} -- /init power reboot")).trim(), "power.reboot=EPERM");
        shell.ok(&format!("keel attach {name} -- /system/bin/reboot -n"));
        assert_eq!(shell.ok(&format!("keel info -sH {name}")).trim(), "RUNNING");
    }
    before.is_still_that_of(shell);
    // In Android's own order, and all that is its: nobody else ends what a killed init leaves.
    shell.ok("keel stop one");
    shell.ok("keel start three");
    has_a_context_of_its_own(&mut vm, "three");
    let shell = &mut vm.dialog;
    shell.ok("keel stop two");
    shell.ok("keel stop -k three");
    assert_eq!(shell.ok(PROCESSES), processes);
    before.is_still_that_of(shell);
    assert_eq!(shell.ok("find /sys/fs/cgroup -name 'lxc.payload.*'").trim(), "");
    is_restarted(vm);
}

#[test]
fn a_plain_container_on_a_stock_kernel() {
    let mut vm = machine(|spec| spec.container("cc", "lxc.init.cmd = /bin/sh"));
    let shell = &mut vm.dialog;
    let (before, processes) = (Picture::of(shell), shell.ok(PROCESSES));
    let said = shell.ok("keel start cc 2>&1");
    for lost in LOST {
        assert!(said.contains(lost), "no '{lost}' in {said}");
    }
    // The host's name; its own files, devices and terminals.
    assert_eq!(shell.ok("keel attach cc -- hostname").trim(), "keel");
    assert_eq!(shell.ok("keel attach cc -- cat /etc/hostname").trim(), "bb");
    let tried = Facts::parse(&shell.ok("keel attach cc -- probe can ptmx shm kind:/dev/null"));
    assert_eq!((tried.get("can.ptmx"), tried.get("can.shm")), ("ok", "ok"));
    assert_eq!(tried.get("can.kind:/dev/null"), "c 1:3 666");
    assert_eq!(shell.ok("keel attach cc -- probe power reboot").trim(), "power.reboot=EPERM");
    // Who is left behind ends with it.
    shell.ok("keel attach cc -- sh -c 'tail -f /dev/null &' < /dev/null > /dev/null 2>&1");
    assert!(shell.ok(PROCESSES).contains("tail -f /dev/null"));
    // One that is another at every look, too.
    shell.ok("keel attach cc -- sh -c 'f() { f & }; f' < /dev/null > /dev/null 2>&1");
    shell.ok("keel stop cc");
    assert_eq!(shell.ok(PROCESSES), processes);
    assert_eq!(shell.ok("find /sys/fs/cgroup -name 'lxc.payload.*'").trim(), "");
    // An init that insists on being process 1 says so.
    shell.ok("keel start bb 2>&1; until [ $(keel info -sH bb) = STOPPED ]; do :; done");
    let said = shell.ok("dmesg");
    assert!(said.contains("bb: its console's end: pid1: nothing to run: pid1 is not PID 1 here"), "{said}");
    assert_eq!(shell.ok(PROCESSES), processes);
    before.is_still_that_of(shell);
    is_restarted(vm);
}
