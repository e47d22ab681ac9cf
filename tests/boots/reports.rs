//! What a guest tells of its end, and the ends that come seldom: another kernel, a panic of `pid1`, memory that runs out.

use boot::build;
use boot::qemu::Bus;
use std::process::Command;
use tests::vm::{Spec, kernel, login};

/// A guest with a shell on its console, and these modules to load by `load`.
fn guest(modules: &[&str]) -> Spec {
    Spec::guest().modules(modules)
}

const LOAD: &str = "for m in $(cat /etc/modules); do insmod $m || :; done";

#[test]
fn the_host_hears_of_the_end_by_a_virtio_port() {
    let scratch = boot::scratch::Scratch::new().unwrap();
    let heard = scratch.path().join("heard");
    let mut spec = guest(&["virtio_pci", "virtio_console"])
        .append(&format!("keel.report=/dev/virtio-ports/keel.status -- /bin/sh -c \"{LOAD}; exit 5\""));
    let file = format!("file,id=status,path={}", heard.display());
    for word in ["-device", "virtio-serial-pci", "-chardev", &file, "-device"] {
        spec.extra.push(word.into());
    }
    spec.extra.push("virtserialport,chardev=status,name=keel.status".into());
    spec.boot().powers_off();
    // Its driver came with the payload, so that nobody could hear READY=1.
    assert_eq!(std::fs::read_to_string(&heard).unwrap(), "EXIT_STATUS=5\n");
}

#[test]
fn a_listener_hears_by_a_virtual_socket_and_a_storm_of_killed_processes_passes() {
    let scratch = boot::scratch::Scratch::new().unwrap();
    let image = scratch.path().join("swap");
    std::fs::File::create(&image).and_then(|file| file.set_len(16 << 20)).unwrap();
    let modules = ["vsock_loopback", "virtio_pci", "virtio_blk"];
    // What is called at the end stands on the console: the trace of one call is written there (tp_printk).
    let words = "keel.autologin=root tp_printk trace_event=syscalls:sys_enter_swapoff";
    let mut vm = guest(&modules).loud().append(words).disk(&image, Bus::Virtio).boot();
    vm.dialog.expect("~# ");
    vm.dialog.ok(&format!("{LOAD}; dmesg -n 1"));

    vm.dialog.ok("probe vsock 9999 > /tmp/heard & until grep -q listens /tmp/heard; do :; done");
    let container = "unshare --fork --pid --mount-proc /sbin/pid1 keel.notify=vsock:1:9999 -- sh -c";
    vm.dialog.ok(&format!(
        "{container} 'until grep -q READY /tmp/heard; do :; done; exit 5'; echo code=$?; wait; grep -c . /tmp/heard"
    ));
    let heard = vm.dialog.ok("cat /tmp/heard");
    let heard: Vec<&str> = heard.lines().map(str::trim).collect();
    assert_eq!(heard, ["vsock.listens=9999", "vsock.said=READY=1", "vsock.said=EXIT_STATUS=5", "vsock=ok"]);

    // Eight at once want more than there is, with swap to lose first. The first process is nobody's victim, and hears all ends.
    vm.dialog.ok("until test -b /dev/vda; do :; done; mkswap /dev/vda && swapon /dev/vda && grep vda /proc/swaps");
    vm.dialog.ok(
        "for n in 1 2 3 4 5 6 7 8; do probe hog 4000 > /dev/null & done; wait; echo 1000 > /proc/self/oom_score_adj",
    );
    let killed = vm.dialog.ok("dmesg | grep -c 'Out of memory: Killed process'");
    assert!(killed.trim().parse::<u32>().unwrap() >= 8, "{killed}");
    assert_eq!(vm.dialog.ok("probe zombies").trim(), "zombies=0");
    assert_eq!(vm.dialog.ok("cat /proc/1/comm").trim(), "init");
    vm.dialog.ok("dmesg -n 8");
    vm.dialog.line("poweroff");
    let said = vm.powers_off();
    assert!(said.contains("sys_swapoff(") && said.contains("reboot: Power down"), "{said}");
}

#[test]
fn a_screen_has_a_login_as_a_serial_line_has() {
    let mut spec = guest(&[]).append("console=tty1 console=ttyS0 keel.autologin=root");
    spec.extra.extend(["-vga".into(), "std".into()]);
    let mut vm = spec.boot();
    vm.dialog.expect("~# ");
    vm.dialog.ok("until grep -q '^root.*# ' /dev/vcs1 || tr '\\0' ' ' < /dev/vcs1 | grep -q '# '; do :; done");
    for key in "echo seen > /tmp/x\n".chars() {
        let name = match key {
            ' ' => "spc".to_string(),
            '>' => "shift-dot".to_string(),
            '/' => "slash".to_string(),
            '\n' => "ret".to_string(),
            key => key.to_string(),
        };
        vm.monitor().key(&name).unwrap();
    }
    vm.dialog.ok("until grep -q seen /tmp/x 2> /dev/null; do :; done");
    vm.dialog.line("poweroff");
    vm.powers_off();
}

#[test]
fn another_kernel_takes_over() {
    let mut spec = guest(&[]).loud().append("keel.autologin=root");
    spec.tree.host_file(&kernel().packed, "/next").unwrap();
    spec.memory_mib = 384;
    let mut vm = spec.boot();
    vm.dialog.expect("~# ");
    let line = "console=ttyS0 panic=-1 no_timer_check is.next=yes";
    assert_eq!(vm.dialog.ok(&format!("probe kexec /next '{line}'")).trim(), "kexec=ok");
    vm.dialog.line("kill -s RTMIN+6 1 || kill -40 1");
    vm.dialog.expect("is.next=yes");
    // It has no ramdisk, and says so.
    vm.dialog.expect("Unable to mount root fs");
    vm.powers_off();
}

/// `pid1` with a signal that makes it panic.
fn that_panics() -> Vec<u8> {
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pid1-that-panics");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--package", "pid1", "--features", "test-panic", "--target-dir"])
        .arg(&target)
        .current_dir(build::workspace())
        .status()
        .expect("cargo runs");
    assert!(built.success(), "cargo build -p pid1: {built}");
    std::fs::read(target.join("release/pid1")).unwrap()
}

#[test]
fn a_panic_is_told_and_ends_as_the_command_line_says() {
    let mut spec = guest(&[]).loud().append("panic=1");
    let pid1 = that_panics();
    spec.tree.file("init", 0o755, pid1.clone());
    spec.tree.file("sbin/panics", 0o755, pid1);
    let mut vm = spec.boot();
    login(&mut vm.dialog);
    // In a container it ends, with its own failure's code, and the machine stays.
    let container =
        "unshare --fork --pid --mount-proc /sbin/panics -- sh -c 'kill -63 1; while :; do sleep 1000; done'";
    assert!(vm.dialog.ok(&format!("{container}; echo code=$?")).contains("code=125"));
    vm.dialog.line("kill -63 1");
    vm.dialog.expect("pid1: panic at pid1/src/wait.rs:");
    let said = vm.powers_off();
    assert!(said.contains("asked to") && said.contains("reboot: Restarting system"), "{said}");
}
