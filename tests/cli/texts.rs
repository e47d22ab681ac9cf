//! Help, manual pages, completions, versions, usage errors.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::keel::{Place, Ran, keel, program};

#[test]
fn help_lists_the_commands_and_each_has_its_own() {
    let overview = keel(["help"]).ok();
    assert_eq!(keel(Vec::<&str>::new()).ok(), overview);
    for verb in ["create", "start", "stop", "attach", "console", "info", "ls", "destroy", "plan", "checkconfig"] {
        assert!(overview.contains(verb), "{verb}");
        assert_eq!(keel(["help", verb]).ok(), keel([verb, "--help"]).ok());
        assert!(keel(["man", verb]).ok().starts_with(".TH "));
        assert!(keel([verb, "--usage"]).ok().starts_with(&format!("usage: keel {verb} ")));
    }
    assert!(keel(["create", "--", "--help"]).code == 2, "a name comes first");
    assert!(keel(["create", "bb", "-t", "busybox", "--", "--help"]).ok().contains("--autologin"));
}

#[test]
fn versions_are_a_number_alone() {
    let version = keel(["version"]).ok();
    assert_eq!(version, keel(["--version"]).ok());
    assert_eq!(version, keel(["ls", "--version"]).ok());
    assert!(version.trim_end().split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
}

#[test]
fn completions_are_scripts_that_their_shell_reads() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(keel(["completions", shell]).ok().contains("lxc-start"));
    }
    let checked = Command::new("bash").args(["-n", "-c", &keel(["completions", "bash"]).ok()]).status();
    assert!(checked.expect("bash runs").success());
    assert_eq!(
        keel(["completions", "bsh"]).err.lines().next(),
        Some("keel: no completions for 'bsh', nearest is 'bash'")
    );
}

#[test]
fn mistakes_are_2_and_1_for_the_tools_of_lxc() {
    let wrong = keel(["strat", "bb"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert_eq!(wrong.err.lines().next(), Some("keel: unknown command 'strat', nearest is 'start'"));
    assert_eq!(keel(["ls", "--jsno"]).err.lines().next(), Some("keel: unknown option '--jsno', nearest is '--json'"));

    let place = Place::new();
    keel(["install-links".as_ref(), place.path().as_os_str()]).ok();
    keel(["install-links".as_ref(), place.path().as_os_str()]).ok();
    let tool = |name: &str, arg: &str| Ran::of(Command::new(place.path().join(name)).arg(arg).output().unwrap());
    assert_eq!(tool("lxc-ls", "--nosuch").code, 1);
    assert!(tool("lxc-ls", "--nosuch").err.starts_with("lxc-ls: "));
    assert_eq!(tool("lxc-version", "--usage").ok(), "usage: lxc-version [OPTIONS]\n");
    assert!(tool("lxc-start", "--help").ok().starts_with("lxc-start: start a container"));

    symlink(program(), place.path().join("lxc-strat")).unwrap();
    let unknown = tool("lxc-strat", "bb");
    assert_eq!(
        (unknown.code, unknown.err.as_str()),
        (1, "keel: no tool 'lxc-strat' here yet, nearest is 'lxc-start'\n")
    );
}

#[test]
fn what_is_in_the_way_of_a_link_stays() {
    let place = Place::new();
    std::fs::write(place.path().join("lxc-ls"), "mine").unwrap();
    let ran = keel(["install-links".as_ref(), place.path().as_os_str()]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("lxc-ls' is something else and is left alone"), "{}", ran.err);
    assert_eq!(place.read("lxc-ls"), "mine");
    assert!(place.path().join("lxc-start").is_symlink());
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = Command::new(program()).args(["man", "start"]).stdout(writer).output().unwrap();
    assert_eq!((ran.status.code(), ran.stderr.len()), (Some(0), 0));
}

#[test]
fn a_full_disk_is_one() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = Ran::of(Command::new(program()).arg("help").stdout(full).output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (1, "keel: write 'standard output': ENOSPC\n"));
}
