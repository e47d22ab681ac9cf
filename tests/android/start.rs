//! A start: init goes its whole way, and nothing of it reaches the host.

use crate::fixture::Android;
use crate::picture::Host;
use crate::turns;
use tests::skip;

#[test]
fn init_boots_and_the_host_is_unharmed() {
    if !skip::root() {
        return;
    }
    // Its first mounts are answered with success by the supervisor, or refused, and it goes on with what is there.
    for (way, mounted) in [("require", "ok"), ("none", "EPERM")] {
        boots_and_leaves_the_host_alone(way, mounted);
    }
}

fn boots_and_leaves_the_host_alone(way: &str, mounted: &str) {
    let android = Android::alone("", &format!("keel.android.supervise = {way}"));
    android.start();
    let calls = android.calls();
    for mount in [
        "mount tmpfs /dev",
        "mount devpts /dev/pts",
        "mount proc /proc",
        "mount sysfs /sys",
        "mount rootfs rootfs / ro remount",
        "mount tmpfs tmpfs /mnt/asec mode=0755,gid=1000",
    ] {
        assert_eq!(calls.result(mount), mounted, "{calls:?}");
    }
    assert_eq!(calls.result("open /dev/.booting"), "ok");
    assert_eq!(calls.result("unlink /dev/__null__"), "ok");
    assert_eq!(calls.result("coldboot"), "ok");
    // What its rc file does to files of the machine meets the masks, and succeeds.
    for call in [
        "chmod /proc/cmdline",
        "chown root system /proc/kmsg",
        "chmod 0440 /proc/kmsg",
        "chmod 0666 /dev/null",
        "hostname localhost",
        "mkdir /data/app 0771",
        "write /data/booted 1",
    ] {
        assert_eq!(calls.result(call), "ok", "{calls:?}");
    }
    // Not every kernel has it.
    if std::path::Path::new("/proc/sysrq-trigger").exists() {
        assert_eq!(calls.result("chmod 0220 /proc/sysrq-trigger"), "ok", "{calls:?}");
    }
    // What is the machine's is refused.
    for (call, errno) in [
        ("sysclktz 0", "EPERM"),
        ("write /proc/sys/kernel/panic_on_oops 1", "EROFS"),
        ("write /proc/sys/kernel/randomize_va_space 1", "EROFS"),
        ("write /proc/sys/vm/overcommit_memory 1", "EROFS"),
        ("write /sys/power/state mem", "EROFS"),
    ] {
        assert_eq!(calls.result(call), errno, "{call} {calls:?}");
    }
    // A budget for real-time threads, of its groups and their parents', where the kernel has them (CONFIG_RT_GROUP_SCHED).
    let group = format!("/sys/fs/cgroup/cpu/lxc.payload.{}", android.container.name);
    for (dir, budget) in [("", "400000"), ("/apps", "300000"), ("/apps/bg_non_interactive", "200000")] {
        if let Ok(found) = std::fs::read_to_string(format!("{group}{dir}/cpu.rt_runtime_us")) {
            assert_eq!(found.trim(), budget, "{dir}");
        }
    }
    // ueventd is another process than init, and may be later.
    let announced = || std::fs::read_to_string(android.data("announced")).ok().filter(|text| !text.is_empty());
    let announced = tests::proc::until("ueventd has looked", android.container.base(), announced);
    assert_eq!(announced, "0", "uevents of the host");
    android.assert_host_unharmed();
    android.container.keel("stop -k").ok();
    android.container.assert_nothing_left();
    android.assert_host_unharmed();
}

/// A control of the picture that harms nobody; those of the rest need a machine that may be harmed (`plain`).
#[test]
fn the_picture_of_the_host_sees_a_changed_mode() {
    if !skip::root() {
        return;
    }
    let _turn = turns::alone();
    let path = format!("/dev/keel-picture-{}", std::process::id());
    std::fs::write(&path, "").expect("a file in /dev");
    let host = Host::observed();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o606)).expect("chmod");
    let seen = host.changes();
    std::fs::remove_file(&path).expect("removed");
    let gone = host.changes();
    std::fs::write(&path, "").expect("a file in /dev");
    drop((std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)), host));
    std::fs::remove_file(&path).expect("removed");
    assert!(seen.len() == 1 && seen[0].starts_with(&format!("dev.{path}: 100606 ")), "{seen:?}");
    assert!(gone.len() == 1 && gone[0].starts_with(&format!("dev.{path}: absent, was 100644 ")), "{gone:?}");
}
