//! Golden tests: configuration + facts → plan, as printed by `keel plan`.
//!
//! `plans/NAME.conf` begins with `# facts: WORD..`; the plan is `plans/NAME.plan`. `BLESS=1` writes the plans anew, to be read
//! in the diff before they are committed.

use keel_core::config::lxc::{NoFiles, Severity, parse};
use keel_core::config::net::Address;
use keel_core::facts::{Caller, Facts, Filesystems, Hierarchy, Link, Namespaces, Seccomp, mountinfo};
use keel_core::failure::Errno;
use keel_core::plan::{BootCgroups, BootParams, DataDisk, Plan, Request, boot, container, early};
use keel_core::step::Step;
use std::fs;
use std::path::{Path, PathBuf};

fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans")
}

/// /proc/filesystems with some lines more.
fn filesystems(more: &[&str]) -> Filesystems {
    let usual =
        "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup\nnodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tdevpts\n";
    Filesystems::new(format!("{usual}\text4\n\tsquashfs\n{}", more.concat()))
}

/// A system, by words.
fn facts(words: &str) -> Facts {
    let all = Namespaces::NAMES.iter().fold(0, |all, (_, flag)| all | flag);
    let mut facts = Facts {
        kernel: (6, 1),
        filesystems: filesystems(&[]),
        namespaces: Namespaces(all),
        last_cap: 40,
        machine: "x86_64".into(),
        mounts: mountinfo("27 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n28 27 0:3 / /proc rw - proc proc rw\n"),
        ..Facts::default()
    };
    let v1 = |root: &str, name: &str| Hierarchy {
        version: 1,
        controllers: vec![name.into()],
        mountpoint: format!("{root}/{name}"),
        base: format!("{root}/{name}"),
        noprefix: false,
    };
    for word in words.split_whitespace() {
        match word {
            "initramfs" => {
                facts.mounts = mountinfo("1 1 0:2 / / rw - rootfs rootfs rw\n20 1 0:3 / /proc rw - proc proc rw\n");
            }
            "v1" => facts.hierarchies.extend(["cpuset", "memory", "devices"].map(|n| v1("/sys/fs/cgroup", n))),
            "system-cgroup" => facts.hierarchies.extend(["memory", "schedtune"].map(|n| v1("/system/cgroup", n))),
            "v2" => facts.hierarchies.push(Hierarchy {
                version: 2,
                controllers: ["cpuset", "cpu", "io", "memory", "pids"].map(String::from).into(),
                mountpoint: "/sys/fs/cgroup".into(),
                base: "/sys/fs/cgroup".into(),
                noprefix: false,
            }),
            "android-v1" => facts.hierarchies.extend(["cpu", "cpuacct", "devices"].map(|n| v1("/sys/fs/cgroup", n))),
            "binderfs" => {
                facts.filesystems = filesystems(&["nodev\tbinder\n"]);
                facts.binder_major = Some(509);
            }
            "binder7" => {
                facts.misc.extend([("binder".into(), 58), ("ashmem".into(), 59), ("tun".into(), 200)]);
                facts.binder_protocol = Some(7);
            }
            "user" => facts.caller = Caller { uid: 1000, gid: 1000, ..Caller::default() },
            "nested" => facts.caller.in_user_namespace = true,
            "helpers" => facts.caller.id_helpers = true,
            "binders" => {
                facts.misc.extend(
                    ["binder", "binder1", "binder0", "hwbinder"].into_iter().zip(50..).map(|(n, i)| (n.into(), i)),
                );
                facts.binders_taken.push(("binder0".into(), "other".into()));
            }
            "notify" => facts.seccomp_notify = true,
            "logger" => {
                let names = ["alarm", "log_main", "log_events", "log_radio", "log_system"];
                facts.misc.extend(names.into_iter().zip(40..).map(|(n, i)| (n.into(), i)));
            }
            "linux-3.2" => facts.kernel = (3, 2),
            "noprefix" => facts.hierarchies.push(Hierarchy { noprefix: true, ..v1("/dev", "cpuset") }),
            "controllers" => facts.controllers = ["cpuset", "cpu", "memory"].map(String::from).into(),
            "net" => {
                facts.random = 1;
                facts.links = links();
            }
            "no-devtmpfs" => facts.filesystems.remove("devtmpfs"),
            "no-cgroup2" => facts.filesystems.remove("cgroup2"),
            "apparmor" => (facts.lsm.apparmor, facts.lsm.apparmor_mounts) = (true, true),
            "apparmor-incomplete" => facts.lsm.apparmor = true,
            "lxc-default" => facts.lsm.apparmor_default = true,
            "pid1" => facts.pid1 = true,
            "empty" => facts.empty_namespace = true,
            "parser" => facts.lsm.apparmor_parser = true,
            "selinux" => facts.lsm.selinux = true,
            "under-filter" => facts.seccomp = Seccomp::Confined,
            "no-filters" => facts.seccomp = Seccomp::Missing,
            "android-host" => facts.android_host = true,
            "stock-android" => {
                (facts.namespaces, facts.no_device_programs) = (Namespaces(Namespaces::MNT), true);
            }
            word => panic!("no facts '{word}'"),
        }
    }
    facts
}

/// Interfaces of a host: two of hardware, two bridges, one that filters VLANs; what a crash has left.
fn links() -> Vec<Link> {
    let link = |index, name: &str, kind: &str| Link {
        index,
        name: name.into(),
        kind: kind.into(),
        mtu: 1500,
        hwaddr: Some([2, 0, 0, 0, 0, index as u8]),
        ..Link::default()
    };
    vec![
        link(1, "lo", ""),
        Link { routes: [true; 3], ..link(2, "eth0", "") },
        link(3, "eth1", ""),
        Link { addresses: vec![Address::v4("10.0.3.1/24").unwrap()], ..link(4, "lxcbr0", "bridge") },
        Link { mtu: 9000, default_vlan: Some(1), ..link(5, "vbr0", "bridge") },
        link(6, "usb0", ""),
        link(7, "usb1", ""),
        Link { alias: "keel:/var/lib/lxc/bb".into(), ..link(8, "bbdmz", "veth") },
        Link { alias: "keel=wan0:keel:/var/lib/lxc/bb".into(), ..link(9, "dev3", "") },
    ]
}

fn request(command: &[&str]) -> Request {
    Request {
        name: "bb".into(),
        lxcpath: "/var/lib/lxc".into(),
        staging: "/run/keel/bb".into(),
        binders: "/run/keel/.binders".into(),
        cpuinfo: "processor\t: 0\nmodel name\t: Virtual\n".into(),
        command: command.iter().map(|w| w.to_string()).collect(),
        ..Request::default()
    }
}

/// The plan of a configuration, or everything that keeps it from being one.
fn planned(file: &str, text: &str, facts: &Facts) -> Result<Plan, String> {
    let (config, problems) = parse(file, text.as_bytes(), &mut NoFiles);
    let errors: Vec<String> =
        problems.iter().filter(|p| p.severity == Severity::Error).map(|p| p.to_string()).collect();
    if !errors.is_empty() {
        return Err(errors.join("\n"));
    }
    let mut request = request(&[]);
    if let Some(profile) = &config.seccomp.profile {
        request.seccomp = fs::read(dir().join(&profile.value)).unwrap();
    }
    container(&config, &request, facts)
        .map_err(|failures| failures.iter().map(|f| f.message.clone()).collect::<Vec<_>>().join("\n"))
}

fn compare(name: &str, text: &str) {
    let path = dir().join(format!("{name}.plan"));
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name}.plan differs (BLESS=1 writes it):\n{text}");
}

#[test]
fn containers() {
    let mut names: Vec<_> = fs::read_dir(dir()).unwrap().flatten().map(|e| e.path()).collect();
    names.retain(|p| p.extension().is_some_and(|e| e == "conf"));
    assert!(names.len() >= 6, "{names:?}");
    for path in names {
        let text = fs::read_to_string(&path).unwrap();
        let words = text.lines().next().and_then(|l| l.strip_prefix("# facts:")).expect("a line of facts");
        let name = path.file_stem().unwrap().to_str().unwrap();
        let plan = planned(&format!("{name}.conf"), &text, &facts(words));
        compare(name, &plan.map_or_else(|e| format!("{e}\n"), |p| p.to_string()));
    }
}

#[test]
fn boots() {
    let disk = DataDisk {
        device: "/dev/vda".into(),
        fstype: None,
        flags: 0,
        data: String::new(),
        at: "/var/lib/lxc".into(),
        wait_ms: 10_000,
    };
    let with = |cgroups, root: &str| BootParams { cgroups, cgroup_root: root.into(), ..BootParams::default() };
    for (name, words, params) in [
        ("boot-auto", "initramfs controllers", BootParams { hostname: Some("box".into()), ..BootParams::default() }),
        ("boot-v1-system", "initramfs controllers", with(BootCgroups::V1, "/system/cgroup/")),
        ("boot-v2", "initramfs controllers", with(BootCgroups::V2, "/sys/fs/cgroup")),
        ("boot-v2-missing", "initramfs controllers no-cgroup2", with(BootCgroups::V2, "/sys/fs/cgroup")),
        ("boot-no-cgroups", "initramfs no-devtmpfs", with(BootCgroups::None, "/sys/fs/cgroup")),
        (
            "boot-disk",
            "",
            BootParams {
                cgroups: BootCgroups::None,
                modules: vec![("/lib/modules/virtio_blk.ko".into(), "a=1".into())],
                data: Some(disk),
                ..BootParams::default()
            },
        ),
    ] {
        compare(name, &format!("{}--\n{}", early(), boot(&params, &facts(words))));
    }
}

/// Without any configuration that matters, nothing of the host may be touched by a step of the child before it has a mount
/// namespace and has cut its propagation: else mounts would show up on the host.
#[test]
fn propagation_is_cut_before_anything_is_mounted() {
    for words in ["", "initramfs v1", "v2 stock-android"] {
        let plan = planned("x", "lxc.rootfs.path = /r\nlxc.mount.auto = proc sys\n", &facts(words)).unwrap();
        let at = |wanted: fn(&Step) -> bool| plan.inside.iter().position(|p| wanted(&p.step)).unwrap();
        let cut = at(|s| matches!(s, Step::SetPropagation { .. }));
        assert!(cut < at(|s| matches!(s, Step::Mount { .. } | Step::Bind { .. })), "{plan}");
        assert!(plan.clone.has(Namespaces::MNT));
        assert!(!plan.outside.iter().any(|p| matches!(p.step, Step::Mount { .. } | Step::Bind { .. })), "{plan}");
    }
}

#[test]
fn the_host_name_is_only_set_in_a_namespace_of_its_own() {
    let sets = |words| {
        let plan = planned("x", "lxc.uts.name = x\nlxc.rootfs.path = /r\n", &facts(words)).unwrap();
        plan.inside.iter().any(|p| matches!(p.step, Step::SetHostname { .. }))
    };
    assert!(sets(""));
    assert!(!sets("stock-android"));
}

#[test]
fn a_failure_can_take_the_place_of_every_step_and_is_named_as_that_step() {
    let plan = planned("x.conf", "lxc.rootfs.path = /r\nlxc.cgroup2.memory.max = 1M\n", &facts("v2")).unwrap();
    for number in 1..=plan.len() {
        let mut failing = plan.clone();
        assert!(failing.fail_at(number, Errno::IO));
        assert_eq!(failing.to_string(), plan.to_string());
        assert_eq!(failing.failure(number, Errno::NODEV), plan.failure(number, Errno::NODEV));
        let sentence = failing.failure(number, Errno::IO).message;
        let step = plan.step(number).unwrap();
        assert!(sentence.contains(&format!("step {number} of {}, {}: EIO", plan.len(), step.step)), "{sentence}");
        assert!(matches!(failing.step(number).unwrap().step, Step::Fail { errno: 5, .. }));
    }
    let mut plan = plan;
    assert_eq!(plan.clone().fail_at_text("3:ENOSPC"), Ok(()));
    assert_eq!(
        plan.clone().fail_at_text("99").unwrap_err(),
        format!("there is no step 99: the plan has {}", plan.len())
    );
    assert_eq!(plan.clone().fail_at_text("x").unwrap_err(), "'x' is no step's number");
    assert_eq!(plan.clone().fail_at_text("1:EWHAT").unwrap_err(), "'EWHAT' is no error number's symbol");
    assert!(!plan.fail_at(0, Errno::IO));
    assert!(!plan.fail_at(plan.len() + 1, Errno::IO));
    let limit = plan.outside.iter().position(|p| p.step.to_string().starts_with("write '1M'")).unwrap();
    assert!(plan.failure(limit + 1, Errno::INVAL).message.starts_with("x.conf:2: step "));
}
