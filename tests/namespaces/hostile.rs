//! Images made to get out: whatever a rootfs has in place of what Keel works on, nothing outside of it is touched.
//!
//! Each known hole of other runtimes is a row here: a link, file or pipe where a directory or node is expected, a link in a
//! mount's target, a link under what is created.

use crate::root;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use tests::canary::tree;
use tests::container::Container;

/// Things outside that a container might want: a directory with a file in it.
fn canary(container: &Container) -> std::path::PathBuf {
    let place = container.outside().join("canary");
    fs::create_dir_all(place.join("dev")).expect("a directory");
    fs::write(place.join("file"), "untouched").expect("written");
    place
}

/// Replaces `path` in the rootfs.
fn plant(container: &Container, path: &str, what: &str, target: &Path) {
    let at = container.rootfs().join(path);
    let _ = fs::remove_dir_all(&at).or_else(|_| fs::remove_file(&at));
    fs::create_dir_all(at.parent().expect("below")).expect("a directory");
    match what {
        "absolute" => symlink(target, &at).expect("a link"),
        "relative" => {
            let ups = "../".repeat(at.components().count() - 2);
            symlink(format!("{ups}{}", target.display().to_string().trim_start_matches('/')), &at).expect("a link");
        }
        "dangling" => symlink(target.join("not-there-yet"), &at).expect("a link"),
        "loop" => symlink(at.file_name().expect("a name"), &at).expect("a link"),
        "magic" => symlink("/proc/self/cwd", &at).expect("a link"),
        "magic-root" => symlink("/proc/1/root", &at).expect("a link"),
        "file" => fs::write(&at, "an image's").expect("written"),
        "fifo" => {
            rustix::fs::mknodat(rustix::fs::CWD, &at, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("a pipe")
        }
        other => panic!("{other}"),
    }
}

const KINDS: [&str; 8] = ["absolute", "relative", "dangling", "loop", "magic", "magic-root", "file", "fifo"];

/// Starts; whatever comes of it, nothing outside has changed and nothing is left. Returns whether it ran.
#[track_caller]
fn try_start(container: &Container, story: &str) -> bool {
    let place = canary(container);
    let before = tree(&container.outside());
    let ran = container.keel("start");
    let runs = ran.code == 0;
    assert!(runs || ran.code == 1, "{story}: {ran:?}");
    if !runs {
        assert_eq!(ran.err.lines().count(), 1, "{story}: {ran:?}");
        let symbol =
            ["ELOOP", "ENOTDIR", "EXDEV", "EEXIST", "ENOENT", "EINVAL", "ENXIO", "EISDIR", "EROFS", "leads out"];
        assert!(symbol.iter().any(|s| ran.err.contains(s)), "{story}: {ran:?}");
    }
    let after = tree(&container.outside());
    assert_eq!(before, after, "{story}: something outside has changed");
    assert_eq!(fs::read_to_string(place.join("file")).expect("there"), "untouched");
    let said = container.keel("stop -k");
    assert!(said.code == if runs { 0 } else { 2 }, "{story}: {said:?}");
    container.assert_nothing_left();
    runs
}

#[test]
fn proc_sys_and_dev_in_the_image() {
    if !root() {
        return;
    }
    for place in ["proc", "sys", "dev"] {
        for kind in KINDS {
            let container = Container::probe("lxc.pty.max = 4\nlxc.tty.max = 1");
            let canary = canary(&container);
            plant(&container, place, kind, &canary);
            let runs = try_start(&container, &format!("/{place} as {kind}"));
            assert!(!runs, "/{place} as {kind} was accepted");
        }
    }
}

#[test]
fn what_is_in_dev_without_a_fresh_one() {
    if !root() {
        return;
    }
    for node in ["null", "console", "ptmx", "pts", "shm", "tty1", "fd"] {
        for kind in KINDS {
            let container = Container::probe(
                "lxc.autodev = 0\nlxc.pty.max = 4\nlxc.tty.max = 1\nlxc.mount.entry = shm dev/shm tmpfs defaults,create=dir 0 0",
            );
            let canary = canary(&container);
            plant(&container, &format!("dev/{node}"), kind, &canary);
            try_start(&container, &format!("/dev/{node} as {kind}, no fresh /dev"));
            // A fresh one hides it all.
            if kind == "absolute" {
                container.add_config("lxc.autodev = 1");
                assert!(try_start(&container, &format!("/dev/{node} as {kind}, fresh /dev")));
            }
        }
    }
}

#[test]
fn links_in_the_target_of_a_mount() {
    if !root() {
        return;
    }
    for kind in ["absolute", "relative", "dangling", "loop", "magic", "magic-root"] {
        for (planted, target) in [("a", "a"), ("a/b", "a/b"), ("a/b", "a/b/c"), ("a", "a/b/c/d")] {
            for entry in ["/etc TARGET none bind", "none TARGET tmpfs size=1m", "/etc/passwd TARGET none bind,ro"] {
                for create in ["", ",create=dir", ",create=file"] {
                    let line = format!("lxc.mount.entry = {}{create}", entry.replace("TARGET", target));
                    let container = Container::probe(&line);
                    let canary = canary(&container);
                    plant(&container, planted, kind, &canary);
                    let runs = try_start(&container, &format!("{planted} as {kind} under {line}"));
                    assert!(!runs, "{planted} as {kind} under {line} was accepted");
                }
            }
        }
    }
}

#[test]
fn a_link_in_a_relative_source() {
    if !root() {
        return;
    }
    for kind in ["absolute", "relative", "magic-root"] {
        let container = Container::probe("lxc.mount.entry = src mnt none bind,relative 0 0");
        let canary = canary(&container);
        plant(&container, "src", kind, &canary);
        let runs = try_start(&container, &format!("source as {kind}"));
        assert!(!runs, "a source that is a link ({kind}) was followed");
    }
}

#[test]
fn a_terminal_directory_that_is_a_link() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.autodev = 0\nlxc.tty.dir = lxc\nlxc.tty.max = 1\nlxc.pty.max = 4");
    let canary = canary(&container);
    plant(&container, "dev/lxc", "absolute", &canary);
    assert!(!try_start(&container, "/dev/lxc as a link"));
}

/// runc CVE-2025-31133: /dev/null of the image as a link to a setting of the kernel.
#[test]
fn dev_null_as_a_link_to_a_setting() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.autodev = 0\nlxc.console.path = none");
    plant(&container, "dev/null", "absolute", Path::new("/proc/sys/kernel/core_pattern"));
    try_start(&container, "/dev/null as a link to core_pattern");
}

/// A rootfs that is itself a link is what the administrator wrote; its end is the root.
#[test]
fn a_rootfs_that_is_missing_or_no_directory() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    for bad in ["missing", "file", "fifo"] {
        if bad != "missing" {
            plant(&container, "../bad", bad, Path::new("/"));
        }
        let path = container.rootfs().parent().expect("above").join("bad");
        container.add_config(&format!("lxc.rootfs.path = dir:{}", path.display()));
        let said = container.keel("start").fails(1);
        assert!(said.contains("rootfs") || said.contains("bad"), "{said}");
        // A file is taken for an image, and there is no file system in this one.
        let symbols = match bad {
            "missing" => ["ENOENT", "ENOENT"],
            "file" => ["EIO", "EINVAL"],
            _ => ["ENOTDIR", "EINVAL"],
        };
        assert!(symbols.iter().any(|s| said.contains(s)), "{bad}: {said}");
        container.assert_nothing_left();
    }
}

/// What the supervisor is cannot be reached or written from inside (CVE-2019-5736).
#[test]
fn the_program_itself_is_out_of_reach() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    let before = tests::canary::tree(&tests::built::built().keel);
    let facts = container.ask("can list:/proc read:/proc/1/comm link:/proc/1/exe");
    assert_eq!(facts.get("can.link:/proc/1/exe"), "/probe");
    let processes: Vec<&str> = facts.get("can.list:/proc").split(',').filter(|n| n.parse::<u32>().is_ok()).collect();
    assert!(processes.len() <= 3, "{processes:?}");
    // An interpreter line that names what runs it: it runs the probe again, not keel.
    let script = container.rootfs().join("script");
    fs::write(&script, "#!/proc/self/exe\n").expect("written");
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
    let ran = container.keel("attach -- /script");
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_eq!(tests::canary::tree(&tests::built::built().keel), before);
}

/// What runs `attach` goes into the container, where it can be opened as /proc/PID/exe and kept open until nobody executes it:
/// not even then it can be written to that way.
#[test]
fn what_attaches_cannot_be_written() {
    use std::os::fd::AsRawFd;
    if !root() || std::env::var_os(tests::container::ENOSYS).is_some() {
        return;
    }
    let container = Container::probe("");
    container.start();
    // Not the program of the supervisor, which is executed all the time.
    let keel = container.outside().join("keel");
    fs::copy(&tests::built::built().keel, &keel).expect("a copy");
    let inner = container.command("attach");
    let words: Vec<_> = inner.get_args().skip_while(|word| *word != "attach").collect();
    let probe = &tests::built::built().probe;
    // The second time as on a kernel without mount_setattr(2).
    for missing in ["nothing", "mount_setattr"] {
        let mut command = std::process::Command::new(&keel);
        if missing == "mount_setattr" {
            command = std::process::Command::new(probe);
            command.args(["enosys", missing, "--"]).arg(&keel);
        }
        command.args(&words).args(["--", "/probe", "init", "say=up"]);
        command.env("KEEL_RUN", container.base().join("run")).env_remove("CONFIG");
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
        let mut attached = command.spawn().expect("keel runs");
        // It has said something: the program runs inside.
        let mut byte = [0];
        std::io::Read::read_exact(attached.stdout.as_mut().expect("piped"), &mut byte).expect("the probe's line");
        let exe = format!("/proc/{}/exe", attached.id());
        let kept = fs::File::open(&exe).expect("for reading anybody may");
        attached.kill().expect("killed");
        attached.wait().expect("reaped");
        let write = |path: &str| {
            let file = fs::OpenOptions::new().write(true).open(path);
            file.and_then(|mut file| std::io::Write::write(&mut file, b"#")).map_err(|e| e.raw_os_error())
        };
        // EROFS of a read-only mount, EPERM of a seal.
        let refused = write(&format!("/proc/self/fd/{}", kept.as_raw_fd()));
        assert!(matches!(refused, Err(Some(30 | 1))), "without {missing}: {refused:?}");
        // The control: by its own path, which does not lead out of the container, it can be. The next round has a new one.
        assert_eq!(write(&keel.display().to_string()), Ok(1));
        fs::copy(&tests::built::built().keel, &keel).expect("a copy");
    }
}

/// runc CVE-2021-30465: a directory of the rootfs is exchanged with a link, and back, as fast as can be, while containers
/// start that mount and create below it.
#[test]
fn a_target_that_is_exchanged_with_a_link_meanwhile() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::sync::atomic::{AtomicBool, Ordering};
    if !root() {
        return;
    }
    let container = Container::probe(
        "lxc.mount.entry = none a/made tmpfs size=1m,create=dir,optional\n\
         lxc.mount.entry = /etc/passwd a/file none bind,ro,create=file,optional",
    );
    let canary = canary(&container);
    plant(&container, "b", "absolute", &canary);
    let (dir, link) = (container.rootfs().join("a"), container.rootfs().join("b"));
    fs::create_dir(&dir).expect("a directory");
    let before = tree(&container.outside());
    let over = AtomicBool::new(false);
    let mut exchanged = 0u64;
    std::thread::scope(|scope| {
        let racer = scope.spawn(|| {
            let mut count = 0u64;
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, &dir, CWD, &link, RenameFlags::EXCHANGE).expect("RENAME_EXCHANGE");
                count += 1;
            }
            count
        });
        for _ in 0..25 {
            let ran = container.keel("start");
            assert_eq!(ran.code, 0, "{ran:?}");
            container.keel("stop -k").ok();
        }
        over.store(true, Ordering::Relaxed);
        exchanged = racer.join().expect("the racer");
    });
    assert!(exchanged > 1000, "{exchanged}");
    assert_eq!(tree(&container.outside()), before, "something outside has changed");
    container.assert_nothing_left();
}

/// With the host's network its abstract sockets are the container's: none of them is Keel's (CVE-2020-15257).
#[test]
fn no_control_socket_is_abstract() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.net.0.type = none");
    container.start();
    let sockets = container.ask("can read:/proc/net/unix");
    let all = sockets.get("can.read:/proc/net/unix");
    assert!(all.contains(&container.base().display().to_string()), "the control socket is in the host's list: a path");
    assert!(!all.contains(&format!("@{}", container.base().display())) && !all.contains("@keel"), "{all}");
    // And that path leads nowhere inside.
    let tried = container.ask(&format!("can kind:{}", container.base().display()));
    assert_eq!(tried.get(&format!("can.kind:{}", container.base().display())), "none");
}
