//! `keel checkconfig`: kernels' configurations from files.

use std::process::Command;

use crate::keel::{Place, Ran, keel, program};

const ENOUGH: &str = "# Linux/x86 6.1.119 Kernel Configuration\nCONFIG_NAMESPACES=y\nCONFIG_PID_NS=y\nCONFIG_PROC_FS=y\n\
                      CONFIG_TMPFS=y\nCONFIG_UNIX98_PTYS=y\nCONFIG_VETH=m\nCONFIG_EPOLL=y\nCONFIG_SIGNALFD=y\n";

fn check(place: &Place, text: &str, more: &[&str]) -> Ran {
    let path = place.path().join("config");
    std::fs::write(&path, text).unwrap();
    keel(["checkconfig", "--config", path.to_str().unwrap()].iter().chain(more))
}

#[test]
fn what_is_required_decides() {
    let place = Place::new();
    let enough = check(&place, ENOUGH, &[]);
    assert_eq!((enough.code, enough.err.as_str()), (0, ""), "{}", enough.out);
    assert!(enough.out.starts_with(&format!("Linux 6.1.119, {}/config\n", place.path().display())), "{}", enough.out);
    let line = |out: &str, option: &str| {
        let found = out.lines().find(|line| line.split_whitespace().next() == Some(option)).unwrap_or("none");
        found.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line(&enough.out, "NAMESPACES"), "NAMESPACES enabled");
    assert!(line(&enough.out, "VETH").starts_with("VETH module, for "));
    assert!(line(&enough.out, "USER_NS").starts_with("USER_NS missing, optional: "));
    assert_eq!(line(&enough.out, "SECURITY_FILE_CAPABILITIES"), "none", "older kernels' only");

    let little = check(&place, &ENOUGH.replace("CONFIG_PID_NS=y", "# CONFIG_PID_NS is not set"), &[]);
    assert_eq!(little.code, 1);
    assert!(line(&little.out, "PID_NS").starts_with("PID_NS missing, required: "), "{}", little.out);
}

#[test]
fn other_sources_and_forms() {
    let place = Place::new();
    let json = check(&place, ENOUGH, &["--json", "--kernel", "3.4"]);
    assert!(json.out.contains(r#""kernel": "3.4.0""#) && json.out.contains(r#""usable": true"#), "{json:?}");
    assert!(json.out.contains(r#""option": "DEVPTS_MULTIPLE_INSTANCES""#), "3.4 has it: {json:?}");

    let path = place.path().join("config");
    let packed = Command::new("gzip").args(["-k"]).arg(&path).status();
    assert!(packed.expect("gzip runs").success());
    std::fs::remove_file(&path).unwrap();
    // LXC's variable, and content decides what gzip is.
    std::fs::rename(place.path().join("config.gz"), &path).unwrap();
    let ran = Command::new(program()).arg("checkconfig").env("CONFIG", &path).output().unwrap();
    assert!(Ran::of(ran).ok().starts_with("Linux 6.1.119, "));
}

#[test]
fn what_is_no_configuration() {
    let place = Place::new();
    assert_eq!(keel(["checkconfig", "--config", "/no/such"]).err, "keel: open '/no/such': ENOENT\n");
    let path = place.path().join("config");
    std::fs::write(&path, [0x1f, 0x8b, 8, 0, 0xff]).unwrap();
    let ran = keel(["checkconfig", "-c", path.to_str().unwrap()]);
    assert!(ran.code == 1 && ran.err.starts_with("keel: gunzip '"), "{ran:?}");
    assert_eq!(check(&place, "", &["--kernel", "six"]).code, 2);
    assert_eq!(check(&place, "", &["--kernel", "6.1"]).code, 1, "an empty one lacks everything");
}
