//! Mounts of an Android's programs, made for them by the supervisor: what daemons do is done, and what would undo the protection
//! of the host is not, whatever is tried.

use crate::fixture::Android;
use tests::disk::Loop;
use tests::proc::until;
use tests::skip;

/// The lines of a script, for the container.
pub fn write(android: &Android, lines: &[(&str, &str)]) {
    let todo: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    std::fs::write(android.data("todo"), todo).expect("written");
}

/// What it said of each line; what is said of those that begin with `?` is returned.
#[track_caller]
pub fn compare(android: &Android, lines: &[(&str, &str)]) -> Vec<String> {
    let said = std::fs::read_to_string(android.data("said")).expect("readable");
    let mut returned = Vec::new();
    for (line, (wanted, result)) in said.lines().zip(lines) {
        match line.strip_prefix(wanted).and_then(|l| l.strip_prefix(": ")) {
            Some(found) if result.starts_with('?') => returned.push(found.to_owned()),
            found => assert_eq!(found, Some(*result), "{wanted}, in:\n{said}"),
        }
    }
    assert_eq!(said.lines().count(), lines.len(), "{said}");
    returned
}

/// Runs a script as a service, and compares results; those that begin with `?` are returned.
fn run(config: &str, lines: &[(&str, &str)]) -> Vec<String> {
    let rc = "on boot\n start todo\nservice todo /system/bin/script /data/todo /data/said\n class late\n oneshot\n";
    let android = Android::new(rc, &format!("keel.android.supervise = require\n{config}"));
    write(&android, lines);
    android.start();
    android.calls();
    until("the script is done", android.container.base(), || android.data("said").exists().then_some(()));
    let returned = compare(&android, lines);
    android.assert_host_unharmed();
    android.container.keel("stop -k").ok();
    android.container.assert_nothing_left();
    android.assert_host_unharmed();
    returned
}

#[test]
fn what_daemons_mount_is_mounted() {
    if !skip::root() {
        return;
    }
    run(
        "",
        &[
            // vold: a place of its own, a directory shown elsewhere, moved there, and taken away again.
            ("mkdir /data/staging", "ok"),
            ("mount tmpfs none /data/staging nosuid nodev size=1m", "ok"),
            ("mkdir /data/staging/.secure", "ok"),
            ("touch /data/staging/.secure/file", "ok"),
            ("mount - /data/staging/.secure /mnt/secure bind", "ok"),
            ("exists /mnt/secure/file", "ok"),
            ("umount /mnt/secure", "ok"),
            ("exists /mnt/secure/file", "ENOENT"),
            ("mkdir /data/to", "ok"),
            ("mount - /data /data private", "ok"),
            ("mkdir /data/here", "ok"),
            ("mount tmpfs none /data/here", "ok"),
            ("touch /data/here/file", "ok"),
            ("mount - / / private rec", "ok"),
            ("mount - /data/here /data/to move", "ok"),
            ("exists /data/to/file", "ok"),
            ("mount - none /data/to remount ro", "ok"),
            ("touch /data/to/file", "EROFS"),
            ("umount /data/to", "ok"),
            ("umount /data/staging", "ok"),
            ("umount /data/staging", "EINVAL"),
            ("mount ext4 /dev/block/none /data/to", "ENOENT"),
            ("mount tmpfs none /data/none", "ENOENT"),
            // zygote of 4.2: a namespace for each app.
            ("unshare", "ok"),
            ("mount - none / slave rec", "ok"),
            ("mount tmpfs none /data/to", "ok"),
            ("umount /data/to", "ok"),
        ],
    );
}

#[test]
fn what_protects_the_host_stays() {
    if !skip::root() {
        return;
    }
    let returned = run(
        "",
        &[
            ("mkdir /data/x", "ok"),
            ("mount proc proc /data/x", "EPERM"),
            ("mount sysfs sysfs /data/x", "EPERM"),
            ("mount cgroup none /data/x cpu", "EPERM"),
            ("mount debugfs none /data/x", "EPERM"),
            ("mount overlay none /data/x lowerdir=/proc:/sys", "EPERM"),
            ("mount - /proc /data/x bind", "EPERM"),
            ("mount - / /data/x bind rec", "EPERM"),
            ("mount - /proc/kmsg /data/x move", "EPERM"),
            ("mount - none /proc/sys remount", "EPERM"),
            ("mount - none /sys remount", "EPERM"),
            ("umount /proc/kmsg", "EPERM"),
            ("umount /proc/sys", "EPERM"),
            ("umount /proc", "EPERM"),
            ("umount /dev/__kmsg__", "EPERM"),
            ("umount /", "EPERM"),
            ("count proc", "?"),
            // Two types of one length, of which one is allowed: whichever the supervisor sees is judged and made.
            ("race tmpfs sysfs /data/x 300", "?"),
            ("count sysfs", "1"),
            // In a copy of the namespace all is as protected.
            ("unshare", "ok"),
            ("umount /proc/kmsg", "EPERM"),
            ("mount - none /proc/sys remount", "EPERM"),
            ("mount - /proc/sys /data/x move", "EPERM"),
        ],
    );
    let counts: Vec<u32> = returned[1].split(' ').map(|n| n.parse().expect("a number")).collect();
    assert!(counts.iter().sum::<u32>() >= 300, "{counts:?}");
    assert!(counts[0] > 0 && counts[1] > 0, "one of the types was never seen in the race: {counts:?}");
}

/// vold: a disk that was handed over, and none that was not.
#[test]
fn disks_that_were_handed_over_are_mounted() {
    if !skip::root() {
        return;
    }
    let scratch = boot::scratch::Scratch::new().expect("a directory");
    let images = ["handed", "other"].map(|name| scratch.path().join(name));
    images.iter().for_each(|image| tests::disk::make(image, 4));
    let Some(handed) = Loop::of(&images[0]) else { return };
    let Some(other) = Loop::of(&images[1]) else { return };
    let rule = format!("devices.allow = b 7:{} rwm\n", handed.minor());
    run(
        &format!("lxc.cgroup.{rule}lxc.cgroup2.{rule}"),
        &[
            ("mkdir /data/x", "ok"),
            (&format!("mknod-block /dev/block/handed 7 {}", handed.minor()), "ok"),
            (&format!("mknod-block /dev/block/other 7 {}", other.minor()), "ok"),
            ("mount ext4 /dev/block/other /data/x", "EPERM"),
            ("mount ext4 /dev/block/handed /data/x nosuid nodev", "ok"),
            ("mkdir /data/x/left-by-vold", "ok"),
            ("mount ext4 /dev/block/handed /data/x remount ro", "ok"),
            ("mkdir /data/x/refused", "EROFS"),
            ("umount /data/x", "ok"),
            // Of another kind than it is.
            ("mount squashfs /dev/block/handed /data/x", "EINVAL"),
            ("exists /data/x/left-by-vold", "ENOENT"),
        ],
    );
    drop((handed, other));
    assert!(tests::disk::has(&images[0], "left-by-vold") && tests::disk::is_clean(&images[0]));
    assert_eq!((tests::disk::mounts(&images[0]), tests::disk::mounts(&images[1])), (1, 0));
}

/// The sdcard daemon of 4.2: a file system of its own program.
#[test]
fn fuse_is_mounted_by_the_callers_descriptor() {
    if !skip::root() {
        return;
    }
    let misc = std::fs::read_to_string("/proc/misc").unwrap_or_default();
    if !misc.lines().any(|line| line.trim().ends_with(" fuse")) {
        return skip::skip("no FUSE on this machine");
    }
    let options = "rootmode=40000 user_id=0 group_id=0";
    run(
        "",
        &[
            ("mkdir /data/x", "ok"),
            ("fuse /data/x", "ok"),
            ("read /data/x/file", "served"),
            ("exists /data/x/none", "ENOENT"),
            ("umount /data/x", "ok"),
            ("read /data/x/file", "ENOENT"),
            // Only by a descriptor of /dev/fuse that the caller has: standard input is none, and nobody else's is looked at.
            (&format!("mount fuse none /data/x fd=0 {options}"), "EINVAL"),
            (&format!("mount fuse none /data/x fd=99 {options}"), "errno9"),
            (&format!("mount fuse none /data/x {options}"), "EINVAL"),
        ],
    );
    let rule = "devices.deny = c 10:229 rwm\n";
    run(&format!("lxc.cgroup.{rule}lxc.cgroup2.{rule}"), &[("mkdir /data/x", "ok"), ("fuse /data/x", "EPERM")]);
}
