//! `pid1` alone as a machine's init: logins, payloads, and every way to end.

use boot::qemu::Bus;
use tests::disk;
use tests::vm::{Spec, Vm, login, modules};

fn guest() -> Spec {
    Spec::guest()
}

#[test]
fn a_login_sees_what_pid1_has_made() {
    let mut vm = guest().append("keel.hostname=guest").boot();
    vm.dialog.expect("the host's issue");
    vm.login();
    let shell = &mut vm.dialog;
    assert_eq!(shell.ok("hostname").trim(), "guest");
    assert_eq!(shell.ok("cat /proc/1/comm").trim(), "init");
    assert_eq!(shell.ok("tty").trim(), "/dev/ttyS0");
    for (what, line) in [
        ("/dev/shm", "tmpfs /dev/shm tmpfs rw,nosuid,nodev"),
        ("/dev/pts", "devpts /dev/pts devpts rw,nosuid,noexec"),
        ("/run", "tmpfs /run tmpfs rw,nosuid,nodev"),
    ] {
        let mounts = shell.ok(&format!("grep ' {what} ' /proc/mounts"));
        assert!(mounts.contains(line), "{mounts}");
    }
    assert_eq!(shell.ok("stat -c %a /dev/shm").trim(), "1777");
    shell.ok("echo x > /dev/shm/x && test -s /dev/shm/x");
    // Job control: the foreground job gets ^C, the shell goes on.
    shell.line("echo re''ady; cat");
    shell.expect("ready");
    shell.send("typed\r");
    shell.expect("typed\r\ntyped");
    shell.send("\x03");
    // ^C throws away what was typed and not read.
    shell.expect("# ");
    assert_eq!(shell.ok("echo alive").trim(), "alive");
    // A logout is followed by the next login.
    shell.line("exit");
    vm.login();
    vm.dialog.line("poweroff");
    vm.powers_off();
}

#[test]
fn every_console_that_is_named_has_a_login() {
    let mut vm = guest().append("console=ttyS1 console=ttyS0").boot();
    vm.dialog.expect("login: ");
    // The last one is the main one; the first has a login all the same.
    let mut second = vm.second();
    second.line("");
    login(&mut second);
    assert_eq!(second.ok("tty").trim(), "/dev/ttyS1");
    second.line("halt -f -p || poweroff");
    vm.powers_off();
}

/// Ends a guest by what is typed at its shell, and returns what the console said.
fn ended_by(command: &str) -> String {
    let mut vm = guest().loud().append("keel.autologin=root").boot();
    vm.dialog.expect("~# ");
    vm.dialog.line(command);
    vm.powers_off()
}

#[test]
fn signals_end_it_as_busybox_sysvinit_and_systemd_users_expect() {
    // With -no-reboot a restart ends QEMU, too; the kernel says which it was.
    for (command, said) in
        [("reboot", "reboot: Restarting system"), ("kill -s RTMIN+4 1 || kill -38 1", "reboot: Power down")]
    {
        let console = ended_by(command);
        assert!(console.contains(said), "{command}: {console}");
    }
}

#[test]
fn ctrl_alt_del_and_the_power_button_end_it() {
    let mut vm = guest().loud().boot();
    vm.dialog.expect("login: ");
    vm.monitor().ctrl_alt_delete().unwrap();
    assert!(vm.powers_off().contains("reboot: Restarting system"));

    let mut vm = guest().loud().append("keel.autologin=root").boot();
    vm.dialog.expect("~# ");
    // The distribution's kernel has the button as modules; pid1 looks for buttons anew at SIGHUP.
    vm.dialog.ok("for m in $(cat /etc/modules); do insmod $m; done; kill -HUP 1");
    assert!(vm.press_power_button().contains("reboot: Power down"));
}

/// The payload's status by isa-debug-exit: a write of N ends QEMU with 2N+1.
fn payload_status(words: &str) -> Option<i32> {
    let mut spec = guest().append("keel.debug_exit=0xf4").append(words);
    spec.debug_exit = true;
    let mut vm: Vm = spec.boot();
    vm.ends().1.code()
}

#[test]
fn a_payload_has_its_status_told() {
    assert_eq!(payload_status("-- /bin/sh -c \"exit 5\""), Some(11));
    // Killed by signal 9: 128+9, and of 2 * 137 + 1 the lower eight bits.
    assert_eq!(payload_status("-- /bin/sh -c \"kill -9 $$\""), Some(19));
    assert_eq!(payload_status("-- /no/such/program"), Some(255));
}

#[test]
fn another_init_takes_over_or_has_a_namespace_of_its_own() {
    let init = "#!/bin/sh\necho \"this is $$, $(cat /proc/1/comm)\"\necho o > /proc/sysrq-trigger\nread forever\n";
    let mut vm = guest().file("etc/other", 0o755, init).append("keel.init=/etc/other").boot();
    vm.dialog.expect("this is 1, other");
    vm.powers_off();

    let init = "#!/bin/sh\necho \"this is $$ of $(ls -d /proc/[0-9]* | wc -l)\"\nexit 3\n";
    let mut spec = guest().file("etc/other", 0o755, init);
    spec = spec.append("keel.init=/etc/other keel.handover=pidns keel.debug_exit=0xf4");
    spec.debug_exit = true;
    let mut vm = spec.boot();
    vm.dialog.expect("this is 1 of");
    assert_eq!(vm.ends().1.code(), Some(7));
}

#[test]
fn an_image_without_a_login_is_told_so_and_stays_up() {
    let mut spec = guest().loud();
    for name in ["bin/login", "sbin/login", "usr/bin/login"] {
        spec.tree.rename(name, &format!("{name}.none"));
    }
    let mut vm = spec.boot();
    vm.dialog.expect("login: ");
    vm.dialog.line("root");
    vm.dialog.expect("login(1): ENOENT");
    vm.monitor().ctrl_alt_delete().unwrap();
    vm.powers_off();
}

#[test]
fn a_disk_is_clean_at_the_end() {
    let scratch = boot::scratch::Scratch::new().unwrap();
    let image = scratch.path().join("disk");
    disk::make(&image, 8);
    let mut spec = guest().append("keel.autologin=root").disk(&image, Bus::Virtio);
    let mut order = String::new();
    for file in modules(&["virtio_pci", "virtio_blk"]) {
        let name = format!("/lib/modules/{}", file.file_name().unwrap().to_string_lossy());
        spec.tree.host_file(&file, &name).unwrap();
        order += &format!("{name} ");
    }
    let mut vm = spec.boot();
    vm.dialog.expect("~# ");
    vm.dialog.ok(&format!("for m in {order}; do insmod $m; done; until test -b /dev/vda; do :; done"));
    vm.dialog.ok("mkdir -p /mnt && mount -t ext4 /dev/vda /mnt && echo kept in the file > /mnt/file && cd /mnt");
    vm.dialog.line("poweroff");
    vm.powers_off();
    assert!(disk::is_clean(&image) && disk::mounts(&image) == 1 && disk::has(&image, "kept in the file"));
}
