//! Whole files of LXC, as people have them, against the `Config` that must come of them, field by field.

use keel_core::config::lxc::{self, Includer, NoFiles, Severity};
use keel_core::config::*;
use keel_core::failure::Errno;
use keel_core::step::ms;
use std::collections::BTreeMap;

fn at<T>(value: T, line: u32) -> At<T> {
    At { value, origin: Origin { file: 0, line } }
}

fn entry(line: u32, text: &str, options: MountOptions) -> At<MountEntry> {
    let words: Vec<&str> = text.split(' ').collect();
    let [source, target, fstype] = words[..] else { panic!("{text}") };
    at(MountEntry { source: source.into(), target: target.into(), fstype: fstype.into(), options }, line)
}

fn cgroup(line: u32, file: &str, value: &str) -> At<CgroupSetting> {
    at(CgroupSetting { version: 1, file: file.into(), value: value.into() }, line)
}

fn read(name: &str, bytes: &[u8], includer: &mut dyn Includer) -> (Config, Vec<String>) {
    let (config, problems) = lxc::parse(name, bytes, includer);
    let said = problems.iter().map(|p| {
        let mark = if p.severity == Severity::Error { "E " } else { "w " };
        format!("{mark}{p}")
    });
    (config, said.collect())
}

fn without_origins(net: &mut Net) {
    let none = Origin::default();
    net.kind.origin = none;
    let texts = [&mut net.link, &mut net.name, &mut net.veth.pair, &mut net.script_up, &mut net.script_down];
    texts.into_iter().flatten().for_each(|t| t.origin = none);
    net.addresses.iter_mut().chain(&mut net.veth.routes).for_each(|a| a.origin = none);
    [&mut net.gateway4, &mut net.gateway6].into_iter().flatten().for_each(|g| g.origin = none);
    net.veth.vlan.iter_mut().for_each(|v| v.origin = none);
    net.veth.tagged.iter_mut().for_each(|t| t.origin = none);
}

/// Origins are those of the printed text, so they are left out of the comparison.
fn same_after_printing(config: &Config) {
    let printed = lxc::print(config);
    let (mut again, problems) = lxc::parse("printed", printed.as_bytes(), &mut NoFiles);
    assert_eq!(problems, [], "{printed}");
    let mut before = config.clone();
    for config in [&mut again, &mut before] {
        config.files.clear();
        config.environment.iter_mut().for_each(|e| e.origin = Origin::default());
        config.mount_entry.iter_mut().for_each(|e| e.origin = Origin::default());
        config.cgroup.iter_mut().for_each(|e| e.origin = Origin::default());
        config.namespace.share.iter_mut().for_each(|e| e.origin = Origin::default());
        config.namespace.clone.iter_mut().chain(&mut config.namespace.keep).for_each(|e| e.origin = Origin::default());
        config.limits.iter_mut().for_each(|e| e.origin = Origin::default());
        config.sysctl.iter_mut().chain(&mut config.proc).for_each(|e| e.origin = Origin::default());
        config.idmap.iter_mut().for_each(|e| e.origin = Origin::default());
        config.hooks.iter_mut().for_each(|e| e.origin = Origin::default());
        config.net.iter_mut().for_each(without_origins);
        for origin in
            [&mut config.apparmor.profile, &mut config.rootfs.path, &mut config.rootfs.options, &mut config.mount_fstab]
        {
            origin.iter_mut().for_each(|o| o.origin = Origin::default());
        }
    }
    assert_eq!(again, before, "{printed}");
    assert_eq!(lxc::print(&again), printed);
}

struct Files(BTreeMap<&'static str, Vec<(&'static str, &'static [u8])>>);

impl Includer for Files {
    fn read(&mut self, path: &str) -> Result<Vec<(String, Vec<u8>)>, Errno> {
        let files = self.0.get(path).ok_or(Errno::NOENT)?;
        Ok(files.iter().map(|(name, bytes)| (name.to_string(), bytes.to_vec())).collect())
    }
}

#[test]
fn legacy_busybox() {
    let (config, said) = read("bb/config", include_bytes!("lxc/legacy-0.7-busybox.conf"), &mut NoFiles);
    assert_eq!(said, Vec::<String>::new());
    let bind = MountOptions { flags: ms::RDONLY | ms::BIND, ..MountOptions::default() };
    let expected = Config {
        files: vec!["bb/config".into()],
        dialect: Dialect::Legacy,
        uts_name: Some("bb".into()),
        tty_max: 1,
        pty_max: 1,
        rootfs: Rootfs { path: Some(at("/var/lib/lxc/bb/rootfs".into(), 5)), ..Rootfs::default() },
        mount_entry: vec![
            entry(6, "/lib /var/lib/lxc/bb/rootfs/lib none", bind.clone()),
            entry(7, "/usr/lib /var/lib/lxc/bb/rootfs/usr/lib none", bind),
        ],
        cgroup: vec![
            cgroup(10, "memory.limit_in_bytes", "64M"),
            cgroup(11, "devices.deny", "a"),
            cgroup(12, "devices.allow", "c 1:3 rwm"),
            cgroup(13, "cpu.shares", "512"),
        ],
        ..Config::default()
    };
    assert_eq!(config, expected);
    same_after_printing(&config);
}

#[test]
fn names_of_1_0_have_an_empty_network_and_no_autodev() {
    let (config, said) = read("web/config", include_bytes!("lxc/1.0-veth.conf"), &mut NoFiles);
    assert_eq!(said, Vec::<String>::new());
    let expected = Config {
        files: vec!["web/config".into()],
        dialect: Dialect::One,
        uts_name: Some("web".into()),
        rootfs: Rootfs { path: Some(at("/srv/web".into(), 1)), ..Rootfs::default() },
        signal: Signals { halt: Some(10), ..Signals::default() },
        caps: Caps::Drop(vec![16, 33, 25]),
        mount_auto: MountAuto { proc: Some(ProcMode::Mixed), sys: Some(SysMode::Mixed), cgroup: None },
        start: Start {
            auto: true,
            order: -2,
            delay_s: 5,
            groups: ["front", "onboot", "shop"].map(String::from).to_vec(),
        },
        mount_fstab: Some(at("/srv/web.fstab".into(), 12)),
        net: vec![
            Net { link: Some(at("br0".into(), 15)), up: true, ..Net::new(0, at(NetKind::Veth, 14)) },
            Net::new(1, at(NetKind::Empty, 17)),
        ],
        ..Config::default()
    };
    assert_eq!(config, expected);
    assert!(!config.dialect.host_network() && !config.dialect.autodev());
    same_after_printing(&config);
}

#[test]
fn current_busybox() {
    let (config, said) = read("c", include_bytes!("lxc/current-busybox.conf"), &mut NoFiles);
    assert_eq!(said, Vec::<String>::new());
    let dir = MountOptions { create: Some(Create::Dir), ..MountOptions::default() };
    let bind = MountOptions { flags: ms::RDONLY | ms::BIND, ..MountOptions::default() };
    let expected = Config {
        files: vec!["c".into()],
        dialect: Dialect::Current,
        net: vec![Net::new(0, at(NetKind::Empty, 2))],
        rootfs: Rootfs { path: Some(at("/var/lib/lxc/bb/rootfs".into(), 4)), ..Rootfs::default() },
        signal: Signals { halt: Some(10), reboot: Some(15), stop: None },
        uts_name: Some("bb".into()),
        autodev: Some(true),
        tty_max: 5,
        pty_max: 1,
        caps: Caps::Drop(vec![16, 33, 32, 25]),
        mount_auto: MountAuto {
            proc: Some(ProcMode::Mixed),
            sys: Some(SysMode::Ro),
            cgroup: Some(CgroupMode { access: CgroupAccess::Mixed, full: false, force: false }),
        },
        mount_entry: vec![
            entry(17, "shm dev/shm tmpfs", dir.clone()),
            entry(18, "mqueue dev/mqueue mqueue", MountOptions { optional: true, ..dir }),
            entry(19, "/lib lib none", bind.clone()),
            entry(20, "/sys/kernel/security sys/kernel/security none", MountOptions { optional: true, ..bind }),
        ],
        ..Config::default()
    };
    assert_eq!(config, expected);
    same_after_printing(&config);
}

#[test]
fn android_with_old_names() {
    let (config, said) = read("a", include_bytes!("lxc/android-old.conf"), &mut NoFiles);
    assert_eq!(said, ["w a:12: 'lxc.pivotdir' has no effect: the old root needs no directory"]);
    let expected = Config {
        files: vec!["a".into()],
        // lxc.init_cmd came with 1.1, whose silent defaults are the current ones.
        dialect: Dialect::Current,
        rootfs: Rootfs { path: Some(at("/data/android/rootfs".into(), 2)), ..Rootfs::default() },
        apparmor: AppArmor { profile: Some(at("unconfined".into(), 16)), ..AppArmor::default() },
        uts_name: Some("armhf".into()),
        net: vec![Net::new(0, at(NetKind::None, 5))],
        tty_dir: Some("lxc".into()),
        tty_max: 4,
        pty_max: 1024,
        arch: Some(Personality::Linux32),
        caps: Caps::Drop(vec![33, 32]),
        init: Init { cmd: vec!["/init".into()], ..Init::default() },
        autodev: Some(false),
        restart: Some(Restart::OnFailure),
        hooks: vec![at((Hook::PreStart, "/data/android/pre-start.sh".into()), 14)],
        ..Config::default()
    };
    assert_eq!(config, expected);
    same_after_printing(&config);
}

#[test]
fn android_with_current_names_includes_and_carriage_returns() {
    let nodes: Vec<(&str, &[u8])> = vec![
        ("/etc/droid/nodes/a.conf", b"lxc.mount.entry = /dev/binder dev/binder none bind,create=file 0 0\n"),
        ("/etc/droid/nodes/b.conf", b"\nlxc.mount.entry = tmpfs tmp tmpfs nodev,mode=1777 0 0\nlxc.frob = 1"),
    ];
    let mut files = Files(BTreeMap::from([("/etc/droid/nodes", nodes)]));
    let (config, said) = read("d", include_bytes!("lxc/android-current.conf"), &mut files);
    assert_eq!(
        said,
        [
            "w d:1: lines end in CR LF: the CR is left out",
            "w /etc/droid/nodes/b.conf:3: unknown key 'lxc.frob'",
            "E d:12: lxc.include: '/etc/droid/session.conf': ENOENT",
        ]
    );
    let node = MountOptions { flags: ms::BIND, create: Some(Create::File), ..MountOptions::default() };
    let tmp = MountOptions { flags: ms::NODEV, data: "mode=1777".into(), ..MountOptions::default() };
    let mut mounts = vec![entry(1, "/dev/binder dev/binder none", node), entry(2, "tmpfs tmp tmpfs", tmp)];
    mounts[0].origin.file = 1;
    mounts[1].origin.file = 2;
    let expected = Config {
        files: ["d", "/etc/droid/nodes/a.conf", "/etc/droid/nodes/b.conf"].map(String::from).to_vec(),
        dialect: Dialect::Current,
        arch: Some(Personality::Linux),
        uts_name: Some("droid".into()),
        rootfs: Rootfs {
            path: Some(at("/srv/droid/system:/srv/droid/upper".into(), 4)),
            kind: RootfsKind::Overlay,
            ..Rootfs::default()
        },
        autodev: Some(false),
        console: Console { path: ConsolePath::None, ..Console::default() },
        init: Init {
            cmd: ["/init", "androidboot.hardware=soft ware", "a b"].map(String::from).to_vec(),
            ..Init::default()
        },
        environment: vec![at(("ANDROID_DATA".into(), Some("/data".into())), 8), at(("DISPLAY".into(), None), 9)],
        mount_entry: mounts,
        signal: Signals { halt: Some(37), ..Signals::default() },
        net: vec![Net::new(0, at(NetKind::None, 14))],
        sysctl: vec![at(("net/ipv4/ping_group_range".into(), "0 0".into()), 15)],
        ..Config::default()
    };
    assert_eq!(config, expected);
    same_after_printing(&config);
}

#[test]
fn every_slip_of_a_file_is_said() {
    let (config, said) = read("s", include_bytes!("lxc/slips.conf"), &mut NoFiles);
    assert_eq!(
        said,
        [
            "w s:2: unknown key 'lxc.uts.nmae', nearest is 'lxc.uts.name'",
            "w s:3: 'lcx.tty.max' is no key and is read over, nearest is 'lxc.tty.max'",
            "E s:4: lxc.tty.max: 'four' is not a number between 0 and 4294967295",
            "w s:5: unknown key 'lxc.rootfs.pth', nearest is 'lxc.rootfs.path'",
            "E s:6: lxc.mount.entry: option 'create=fiel': only create=dir and create=file are known",
            "w s:7: lxc.mount.entry: more than source, target, type, options and two numbers; a blank in a path is written \\040",
            "E s:8: lxc.cap.drop: unknown capability 'sys_modul', nearest is 'sys_module'; '99' is not a capability between 0 and 63",
            "E s:9: lxc.cap.keep: lxc.cap.drop and lxc.cap.keep exclude each other",
            "w s:10: unknown key 'lxc.net.0.tpye', nearest is 'lxc.net.0.type'",
            "E s:11: lxc.net.0.type: unknown type 'vteh', nearest is 'veth'",
            "w s:12: unknown key 'lxc.cgrop2.memory.max', nearest is 'lxc.cgroup2.memory.max'",
            "E s:13: lxc.signal.halt: unknown signal 'SIGPOWER', nearest is 'SIGPWR'",
            "E s:14: lxc.autodev: 'yes' is neither 0 nor 1",
            "E s:15: lxc.arch: unknown architecture 'x86-64', nearest is 'x86_64'",
            "E s:16: lxc.mount.auto: unknown word 'sys:rx', nearest is 'sys:ro'",
            "w s:17: lxc.pty.max: a comment needs a line of its own: all of '1 # one' is the value",
            "E s:17: lxc.pty.max: '1 # one' is not a number between 0 and 4294967295",
            "w s:18: 'lxc.utsname' ended with LXC 2, but 'lxc.tty.max' in line 4 is newer: the present defaults hold",
            "E s:19: 'lxc.uts.name' has no '='",
            "w s:20: unknown key 'keel.restrat', nearest is 'keel.restart'",
            "E s:21: keel.restart: 'allways' is not one of no, on-failure, always, nearest is 'always'",
            "E s:23: lxc.cgroup.devices/allow: 'devices/allow' cannot be a file of a cgroup",
            "E s:24: lxc.init.cmd: a single quote is not closed",
            "E s:25: lxc.environment: '=x' has no name in front of '='",
            "E s:26: lxc.log.level: unknown log level 'DEBUGG', nearest is 'DEBUG'",
        ]
    );
    // What is right in a wrong file stands.
    assert_eq!(config.uts_name.as_deref(), Some("box"));
    assert_eq!(config.caps, Caps::Drop(vec![25]));
    assert_eq!(config.dialect, Dialect::Current);
}

#[test]
fn single_lines_of_the_command_line() {
    let mut reader = lxc::Reader::default();
    reader.file("f", b"lxc.uts.name = a\n", &mut NoFiles);
    for line in [
        "lxc.tty = 3",
        "lxc.uts.name=b",
        "foo=1",
        "lxc.tty.max",
        "lxc.arch = vax",
        "lxc.arch=x\nlxc.tty=9",
        "lxc.\x1b[2J=1",
    ] {
        reader.define(line, &mut NoFiles);
    }
    let (config, problems) = reader.finish();
    let said: Vec<String> = problems.iter().map(|p| p.to_string()).collect();
    assert_eq!(
        said,
        [
            "command line: 'foo=1' is not a key with a value",
            "command line: 'lxc.tty.max' has no '='",
            "command line: lxc.arch: unknown architecture 'vax'",
            "command line: 'lxc.arch=x\\nlxc.tty=9' is not a key with a value",
            "command line: unknown key 'lxc.\\u{1b}[2J'",
        ]
    );
    assert_eq!((config.uts_name.as_deref(), config.tty_max), (Some("b"), 3));
    // An old name on the command line does not make the file an old one.
    assert_eq!(config.dialect, Dialect::Current);
}

#[test]
fn the_file_of_mounts() {
    let text = b"lxc.mount.entry = a a none bind\nlxc.mount.fstab = /fstab\n";
    let fstab: Vec<(&str, &[u8])> =
        vec![("/fstab", b"# mounts\n\nproc proc proc nodev\t0 0\nx\nb b none bind,roo\n\xff")];
    let mut files = Files(BTreeMap::from([("/fstab", fstab)]));
    let (mut config, _) = lxc::parse("f", text, &mut files);
    let said: Vec<String> = lxc::read_fstab(&mut config, &mut files).iter().map(|p| p.to_string()).collect();
    assert_eq!(
        said,
        [
            "/fstab:4: a mount entry has at least source, target and type: 'x'",
            "/fstab:5: option 'roo' has no meaning for a bind, nearest is 'ro'",
            "/fstab:6: the line is not UTF-8"
        ]
    );
    let sources: Vec<&str> = config.mount_entry.iter().map(|e| e.value.source.as_str()).collect();
    assert_eq!(sources, ["proc", "b", "a"]);
    assert_eq!(config.mount_entry[0].origin, Origin { file: 1, line: 3 });
    assert_eq!(config.files, ["f", "/fstab"]);

    let (mut config, _) = lxc::parse("f", text, &mut NoFiles);
    let said = lxc::read_fstab(&mut config, &mut NoFiles);
    assert_eq!(said[0].to_string(), "f:2: lxc.mount.fstab: '/fstab': ENOENT");
}

#[test]
fn the_main_file_tells_the_era_before_those_it_includes() {
    let old: Vec<(&str, &[u8])> = vec![("o", b"lxc.tty = 1\n")];
    let new: Vec<(&str, &[u8])> = vec![("n", b"lxc.tty.max = 1\nlxc.sysctl.a.b =\n")];
    let mut files = Files(BTreeMap::from([("o", old), ("n", new)]));
    let mut era = |text: &str| lxc::parse("f", text.as_bytes(), &mut files).0.dialect;
    assert_eq!(era("lxc.include = n\nlxc.utsname = a\n"), Dialect::Legacy);
    assert_eq!(era("lxc.include = o\nlxc.uts.name = a\n"), Dialect::Current);
    assert_eq!(era("lxc.include = o\nlxc.include = n\n"), Dialect::Legacy);
    assert_eq!(era("lxc.include = n\nlxc.include = o\n"), Dialect::Current);
    // A second file on the same level does not overrule the first.
    let mut reader = lxc::Reader::default();
    reader.file("a", b"lxc.tty = 1\n", &mut NoFiles);
    reader.file("b", b"lxc.uts.name = a\n", &mut NoFiles);
    assert_eq!(reader.finish().0.dialect, Dialect::Legacy);
}
