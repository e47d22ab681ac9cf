//! Properties and services of a running Android, from its host and from inside.

use crate::fixture::Android;
use std::io::{BufRead, BufReader};
use std::sync::mpsc::channel;
use std::time::Duration;
use tests::proc::until;
use tests::skip;

#[test]
fn properties_and_services_from_the_host() {
    if !skip::root() {
        return;
    }
    // 4.1 and 4.2 share the area by descriptor only, 4.3 by a file, 4.4 has another form in it, and 7.0 a directory of them.
    for version in ["", "43", "44", "70"] {
        let android = Android::new("", "");
        std::fs::write(android.container.rootfs().join(format!("init.{version}")), "").expect("written");
        let long = "long ".repeat(40);
        let defaults = format!("ro.debuggable=1\npersist.test=from-default\nro.long={long}\n");
        std::fs::write(android.container.rootfs().join("default.prop"), defaults).expect("written");
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
        // From 8.0 on values may be longer than there is room for in place; before, they are not taken.
        assert_eq!(get("ro.long"), if matches!(version, "44" | "70") { long.trim_end() } else { "" });
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
        // Each change is a line, until the container stops. What changes before the first look is not told: so it goes on changing.
        let mut command = android.container.command("watchprops");
        let mut watching = tests::ran::start(command.arg("persist.test"));
        let output = BufReader::new(watching.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
        let mut number = 0;
        let first = until("a change is told", android.container.base(), || {
            number += 1;
            android.container.keel("setprop debug.other x").ok();
            android.container.keel(&format!("setprop persist.test {number}")).ok();
            lines.recv_timeout(Duration::from_millis(50)).ok()
        });
        assert!(first.starts_with("[persist.test]: ["), "{first}");
        android.container.keel("stop -k").ok();
        assert!(watching.wait().expect("a child").success());
        reader.join().expect("a thread").expect("all was taken");
        let rest: Vec<String> = lines.iter().collect();
        assert!(rest.iter().all(|line| line.starts_with("[persist.test]: [")), "{rest:?}");
        android.start();
        android.calls();
        let long = "n".repeat(40);
        assert!(android.container.keel(&format!("setprop {long} x")).fails(1).contains("40 bytes, and 31 fit"));
        android.container.keel("stop -k").ok();
        assert!(android.container.keel("getprop").fails(1).contains("it does not run"));
    }
}
