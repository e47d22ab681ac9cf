//! Rules of LXC's files, one at a time: names, eras, numbers, lists, what clears what.

use keel_core::config::lxc::{self, Includer, NoFiles, Severity};
use keel_core::config::*;

fn read(name: &str, bytes: &[u8], includer: &mut dyn Includer) -> (Config, Vec<String>) {
    let (config, problems) = lxc::parse(name, bytes, includer);
    let said = problems.iter().map(|p| {
        let mark = if p.severity == Severity::Error { "E " } else { "w " };
        format!("{mark}{p}")
    });
    (config, said.collect())
}

#[test]
fn values_by_any_name() {
    let (config, _) = lxc::parse("f", include_bytes!("lxc/current-busybox.conf"), &mut NoFiles);
    assert_eq!(lxc::get(&config, "lxc.uts.name").unwrap(), ["bb"]);
    assert_eq!(lxc::get(&config, "lxc.utsname").unwrap(), ["bb"]);
    assert_eq!(lxc::get(&config, "lxc.net.0.type").unwrap(), ["empty"]);
    assert_eq!(lxc::get(&config, "lxc.net.1.type").unwrap(), Vec::<String>::new());
    assert_eq!(lxc::get(&config, "lxc.mount.entry").unwrap().len(), 4);
    assert_eq!(lxc::get(&config, "lxc.cap.drop").unwrap(), ["sys_module mac_admin mac_override sys_time"]);
    let (config, _) = lxc::parse("f", include_bytes!("lxc/legacy-0.7-busybox.conf"), &mut NoFiles);
    assert_eq!(lxc::get(&config, "lxc.cgroup.cpu.shares").unwrap(), ["512"]);
    assert_eq!(lxc::get(&config, "lxc.cgroup.").unwrap().len(), 4);
    let unknown = lxc::get(&config, "lxc.utsnaem").unwrap_err().to_string();
    assert_eq!(unknown, "unknown key 'lxc.utsnaem', nearest is 'lxc.utsname' (now 'lxc.uts.name')");
}

#[test]
fn old_matching_by_prefix_is_said() {
    let (config, said) = read("f", b"lxc.utsname = a\nlxc.ttyfoo = 2\nlxc.ttyfoo.bar = 3\n", &mut NoFiles);
    assert_eq!(
        said,
        ["w f:2: 'lxc.ttyfoo' is read as 'lxc.tty', as LXC before 2.1 did", "w f:3: unknown key 'lxc.ttyfoo.bar'"]
    );
    assert_eq!(config.tty_max, 2);
    let (config, said) = read("f", b"lxc.uts.name = a\nlxc.ttyfoo = 2\n", &mut NoFiles);
    assert_eq!(said, ["w f:2: unknown key 'lxc.ttyfoo', nearest is 'lxc.tty' (now 'lxc.tty.max')"]);
    assert_eq!(config.tty_max, 0);
}

#[test]
fn the_longest_name_is_the_prefix() {
    // `lxc.rootfs.mount`, not `lxc.rootfs`; `lxc.cap.drop` and the rest have no shorter name.
    let (config, said) = read("f", b"lxc.rootfs.mountpoint = /mnt\nlxc.hook.mounts =\n", &mut NoFiles);
    assert_eq!(
        said,
        [
            "w f:1: 'lxc.rootfs.mountpoint' is read as 'lxc.rootfs.mount', as LXC before 2.1 did",
            "w f:2: 'lxc.hook.mounts' is read as 'lxc.hook.mount', as LXC before 2.1 did"
        ]
    );
    assert_eq!(config.rootfs.mount.as_deref(), Some("/mnt"));
}

#[test]
fn what_is_mounted_by_itself() {
    let read = |text: &str| {
        let line = format!("lxc.mount.auto = {text}");
        let (config, problems) = lxc::parse("f", line.as_bytes(), &mut NoFiles);
        (config.mount_auto, problems.iter().map(|p| p.text.clone()).collect::<Vec<_>>())
    };
    let cgroup =
        |access, full, force| MountAuto { cgroup: Some(CgroupMode { access, full, force }), ..Default::default() };
    assert_eq!(read("cgroup"), (cgroup(CgroupAccess::Mixed, false, false), vec![]));
    assert_eq!(read("cgroup:rw:force"), (cgroup(CgroupAccess::Rw, false, true), vec![]));
    assert_eq!(read("cgroup-full:ro"), (cgroup(CgroupAccess::Ro, true, false), vec![]));
    assert_eq!(read("cgroup2:force"), (cgroup(CgroupAccess::Rw, false, true), vec![]));
    assert_eq!(read("sys:rw proc:rw").0, MountAuto { proc: Some(ProcMode::Rw), sys: Some(SysMode::Rw), cgroup: None });
    let forced = (MountAuto::default(), vec!["lxc.mount.auto: unknown word 'proc:force'".to_string()]);
    assert_eq!(read("proc:force"), forced);
    let (_, problems) = read("shmounts:/a/b:/c proc shmounts:/d shmounts:e");
    assert_eq!(problems, ["lxc.mount.auto: 'shmounts:e' is not 'shmounts:/HOST[:/INSIDE]'"]);
    let (config, _) = lxc::parse("f", b"lxc.mount.auto = shmounts:/a/b", &mut NoFiles);
    assert_eq!(config.mount_shmounts, Some(("/a/b".into(), "/dev/.lxc-mounts".into())));
    assert_eq!(lxc::print(&config), "lxc.mount.auto = shmounts:/a/b:/dev/.lxc-mounts\n");
}

#[test]
fn a_key_without_effect_is_said() {
    let (_, said) = read("f", b"lxc.pivotdir = x\nlxc.pivotdir =\n", &mut NoFiles);
    assert_eq!(said, ["w f:1: 'lxc.pivotdir' has no effect: the old root needs no directory"]);
}

#[test]
fn numbers_as_lxc_reads_them() {
    let (config, said) = read("f", b"lxc.tty.max = 010\nlxc.pty.max = 0x10\nlxc.start.order = +3\n", &mut NoFiles);
    assert_eq!(said, ["w f:1: lxc.tty.max: '010' is octal, as LXC reads it: 8"]);
    assert_eq!((config.tty_max, config.pty_max, config.start.order), (8, 16, 3));
}

#[test]
fn empty_values_clear() {
    let text = b"lxc.cgroup.devices.allow = a\nlxc.cgroup.cpu.shares = 1\nlxc.cgroup2.cpu.weight = 2\n\
        lxc.cgroup.devices.allow =\nlxc.net.3.type = empty\nlxc.net.1.type = none\nlxc.net.3.type =\n\
        lxc.environment = A=1\nlxc.environment =\nlxc.group = a b\nlxc.group=\nlxc.cap.drop = kill\n\
        lxc.cap.drop =\nlxc.cap.keep = chown\nlxc.mount.entry = a b none bind\nlxc.mount.entry = \"\"\n\
        lxc.tty.max = 4\nlxc.tty.max =\nlxc.autodev = 0\nlxc.autodev=\nlxc.hook =\nlxc.idmap =\n";
    let (config, said) = read("f", text, &mut NoFiles);
    assert_eq!(said, Vec::<String>::new());
    let files: Vec<&str> = config.cgroup.iter().map(|c| c.value.file.as_str()).collect();
    assert_eq!(files, ["cpu.shares", "cpu.weight"]);
    assert_eq!(config.net.iter().map(|n| n.index).collect::<Vec<_>>(), [1]);
    assert!(config.environment.is_empty() && config.start.groups.is_empty() && config.mount_entry.is_empty());
    assert_eq!((config.caps, config.tty_max, config.autodev), (Caps::Keep(vec![0]), 0, None));
    let (config, _) = read("f", b"lxc.net.0.type = empty\nlxc.net =\n", &mut NoFiles);
    assert!(config.net.is_empty() && config.net_cleared);
}

#[test]
fn the_era_is_told_by_the_oldest_release_that_knew_all_keys() {
    let era = |text: &str| lxc::parse("f", text.as_bytes(), &mut NoFiles).0.dialect;
    assert_eq!(era("lxc.utsname = a\nlxc.cap.drop = kill\n"), Dialect::Legacy);
    assert_eq!(era("lxc.utsname = a\nlxc.haltsignal = SIGPWR\n"), Dialect::One);
    assert_eq!(era("lxc.utsname = a\nlxc.start.auto = 1\n"), Dialect::One);
    assert_eq!(era("lxc.utsname = a\nlxc.environment = A=1\n"), Dialect::Current);
    assert_eq!(era("lxc.uts.name = a\n"), Dialect::Current);
    assert_eq!(era("lxc.cap.drop = kill\nlxc.cgroup.cpu.shares = 1\n"), Dialect::Current);
    // One line added to a file does not change what the others mean.
    assert_eq!(era("lxc.utsname = a\nlxc.init.cmd = /init\n"), Dialect::Legacy);
    assert_eq!(era("lxc.utsname = a\nlxc.cgroup =\n"), Dialect::Legacy);
    assert_eq!(era("lxc.init.cmd = /init\nlxc.utsname = a\n"), Dialect::Current);
    assert_eq!(era("lxc.utsname = a\nkeel.dialect = current\n"), Dialect::Current);
}
