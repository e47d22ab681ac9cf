//! Every step of a plan fails once: the start says which step and why, and leaves nothing.

use crate::root;
use tests::container::Container;
use tests::ran::run;

/// What a container of many steps has.
const CONFIG: &str = "lxc.tty.max = 1\nlxc.pty.max = 8\nlxc.cap.drop = sys_time\nlxc.no_new_privs = 1\n\
    lxc.mount.entry = shm dev/shm tmpfs nosuid,nodev,mode=1777,create=dir 0 0\n\
    lxc.mount.entry = /etc mnt none bind,ro 0 0\nlxc.rootfs.options = ro\nlxc.arch = x86_64\n\
    lxc.init.uid = 1000\nlxc.init.gid = 1000\nlxc.init.cmd = /probe init\nlxc.net.0.type = empty";

/// Number, whether it must succeed, and text of each step.
fn steps(container: &Container) -> Vec<(usize, bool, String)> {
    let plan = run(&mut container.command("plan")).ok();
    let step = |line: &str| {
        let (number, rest) = line.trim_start().split_once(' ')?;
        let (kind, text) = rest.split_at_checked(5)?;
        Some((number.parse().ok()?, kind.trim() == "must", text.to_owned()))
    };
    plan.lines().filter_map(step).collect()
}

#[test]
fn each_step_is_named_and_undone() {
    if !root() {
        return;
    }
    let container = Container::probe(CONFIG);
    let steps = steps(&container);
    assert!(steps.len() > 30, "{steps:#?}");
    let mut after_a_may = 0;
    for (number, must, text) in &steps {
        let ran = container.keel(&format!("start --fail-at {number}:ENOMEM"));
        if *must {
            assert_eq!(ran.code, 1, "step {number}, {text}: {ran:?}");
            let expected = format!("step {number} of {}, {text}: ENOMEM", steps.len());
            assert!(ran.err.contains(&expected), "'{expected}' was expected: {ran:?}");
            assert_eq!((ran.err.lines().count(), ran.out.as_str()), (1, ""), "{ran:?}");
            assert!(ran.err.contains(&container.name), "{ran:?}");
        } else {
            after_a_may += 1;
            assert_eq!(ran.code, 0, "step {number}, {text} may fail: {ran:?}");
            assert_eq!(container.state(), "RUNNING", "{text}");
            container.keel("stop -k").ok();
        }
        assert_eq!(container.state(), "STOPPED", "{text}");
        container.assert_nothing_left();
    }
    assert!(after_a_may > 0);
    container.start();
    container.keel("stop").ok();
    container.assert_nothing_left();
}

#[test]
fn in_the_foreground_as_well() {
    if !root() {
        return;
    }
    let container = Container::probe(CONFIG);
    let all = steps(&container);
    for (number, _, text) in all.iter().filter(|(_, must, _)| *must).step_by(5) {
        let ran = container.keel(&format!("start -F --fail-at {number}:EIO"));
        assert_eq!(ran.code, 1, "{text}: {ran:?}");
        assert!(ran.err.contains(&format!("step {number} of {}, {text}: EIO", all.len())), "{ran:?}");
        container.assert_nothing_left();
    }
}

#[test]
fn a_step_that_does_not_exist_is_said() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    for (at, expected) in [
        ("0", "no step 0"),
        ("9999", "no step 9999"),
        ("x", "'x' is no step's number"),
        ("1:ENOSUCH", "'ENOSUCH' is no error number's symbol"),
    ] {
        let said = container.keel(&format!("start --fail-at {at}")).fails(1);
        assert!(said.contains(expected), "{said}");
    }
    container.assert_nothing_left();
}

#[test]
fn few_descriptors_and_no_processes_are_errors_like_others() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.tty.max = 2\nlxc.pty.max = 8");
    for n in [3, 4, 5, 6, 8, 10, 12, 16, 24, 64] {
        let inner = container.command("start");
        let mut limited = std::process::Command::new(&tests::built::built().probe);
        limited.args(["limit", "nofile", &n.to_string(), "--"]).arg(inner.get_program()).args(inner.get_args());
        limited.env("KEEL_RUN", container.base().join("run"));
        let ran = run(&mut limited);
        if ran.code == 0 {
            container.keel("stop -k").ok();
        } else {
            assert!(!ran.err.is_empty() && !ran.err.contains("panic"), "{n} descriptors: {ran:?}");
        }
        container.assert_nothing_left();
    }
}
