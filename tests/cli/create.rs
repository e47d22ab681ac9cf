//! `keel create`: what it makes, what it refuses, what it leaves behind.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use crate::keel::{Place, Ran, busybox, keel, program};

/// A container with busybox's init: no pid1 is needed for what is looked at here.
fn made(place: &Place, more: &str) -> String {
    place.keel(&format!("create -q -t busybox -n bb --init busybox {more}")).ok()
}

#[test]
fn a_container_from_the_busybox_in_path() {
    let Some(busybox) = busybox() else { return };
    let place = Place::new();
    let pid1 = place.copy_of(&busybox, "pid1");
    let said = place.keel(&format!("create -t busybox -n bb -- --pid1 {}", pid1.display())).ok();
    assert!(said.contains("bb: root is locked"), "{said}");
    let config = place.read("bb/config");
    for line in [
        &format!("lxc.rootfs.path = dir:{}/bb/rootfs", place.path().display()),
        "lxc.uts.name = bb",
        "lxc.net.0.type = empty",
        "lxc.signal.halt = SIGPWR",
    ] {
        assert!(
            config.lines().any(|found| found == line) || Path::new("/etc/lxc/default.conf").exists(),
            "{line}: {config}"
        );
    }
    let listing = place.listing();
    for entry in [
        "bb 040770",
        "bb/config 100640",
        "bb/rootfs 040755",
        "bb/rootfs/etc/shadow 100600",
        "bb/rootfs/tmp 041777",
        "bb/rootfs/sbin/init 100755",
        "bb/rootfs/bin/sh -> busybox",
        "bb/rootfs/usr/bin/env -> ../../bin/busybox",
    ] {
        assert!(listing.iter().any(|found| found == entry), "{entry} is not in {listing:#?}");
    }
    // S_ISUID and S_ISGID are the first octal digit of the permission bits.
    let privileged: Vec<_> = listing.iter().filter(|entry| entry.rsplit(' ').next().is_some_and(special)).collect();
    assert!(privileged.is_empty(), "{privileged:?}");
    assert!(place.read("bb/rootfs/etc/shadow").starts_with("root:!:"));
    assert_eq!(std::fs::read(&pid1).unwrap(), std::fs::read(place.path().join("bb/rootfs/sbin/init")).unwrap());
}

#[test]
fn keel_alone_makes_a_container_with_busyboxs_init() {
    let Some(_) = busybox() else { return };
    let place = Place::new();
    let alone = place.copy_of(program(), "keel");
    let run = |more: &[&str]| {
        let lxcpath = place.path().join("lxc");
        let mut command = Command::new(&alone);
        command.args(["create", "-t", "busybox", "-n", "bb", "-P"]).arg(lxcpath).args(more).env_remove("CONFIG");
        Ran::of(command.output().expect("keel runs"))
    };
    // The control: who asks for pid1 is told that there is none, and nothing is left.
    let refused = run(&["--init", "pid1"]);
    assert!(refused.code == 1 && refused.err.contains("no 'pid1' beside keel"), "{refused:?}");
    assert!(!place.path().join("lxc/bb").exists());
    let said = run(&[]).ok();
    assert!(
        said.contains("bb: no 'pid1' beside keel, in /sbin or in PATH: the first program is busybox's init\n"),
        "{said}"
    );
    let listing = place.listing();
    assert!(listing.iter().any(|entry| entry == "lxc/bb/rootfs/sbin/init -> ../bin/busybox"), "{listing:#?}");
}

fn special(mode: &str) -> bool {
    u32::from_str_radix(mode, 8).is_ok_and(|mode| mode & 0o6000 != 0)
}

#[test]
fn the_image_runs() {
    if busybox().is_none() {
        return;
    }
    if !is_root() {
        return crate::keel::skip("chroot needs root");
    }
    let place = Place::new();
    made(&place, "--password sesame");
    let root = place.path().join("bb/rootfs");
    let ran = Command::new("chroot").arg(&root).args(["/bin/sh", "-c", "id -un; ls /sbin/init"]).output();
    assert_eq!(Ran::of(ran.unwrap()).ok(), "root\n/sbin/init\n");
    // busybox's own crypt(3) agrees with the hash.
    let shadow = place.read("bb/rootfs/etc/shadow");
    let hash = shadow.split(':').nth(1).unwrap();
    let salt = hash.split('$').nth(3).unwrap();
    let again =
        Command::new("openssl").args(["passwd", "-6", "-salt", &format!("rounds=5000${salt}"), "sesame"]).output();
    match again {
        Ok(again) => assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), hash),
        Err(_) => crate::keel::skip("no openssl to compare the hash with"),
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

#[test]
fn an_existing_container_is_left_alone() {
    if busybox().is_none() {
        return;
    }
    let place = Place::new();
    made(&place, "");
    let before = place.listing();
    std::fs::write(place.path().join("bb/config"), "# mine\n").unwrap();
    let again = place.keel("create -t busybox -n bb --init busybox");
    assert_eq!((again.code, again.err.as_str()), (1, "keel: bb: container already exists\n"));
    assert_eq!(place.read("bb/config"), "# mine\n");
    assert_eq!(place.listing(), before);
}

#[test]
fn every_refusal_leaves_nothing() {
    if busybox().is_none() {
        return;
    }
    let place = Place::new();
    let script = place.path().join("script");
    std::fs::write(&script, format!("#!/bin/sh\n{}\n", "#".repeat(80))).unwrap();
    let here = place.path().display();
    let before = place.listing();
    for (line, code, why) in [
        ("-n bb", 2, "no template given"),
        ("-t busybox", 2, "no container name given"),
        ("-t busybox -n ../x", 2, "cannot be a container's name"),
        ("-t busybox -n .x", 1, "it begins with '.'"),
        ("-t bussybox -n bb", 1, "no template 'bussybox'"),
        ("-t /etc/passwd -n bb", 1, "is neither a directory nor a program"),
        ("-t /bin/false -n bb", 1, "template '/bin/false' failed: exit status: 1"),
        ("-t busybox -n bb -f /no/such/file", 1, "read '/no/such/file': ENOENT"),
        ("-t busybox -n bb -B zfs", 2, "storage of type 'zfs' is not available, there is dir, overlay and loop"),
        ("-t busybox -n bb --init upstart", 2, "'upstart' is no init"),
        ("-t busybox -n bb --init busybox --busybox /no/such", 1, "open '/no/such': ENOENT"),
        ("-t busybox -n bb --init busybox --busybox /etc", 1, "'/etc' is not a file"),
        ("-t busybox -n bb --init busybox --autologin=nosuch", 1, "no user 'nosuch'"),
        ("-t busybox -n bb --init busybox --password-hash a:b", 1, "is not a password hash"),
        ("-t busybox -n bb --init busybox --sysroot /no/where", 1, "is not below the sysroot"),
        ("-t busybox -n bb --init busybox --rootfs /etc", 1, "rootfs '/etc' exists already"),
        ("-t busybox -n bb --init busybox --rootfs /no/such/dir", 1, "open '/no/such': ENOENT"),
    ] {
        let ran = place.keel(&format!("create {line}"));
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(ran.err.contains(why), "{line}: {ran:?}");
        assert_eq!(ran.out, "", "{line}");
        assert_eq!(place.listing(), before, "{line}");
    }
    assert!(Command::new("mkfifo").arg(place.path().join("fifo")).status().unwrap().success());
    let ran = place.keel(&format!("create -t busybox -n bb --init busybox --busybox {here}/fifo"));
    assert!(ran.err.contains("/fifo' is not a file"), "{ran:?}");
    let ran = place.keel(&format!("create -t busybox -n bb --init busybox --busybox {here}/script"));
    assert!(ran.err.contains("is a script, not a program"), "{ran:?}");
    let keel = program().display();
    let ran = place.keel(&format!("create -t busybox -n bb --init busybox --busybox {keel}"));
    // The keel of the tests is usually dynamic; a static one is a program like another.
    assert!(ran.err.contains("is not static") || ran.code == 0, "{ran:?}");
}

#[test]
fn a_template_of_ones_own_and_its_mistakes() {
    if busybox().is_none() {
        return;
    }
    let place = Place::new();
    let template = place.path().join("template");
    std::fs::create_dir(&template).unwrap();
    let write = |file: &str, text: &str| std::fs::write(template.join(file), text).unwrap();
    let create = || place.keel(&format!("create -t {} -n own --init busybox", template.display()));
    write("config", "lxc.rootfs.path = dir:@ROOTFS@\n");
    write("manifest", "dir 0755 /bin\nfile 0644 /hello hello\ndir 0755 /static if dev=static\n");
    write("hello", "I am @NAME@, me@example.org\n");
    create().ok();
    assert_eq!(place.read("own/rootfs/hello"), "I am own, me@example.org\n");
    assert!(!place.path().join("own/rootfs/static").exists());

    let manifest = template.join("manifest");
    let manifest = manifest.display();
    std::fs::remove_dir_all(place.path().join("own")).unwrap();
    for (text, why) in [
        (
            "dir 4755 /x\nfoo\n",
            format!(
                "keel: own: {manifest}:1: mode '4755' has a set-user-ID or set-group-ID bit\nkeel: own: {manifest}:2: 'foo' is none of dir, file, link, program, applets, node\n"
            ),
        ),
        ("dir 0755 /x if color=red\n", format!("keel: own: {manifest}:1: condition 'color' is none of init, dev\n")),
        ("program 0755 /x perl\n", format!("keel: own: {manifest}:1: no program 'perl' is given\n")),
        ("file 0755 /x nosuch\n", format!("keel: own: read '{}/nosuch': ENOENT\n", template.display())),
        (
            "link /a ..\ndir 0755 /a/escaped\n",
            format!("keel: own: mkdir '{}/own/rootfs/a/escaped': ELOOP\n", place.path().display()),
        ),
        ("dir 0755 /x\ndir 0755 /x\n", format!("keel: own: mkdir '{}/own/rootfs/x': EEXIST\n", place.path().display())),
    ] {
        write("manifest", text);
        let ran = create();
        let err = ran.err.replace("ENOTDIR", "ELOOP");
        assert_eq!((ran.code, err), (1, why), "{text}");
        assert!(!place.listing().iter().any(|entry| entry.contains("own")), "{text}: {:?}", place.listing());
    }
    write("manifest", "");
    write("config", "@NOSUCH@\n");
    assert_eq!(create().err, format!("keel: own: {}/config:1: nothing is known for '@NOSUCH@'\n", template.display()));
}

#[test]
fn configurations_begin_with_the_users_lines() {
    if busybox().is_none() {
        return;
    }
    let place = Place::new();
    let conf = place.path().join("my.conf");
    std::fs::write(&conf, "lxc.cgroup.memory.limit_in_bytes = 64M\nlxc.network.type = none").unwrap();
    made(&place, &format!("-f {}", conf.display()));
    let config = place.read("bb/config");
    let lines: Vec<&str> = config.lines().collect();
    assert!(lines[0].starts_with("# Container 'bb', made by keel "), "{config}");
    assert_eq!(lines[1..3], ["lxc.cgroup.memory.limit_in_bytes = 64M", "lxc.network.type = none"]);
    assert!(!config.contains("lxc.net.0.type"));
    // The template's lines follow in the names of the same era.
    assert!(lines.contains(&"lxc.utsname = bb") && !config.contains("lxc.uts.name"), "{config}");

    std::fs::write(&conf, "lxc.uts.name = x\nlxc.tty.max = lots\n").unwrap();
    let refused = place.keel(&format!("create -t none -n cc -f {}", conf.display()));
    assert!(refused.code == 1 && refused.err.starts_with(&format!("keel: cc: {}:2: ", conf.display())), "{refused:?}");
    assert!(!place.path().join("cc").exists());
}

#[test]
fn a_ramdisk_in_the_making() {
    if busybox().is_none() {
        return;
    }
    let place = Place::new();
    let stage = place.path().join("stage");
    let lxcpath = stage.join("var/lib/lxc");
    keel([
        "create".as_ref(),
        "-q".as_ref(),
        "-P".as_ref(),
        lxcpath.as_os_str(),
        "-t".as_ref(),
        "busybox".as_ref(),
        "bb".as_ref(),
        "--".as_ref(),
        "--init".as_ref(),
        "busybox".as_ref(),
        "--sysroot".as_ref(),
        stage.as_os_str(),
        "--autologin".as_ref(),
    ])
    .ok();
    let config = place.read("stage/var/lib/lxc/bb/config");
    assert!(config.contains("\nlxc.rootfs.path = dir:/var/lib/lxc/bb/rootfs\n"), "{config}");
    assert!(place.read("stage/var/lib/lxc/bb/rootfs/etc/inittab").contains("console::respawn:/bin/login -f root\n"));
}

#[test]
fn a_rootfs_elsewhere() {
    if busybox().is_none() {
        return;
    }
    let place = Place::new();
    let rootfs = place.path().join("image");
    made(&place, &format!("--rootfs {}", rootfs.display()));
    assert!(place.read("bb/config").contains(&format!("lxc.rootfs.path = dir:{}\n", rootfs.display())));
    assert!(rootfs.join("bin/busybox").is_file());
    assert!(!place.path().join("bb/rootfs").exists());
}

#[test]
fn no_template_is_a_configuration_alone() {
    let place = Place::new();
    // Whatever the machine's /etc/lxc/default.conf says.
    let said = place.keel("create -t none -n cc -B dir -f /dev/null").ok();
    assert_eq!(said, "cc: no lxc.rootfs.path is set: it would run in the host's own root file system\n");
    assert_eq!(place.listing(), ["cc 040770", "cc/config 100640"]);
    assert!(place.read("cc/config").ends_with("lxc.uts.name = cc\n"));
}

/// SIGINT is pending before the first instruction: blocked signals and pending ones survive execve(2).
#[test]
fn an_interrupt_removes_what_was_begun() {
    if busybox().is_none() {
        return;
    }
    let place = Place::new();
    let line = "kill -INT $$; exec \"$@\"";
    let ran = Command::new("env")
        .args(["--block-signal=INT", "sh", "-c", line, "sh"])
        .arg(program())
        .args(["create", "-t", "busybox", "-n", "bb", "--init", "busybox", "-P"])
        .arg(place.path())
        .output()
        .expect("env runs");
    let ran = Ran::of(ran);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, "", "keel: bb: interrupted\n"));
    assert!(place.listing().is_empty(), "{:?}", place.listing());
}

#[test]
fn a_user_who_is_not_root_makes_one_and_removes_it() {
    if busybox().is_none() {
        return;
    }
    if !is_root() {
        return crate::keel::skip("to be another user needs root");
    }
    let place = Place::new();
    std::os::unix::fs::chown(place.path(), Some(65534), Some(65534)).unwrap();
    let keel = |line: &str| {
        let ran = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(program())
            .args(line.split_whitespace())
            .arg("-P")
            .arg(place.path())
            .output();
        Ran::of(ran.expect("setpriv runs"))
    };
    keel("create -q -t busybox -n bb --init busybox").ok();
    let owner = |path: &str| std::fs::symlink_metadata(place.path().join(path)).unwrap().uid();
    assert_eq!((owner("bb/rootfs/etc/shadow"), owner("bb/rootfs/bin/sh")), (65534, 65534));
    let refused = keel("create -q -t busybox -n cc --init busybox --static-dev");
    assert_eq!(refused.code, 1);
    assert_eq!(keel("ls -1").ok(), "bb\n");
    std::fs::set_permissions(place.path().join("bb/rootfs/etc"), std::os::unix::fs::PermissionsExt::from_mode(0o555))
        .unwrap();
    keel("destroy bb").ok();
    assert!(place.listing().is_empty(), "{:?}", place.listing());
}

#[test]
fn a_static_dev_has_its_nodes() {
    if busybox().is_none() {
        return;
    }
    if !is_root() {
        return crate::keel::skip("device nodes need root");
    }
    let place = Place::new();
    made(&place, "--static-dev");
    assert!(place.read("bb/config").contains("\nlxc.autodev = 0\n"));
    let null = std::fs::symlink_metadata(place.path().join("bb/rootfs/dev/null")).unwrap();
    assert_eq!((null.mode(), null.rdev()), (0o020666, 0x103));
}

#[test]
fn modes_do_not_depend_on_the_caller() {
    if busybox().is_none() {
        return;
    }
    let (place, other) = (Place::new(), Place::new());
    made(&place, "");
    // A set-group-ID directory hands its bit down to directories made in it.
    std::fs::set_permissions(other.path(), std::os::unix::fs::PermissionsExt::from_mode(0o2777)).unwrap();
    let ran = Command::new("sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(program())
        .args(["create", "-q", "-t", "busybox", "bb", "--init", "busybox", "-P"])
        .arg(other.path())
        .output();
    Ran::of(ran.unwrap()).ok();
    assert_eq!(place.listing(), other.listing());
}

#[test]
fn lxcs_own_words_for_its_template() {
    let Some(busybox) = busybox() else { return };
    let place = Place::new();
    std::os::unix::fs::symlink(program(), place.path().join("lxc-create")).unwrap();
    let ran = Command::new(place.path().join("lxc-create"))
        .args(["-q", "-n", "bb", "-t", "busybox", "-B", "dir", "-P"])
        .arg(place.path())
        .args(["--", "--path=/ignored", "--name", "other", "--mapped-uid", "0", "--init=busybox", "--busybox-path"])
        .arg(busybox)
        .output();
    Ran::of(ran.unwrap()).ok();
    assert!(place.path().join("bb/rootfs/bin/busybox").is_file());
    let again = Command::new(place.path().join("lxc-create")).args(["-n", "bb", "-P"]).arg(place.path()).output();
    let again = Ran::of(again.unwrap());
    assert_eq!(again.code, 1);
    assert!(again.err.starts_with("lxc-create: bb: no template given"), "{again:?}");
}
