//! The fixtures themselves can fail: each finds what it is there to find.

use crate::canary::tree;
use crate::container::Container;
use crate::dialog::Dialog;
use crate::ran::{finish, run};
use crate::skip;
use boot::scratch::Scratch;
use std::fs;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_picture_of_a_tree_shows_every_change() {
    let scratch = Scratch::new().expect("a directory");
    let file = scratch.path().join("file");
    fs::write(&file, "one").expect("written");
    let before = tree(scratch.path());
    assert_eq!(tree(scratch.path()), before);
    fs::write(&file, "two").expect("written");
    assert_ne!(tree(scratch.path()), before, "content");
    fs::write(&file, "one").expect("written");
    assert_eq!(tree(scratch.path()), before);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("chmod");
    assert_ne!(tree(scratch.path()), before, "mode");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("chmod");
    fs::write(scratch.path().join("new"), "one").expect("written");
    fs::rename(scratch.path().join("new"), &file).expect("renamed");
    assert_ne!(tree(scratch.path()), before, "another inode with the same content");
}

#[test]
fn what_a_container_leaves_is_found() {
    if !skip::root() {
        return;
    }
    let container = Container::undefined();
    assert!(container.left_behind().is_empty());
    fs::write(container.base().join("run/file"), "").expect("written");
    assert_eq!(container.left_behind().len(), 1, "{:?}", container.left_behind());
    fs::remove_file(container.base().join("run/file")).expect("removed");

    let mut child = Command::new("sh")
        .args(["-c", "echo; read x"])
        .env("PLACE", container.base())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sh");
    // `spawn` returns when exec(2) has let go of the old memory, which is before the new has its environment.
    let mut byte = [0];
    child.stdout.take().expect("a pipe").read_exact(&mut byte).expect("the shell runs");
    assert!(container.left_behind().iter().any(|l| l.starts_with("process ")), "{:?}", container.left_behind());
    drop(child.stdin.take());
    child.wait().expect("a child of ours");

    let Some(root) = crate::canary::cgroup_roots().into_iter().next() else {
        return skip::skip("no cgroups are mounted");
    };
    let cgroup = root.join(format!("lxc.payload.{}", container.name));
    fs::create_dir(&cgroup).expect("a cgroup");
    let found = container.left_behind();
    fs::remove_dir(&cgroup).expect("removed");
    assert_eq!(found, [format!("cgroup {}", cgroup.display())]);
    assert!(container.left_behind().is_empty());
}

#[test]
fn a_process_that_stays_behind_with_the_output_is_found() {
    // The shell ends at once; what it started holds both outputs until its input ends, which it does with this test.
    let (input, _held) = std::io::pipe().expect("a pipe");
    let mut command = Command::new("sh");
    command.args(["-c", "exec 5<&0; sh -c 'read x' <&5 &"]).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(input);
    let child = command.spawn().expect("sh");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| finish(child, Duration::from_millis(1500))));
    // With `panic = "abort"` there would be no catching; tests are built to unwind.
    let why = caught.expect_err("it was not noticed");
    let text = why.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("not over after"), "{text}");
}

#[test]
fn a_dialog_finds_texts_in_their_order_and_says_what_it_heard() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let copy = writer.try_clone().expect("dup");
    let mut dialog = Dialog::new("a pipe", OwnedFd::from(copy), OwnedFd::from(reader));
    let mut writer = Some(writer);
    let mut say = |text: &str| {
        use std::io::Write;
        writer.as_mut().expect("open").write_all(text.as_bytes()).expect("written");
    };
    say("one two thr");
    assert_eq!(dialog.expect_one(&["two", "one"]), (1, String::new()));
    assert_eq!(dialog.find(&["three"], Duration::from_millis(20)), None);
    say("ee four");
    assert_eq!(dialog.expect("three"), " two ");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dialog.fail("why")));
    let text = caught.expect_err("it fails").downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("why") && text.contains("one two three four"), "{text}");
    drop(writer.take());
}

#[test]
fn a_command_that_fails_is_not_ok() {
    assert_eq!(run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).fails(3), "err\n");
    assert_eq!(run(Command::new("sh").args(["-c", "kill -9 $$"])).code, 137);
    let loud = std::panic::catch_unwind(|| run(Command::new("sh").args(["-c", "echo err >&2"])).ok());
    assert!(loud.is_err(), "words on standard error passed for success");
}

/// Run again by the test below.
#[test]
fn skipped_when_told() {
    if std::env::var_os("KEEL_TESTS_SKIP").is_some() {
        skip::skip("told to");
    }
}

#[test]
fn a_skip_is_a_failure_when_it_must_not_be() {
    let own = std::env::current_exe().expect("this program");
    let mut command = Command::new(own);
    command.args(["--exact", "controls::skipped_when_told", "--show-output"]).env("KEEL_TESTS_SKIP", "1");
    let skipped = run(command.env("MUST", "0"));
    assert!(skipped.code == 0 && skipped.out.contains("skipped: told to"), "{skipped:#?}");
    let failed = run(command.env("MUST", "1"));
    assert!(failed.code != 0 && failed.out.contains("skipped with MUST=1: told to"), "{failed:#?}");
}
