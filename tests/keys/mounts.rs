//! Mounts that show other ids, and mounts of the host that show up later.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tests::container::Container;

/// Lets whoever root inside is outside come as far as the rootfs.
fn open_up(container: &Container) {
    for dir in [container.base().to_path_buf(), container.lxcpath(), container.lxcpath().join(&container.name)] {
        fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).expect("chmod");
    }
}

#[test]
fn a_directory_is_shown_with_the_containers_ids() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("");
    open_up(&container);
    let data = container.outside();
    fs::write(data.join("mine"), "").expect("written");
    container.add_config(&format!(
        "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.rootfs.options = idmap=container\n\
         lxc.mount.entry = {} mnt none bind,idmap=container\n\
         lxc.init.cmd = /probe init try=append:/mnt/mine mark=/mnt/made facts=/facts",
        data.display()
    ));
    container.start();
    let facts = container.facts();
    assert_eq!(facts.get("can.append:/mnt/mine"), "ok");
    assert_eq!(fs::metadata(data.join("made")).expect("it was made").uid(), 0);
    assert_eq!(fs::metadata(container.rootfs().join("facts")).expect("facts").uid(), 0);
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

fn tried(config: &str, tries: &str) -> Container {
    let container = Container::probe(config);
    let words: String = tries.split_whitespace().map(|word| format!(" try={word}")).collect();
    container.add_config(&format!("lxc.init.cmd = /probe init{words} facts=/facts"));
    container
}

#[test]
fn proc_and_sys_are_as_writable_as_they_shall_be() {
    if !tests::skip::root() {
        return;
    }
    let tries = "write:/proc/sys/kernel/hostname mkdir:/sys/x write:/sys/kernel/profiling \
                 write:/sys/class/net/lo/tx_queue_len";
    for (words, answers) in [
        ("proc:mixed sys:mixed", ["EROFS", "EROFS", "EROFS"]),
        ("proc sys:ro", ["EROFS", "EROFS", "EROFS"]),
        ("proc:rw sys:rw", ["ok", "EPERM", "ok"]),
    ] {
        let container = tried(&format!("lxc.mount.auto =\nlxc.mount.auto = {words}"), tries);
        container.start();
        let facts = container.facts();
        let found = tries.split_whitespace().take(3).map(|word| facts.get(&format!("can.{word}")).to_owned());
        assert_eq!(found.collect::<Vec<_>>(), answers, "{words}");
        let queue = facts.get("can.write:/sys/class/net/lo/tx_queue_len");
        assert_eq!(queue == "EROFS", words.contains("sys:ro"), "{words}: {queue}");
        container.keel("stop -k").ok();
    }
}

/// A controller of version 1 that is mounted by itself.
fn version1() -> Option<String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let names = ["pids", "memory", "freezer"];
    let mounted =
        |name: &&str| mounts.lines().any(|line| line.starts_with(&format!("cgroup /sys/fs/cgroup/{name} cgroup ")));
    names.into_iter().find(mounted).map(String::from)
}

#[test]
fn cgroups_are_mounted_as_they_shall_be() {
    if !tests::skip::root() {
        return;
    }
    let Some(controller) = version1() else {
        return tests::skip::skip("no controller of version 1 is mounted by itself");
    };
    // In the own directory, in that of the whole hierarchy, and whether the host's others are seen.
    for (words, own, whole) in [
        ("cgroup", None, None),
        ("cgroup:mixed:force", Some("ok"), None),
        ("cgroup:rw:force", Some("ok"), None),
        ("cgroup:ro:force", Some("EROFS"), None),
        ("cgroup-full:mixed:force", Some("ok"), Some("EROFS")),
        ("cgroup-full:rw:force", Some("ok"), Some("ok")),
        ("cgroup-full:ro:force", Some("EROFS"), Some("EROFS")),
    ] {
        let container = Container::probe(&format!("lxc.mount.auto = {words}"));
        let top = format!("/sys/fs/cgroup/{controller}");
        let payload = format!("{top}/lxc.payload.{}", container.name);
        let inner = if whole.is_some() { payload.as_str() } else { top.as_str() };
        let scratch = format!("{}-whole", container.name);
        container.add_config(&format!(
            "lxc.init.cmd = /probe init try=mkdir:{inner}/mine try=mkdir:{top}/{scratch} try=open:{payload} facts=/facts"
        ));
        container.start();
        let facts = container.facts();
        let answer = |path: &str| facts.get(&format!("can.mkdir:{path}")).to_owned();
        assert_eq!(answer(&format!("{inner}/mine")), own.unwrap_or("ENOENT"), "{words}");
        if let Some(whole) = whole {
            assert_eq!(answer(&format!("{top}/{scratch}")), whole, "{words}");
        }
        assert_eq!(facts.get(&format!("can.open:{payload}")) == "ok", whole.is_some(), "{words}");
        container.keel("stop -k").ok();
        container.assert_nothing_left();
    }
}

#[test]
fn propagation_and_sizes_and_a_namespace_by_path() {
    if !tests::skip::root() {
        return;
    }
    let holder = Container::probe("lxc.idmap = u 0 200000 65536\nlxc.idmap = g 0 200000 65536");
    open_up(&holder);
    rustix::fs::chown(holder.rootfs(), Some(rustix::fs::Uid::from_raw(200_000)), None).expect("chown");
    holder.start();
    holder.facts();
    let container = Container::probe("lxc.autodev.tmpfs.size = 131072");
    let data = container.outside();
    fs::write(data.join("mine"), "").expect("written");
    std::os::unix::fs::chown(data.join("mine"), Some(0), Some(0)).expect("chown");
    container.add_config(&format!(
        "lxc.mount.entry = {0} mnt none bind,idmap=/proc/{1}/ns/user\n\
         lxc.mount.entry = none private tmpfs create=dir,private\nlxc.mount.entry = none unbindable tmpfs create=dir,unbindable\n\
         lxc.mount.entry = tmp shared tmpfs create=dir\nlxc.mount.entry = none shared none rslave\n\
         lxc.mount.entry = tmp flags tmpfs create=dir,nosuid,nodev,noexec,noatime,sync",
        data.display(),
        holder.pid()
    ));
    container.start();
    let facts = container.facts();
    // Its root, 0 on the host, is 200000 there.
    let owner = container.keel("attach -- /probe can kind:/mnt/mine").ok();
    assert!(owner.contains("can.kind:/mnt/mine=f"), "{owner}");
    let seen = fs::metadata(format!("/proc/{}/root/mnt/mine", container.pid())).expect("seen from outside");
    assert_eq!(seen.uid(), 200_000);
    assert!(facts.get("mount./dev").contains("size=128k"), "{}", facts.get("mount./dev"));
    let mounts = fs::read_to_string(format!("/proc/{}/mountinfo", container.pid())).expect("readable");
    let line =
        |target: &str| mounts.lines().find(|l| l.contains(&format!(" {target} "))).unwrap_or_default().to_owned();
    assert!(line("/flags").contains("nosuid,nodev,noexec,noatime"), "{mounts}");
    // In the end all is shared, as with LXC, so that what was made a slave is both.
    assert!(line("/private").contains(" shared:") && line("/shared").contains(" shared:"), "{mounts}");
    for container in [&container, &holder] {
        container.keel("stop -k").ok();
        container.assert_nothing_left();
    }
}
