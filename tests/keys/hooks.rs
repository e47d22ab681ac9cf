//! Hooks of the end: `stop`, `post-stop`, `destroy`; and where those of the start run.

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

/// Mounts beneath the rootfs have `.` for their target: nobody else is in that directory afterwards.
#[test]
fn a_hook_between_mounts_runs_where_the_supervisor_is() {
    if !tests::skip::root() {
        return;
    }
    let entry = "lxc.mount.entry = none mnt tmpfs create=dir 0 0\n";
    let container =
        hooked(&format!("lxc.mount.auto = proc:rw sys:rw\n{entry}lxc.hook.mount = HOOK\nlxc.hook.autodev = HOOK\n"));
    let script = container.base().join("hook");
    fs::write(&script, "#!/bin/sh\necho \"$LXC_HOOK_TYPE in $(pwd -P)\" >> \"$OUT\"\n").expect("written");
    container.start();
    assert_eq!(said(&container), ["mount in /", "autodev in /"]);
    container.keel("stop -k").ok();
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

/// What each kind is told besides what all are told.
#[test]
fn all_hooks_of_a_start_run_in_order_with_what_they_are_told() {
    if !tests::skip::root() {
        return;
    }
    for version in [0, 1] {
        let container = Container::probe("lxc.autodev = 1");
        // One that is run inside needs a shell there.
        let shell = container.rootfs().join("bin");
        fs::create_dir_all(&shell).expect("a directory");
        tests::ran::run(std::process::Command::new("cp").arg(&tests::built::built().busybox).arg(shell.join("sh")))
            .ok();
        let out = container.outside().join("said");
        let note = |place: &str| {
            format!(
                "echo \"$LXC_HOOK_TYPE $# $LXC_NAME $LXC_HOOK_SECTION $LXC_HOOK_VERSION $LXC_CGNS_AWARE pid=${{LXC_PID:+set}} \
                 conf=$LXC_CONFIG_FILE root=$LXC_ROOTFS_PATH mount=$LXC_ROOTFS_MOUNT log=$LXC_CONSOLE_LOGPATH\" >> {place}"
            )
        };
        let script = container.base().join("hook");
        fs::write(&script, format!("#!/bin/sh\n{}\n", note(&out.display().to_string()))).expect("written");
        fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("chmod");
        let inside = container.rootfs().join("hook");
        fs::write(&inside, format!("#!/bin/sh\n{}\n", note("/said"))).expect("written");
        fs::set_permissions(&inside, PermissionsExt::from_mode(0o755)).expect("chmod");
        let kinds = ["start-host", "mount", "pre-mount", "autodev", "pre-start"];
        let lines: String = kinds.iter().map(|kind| format!("lxc.hook.{kind} = {}\n", script.display())).collect();
        container.add_config(&format!(
            "{lines}lxc.hook.start = /hook\nlxc.hook.version = {version}\nlxc.console.logfile = {}",
            container.outside().join("console").display()
        ));
        container.start();
        container.facts();
        let arguments = if version == 0 { 3 } else { 0 };
        let rootfs = container.rootfs().display().to_string();
        let line = |kind: &str, pid: &str| {
            format!(
                "{kind} {arguments} {} lxc {version} 1 pid={pid} conf={} root={rootfs} mount={rootfs} log={}",
                container.name,
                container.config_file().display(),
                container.outside().join("console").display()
            )
        };
        let host = [("pre-start", ""), ("pre-mount", ""), ("mount", ""), ("autodev", ""), ("start-host", "set")];
        assert_eq!(said(&container), host.map(|(kind, pid)| line(kind, pid)));
        assert_eq!(container.read("/said").trim_end(), line("start", ""));
        container.keel("stop -k").ok();
    }
}

#[test]
fn a_hook_that_fails_or_is_missing_ends_the_start_and_is_named() {
    if !tests::skip::root() {
        return;
    }
    for kind in ["pre-start", "pre-mount", "mount", "autodev", "start-host", "start"] {
        let container = hooked(&format!("lxc.hook.{kind} = HOOK\nlxc.hook.{kind} = /no/such/hook\n"));
        let why = container.keel("start").fails(1);
        assert!(why.contains("/no/such/hook") || kind == "start", "{kind}: {why}");
        assert!(why.contains("config:"), "{kind}: {why}");
        container.assert_nothing_left();
    }
}

#[test]
fn hooks_of_stop_are_told_by_their_environment_in_version_1() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("lxc.hook.version = 1");
    let out = container.outside().join("said");
    container.add_config(&format!("lxc.hook.stop = sh -c 'env > {}'", out.display()));
    container.start();
    container.facts();
    container.keel("stop -k").ok();
    let text = fs::read_to_string(out).expect("it ran");
    for name in ["MNT", "PID", "UTS", "IPC", "NET", "CGROUP"] {
        assert!(text.lines().any(|line| line.starts_with(&format!("LXC_{name}_NS=/proc/"))), "{name}: {text}");
    }
    assert!(text.contains("LXC_TARGET=stop\n"), "{text}");
}

#[test]
fn a_hook_adapts_a_copy() {
    if !tests::skip::root() {
        return;
    }
    let container = hooked("lxc.hook.clone = HOOK\n");
    let copy = format!("{}-copy", container.name);
    let out = container.outside().join("said");
    let mut keel = container.bare_command();
    keel.args(["copy", "-P"]).arg(container.lxcpath()).args(["-n", &container.name, "-N", &copy]).env("OUT", out);
    tests::ran::run(&mut keel).ok();
    assert_eq!(said(&container), [format!("clone target= args={copy} lxc clone")]);
}
