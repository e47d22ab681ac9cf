//! autostart: which containers, in which order, and what is done with them.

use crate::{keel, other, root};
use tests::container::Container;

/// Four containers: of no group, of g1, of g1 and onboot without auto, of onboot.
fn four() -> (Container, Vec<String>) {
    let container = Container::probe("lxc.start.auto = 1\nlxc.start.order = 5\nlxc.start.delay = 1");
    let mut names = vec![container.name.clone()];
    for (suffix, lines) in [
        ("b", "lxc.start.auto = 1\nlxc.group = g1\nlxc.start.order = 2\n"),
        ("c", "lxc.group = g1 onboot\n"),
        ("d", "lxc.start.auto = 1\nlxc.group = onboot\nlxc.start.order = 9\n"),
    ] {
        let name = other(&container, suffix);
        let dir = container.lxcpath().join(&name);
        std::fs::create_dir(&dir).unwrap();
        let text = format!(
            "lxc.rootfs.path = dir:{}\nlxc.init.cmd = /probe init\nlxc.uts.name = {name}\n{lines}",
            container.rootfs().display()
        );
        std::fs::write(dir.join("config"), text).unwrap();
        names.push(name);
    }
    (container, names)
}

#[test]
fn lists_are_lxcs() {
    let (container, names) = four();
    let [a, b, c, d] = names.as_slice() else { unreachable!() };
    for (options, expected) in [
        (&["-L"][..], format!("{a} 1\n")),
        (&["-L", "-r"], String::new()),
        (&["-L", "-s"], String::new()),
        (&["-L", "-a"], format!("{b} 0\n{a} 1\n{d} 0\n")),
        (&["-L", "-A"], format!("{a} 1\n")),
        (&["-L", "-a", "-A"], format!("{c} 0\n{b} 0\n{a} 1\n{d} 0\n")),
        (&["-L", "-g", "onboot,g1"], format!("{d} 0\n{b} 0\n")),
        (&["-L", "-g", "g1,"], format!("{b} 0\n{a} 1\n")),
        (&["-L", "-g", "nosuch"], String::new()),
    ] {
        assert_eq!(keel(&container, "autostart", options).ok(), expected, "{options:?}");
    }
}

#[test]
fn all_are_started_and_stopped() {
    if !root() {
        return;
    }
    let (container, names) = four();
    let [a, b, c, d] = names.as_slice() else { unreachable!() };
    keel(&container, "autostart", ["-a"]).ok();
    let running = |list: &[&String]| {
        let mut all: Vec<String> = list.iter().map(|name| format!("{name}\n")).collect();
        all.sort();
        assert_eq!(keel(&container, "ls", ["-1", "--running"]).ok(), all.concat());
    };
    running(&[a, b, d]);
    assert_eq!(keel(&container, "autostart", ["-L", "-s", "-a"]).ok(), format!("{b}\n{a}\n{d}\n"));
    keel(&container, "autostart", ["-k", "-g", "g1"]).ok();
    running(&[a, d]);
    keel(&container, "autostart", ["-s", "-a", "-t", "30"]).ok();
    running(&[]);
    // One of four that cannot be started is a partial failure.
    std::fs::write(
        container.lxcpath().join(c).join("config"),
        "lxc.rootfs.path = /no/such\nlxc.start.auto = 1\nlxc.group = x\n",
    )
    .unwrap();
    let ran = keel(&container, "autostart", ["-g", "x"]);
    assert!(ran.code == 2 && ran.err.contains("ENOENT"), "{ran:?}");
    container.assert_nothing_left();
}
