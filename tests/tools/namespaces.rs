//! unshare, usernsexec: programs in new namespaces, without a container.

use crate::root;
use tests::container::Container;
use tests::ran::{Ran, run};

fn tool(container: &Container, words: &[&str]) -> Ran {
    run(container.bare_command().args(words))
}

#[test]
fn unshare_returns_0_or_1() {
    if !root() {
        return;
    }
    let container = Container::undefined();
    for (words, code, out) in [
        (&["-s", "MOUNT", "--", "/bin/true"][..], 0, ""),
        (&["-s", "MOUNT", "--", "/bin/sh", "-c", "exit 3"], 1, ""),
        (&["-s", "MOUNT|PID", "--", "/bin/sh", "-c", "echo $$"], 0, "1\n"),
        (&["-s", "UTSNAME", "-H", "other", "--", "hostname"], 0, "other\n"),
        (&["-s", "USER", "-u", "0", "--", "id", "-u"], 0, "0\n"),
        (&["-s", "USER", "--", "id", "-u"], 0, "65534\n"),
        (&["-s", "MOUNT", "-d", "--", "/bin/true"], 0, ""),
        (&["-s", "MOUNT", "--", "/no/such"], 1, ""),
        (&["-s", "NOSUCH", "--", "/bin/true"], 2, ""),
        (&["-s", "MOUNT"], 2, ""),
        (&["--", "/bin/true"], 2, ""),
    ] {
        let ran = tool(&container, &[&["unshare"], words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (code, out), "{words:?}: {ran:?}");
    }
    let ran = tool(&container, &["unshare", "-s", "MOUNT|PID", "-M", "--", "/bin/sh", "-c", "cd /proc && echo [0-9]*"]);
    assert!(ran.code == 0 && ran.out.split_whitespace().all(|pid| pid.len() == 1), "{ran:?}");
}

#[test]
fn usernsexec_maps_and_passes_the_code() {
    if !root() {
        return;
    }
    let container = Container::undefined();
    for (words, code, out) in [
        (&["-m", "b:0:100000:1", "--", "id", "-u"][..], 0, "0\n"),
        (&["-m", "u:0:0:1", "-m", "g:0:0:1", "--", "/bin/sh", "-c", "id -g; exit 4"], 4, "0\n"),
        (&["-m", "b:0:0:1", "--", "/bin/sh", "-c", "kill -9 $$"], 137, ""),
        (&["-m", "b:0:0:1", "--", "/no/such"], 1, ""),
        (&["-m", "b:0", "--", "/bin/true"], 2, ""),
    ] {
        let ran = tool(&container, &[&["usernsexec"], words].concat());
        assert_eq!((ran.code, ran.out.as_str()), (code, out), "{words:?}: {ran:?}");
    }
}
