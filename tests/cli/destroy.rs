//! `keel destroy`: removes a container, and nothing else.

use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;

use crate::keel::{Place, Ran, busybox, program, skip};

fn container(place: &Place) {
    std::fs::create_dir_all(place.path().join("bb/rootfs/etc/deep/er")).unwrap();
    std::fs::write(place.path().join("bb/config"), "lxc.rootfs.path = dir:rootfs\n").unwrap();
    std::fs::write(place.path().join("bb/rootfs/etc/passwd"), "").unwrap();
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

#[test]
fn removes_it_and_follows_nothing() {
    let place = Place::new();
    container(&place);
    std::fs::create_dir(place.path().join("outside")).unwrap();
    std::fs::write(place.path().join("outside/kept"), "kept").unwrap();
    symlink("../../../outside", place.path().join("bb/rootfs/etc/out")).unwrap();
    symlink(place.path().join("outside"), place.path().join("bb/out")).unwrap();
    let config = format!("lxc.rootfs.path = dir:{}/outside\n", place.path().display());
    std::fs::write(place.path().join("bb/config"), config).unwrap();
    let said = place.keel("destroy bb").ok();
    let here = place.path().display();
    assert_eq!(said, format!("bb: rootfs '{here}/outside' is not below '{here}/bb' and is left alone\n"));
    assert_eq!(place.listing().len(), 2, "{:?}", place.listing());
    assert_eq!(place.read("outside/kept"), "kept");
}

#[test]
fn what_is_no_container_stays() {
    let place = Place::new();
    std::fs::create_dir_all(place.path().join("bb/rootfs")).unwrap();
    let ran = place.keel("destroy bb");
    assert_eq!((ran.code, ran.err.as_str()), (1, "keel: bb: container is not defined\n"));
    assert!(place.path().join("bb/rootfs").is_dir());
    for bad in ["..", ".", "a/b", "/"] {
        assert_eq!(place.keel(&format!("destroy {bad}")).code, 2, "{bad}");
    }
    // A link in its place leads elsewhere.
    container(&place);
    std::fs::rename(place.path().join("bb"), place.path().join("real")).unwrap();
    symlink("real", place.path().join("bb")).unwrap();
    let ran = place.keel("destroy bb");
    assert!(ran.code == 1 && ran.err.starts_with("keel: bb: remove '"), "{ran:?}");
    assert!(place.path().join("real/rootfs/etc/passwd").is_file());
}

#[test]
fn parents_of_clones_and_snapshots_stay() {
    let place = Place::new();
    container(&place);
    std::fs::write(place.path().join("bb/lxc_snapshots"), "x\n").unwrap();
    assert!(place.keel("destroy bb").err.starts_with("keel: bb: has clones, see '"));
    std::fs::remove_file(place.path().join("bb/lxc_snapshots")).unwrap();
    std::fs::create_dir_all(place.path().join("bb/snaps/snap0")).unwrap();
    assert_eq!(place.keel("destroy bb").err, "keel: bb: has snapshots [-s removes them too]\n");
    place.keel("destroy -s bb").ok();
    assert!(place.listing().is_empty());
}

#[test]
fn what_is_mounted_below_is_not_entered() {
    if !is_root() {
        return skip("mounts need root");
    }
    let place = Place::new();
    container(&place);
    std::fs::create_dir(place.path().join("outside")).unwrap();
    std::fs::write(place.path().join("outside/kept"), "kept").unwrap();
    // A bind mount of the same file system, in a mount namespace of the test's own.
    let script = "mount --make-rprivate / && mount --bind $1/outside $1/bb/rootfs/etc/deep && exec $2 destroy -P $1 bb";
    let ran = Command::new("unshare")
        .args(["-m", "sh", "-c", script, "sh"])
        .args([place.path(), program()])
        .output()
        .expect("unshare runs");
    let ran = Ran::of(ran);
    let wanted = format!("keel: bb: '{}/bb/rootfs/etc/deep' is mounted [umount it first]\n", place.path().display());
    assert_eq!((ran.code, ran.err), (1, wanted));
    assert_eq!(place.read("outside/kept"), "kept");
    assert!(place.path().join("bb/rootfs/etc/passwd").is_file());
}

#[test]
fn a_container_that_runs_is_refused_or_stopped_first() {
    if busybox().is_none() {
        return;
    }
    if !is_root() {
        return skip("containers need root");
    }
    let place = Place::new();
    // Its cgroups are the machine's: a name of its own, beside other tests.
    let name = format!("cli-{}", std::process::id());
    let head = place.path().join("head.conf");
    std::fs::write(&head, "lxc.net.0.type = empty\n").unwrap();
    place.keel(&format!("create -q -t busybox -n {name} --init busybox -f {}", head.display())).ok();
    let run = place.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let keel = |line: &str| {
        let mut command = Command::new(program());
        let mut words = line.split_whitespace();
        command.arg(words.next().unwrap()).arg("-P").arg(place.path()).args(words).env("KEEL_RUN", &run);
        Ran::of(command.output().expect("keel runs"))
    };
    keel(&format!("start {name}")).ok();
    let refused = keel(&format!("destroy {name}"));
    let table = keel("ls -f -F STATE,INTERFACE");
    let forced = keel(&format!("destroy -f {name}"));
    let wanted = format!("keel: {name}: is running [-f stops it first]\n");
    assert_eq!((refused.code, refused.err.as_str()), (1, wanted.as_str()));
    assert_eq!(table.ok(), "STATE   INTERFACE \nRUNNING lo        \n");
    forced.ok();
    assert!(!place.path().join(&name).exists());
}
