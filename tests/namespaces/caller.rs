//! What LXC's scripts see: names of tools, exit codes, texts that they look for.

use crate::root;
use std::process::Command;
use tests::container::Container;
use tests::ran::{Ran, run};

/// The same program by a name of LXC's.
fn by_name(container: &Container, tool: &str, words: &[&str]) -> Ran {
    let link = container.base().join(tool);
    if !link.exists() {
        std::os::unix::fs::symlink(&tests::built::built().keel, &link).expect("a link");
    }
    let mut command = Command::new(&tests::built::built().probe);
    command.args(["private", "--"]).arg(&link).arg("-P").arg(container.lxcpath());
    run(command.args(["-n", &container.name]).args(words).env("KEEL_RUN", container.base().join("run")))
}

#[test]
fn a_script_of_lxc_tools_finds_what_it_expects() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    assert_eq!(by_name(&container, "lxc-start", &["-d"]).code, 0);
    let info = by_name(&container, "lxc-info", &["-s"]);
    assert_eq!((info.code, info.out.as_str()), (0, "State:          RUNNING\n"));
    assert_eq!(by_name(&container, "lxc-attach", &["--", "/probe", "exit", "7"]).code, 7);
    assert_eq!(by_name(&container, "lxc-start", &[]).code, 0);
    assert_eq!(by_name(&container, "lxc-destroy", &[]).code, 1);
    assert_eq!(by_name(&container, "lxc-stop", &[]).code, 0);
    assert_eq!(by_name(&container, "lxc-stop", &[]).code, 2);
    assert_eq!(by_name(&container, "lxc-attach", &["--", "/probe"]).code, 1);
    // Wrong usage is 1 for LXC, not 2.
    assert_eq!(by_name(&container, "lxc-start", &["--no-such-option"]).code, 1);
    assert_eq!(by_name(&container, "lxc-destroy", &[]).code, 0);
    assert_eq!(by_name(&container, "lxc-start", &[]).code, 1);
    container.assert_nothing_left();
}

#[test]
fn a_running_container_is_not_destroyed_unless_forced() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let said = container.keel("destroy").fails(1);
    assert!(said.contains("is running"), "{said}");
    container.keel("destroy -f").ok();
    assert!(!container.rootfs().exists());
    container.assert_nothing_left();
}

#[test]
fn the_supervisors_number_goes_to_a_file_or_the_reason_is_said() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let file = container.base().join("pid");
    run(container.command("start").arg("-p").arg(&file)).ok();
    let pid: i32 = std::fs::read_to_string(&file).expect("written").parse().expect("a number, nothing else");
    assert_eq!(tests::proc::parent(container.pid()), Some(pid));
    container.keel("stop").ok();
    let said = container.keel("start -p /no/such/directory/pid").fails(1);
    assert!(said.contains("write '/no/such/directory/pid': ENOENT"), "{said}");
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
}
