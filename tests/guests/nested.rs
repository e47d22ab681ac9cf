//! Containers in containers: Keel in Keel, three deep, with ids of its own too, and Debian's LXC in Keel. What is inside can be
//! stopped inside, and all of it from outside, with nothing left.

use crate::debian;
use crate::systemd;
use std::fs;
use std::process::Command;
use tests::built::built;
use tests::container::Container;
use tests::ran::{Ran, run};

/// What a container needs to have others inside.
const NESTING: &str = "lxc.mount.auto =\nlxc.mount.auto = proc:rw sys:rw cgroup:rw:force\n";

/// A shell inside, with nothing of this environment: Keel's own variables would follow.
#[track_caller]
fn inside(container: &Container, script: &str) -> Ran {
    run(container.command("attach").args(["--clear-env", "--", "sh", "-ec", script]))
}

fn keel_in_a_busybox(more: &str) -> Option<Container> {
    if !tests::skip::root() {
        return None;
    }
    let outer = Container::busybox(&[]);
    outer.add_config(&format!("{NESTING}{more}"));
    run(Command::new("cp").arg(&built().keel).arg(outer.rootfs().join("bin/keel"))).ok();
    run(Command::new("chmod").arg("755").arg(outer.rootfs().join("bin/keel"))).ok();
    Some(outer)
}

const CREATE: &str = "keel create -q -n in -t busybox --busybox /bin/busybox --pid1 /sbin/init --config /dev/null";

/// Cgroups of inner containers, as the host sees them.
fn inner_cgroups(outer: &Container) -> usize {
    let seen = |root: std::path::PathBuf| root.join(format!("lxc.payload.{}/lxc.payload.in", outer.name)).is_dir();
    tests::canary::cgroup_roots().into_iter().filter(|root| seen(root.clone())).count()
}

#[track_caller]
fn lives_and_ends(outer: &Container) {
    inside(outer, CREATE).ok();
    assert_eq!(
        inside(outer, "keel start -n in; keel info -n in -sH; keel attach -n in -- hostname").ok(),
        "RUNNING\nin\n"
    );
    let roots = tests::canary::cgroup_roots().len();
    assert!(roots == 0 || inner_cgroups(outer) > 0, "its cgroups are below those of the container around it");
    inside(outer, "keel stop -n in").ok();
    assert_eq!(inner_cgroups(outer), 0);
    assert_eq!(inside(outer, "find /sys/fs/cgroup -name 'lxc.payload*'; find /run -type f").ok(), "");
    // It runs when the one around it is told to stop.
    inside(outer, "keel start -n in").ok();
    outer.keel("stop").ok();
    outer.assert_nothing_left();
}

#[test]
fn keel_in_keel_in_keel() {
    let Some(outer) = keel_in_a_busybox("") else { return };
    outer.start();
    inside(&outer, CREATE).ok();
    let nesting = NESTING.replace('\n', "\\n");
    inside(&outer, &format!("cp /bin/keel /var/lib/lxc/in/rootfs/bin/; printf '{nesting}' >> /var/lib/lxc/in/config"))
        .ok();
    inside(&outer, "keel start -n in").ok();
    let third = format!("keel attach -n in -- sh -ec '{CREATE}; keel start -n in; keel attach -n in -- hostname'");
    assert_eq!(inside(&outer, &third).ok(), "in\n");
    // The innermost, as the host sees it.
    let deep = format!("lxc.payload.{}/lxc.payload.in/lxc.payload.in", outer.name);
    let roots = tests::canary::cgroup_roots();
    assert!(roots.is_empty() || roots.iter().any(|root| root.join(&deep).is_dir()), "{deep}: in none of {roots:?}");
    outer.keel("stop").ok();
    outer.assert_nothing_left();
}

#[test]
fn keel_in_keel() {
    let Some(outer) = keel_in_a_busybox("") else { return };
    outer.start();
    lives_and_ends(&outer);
}

#[test]
fn keel_in_keel_with_ids_of_its_own() {
    let config = "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n";
    let Some(outer) = keel_in_a_busybox(config) else { return };
    run(Command::new("chown").args(["-R", "100000:100000"]).arg(outer.rootfs())).ok();
    outer.start();
    lives_and_ends(&outer);
}

#[test]
fn debians_lxc_in_keel() {
    let Some(outer) = debian::guest(&["lxc"], NESTING) else { return };
    let etc = debian::delta(&outer).join("etc/lxc");
    fs::create_dir_all(&etc).expect("a directory");
    fs::write(etc.join("default.conf"), "lxc.net.0.type = empty\n").expect("written");
    outer.start();
    systemd::is_up(&outer);
    let made = inside(&outer, "lxc-create -n bb -t busybox -- --busybox-path=/bin/busybox");
    assert_eq!(made.code, 0, "{made:#?}");
    let started =
        inside(&outer, "lxc-start -n bb -o /log; lxc-wait -n bb -s RUNNING -t 30; lxc-attach -n bb -- hostname");
    assert_eq!((started.code, started.out.as_str()), (0, "bb\n"), "{started:#?}");
    let stopped = inside(&outer, "lxc-stop -n bb; lxc-info -n bb -sH");
    assert_eq!((stopped.code, stopped.out.as_str()), (0, "STOPPED\n"), "{stopped:#?}");
    assert_eq!(inside(&outer, "lxc-start -n bb; lxc-info -n bb -sH").out, "RUNNING\n");
    outer.keel("stop -k").ok();
    outer.assert_nothing_left();
}
