//! `keel ls`: byte for byte what lxc-ls 5.0.2 prints (compared with the original by hand), and JSON.

use std::process::Command;

use crate::keel::{Place, keel, program};

fn three() -> Place {
    let place = Place::new();
    for (name, text) in [
        ("a", "lxc.uts.name = a\n"),
        ("bbbb", "lxc.start.auto = 1\nlxc.group = g1 g2\nlxc.group = onboot\n"),
        ("c", "lxc.nosuch = 1\nlxc.start.auto = banana\n"),
    ] {
        std::fs::create_dir(place.path().join(name)).unwrap();
        std::fs::write(place.path().join(name).join("config"), text).unwrap();
    }
    // No containers: a directory without a config, a file, a hidden one, one that acts on terminals.
    std::fs::create_dir(place.path().join("empty")).unwrap();
    std::fs::write(place.path().join("file"), "").unwrap();
    for odd in [".hidden", "\u{1b}[2J"] {
        std::fs::create_dir(place.path().join(odd)).unwrap();
        std::fs::write(place.path().join(odd).join("config"), "").unwrap();
    }
    place
}

#[test]
fn names_and_tables() {
    let place = three();
    assert_eq!(place.keel("ls").ok(), "a   \nbbbb\nc   \n");
    assert_eq!(place.keel("ls -1").ok(), "a\nbbbb\nc\n");
    assert_eq!(
        place.keel("ls -f").ok(),
        "NAME STATE   AUTOSTART GROUPS         IPV4 IPV6 UNPRIVILEGED \n\
         a    STOPPED 0         -              -    -    false        \n\
         bbbb STOPPED 1         g1, g2, onboot -    -    false        \n\
         c    STOPPED 0         -              -    -    false        \n"
    );
    assert_eq!(place.keel("ls -F name,pid,ram a").ok(), "NAME PID RAM    \na    -   -      \n");
}

#[test]
fn choices() {
    let place = three();
    for (line, shown) in [
        ("--stopped", "a\nbbbb\nc\n"),
        ("--running", ""),
        ("--active", ""),
        ("--frozen", ""),
        ("--defined", "a\nbbbb\nc\n"),
        ("--stopped --running", ""),
        ("-g g1", "bbbb\n"),
        ("-g g2,onboot", "bbbb\n"),
        ("-g g1,nosuch", ""),
        ("--filter=^[ac]$", "a\nc\n"),
        ("b+", "bbbb\n"),
    ] {
        assert_eq!(place.keel(&format!("ls -1 {line}")).ok(), shown, "{line}");
    }
    assert_eq!(place.keel("ls -f --running").ok(), "");
    assert_eq!(keel(["ls", "-P", "/no/such/path"]).ok(), "");
    let wrong = place.keel("ls --filter=(");
    assert!(wrong.code == 2 && wrong.err.starts_with("keel: '(' is no regular expression: "), "{wrong:?}");
    let wrong = place.keel("ls -F NAME,STAET");
    assert!(wrong.code == 2 && wrong.err.starts_with("keel: no column 'STAET', nearest is 'STATE'\n"), "{wrong:?}");
}

#[test]
fn json() {
    let place = three();
    let text = place.keel("ls --json bbbb").ok();
    for part in [r#""name": "bbbb""#, r#""state": "STOPPED""#, r#""pid": null"#, r#""autostart": true"#] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(place.keel("ls --json nosuch").ok(), "[]\n");
}

#[test]
fn a_terminal_gets_columns() {
    let place = three();
    let line = format!("stty cols 14; {} ls -P {}", program().display(), place.path().display());
    let Ok(ran) = Command::new("script").args(["-qec", &line, "/dev/null"]).output() else {
        return crate::keel::skip("no script(1) to make a terminal");
    };
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "a    bbbb c   \r\n");
}
