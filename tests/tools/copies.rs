//! copy, clone, snapshot: what is copied, what is refused, what depends on what.

use crate::{keel, other, root};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tests::container::Container;
use tests::proc;

/// Everything of a tree that a copy has to have.
fn listing(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(at) = left.pop() {
        for path in fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()) {
            let meta = path.symlink_metadata().unwrap();
            let link = fs::read_link(&path).unwrap_or_default();
            found.push(format!(
                "{} {:o} {}:{} {} {} {} {}",
                path.strip_prefix(dir).unwrap().display(),
                meta.mode(),
                meta.uid(),
                meta.gid(),
                meta.mtime_nsec(),
                if meta.is_dir() { 0 } else { meta.nlink() },
                meta.rdev(),
                link.display()
            ));
            if meta.is_dir() {
                left.push(path);
            }
        }
    }
    found.sort();
    found
}

fn config(container: &Container, name: &str) -> String {
    fs::read_to_string(container.lxcpath().join(name).join("config")).unwrap()
}

fn rootfs(container: &Container, name: &str) -> PathBuf {
    container.lxcpath().join(name).join("rootfs")
}

#[test]
fn a_copy_is_as_the_original() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox"]);
    let (name, copy) = (container.name.clone(), other(&container, "c"));
    let hook = container.lxcpath().join(&name).join("hook.sh");
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    container.add_config(&format!(
        "# kept\nlxc.hook.pre-start = {}\nlxc.net.1.type = empty\nlxc.net.1.hwaddr = 00:16:3e:11:22:33",
        hook.display()
    ));
    container.keel(&format!("copy -N {copy}")).ok();
    let (mut old, mut new) = (listing(&container.rootfs()), listing(&rootfs(&container, &copy)));
    for list in [&mut old, &mut new] {
        list.retain(|line| !line.starts_with("etc/hostname "));
    }
    assert_eq!(old, new);
    assert_eq!(fs::read_to_string(rootfs(&container, &copy).join("etc/hostname")).unwrap(), format!("{copy}\n"));
    let text = config(&container, &copy);
    assert!(text.contains("# kept\n") && text.contains(&format!("lxc.uts.name = {copy}\n")), "{text}");
    assert!(text.contains(&format!("{}/hook.sh", container.lxcpath().join(&copy).display())), "{text}");
    assert!(text.contains("hwaddr = 00:16:3e:") && !text.contains("11:22:33"), "{text}");
    assert!(container.lxcpath().join(&copy).join("hook.sh").is_file());

    let said = container.keel(&format!("copy -N {copy}")).fails(1);
    assert_eq!(said, format!("keel: {name}: container '{copy}' already exists\n"));
    keel(&container, "copy", ["nosuch", "-N", "x"]).fails(1);
    container.keel("copy").fails(2);
    container.keel("copy -N ../x").fails(1);
    container.keel(&format!("copy -N {copy}x -B lvm")).fails(2);

    let (renamed, cloned) = (other(&container, "r"), other(&container, "k"));
    keel(&container, "copy", ["-n", &copy, "-R", "-N", &renamed]).ok();
    assert!(!container.lxcpath().join(&copy).exists());
    assert_eq!(config(&container, &renamed), text.replace(&copy, &renamed));
    keel(&container, "clone", ["-K", "-M", &name, &cloned]).ok();
    let text = config(&container, &cloned);
    assert!(text.contains("11:22:33") && text.contains(&format!("lxc.uts.name = {name}\n")), "{text}");
    container.start();
    container.keel("copy -N running").fails(1);
}

#[test]
fn linked_copies_know_each_other() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox"]);
    let (name, linked) = (container.name.clone(), other(&container, "s"));
    let here = container.lxcpath().display().to_string();
    container.keel(&format!("copy -s -N {linked}")).ok();
    let note = |name: &str, file: &str| fs::read_to_string(container.lxcpath().join(name).join(file));
    assert_eq!(note(&name, "lxc_snapshots").unwrap(), format!("{here}\n{linked}\n"));
    assert_eq!(note(&linked, "lxc_rdepends").unwrap(), format!("{here}\n{name}\n"));
    let line = format!("lxc.rootfs.path = overlay:{here}/{name}/rootfs:{here}/{linked}/overlay/delta\n");
    assert!(config(&container, &linked).contains(&line));
    let said = container.keel("destroy").fails(1);
    assert!(said.contains("has clones"), "{said}");
    container.keel("copy -R -N x").fails(1);
    keel(&container, "destroy", [&linked]).ok();
    assert!(note(&name, "lxc_snapshots").is_err());
}

#[test]
fn an_ephemeral_copy_goes_when_it_stops() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox"]);
    let said = container.keel("copy -e -m bind=/etc:/mnt/etc").ok();
    let words: Vec<&str> = said.split_whitespace().collect();
    let ["Created", copy, "as", "clone", "of", original] = words[..] else { panic!("{said}") };
    assert_eq!(original, container.name);
    assert_eq!(keel(&container, "ls", ["-1", "--running"]).ok(), format!("{copy}\n"));
    keel(&container, "attach", [copy, "--", "test", "-e", "/mnt/etc/passwd"]).ok();
    keel(&container, "stop", ["-k", copy]).ok();
    let dir = container.lxcpath().join(copy);
    proc::until("the copy is gone", &container.lxcpath(), || (!dir.exists()).then_some(()));
    container.keel("copy -e -t -D").fails(2);
}

#[test]
fn snapshots() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox"]);
    let snaps = container.lxcpath().join(&container.name).join("snaps");
    assert_eq!(container.keel("snapshot -L").ok(), "No snapshots\n");
    let before = config(&container, &container.name);
    container.keel("snapshot").ok();
    let comment = container.base().join("comment");
    fs::write(&comment, "before the change\n").unwrap();
    container.keel(&format!("snapshot -c {}", comment.display())).ok();
    let listed = container.keel("snapshot -L -C").ok();
    let lines: Vec<&str> = listed.lines().collect();
    for (number, at) in [(0, 0), (1, 1)] {
        let start = format!("snap{number} ({}) ", snaps.display());
        let time = lines[at].strip_prefix(&start).unwrap_or_else(|| panic!("{listed}"));
        // 2026:11:23 15:04:15
        assert!(time.len() == 19 && time.as_bytes()[4] == b':' && time.as_bytes()[10] == b' ', "{listed}");
    }
    assert_eq!(lines[2], "before the change");
    assert!(container.keel("destroy").fails(1).contains("has snapshots"));

    let old = listing(&container.rootfs());
    fs::write(container.rootfs().join("etc/new"), "").unwrap();
    fs::remove_file(container.rootfs().join("etc/passwd")).unwrap();
    container.add_config("lxc.start.auto = 1");
    container.keel("snapshot -r snap0").ok();
    assert_eq!(listing(&container.rootfs()), old);
    assert_eq!(config(&container, &container.name), before);
    let copy = other(&container, "n");
    container.keel(&format!("snapshot -r snap1 -N {copy}")).ok();
    assert!(rootfs(&container, &copy).join("etc/passwd").is_file());
    assert!(container.keel("snapshot -r snap7").fails(1).contains("no snapshot 'snap7'"));
    container.keel("snapshot -d snap0").ok();
    container.keel("snapshot -d snap0").fails(1);
    container.keel("snapshot -d ALL").ok();
    assert!(!snaps.exists());
    keel(&container, "snapshot", ["nosuch"]).fails(1);
    container.start();
    assert!(container.keel("snapshot").fails(1).contains("is running"));
}

/// Images and overlays need loop devices and mkfs.ext4.
#[test]
fn storage_of_other_kinds() {
    if !root() {
        return;
    }
    if !Path::new("/dev/loop-control").exists() {
        return tests::skip::skip("no loop devices on this machine");
    }
    let container = Container::busybox(&["--init", "busybox", "-B", "loop", "--fssize", "24M", "--fstype", "ext4"]);
    let (name, here) = (container.name.clone(), container.lxcpath().display().to_string());
    let text = config(&container, &name);
    assert!(text.contains(&format!("lxc.rootfs.path = loop:{here}/{name}/rootdev\n")), "{text}");
    assert_eq!(fs::read_dir(container.rootfs()).unwrap().count(), 0, "it is in the image");
    assert_eq!(fs::metadata(container.lxcpath().join(&name).join("rootdev")).unwrap().len(), 24 << 20);
    container.start();
    container.keel("attach -- touch /made").ok();
    container.keel("stop -k").ok();

    // As it is, as a directory, as a smaller image, back from a snapshot.
    let [image, dir, small] = ["i", "d", "s"].map(|suffix| other(&container, suffix));
    container.keel(&format!("copy -N {image}")).ok();
    container.keel(&format!("copy -N {dir} -B dir")).ok();
    assert!(rootfs(&container, &dir).join("made").exists());
    assert!(!container.lxcpath().join(&dir).join("source").exists());
    container.keel(&format!("copy -N {small} -B loop -L 16M")).ok();
    assert_eq!(fs::metadata(container.lxcpath().join(&small).join("rootdev")).unwrap().len(), 16 << 20);
    for copy in [&image, &small] {
        keel(&container, "start", [copy]).ok();
        keel(&container, "attach", [copy, "--", "test", "-e", "/made"]).ok();
        keel(&container, "stop", ["-k", copy]).ok();
    }
    container.keel("snapshot").ok();
    container.start();
    container.keel("attach -- rm /made").ok();
    container.keel("stop -k").ok();
    container.keel("snapshot -r snap0").ok();
    container.start();
    container.keel("attach -- test -e /made").ok();
    container.keel("stop -k").ok();
    container.keel("destroy -s").ok();

    let said = container.keel("create -t none -B lvm").fails(2);
    assert!(said.contains("storage of type 'lvm' is not available, there is dir, overlay and loop"), "{said}");
    keel(&container, "copy", [&dir, "-N", "x", "-B", "loop", "-L", "1x"]).fails(2);
    // Too small: nothing is left.
    let said = keel(&container, "copy", [&dir, "-N", "x", "-B", "loop", "-L", "1M"]).fails(1);
    assert!(said.contains("ENOSPC"), "{said}");
    assert!(!container.lxcpath().join("x").exists());
    container.assert_nothing_left();
}

#[test]
fn an_ephemeral_copy_in_memory_with_more_directories() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox"]);
    let copy = other(&container, "e");
    let outside = container.outside();
    fs::write(outside.join("seen"), "").unwrap();
    let shown = outside.display();
    let said = container.keel(&format!("copy -e -t -N {copy} -m overlay={shown}:/mnt/o,bind={shown}:/mnt/b:ro")).ok();
    assert!(said.starts_with(&format!("Created {copy} as clone of {}\n", container.name)), "{said}");
    let script = "set -e; touch /new /mnt/o/new; test -e /mnt/o/seen -a -e /mnt/b/seen; ! touch /mnt/b/x 2> /dev/null";
    keel(&container, "attach", [&copy, "--", "sh", "-c", script]).ok();
    let dir = container.lxcpath().join(&copy);
    assert_eq!(fs::read_dir(dir.join("overlay/delta")).map_or(0, |d| d.count()), 0, "what it writes is in memory");
    assert!(dir.join("delta0/new").exists() && !outside.join("new").exists());
    keel(&container, "stop", ["-k", &copy]).ok();
    proc::until("the copy is gone", &container.lxcpath(), || (!dir.exists()).then_some(()));
    // Its parent knows no clone any more; one that has clones stays, whatever is asked for.
    container.keel(&format!("copy -s -N {copy}")).ok();
    assert!(container.keel("destroy -s").fails(1).contains("has clones"));
    keel(&container, "destroy", [&copy]).ok();
}
