//! execute: the exit code is the command's, pipes stay pipes, no rootfs is needed.

use crate::root;
use std::io::Write;
use std::process::Stdio;
use tests::built::built;
use tests::container::Container;
use tests::ran::{PATIENCE, Ran, finish, run};

/// A container without a rootfs; pid1 is found in PATH.
fn bare() -> Container {
    let container = Container::undefined();
    std::fs::create_dir(container.lxcpath().join(&container.name)).unwrap();
    container.set_config("lxc.net.0.type = empty\n");
    container
}

fn execute(container: &Container, options: &[&str], command: &[&str]) -> Ran {
    let mut all = container.command("execute");
    all.args(options).arg("--").args(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    all.env("PATH", path());
    run(&mut all)
}

fn path() -> String {
    let dir = built().pid1.parent().unwrap().display().to_string();
    format!("{dir}:{}", std::env::var("PATH").unwrap_or_default())
}

#[test]
fn exit_codes_pass_through() {
    if !root() {
        return;
    }
    let container = bare();
    for (script, code) in [("exit 0", 0), ("exit 5", 5), ("kill -9 $$", 137), ("kill $$", 143)] {
        assert_eq!(execute(&container, &[], &["/bin/sh", "-c", script]).code, code, "{script}");
    }
    assert_eq!(execute(&container, &[], &["/no/such/program"]).code, 127);
    assert_eq!(execute(&container, &[], &["/etc/passwd"]).code, 126);
    assert_eq!(execute(&container, &[], &[]).code, 2);
    container.add_config("lxc.execute.cmd = /bin/sh -c 'exit 9'");
    assert_eq!(execute(&container, &[], &[]).code, 9);
    container.assert_nothing_left();
}

#[test]
fn pipes_stay_apart_and_ids_are_taken() {
    if !root() {
        return;
    }
    let container = bare();
    let ran = execute(&container, &[], &["/bin/sh", "-c", "echo out; echo err >&2; echo $$"]);
    // pid1 is the first program where it is found, and its child the second.
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "out\n2\n", "err\n"));
    let ran = execute(
        &container,
        &["-u", "1234", "-g", "567", "-s", "lxc.uts.name=other"],
        &["/bin/sh", "-c", "id -u; id -g; hostname"],
    );
    assert_eq!(ran.out, "1234\n567\nother\n");
    let mut child = container.command("execute");
    child.args(["--", "/bin/cat"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through\n").unwrap();
    assert_eq!(finish(child, PATIENCE).ok(), "through\n");
}

#[test]
fn in_a_rootfs_pid1_leaves_nothing() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let before: Vec<_> = std::fs::read_dir(container.rootfs().join("dev")).unwrap().collect();
    let ran = execute(&container, &[], &["/probe", "facts"]);
    assert!(ran.code == 0 || ran.code == 2, "{ran:?}");
    let after: Vec<_> = std::fs::read_dir(container.rootfs().join("dev")).unwrap().collect();
    assert_eq!(before.len(), after.len());
    container.assert_nothing_left();
}

#[test]
fn a_configuration_is_needed() {
    if !root() {
        return;
    }
    let container = Container::undefined();
    let said = execute(&container, &[], &["/bin/true"]).fails(1);
    assert!(said.contains("config' [-f FILE names another configuration]"), "{said}");
    let file = container.base().join("file");
    std::fs::write(&file, "lxc.net.0.type = empty\n").unwrap();
    assert_eq!(execute(&container, &["-f", file.to_str().unwrap()], &["/bin/true"]).code, 0);
}
