//! Hooks of the end: `stop`, `post-stop`, `destroy`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use tests::container::Container;

/// A hook that writes its arguments, what it is told, and whether a cgroup of the container is there.
const SCRIPT: &str = "#!/bin/sh\necho \"$LXC_HOOK_TYPE target=$LXC_TARGET args=$*\" >> \"$OUT\"\n\
    for a; do case $a in net:*) [ -e \"${a#net:}\" ] && echo net is there >> \"$OUT\";; esac; done\nexit ${END:-0}\n";

fn hooked(config: &str) -> Container {
    let container = Container::probe("");
    let script = container.base().join("hook");
    fs::write(&script, SCRIPT).expect("written");
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("chmod");
    let config = config.replace("HOOK", &script.display().to_string());
    container.add_config(&format!("lxc.environment = OUT={}\n{config}", container.outside().join("said").display()));
    container
}

fn said(container: &Container) -> Vec<String> {
    let text = fs::read_to_string(container.outside().join("said")).unwrap_or_default();
    text.lines().map(String::from).collect()
}

#[test]
fn hooks_of_the_end_run_in_order_and_the_namespaces_are_still_there() {
    if !tests::skip::root() {
        return;
    }
    let container = hooked("lxc.hook.post-stop = HOOK\nlxc.hook.stop = HOOK\nlxc.hook.stop = /no/such/hook\n");
    container.start();
    container.facts();
    assert_eq!(said(&container), [""; 0]);
    container.keel("stop -k").ok();
    let lines = said(&container);
    assert!(lines[0].starts_with(&format!("stop target=stop args={} lxc stop ", container.name)), "{lines:?}");
    for name in ["mnt", "pid", "uts", "ipc", "net"] {
        assert!(lines[0].contains(&format!(" {name}:/proc/")), "{lines:?}");
    }
    assert_eq!(lines[1], "net is there");
    assert_eq!(lines[2], format!("post-stop target=stop args={} lxc post-stop", container.name));
    container.assert_nothing_left();
}

#[test]
fn a_restart_is_told_and_a_post_stop_hook_that_fails_ends_it() {
    if !tests::skip::root() {
        return;
    }
    let config =
        "lxc.init.cmd = /probe init mark=/starts then=reboot\nlxc.environment = END=3\nlxc.hook.post-stop = HOOK\n";
    let container = hooked(config);
    container.keel("start").ok();
    container.reaches("STOPPED");
    assert_eq!(container.read("/starts"), "x");
    assert_eq!(said(&container), [format!("post-stop target=reboot args={} lxc post-stop", container.name)]);
    container.assert_nothing_left();
}

#[test]
fn a_start_that_fails_late_is_followed_by_post_stop_hooks() {
    if !tests::skip::root() {
        return;
    }
    let container = hooked("lxc.init.cmd = /no/such/init\nlxc.hook.post-stop = HOOK\n");
    container.keel("start").fails(1);
    assert_eq!(said(&container), [format!("post-stop target=stop args={} lxc post-stop", container.name)]);
    container.assert_nothing_left();
}

#[test]
fn a_destroy_hook_that_fails_keeps_the_container() {
    let container = hooked("lxc.hook.destroy = HOOK\nlxc.environment = END=1\n");
    let why = container.keel("destroy").fails(1);
    assert!(why.contains("destroy") && why.contains("status 1"), "{why}");
    assert!(container.config_file().exists());
    let config = fs::read_to_string(container.config_file()).expect("a configuration");
    container.set_config(&format!("{config}\nlxc.environment = END=0\nlxc.rootfs.managed = 0\n"));
    let why = container.keel("destroy").fails(1);
    assert!(why.contains("lxc.rootfs.managed = 0"), "{why}");
    container.add_config("lxc.rootfs.managed =");
    container.keel("destroy").ok();
    assert_eq!(said(&container).len(), 2);
    assert!(!container.config_file().exists());
}
