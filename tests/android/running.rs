//! "Running it", point by point, on a machine that boots into keel: two Androids beside each other, one of each recipe, and one whose
//! critical service fails. Each check says by name that it holds; what the others of the table in `main` show is not shown again.

use crate::adb::greets;
use crate::binder::{MANAGER, has_a_context_of_its_own};
use crate::boot::named;
use crate::picture::Picture;
use ::boot::ramdisk::Ramdisk;
use std::fmt::Debug;
use tests::container::Facts;
use tests::dialog::Dialog;
use tests::vm::{Spec, Vm};

/// One of them.
struct Running<'a> {
    shell: &'a mut Dialog,
    name: &'static str,
    /// What its init is told of its mounts.
    mounted: &'static str,
    port: u16,
}

const BOTH: [(&str, &str, &str, u16); 2] = [("one", "require", "ok", 5555), ("two", "none", "EPERM", 5556)];

/// What init logs of the service `idle`, for grep.
const ENDED: &str = "\"process 'idle', pid\"";

const FAILING: &str =
    "on boot\n start servicemanager\nservice servicemanager /system/bin/servicemanager\n class late\n critical\n";

fn tree(tree: &mut Ramdisk) {
    for (name, supervise, _, port) in BOTH {
        let config = format!(
            "keel.android.binder = require\nkeel.android.supervise = {supervise}\nkeel.android.adb = {port}\n\
             keel.android.cmdline = androidboot.serialno=4711 androidboot.console=ttyS0\n"
        );
        named(tree, name, &format!("{MANAGER}service adbd /sbin/adbd\n class main\n"), &config);
        let rootfs = format!("var/lib/lxc/{name}/rootfs");
        tree.link(&format!("{rootfs}/sbin/adbd"), "../init");
        tree.file(&format!("{rootfs}/default.prop"), 0o644, format!("persist.adb.tcp.port={port}\n"));
    }
    named(tree, "failing", FAILING, "keel.android.binder = none\n");
}

#[test]
fn every_point_with_both_recipes() {
    let kernel = ::boot::artifacts::full_kernel().unwrap_or_else(|why| panic!("{why}"));
    let mut spec = Spec::host().kernel(kernel, &[("binder_linux", "devices=binder0,binder1")]);
    spec = spec.append("keel.cgroup=v1 keel.autologin=root");
    spec.memory_mib = 768;
    tree(&mut spec.tree);
    let mut vm = spec.boot();
    vm.shell(&[]);
    let before = Picture::of(&mut vm.dialog);
    let machine = vm.dialog.ok("stat -c %d / /dev /proc /sys; hostname");
    // It needs its time to fail five times: five seconds each.
    vm.dialog.ok("keel start failing");
    for (name, _, mounted, port) in BOTH {
        vm.dialog.ok(&format!("keel start {name}"));
        has_a_context_of_its_own(&mut vm, name);
        let mut android = Running { shell: &mut vm.dialog, name, mounted, port };
        android.wait();
        android.has_a_root_of_its_own(&machine);
        android.has_a_dev_of_its_own();
        android.meets_masks_in_proc_and_sys();
        android.is_of_its_recipe();
        android.has_its_groups();
        android.is_heard();
        android.has_properties_and_services();
        android.is_attached_to();
        android.answers_adb();
    }
    before.is_still_that_of(&mut vm.dialog);
    for (name, _, mounted, port) in BOTH {
        let mut android = Running { shell: &mut vm.dialog, name, mounted, port };
        android.restarts_itself();
        android.ends();
    }
    a_critical_service_is_named(&mut vm);
    let shell = &mut vm.dialog;
    assert_eq!(shell.ok("stat -c %d / /dev /proc /sys; hostname"), machine);
    assert_eq!(shell.ok("find /sys/fs/cgroup -name 'lxc.payload.*'").trim(), "");
    before.is_still_that_of(shell);
    println!("the machine: as it was");
    shell.line("poweroff");
    vm.powers_off();
}

impl Running<'_> {
    /// It is so, and is named in the test's output.
    #[track_caller]
    fn so(&self, what: &str, is: bool, seen: &dyn Debug) {
        assert!(is, "{}: not so: {what}: {seen:#?}", self.name);
        println!("{}: {what}", self.name);
    }

    #[track_caller]
    fn is(&self, what: &str, found: &str, wanted: &str) {
        self.so(what, found.trim() == wanted, &(found, wanted));
    }

    /// `keel VERB NAME WORDS`.
    #[track_caller]
    fn keel(&mut self, verb: &str, words: &str) -> String {
        let command = format!("keel {verb} {} {words}", self.name);
        self.shell.ok(command.trim_end())
    }

    #[track_caller]
    fn inside(&mut self, words: &str) -> String {
        self.keel("attach", &format!("-- {words}"))
    }

    #[track_caller]
    fn can(&mut self, words: &str) -> Facts {
        Facts::parse(&self.inside(&format!("/init can {words}")))
    }

    /// Until its init has gone its whole way.
    #[track_caller]
    fn wait(&mut self) {
        self.shell.ok(&format!("until [ -e /srv/{}/calls ]; do :; done", self.name));
    }

    /// Results of its init's calls.
    #[track_caller]
    fn called(&mut self, what: &str, calls: &[(&str, &str)]) {
        let text = self.shell.ok(&format!("cat /srv/{}/calls", self.name));
        for (call, result) in calls {
            self.so(&format!("{what}: {call}: {result}"), text.contains(&format!("{call}: {result}\n")), &text);
        }
    }

    fn has_a_root_of_its_own(&mut self, machine: &str) {
        self.called("root", &[("mount rootfs rootfs / ro remount", self.mounted)]);
        let pid = self.keel("info", "-pH").trim().to_owned();
        let own = self.shell.ok(&format!("stat -c %d /proc/{pid}/root/ /proc/{pid}/root/dev"));
        let others: Vec<&str> = machine.lines().take(2).collect();
        let separate = own.lines().all(|device| !others.contains(&device)) && own.lines().count() == 2;
        self.so("root: file systems of / and /dev are its own", separate, &(&own, machine));
        // Its copy: the directory in which it lies is as it was.
        let rootfs = format!("/var/lib/lxc/{}/rootfs", self.name);
        let left = self.shell.ok(&format!("touch {rootfs}/x && rm {rootfs}/x; ls {rootfs}"));
        let untouched = left.split_whitespace().eq(["default.prop", "init", "init.rc", "sbin"]);
        self.so("root: nothing of what it did is in its rootfs, which can still be written", untouched, &left);
    }

    fn has_a_dev_of_its_own(&mut self) {
        let name = self.name;
        self.shell.ok(&format!("until [ -s /srv/{name}/announced ]; do :; done"));
        let announced = self.shell.ok(&format!("cat /srv/{name}/announced"));
        self.is("dev: ueventd announces none of the machine's devices anew", &announced, "0");
        let kinds = [
            ("/dev/null", "c 1:3 666"),
            ("/dev/ptmx", "l pts/ptmx"),
            ("/dev/.coldboot_done", "f 0"),
            ("/dev/socket/property_service", "s 666"),
            ("/dev/ttyS0", "l console"),
            ("/dev/mem", "none"),
            ("/dev/kvm", "none"),
        ];
        let words: Vec<String> = kinds.iter().map(|(path, _)| format!("kind:{path}")).collect();
        let facts = self.can(&format!("{} ptmx mknod-dev block:1,0", words.join(" ")));
        for (path, kind) in kinds {
            let found = facts.get(&format!("can.kind:{path}")).to_owned();
            self.so(&format!("dev: {path} is '{kind}'"), found == kind, &found);
        }
        self.is("dev: it has terminals", facts.get("can.ptmx"), "ok");
        self.is("dev: nodes can be made", facts.get("can.mknod-dev"), "ok");
        self.is("dev: disks of the machine can't be opened", facts.get("can.block:1,0"), "EPERM");
    }

    fn meets_masks_in_proc_and_sys(&mut self) {
        self.called(
            "masks",
            &[
                ("chmod /proc/cmdline", "ok"),
                ("chmod 0440 /proc/kmsg", "ok"),
                ("chmod 0220 /proc/sysrq-trigger", "ok"),
                ("chmod 0440 /proc/vmallocinfo", "ok"),
                ("chmod 0440 /proc/slabinfo", "ok"),
                ("sysclktz 60", "EPERM"),
                ("write /proc/sys/kernel/panic_on_oops 1", "EROFS"),
                ("write /proc/sys/vm/overcommit_memory 1", "EROFS"),
                ("write /sys/power/state mem", "EROFS"),
                ("chmod 0660 /sys/power/state", "EROFS"),
                ("hostname localhost", "ok"),
            ],
        );
        let words = "read:/proc/cmdline read:/proc/kmsg read:/proc/sys/kernel/hostname write:/proc/sysrq-trigger clock \
                     write:/sys/class/mem/null/uevent";
        let facts = self.can(words);
        let line = "androidboot.serialno=4711 androidboot.console=ttyS0 androidboot.hardware=standin";
        self.is("masks: the kernel's command line is its own", facts.get("can.read:/proc/cmdline"), line);
        self.is("masks: the machine's kernel log is not there", facts.get("can.read:/proc/kmsg"), "");
        self.is("masks: what it writes to sysrq-trigger is taken", facts.get("can.write:/proc/sysrq-trigger"), "ok");
        self.is("masks: the name is its own", facts.get("can.read:/proc/sys/kernel/hostname"), "localhost");
        self.is("masks: the clock can't be set", facts.get("can.clock"), "EPERM");
        let uevent = facts.get("can.write:/sys/class/mem/null/uevent").to_owned();
        self.is("masks: no device can be announced anew", &uevent, "EROFS");
    }

    fn is_of_its_recipe(&mut self) {
        let (mounted, name) = (self.mounted, self.name);
        self.called(
            "recipe",
            &[("mount tmpfs /dev", mounted), ("mount proc /proc", mounted), ("open /dev/__kmsg__", "ok")],
        );
        let plan = self.keel("plan", "");
        let supervised = plan.contains("supervise system calls: mounts are answered");
        self.so("recipe: the plan says which it is", supervised == (mounted == "ok"), &plan);
        let vold = "mkdir /data/x\\nmount tmpfs none /data/x nosuid nodev\\nmount proc proc /data/x\\n";
        self.shell.ok(&format!("printf '{vold}' > /srv/{name}/todo"));
        self.inside("/system/bin/script /data/todo /data/said");
        let said = self.shell.ok(&format!("cat /srv/{name}/said"));
        self.so(&format!("recipe: a daemon's mount: {mounted}"), said.contains(&format!("nodev: {mounted}\n")), &said);
        let second = "mount proc proc /data/x: EPERM\n";
        self.so("recipe: a second /proc: EPERM", said.contains(second), &said);
    }

    fn has_its_groups(&mut self) {
        let facts = self.can("read:/proc/1/cgroup read:/dev/cpuctl/apps/cpu.shares read:/dev/cpuctl/apps/bg_non_interactive/cpu.shares kind:/acct/uid");
        let groups = facts.get("can.read:/proc/1/cgroup").to_owned();
        for wanted in [":cpu:/\\n", ":cpuacct:/\\n"] {
            self.so(
                &format!("cgroups: /proc/PID/cgroup has '{}'", wanted.replace("\\n", "")),
                groups.contains(wanted),
                &groups,
            );
        }
        for (group, shares) in [("apps", "1024"), ("apps/bg_non_interactive", "52")] {
            let found = facts.get(&format!("can.read:/dev/cpuctl/{group}/cpu.shares")).to_owned();
            self.is(&format!("cgroups: shares of {group} are {shares}"), &found, shares);
        }
        self.so("cgroups: /acct/uid is there", facts.get("can.kind:/acct/uid").starts_with("d "), &facts);
    }

    fn is_heard(&mut self) {
        let name = self.name;
        for line in ["] ueventd: starting", "] init: command 'hostname localhost' r=ok"] {
            self.shell.ok(&format!("until keel log {name} | grep -qF \"{line}\"; do :; done"));
            self.so(&format!("log: it has '{line}'"), true, &());
        }
        let log = self.keel("log", "");
        // ueventd is another process, and may be faster.
        let mut lines = log.lines().filter(|line| !line.contains("] ueventd: "));
        // What the stand-in says first: as soon as it says anything but errors.
        let begins = ["] keel: started, pid ", "] init: command 'loglevel 6' r=ok"];
        let all = begins.iter().all(|text| lines.next().is_some_and(|line| line.contains(text)));
        self.so("log: begins with the start and init's first line", all, &log);
        let kernels = self.shell.ok("dmesg | grep -c 'init: command'; true");
        self.is("log: nothing of it is in the kernel's log", &kernels, "0");
        for (log, priority, letter) in [("main", 4, 'I'), ("system", 6, 'E'), ("radio", 5, 'W')] {
            self.inside(&format!("/system/bin/log {log} {priority} Tag of {log}"));
            let wanted = format!("{letter}/Tag     : of {log}");
            self.shell.ok(&format!("until keel logcat {name} -d -b {log} | grep -qxF '{wanted}'; do :; done"));
            self.so(&format!("logcat: {wanted}"), true, &());
        }
        self.inside("/system/bin/eventlog 2722 97 17 full");
        self.shell.ok(&format!("until keel logcat {name} -d -b events | grep -qF '[97,17,full]'; do :; done"));
        self.so("logcat: events", true, &());
    }

    fn has_properties_and_services(&mut self) {
        let name = self.name;
        for (property, value) in [("ro.hardware", "standin"), ("ro.serialno", "4711"), ("init.svc.idle", "running")] {
            let found = self.keel("getprop", property);
            self.is(&format!("getprop: {property} is {value}"), &found, value);
        }
        self.keel("setprop", "persist.test changed");
        let found = self.keel("getprop", "persist.test");
        self.is("setprop: changes it", &found, "changed");
        self.shell.ok(&format!("(keel watchprops {name} persist.test > /run/{name}.watched &)"));
        let changing = format!("n=$((n+1)); keel setprop {name} persist.test $n; keel setprop {name} debug.other $n");
        self.shell.ok(&format!("n=0; until [ -s /run/{name}.watched ]; do {changing}; done"));
        let told = self.shell.ok(&format!("cat /run/{name}.watched"));
        let all = told.lines().all(|line| line.starts_with("[persist.test]: ["));
        self.so("watchprops: tells of its changes and of no other", all && !told.is_empty(), &told);
        for (verb, ends, state) in [("stop", 1, "stopped"), ("start", 1, "running"), ("restart", 2, "running")] {
            self.keel("service", &format!("{verb} idle"));
            self.shell.ok(&format!(
                "until [ $(keel log {name} | grep -c {ENDED}) = {ends} ] && [ $(keel getprop {name} init.svc.idle) = {state} ]; do :; done"
            ));
            self.so(&format!("service {verb}: it is {state}"), true, &());
        }
    }

    fn is_attached_to(&mut self) {
        let found = self.inside("/system/bin/getprop ro.serialno");
        self.is("attach: getprop inside sees what init has set", &found, "4711");
        let found = self.inside("getprop ro.hardware");
        self.is("attach: PATH is that of a service", &found, "standin");
        self.inside("/system/bin/setprop persist.inside yes");
        let found = self.keel("getprop", "persist.inside");
        self.is("attach: what is set inside is seen outside", &found, "yes");
    }

    fn answers_adb(&mut self) {
        let port = self.port;
        let said = self.keel("info", "");
        let shown = said.contains(&format!("ADB:            127.0.0.1:{port}\n"));
        self.so("adb: info shows the forwarded port", shown, &said);
        self.shell.ok(&format!("until [ \"$({})\" = CNXN ]; do :; done", greets("127.0.0.1", port)));
        self.so("adb: adbd answers there", true, &());
    }

    /// By reboot(2), after the key that would make all file systems of a machine read-only.
    fn restarts_itself(&mut self) {
        let name = self.name;
        let first = self.keel("info", "-pH");
        self.shell.ok(&format!("rm /srv/{name}/calls; keel attach {name} -- /system/bin/reboot; true"));
        self.wait();
        let second = self.keel("info", "-pH");
        self.so("restart: another first program after a reboot inside", first != second, &(&first, &second));
        let log = self.keel("log", "");
        self.so("restart: said in words", log.contains("keel: asked for a restart"), &log);
        let writable = self.shell.ok("touch /srv/x && rm /srv/x && grep -c ' / rootfs rw' /proc/mounts");
        self.is("restart: the machine's file systems are still writable", &writable, "1");
    }

    /// One by its own power-off, the other by `keel stop`, which is no more than that.
    fn ends(&mut self) {
        let name = self.name;
        let ended = format!("keel log {name} | grep -c {ENDED}; true");
        let before = self.shell.ok(&ended);
        if self.mounted == "ok" {
            self.shell.ok(&format!("keel attach {name} -- /system/bin/reboot -n -p; true"));
        } else {
            self.keel("stop", "-t 60");
            let after = self.shell.ok(&ended);
            self.so("stop: services ended first", before != after, &(&before, &after));
        }
        self.shell.ok(&format!("until [ $(keel info -sH {name}) = STOPPED ]; do :; done"));
        self.shell.ok(&format!("until keel log {name} | grep -q 'keel: halted'; do :; done"));
        self.so("stop: said in words", true, &());
    }
}

/// Without binder Android's own ends like this, too.
fn a_critical_service_is_named(vm: &mut Vm) {
    let why = "asked for a restart: its init restarts Android, as the critical service 'servicemanager' failed";
    vm.dialog.ok(&format!("until keel log failing | grep -qF \"{why}\"; do :; done"));
    println!("failing: {why}");
    vm.dialog.ok("keel stop -k failing");
}
