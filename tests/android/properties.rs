//! Properties and services of a running Android, from its host and from inside.

use crate::fixture::Android;
use tests::proc::until;
use tests::skip;

#[test]
fn properties_and_services_from_the_host() {
    if !skip::root() {
        return;
    }
    // 4.1 and 4.2 share the area by descriptor only, 4.3 by a file.
    for is_43 in [false, true] {
        let android = Android::new("", "");
        if is_43 {
            std::fs::write(android.container.rootfs().join("init.43"), "").expect("written");
        }
        android.start();
        android.calls();
        let get = |name: &str| {
            let mut command = android.container.command("getprop");
            tests::ran::run(command.arg(name)).ok().trim_end().to_owned()
        };
        assert_eq!(get("ro.hardware"), "standin");
        assert_eq!(get("ro.serialno"), "4711");
        assert_eq!(get("persist.test"), "from-default");
        assert_eq!(get("no.such"), "");
        android.container.keel("setprop persist.test changed").ok();
        assert_eq!(get("persist.test"), "changed");
        assert!(android.container.keel("getprop").ok().contains("[init.svc.ueventd]: [running]\n"));
        // A program that is attached sees them, and has the environment of a service.
        let inside = |words: &str| android.inside(words).ok().trim_end().to_owned();
        assert_eq!(inside("/system/bin/getprop persist.test"), "changed");
        assert_eq!(inside("getprop ro.serialno"), "4711", "PATH is Android's");
        android.container.keel("service stop idle").ok();
        until("idle is stopped", android.container.base(), || (get("init.svc.idle") == "stopped").then_some(()));
        android.container.keel("service start idle").ok();
        until("idle runs", android.container.base(), || (get("init.svc.idle") == "running").then_some(()));
        let said = android.container.keel("service restart idel").fails(0);
        assert!(said.contains("no service 'idel' has run yet, nearest is 'idle'"), "{said}");
        // Each change is a line, until the container stops.
        let mut command = android.container.command("watchprops");
        let watching = tests::ran::start(command.arg("persist.test"));
        // It looks from when it has the first picture: changes go on until it has told of one.
        let said = std::thread::scope(|scope| {
            let told = scope.spawn(|| tests::ran::finish(watching, tests::ran::PATIENCE));
            let mut number = 0;
            until("the watch has begun", android.container.base(), || {
                number += 1;
                android.container.keel(&format!("setprop persist.test {number}")).ok();
                android.container.keel("setprop debug.other x").ok();
                (number > 20).then_some(())
            });
            android.container.keel("stop -k").ok();
            told.join().expect("it ends with the container")
        });
        let lines: Vec<&str> = said.out.lines().collect();
        assert!(said.code == 0 && !lines.is_empty(), "{said:?}");
        assert!(lines.iter().all(|line| line.starts_with("[persist.test]: [")), "{lines:?}");
        android.start();
        android.calls();
        let long = "n".repeat(40);
        assert!(android.container.keel(&format!("setprop {long} x")).fails(1).contains("40 bytes, and 31 fit"));
        android.container.keel("stop -k").ok();
        assert!(android.container.keel("getprop").fails(1).contains("it does not run"));
    }
}
