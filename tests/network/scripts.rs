//! Scripts of an interface: when they are run, and with what.

use crate::place::{Place, busybox, until};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tests::container::Container;
use tests::proc::Process;

/// A script that notes its arguments and what the environment says, and ends with a status.
fn script(container: &Container, name: &str, status: u32) -> PathBuf {
    let path = container.base().join(name);
    let notes = container.base().join("notes");
    let text = format!(
        "#!/bin/sh\necho \"$@ / $LXC_NAME $LXC_HOOK_SECTION $LXC_HOOK_TYPE $LXC_NET_TYPE $LXC_NET_PARENT $LXC_NET_PEER\" >> {}\n\
         exit {status}\n",
        notes.display()
    );
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    path
}

fn notes(container: &Container) -> Vec<String> {
    let text = fs::read_to_string(container.base().join("notes")).unwrap_or_default();
    text.lines().map(String::from).collect()
}

fn scripted(up_status: u32) -> Container {
    let a = busybox("lxc.net.0.type = veth\nlxc.net.0.link = br0\nlxc.net.0.veth.pair = bb0\n");
    let (up, down) = (script(&a, "up", up_status), script(&a, "down", 0));
    a.add_config(&format!(
        "lxc.net.0.script.up = {} first\nlxc.net.0.script.down = {}\n",
        up.display(),
        down.display()
    ));
    a
}

fn bridge() -> Option<Place> {
    let place = Place::make()?;
    place.ip("link add br0 type bridge");
    Some(place)
}

fn expected(a: &Container) -> [String; 2] {
    let name = &a.name;
    [
        format!("first {name} net up veth br0 bb0 / {name} net up veth br0 bb0"),
        format!("{name} net down veth br0 bb0 / {name} net down veth br0 bb0"),
    ]
}

#[test]
fn up_at_the_start_and_down_at_the_end() {
    let Some(place) = bridge() else { return };
    let a = scripted(0);
    a.start();
    assert_eq!(notes(&a), expected(&a)[..1]);
    a.keel("stop -k").ok();
    assert_eq!(notes(&a), expected(&a));
    place.until_links(&["br0"]);
}

#[test]
fn with_version_1_of_hooks_all_is_in_the_environment() {
    let Some(place) = bridge() else { return };
    let a = scripted(0);
    a.add_config("lxc.hook.version = 1\n");
    a.start();
    a.keel("stop -k").ok();
    let name = &a.name;
    // What the line itself says stays an argument.
    assert_eq!(notes(&a), [format!("first / {name} net up veth br0 bb0"), format!(" / {name} net down veth br0 bb0")]);
    place.until_links(&["br0"]);
}

#[test]
fn a_script_that_fails_ends_the_start() {
    let Some(place) = bridge() else { return };
    let a = scripted(3);
    let said = a.keel("start").fails(1);
    assert!(said.contains("/up first") && said.contains(": status 3"), "{said}");
    // What it had begun is taken back by the other, as in LXC.
    assert_eq!(notes(&a), expected(&a));
    place.until_links(&["br0"]);
}

#[test]
fn down_is_run_without_a_supervisor_too() {
    let Some(place) = bridge() else { return };
    for stopped in [true, false] {
        let a = scripted(0);
        a.start();
        let init = a.first_program();
        let said = a.keel("info --json").ok();
        let number = said.split("\"supervisor\":").nth(1).and_then(|s| s.split([',', '}']).next()).expect("one");
        let supervisor = Process::hold(number.trim().parse().expect("a number")).expect("it lives");
        assert!(supervisor.signal(Signal::KILL) && supervisor.ends_within(tests::ran::PATIENCE));
        if stopped {
            a.keel("stop -k").ok();
        } else {
            // It ends by itself, and whoever looks next takes back what it left.
            assert!(init.signal(Signal::KILL) && init.ends_within(tests::ran::PATIENCE));
            until("it is stopped", || (a.state() == "STOPPED").then_some(()));
        }
        assert_eq!(notes(&a), expected(&a));
        place.until_links(&["br0"]);
    }
}
