//! Programs that are attached to an Android whose mounts its supervisor answers: theirs are answered, too.

use crate::fixture::Android;
use crate::mounts::{compare, write};
use rustix::process::Signal;
use tests::proc::{self, Process, until};
use tests::ran::PATIENCE;
use tests::skip;

/// Runs a script by attach, with these words for it.
#[track_caller]
fn attached(android: &Android, words: &str, lines: &[(&str, &str)]) {
    write(android, lines);
    android.container.keel(&format!("attach {words} -- /system/bin/script /data/todo /data/said")).ok();
    compare(android, lines);
    std::fs::remove_file(android.data("said")).expect("removed");
}

#[test]
fn mounts_of_what_is_attached_are_judged_as_all_others() {
    if !skip::root() {
        return;
    }
    let android = Android::new("", "keel.android.supervise = require");
    android.start();
    android.calls();
    let supervisor = Process::hold(proc::parent(android.container.pid()).expect("it runs")).expect("it runs");
    let held = || {
        let dir = format!("/proc/{}/fd", supervisor.pid);
        let links = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| std::fs::read_link(e.path()));
        links.flatten().filter(|link| link.as_os_str() == "anon_inode:seccomp notify").count()
    };
    assert_eq!(held(), 1, "one listener is that of init");
    for _ in 0..3 {
        attached(
            &android,
            "",
            &[
                ("mkdir /data/x", "?"),
                ("mount tmpfs none /data/x nosuid nodev", "ok"),
                ("touch /data/x/file", "ok"),
                ("umount /data/x", "ok"),
                ("mount proc proc /data/x", "EPERM"),
                ("mount - /proc /data/x bind", "EPERM"),
                ("umount /proc/kmsg", "EPERM"),
                ("mount - none /proc/sys remount", "EPERM"),
                ("unshare", "ok"),
                ("umount /proc/sys", "EPERM"),
            ],
        );
    }
    // The control: who asks for it is under no filter, and then it is the kernel that says yes.
    attached(&android, "--elevated-privileges=LSM", &[("mount proc proc /data/x", "ok"), ("umount /data/x", "ok")]);
    // What each has brought goes with it (Linux 5.8).
    until("listeners of those that have ended are closed", android.container.base(), || (held() == 1).then_some(()));
    // On a terminal, and of an exit code that is the program's.
    let (said, code) = android.container.on_terminal("attach -- /init exit 7").end();
    assert_eq!(code, 7, "{said}");
    android.assert_host_unharmed();
    // Nobody answers any more: mounts fail as for all who are inside, and the rest goes on.
    supervisor.signal(Signal::KILL);
    assert!(supervisor.ends_within(PATIENCE));
    attached(&android, "", &[("mount tmpfs none /data/x", "ENOSYS"), ("umount /proc/kmsg", "ENOSYS")]);
    android.container.keel("stop -k").ok();
    android.container.assert_nothing_left();
    android.assert_host_unharmed();
}

/// A profile of the configuration's and the filter of an Android: both hold for what is attached, whoever answers mounts.
#[test]
fn a_profile_holds_besides() {
    if !skip::root() {
        return;
    }
    for way in ["require", "none"] {
        let android = Android::new("", &format!("keel.android.supervise = {way}"));
        let profile = android.container.outside().join("profile");
        std::fs::write(&profile, "2\ndenylist\nmkdir errno 95\n").expect("written");
        android.container.add_config(&format!("lxc.seccomp.profile = {}\n", profile.display()));
        android.start();
        let calls = android.calls();
        assert_eq!(calls.result("mkdir /data/app 0771"), "errno95");
        attached(
            &android,
            "",
            &[
                ("mkdir /data/x", "errno95"),
                ("mount proc proc /data", "EPERM"),
                ("mknod /data/klog 1 11", "ok"),
                ("exists /data/klog", "ENOENT"),
            ],
        );
        android.container.keel("stop -k").ok();
    }
}
