//! Mounts as the configuration asks for them: what LXC does with each line, measured (its behaviour is the specification).

use crate::root;
use std::fs;
use tests::container::{Container, Facts};

/// A container with a source directory beside it: `source/file`.
fn with_source(lines: &str) -> Container {
    let container = Container::probe("");
    let source = container.base().join("source");
    fs::create_dir_all(source.join("sub")).expect("a directory");
    fs::write(source.join("file"), "content").expect("written");
    let lines = lines
        .replace("SOURCE", &source.display().to_string())
        .replace("ROOTFS", &container.rootfs().display().to_string());
    container.add_config(&lines);
    container
}

#[track_caller]
fn asked(container: &Container, words: &str) -> Facts {
    container.start();
    container.ask(&format!("can {words}"))
}

#[track_caller]
fn refused(lines: &str, expected: &str) {
    let container = with_source(lines);
    let said = container.keel("start").fails(1);
    assert!(said.contains(expected), "'{expected}' was expected: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
}

#[test]
fn proc_and_sys_are_mixed() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let tried = asked(
        &container,
        "write:/proc/sys/kernel/core_pattern write:/proc/sysrq-trigger mkdir:/sys/x open:/proc/self/status \
        write:/proc/sys/net/ipv4/ip_forward",
    );
    assert_eq!(tried.get("can.write:/proc/sys/kernel/core_pattern"), "EROFS");
    // A kernel without CONFIG_MAGIC_SYSRQ has none.
    assert!(["EROFS", "ENOENT"].contains(&tried.get("can.write:/proc/sysrq-trigger")));
    assert_ne!(tried.get("can.mkdir:/sys/x"), "ok");
    assert_eq!(tried.get("can.open:/proc/self/status"), "ok");
    assert_eq!(tried.get("can.write:/proc/sys/net/ipv4/ip_forward"), "ok");
    let facts = container.facts();
    for (target, flags) in
        [("/proc", "nosuid,nodev,noexec"), ("/sys", "ro,nosuid,nodev,noexec"), ("/proc/sys", "ro,nosuid,nodev,noexec")]
    {
        assert!(
            facts.get(&format!("mount.{target}")).contains(flags),
            "{target}: {}",
            facts.get(&format!("mount.{target}"))
        );
    }
}

#[test]
fn the_hosts_own_sys_stays_writable() {
    if !root() {
        return;
    }
    let writable = |mounts: String| mounts.lines().filter(|l| l.contains(" - sysfs ")).all(|l| l.contains(" rw"));
    let before = writable(fs::read_to_string("/proc/self/mountinfo").expect("readable"));
    let container = Container::probe("lxc.net.0.type = none");
    container.start();
    assert_eq!(writable(fs::read_to_string("/proc/self/mountinfo").expect("readable")), before);
}

#[test]
fn binds() {
    if !root() {
        return;
    }
    let container = with_source(
        "lxc.mount.entry = SOURCE made/deep none bind,create=dir 0 0\n\
         lxc.mount.entry = SOURCE ROOTFS/absolute none bind,ro,create=dir 0 0\n\
         lxc.mount.entry = SOURCE/file made.file none bind,ro,create=file\n\
         lxc.mount.entry = etc mnt none relative,bind\n\
         lxc.mount.entry = SOURCE with\\040blank none bind,create=dir",
    );
    fs::write(container.rootfs().join("etc/here"), "").expect("written");
    let tried = asked(
        &container,
        "read:/made/deep/file create:/made/deep/new create:/absolute/new read:/absolute/file read:/made.file append:/made.file \
         list:/mnt",
    );
    for (what, answer) in [
        ("read:/made/deep/file", "content"),
        ("create:/made/deep/new", "ok"),
        ("create:/absolute/new", "EROFS"),
        ("read:/absolute/file", "content"),
        ("read:/made.file", "content"),
        ("append:/made.file", "EROFS"),
        ("list:/mnt", "here"),
    ] {
        assert_eq!(tried.get(&format!("can.{what}")), answer, "{what}");
    }
    assert!(container.rootfs().join("with blank").is_dir());
}

#[test]
fn binds_of_host_libraries_onto_absolute_paths_as_in_old_files() {
    if !root() {
        return;
    }
    let container = with_source("lxc.mount.entry=SOURCE ROOTFS/lib none ro,bind 0 0");
    fs::create_dir(container.rootfs().join("lib")).expect("a directory");
    let tried = asked(&container, "read:/lib/file create:/lib/new");
    assert_eq!((tried.get("can.read:/lib/file"), tried.get("can.create:/lib/new")), ("content", "EROFS"));
}

#[test]
fn a_read_only_rbind_is_so_all_the_way_down() {
    if !root() {
        return;
    }
    let mut container = with_source("lxc.mount.entry = SOURCE mnt none rbind,ro 0 0");
    let below = container.base().join("source/sub");
    container.condition("--tmpfs", &below.display().to_string());
    let tried = asked(&container, "create:/mnt/new create:/mnt/sub/new");
    assert_eq!((tried.get("can.create:/mnt/new"), tried.get("can.create:/mnt/sub/new")), ("EROFS", "EROFS"));
}

#[test]
fn file_systems_with_options() {
    if !root() {
        return;
    }
    let container = with_source(
        "lxc.mount.entry = none cache tmpfs size=1m,mode=700,nosuid,create=dir\nlxc.mount.entry = shm dev/shm tmpfs defaults,create=dir 0 0",
    );
    let tried = asked(&container, "kind:/cache");
    assert_eq!(tried.get("can.kind:/cache"), "d 700");
    let facts = container.facts();
    assert!(
        facts.get("mount./cache").contains("nosuid") && facts.get("mount./cache").contains("size=1024k"),
        "{}",
        facts.get("mount./cache")
    );
    assert!(facts.get("mount./dev/shm").starts_with("tmpfs"));
}

#[test]
fn what_is_optional_may_be_missing() {
    if !root() {
        return;
    }
    let container = with_source(
        "lxc.mount.entry = /no/such/source mnt none bind,optional\nlxc.mount.entry = SOURCE no/such/target none bind,optional\n\
         lxc.mount.entry = none mnt nosuchfs optional",
    );
    let tried = asked(&container, "list:/mnt");
    assert_eq!(tried.get("can.list:/mnt"), "");
}

#[test]
fn a_target_outside_is_left_out_and_said() {
    if !root() {
        return;
    }
    let container = with_source("lxc.mount.entry = SOURCE /elsewhere none bind,create=dir");
    let ran = container.keel("start");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("mount on '/elsewhere' is left out: it is not below the rootfs"), "{ran:?}");
    assert!(!std::path::Path::new("/elsewhere").exists());
}

#[test]
fn what_cannot_be_mounted_ends_the_start_with_its_line() {
    if !root() {
        return;
    }
    refused(
        "lxc.mount.entry = SOURCE no/such/target none bind",
        "no/such/target: ENOENT (source or target does not exist; create=dir",
    );
    refused("lxc.mount.entry = /no/such/source mnt none bind", "ENOENT");
    refused(
        "lxc.mount.entry = none mnt nosuchfs",
        "mount -t nosuchfs none mnt: ENODEV (the kernel is built without this file system)",
    );
    refused("lxc.mount.entry = SOURCE ../../../tmp none bind", "'..' leads out of the rootfs");
    refused("lxc.mount.fstab = /no/such/fstab", "ENOENT");
    refused("lxc.mount.entry = SOURCE/file mnt none bind", "ENOTDIR");
}

#[test]
fn the_configurations_line_is_in_the_message() {
    if !root() {
        return;
    }
    let container = with_source("lxc.mount.entry = none mnt nosuchfs");
    let said = container.keel("start").fails(1);
    let text = fs::read_to_string(container.config_file()).expect("readable");
    let line = text.lines().position(|l| l.contains("nosuchfs")).expect("there") + 1;
    assert!(said.contains(&format!("config:{line}: step ")), "{said}");
}

#[test]
fn a_file_of_mounts() {
    if !root() {
        return;
    }
    let container = with_source("");
    let fstab = container.base().join("fstab");
    let source = container.base().join("source");
    fs::write(&fstab, format!("# mounts\n\n{} mnt none bind,ro 0 0\n", source.display())).expect("written");
    container.add_config(&format!("lxc.mount.fstab = {}", fstab.display()));
    let tried = asked(&container, "read:/mnt/file create:/mnt/new");
    assert_eq!((tried.get("can.read:/mnt/file"), tried.get("can.create:/mnt/new")), ("content", "EROFS"));
}

#[test]
fn a_read_only_root() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.rootfs.options = ro");
    container.add_config("lxc.init.cmd = /probe init");
    let tried = asked(&container, "create:/new create:/dev/new mkdir:/tmp/new");
    assert_eq!(
        (tried.get("can.create:/new"), tried.get("can.create:/dev/new"), tried.get("can.mkdir:/tmp/new")),
        ("EROFS", "ok", "EROFS")
    );
}

#[test]
fn what_is_mounted_on_the_host_later_stays_there() {
    if !root() {
        return;
    }
    // The container's tree is shared with itself and with nobody else.
    let container = Container::probe("");
    container.start();
    let facts = container.facts();
    for (target, of) in facts.below("mount.") {
        assert!(!of.contains("master:"), "{target}: {of}");
    }
    assert!(facts.get("mount./").contains("shared:"), "{}", facts.get("mount./"));
}
