//! Keel in the place of Android-x86's initrd: Android's init becomes process 1, and containers run beside it, an Android among them.

use crate::fixture::RC;
use crate::picture::Picture;
use ::boot::codec::Compression;
use ::boot::qemu::Bus;
use ::boot::ramdisk::Ramdisk;
use ::boot::scratch::Scratch;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use tests::built::built;
use tests::dialog::Dialog;
use tests::vm::{Spec, Vm};

/// What the machine's Android has besides: cgroups where later ones have them, and a shell on the console.
const HOST_RC: &str = r#"
on init
    mkdir /dev/memcg
    mount cgroup none /dev/memcg memory
    mkdir /dev/cpuset
    mount cgroup none /dev/cpuset cpuset noprefix
service console /system/bin/sh -i
    class core
    console
"#;

/// The container of the disk, which is an Android too.
const CONFIG: &str = "lxc.rootfs.path = dir:/data/lxc/jb/rootfs\nlxc.uts.name = jb\nlxc.net.0.type = empty\nkeel.android = 1\n\
    keel.android.hardware = inner\nkeel.android.system = /system\nkeel.android.data = /data/jb\nkeel.android.binder = none\n\
    keel.restart = on-failure\n";

/// A container of a hook that is a shell's, and of limits.
const LIMITED: &str = "lxc.rootfs.path = dir:/data/lxc/small/rootfs\nlxc.init.cmd = /init init then=wait\nlxc.net.0.type = empty\n\
    lxc.hook.pre-start = /data/lxc/small/hook\nlxc.cgroup.memory.limit_in_bytes = 33554432\nlxc.cgroup.cpuset.cpus = 0\n\
    lxc.mount.auto = proc:mixed\n";

fn made(command: &mut Command) {
    let made = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(made.status.success(), "{command:?}: {made:?}");
}

fn write(path: &Path, mode: u32, data: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    fs::write(path, data).expect("written");
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("chmod");
}

/// A disk as Android-x86's installer leaves it.
fn disk(scratch: &Path) -> std::path::PathBuf {
    let at = |name: &str| scratch.join("disk/android-4.2").join(name);
    let mut ramdisk = Ramdisk::new();
    ramdisk.host_file(&built().probe, "init").expect("the stand-in");
    // The machine would sleep: here nothing keeps it from that.
    let rc = RC.replace("    write /sys/power/state mem\n", "");
    ramdisk.file("init.rc", 0o750, format!("{rc}{HOST_RC}"));
    ramdisk.file("default.prop", 0o644, "ro.debuggable=1\n");
    ramdisk.link("sbin/ueventd", "../init");
    write(&at("ramdisk.img"), 0o644, ramdisk.pack(Compression::Gzip).expect("packed"));

    let system = scratch.join("system");
    write(&system.join("build.prop"), 0o644, "ro.build.id=outer\n");
    write(&system.join("bin/busybox"), 0o755, fs::read(&built().busybox).expect("busybox"));
    symlink("busybox", system.join("bin/sh")).expect("a link");
    for tool in ["idle", "getprop", "setprop", "reboot", "servicemanager"] {
        symlink("/init", system.join("bin").join(tool)).expect("a link");
    }
    let image = scratch.join("outer/system.img");
    fs::create_dir_all(image.parent().expect("a directory")).expect("made");
    made(Command::new("mke2fs").args(["-q", "-F", "-t", "ext4", "-d"]).args([&system, &image]).arg("8M"));
    made(
        Command::new("mksquashfs").args([&scratch.join("outer"), &at("system.sfs")]).args(["-quiet", "-comp", "gzip"]),
    );

    for (name, config) in [("jb", CONFIG), ("small", LIMITED)] {
        let dir = at("data/lxc").join(name);
        write(&dir.join("config"), 0o640, config);
        write(&dir.join("rootfs/init"), 0o750, fs::read(&built().probe).expect("the stand-in"));
        fs::create_dir_all(dir.join("rootfs/sbin")).expect("a directory");
        fs::create_dir_all(dir.join("rootfs/proc")).expect("a directory");
    }
    write(&at("data/lxc/jb/rootfs/init.rc"), 0o750, RC);
    symlink("../init", at("data/lxc/jb/rootfs/sbin/ueventd")).expect("a link");
    write(&at("data/lxc/small/hook"), 0o755, "#!/system/bin/sh\necho \"$1 $3\" > /data/hook\n");
    fs::create_dir_all(at("data/jb")).expect("a directory");

    let disk = scratch.join("disk.img");
    made(Command::new("mke2fs").args(["-q", "-F", "-t", "ext4", "-d"]).args([&scratch.join("disk"), &disk]).arg("64M"));
    disk
}

#[test]
fn android_on_android() {
    let scratch = Scratch::new().expect("a directory");
    let spec = outer(&disk(scratch.path()), &["loop", "squashfs"], "DATA= keel.cgroup=none keel.containers=jb");
    let mut vm = spec.boot();
    let shell = shell(&mut vm);
    // Android's init is process 1 of the machine, on its own root.
    assert_eq!(shell.ok("busybox readlink /proc/1/exe").trim(), "/init");
    assert_eq!(shell.ok("/system/bin/getprop ro.hardware").trim(), "outer");
    assert_eq!(shell.ok("/system/bin/getprop ro.build.id").trim(), "outer");
    assert_eq!(shell.ok("busybox ls -d /bin /etc/passwd /tmp 2> /dev/null || true").trim(), "");
    let mounts = shell.ok("busybox cat /proc/mounts");
    for line in [" / tmpfs ro", " /system ext4 ro", " /data ext4 rw", "/acct cgroup rw", "/dev/cpuset cgroup rw"] {
        assert!(mounts.contains(line), "no '{line}' in {mounts}");
    }
    // The Android container that was started before goes on, and obeys from here.
    shell.ok("until [ -e /data/jb/calls ]; do :; done");
    assert_eq!(shell.ok("keel config lxc.lxcpath").trim(), "/data/lxc");
    assert!(shell.ok("keel ls -f").contains("jb    RUNNING"));
    assert_eq!(shell.ok("keel getprop jb ro.hardware").trim(), "inner");
    assert_eq!(shell.ok("keel attach jb -- /system/bin/getprop ro.hardware").trim(), "inner");
    // It is supervised: one that is killed is started again.
    let before = Picture::of(shell);
    let first = shell.ok("keel info -pH jb").trim().to_owned();
    shell.ok("busybox rm /data/jb/calls; busybox kill -9 $(keel info -pH jb)");
    shell.ok("until [ -e /data/jb/calls ]; do :; done");
    assert_ne!(shell.ok("keel info -pH jb").trim(), first);
    // Hooks are the shell's that there is; limits are where Android has its cgroups, without the controller in a file's name.
    shell.ok("keel start small");
    assert_eq!(shell.ok("busybox cat /data/hook").trim(), "small pre-start");
    let pid = shell.ok("keel info -pH small").trim().to_owned();
    let groups = shell.ok(&format!("busybox cat /proc/{pid}/cgroup"));
    for (controller, dir, file, value) in
        [("memory", "/dev/memcg", "memory.limit_in_bytes", "33554432"), ("cpuset", "/dev/cpuset", "cpus", "0")]
    {
        let path = groups.lines().find_map(|l| l.split_once(&format!(":{controller}:"))).expect(controller).1.trim();
        assert_eq!(shell.ok(&format!("busybox cat {dir}{path}/{file}")).trim(), value, "{controller}");
    }
    // A container is made where Android keeps what lasts.
    shell.ok("keel create -q -t none -n empty && busybox test -f /data/lxc/empty/config");
    shell.ok("keel stop small; keel stop jb");
    assert_eq!(shell.ok("keel info -sH jb").trim(), "STOPPED");
    before.is_still_that_of(shell);
    // The stand-in's power-off goes through reboot(2), as Android's does.
    shell.line("/system/bin/reboot -n -p");
    vm.powers_off();
}

/// The other layouts: the ramdisk carries it, /system is a directory, /data a disk. And what starts without the agent, on a machine
/// without /run, is kept in /dev.
#[test]
fn from_the_ramdisk_with_a_disk_for_data() {
    let scratch = Scratch::new().expect("a directory");
    let disk = disk(scratch.path());
    let data = scratch.path().join("data.img");
    let from = scratch.path().join("disk/android-4.2/data");
    made(Command::new("mke2fs").args(["-q", "-F", "-t", "ext4", "-d"]).args([&from, &data]).arg("32M"));
    drop(disk);
    // Containers of /system go before those of /data.
    let own = scratch.path().join("system/local/var/lib/lxc/own");
    let config = "lxc.rootfs.path = dir:/system/local/var/lib/lxc/own/rootfs\nlxc.init.cmd = /init init then=wait\nlxc.net.0.type = empty\n";
    write(&own.join("config"), 0o640, config);
    write(&own.join("rootfs/init"), 0o750, fs::read(&built().probe).expect("the stand-in"));
    for dir in ["proc", "sys", "dev"] {
        fs::create_dir(own.join("rootfs").join(dir)).expect("a directory");
    }
    let mut spec = outer(&data, &[], "DATA=vda keel.containers=own");
    let ramdisk = fs::read(scratch.path().join("disk/android-4.2/ramdisk.img")).expect("packed");
    spec.tree.file("android-4.2/ramdisk.img", 0o644, ramdisk);
    spec.tree.host_tree_into(&scratch.path().join("system"), "android-4.2/system").expect("readable");
    let mut vm = spec.boot();
    let shell = shell(&mut vm);
    assert!(shell.ok("busybox cat /proc/mounts").contains("/dev/vda /data ext4 rw"));
    assert_eq!(shell.ok("/system/bin/getprop ro.build.id").trim(), "outer");
    assert_eq!(shell.ok("keel config lxc.lxcpath").trim(), "/system/local/var/lib/lxc");
    assert!(shell.ok("keel ls -f").contains("own  RUNNING"));
    shell.ok("keel stop own");
    shell.ok("keel start own && keel stop own");
    shell.ok("busybox umount -l /run");
    shell.ok("keel start -P /data/lxc small");
    assert_eq!(shell.ok("busybox cat /data/hook").trim(), "small pre-start");
    assert!(!shell.ok("busybox find /dev/.keel -name state").trim().is_empty());
    assert!(shell.ok("keel ls -P /data/lxc -f").contains("small RUNNING"));
    shell.ok("keel stop -P /data/lxc small");
    shell.line("/system/bin/reboot -n -p");
    vm.powers_off();
}

/// The same disk with other files: what is beside the ramdisk is changed by `change`.
fn other_disk(scratch: &Path, change: impl FnOnce(&Path)) -> std::path::PathBuf {
    let disk = disk(scratch);
    change(&scratch.join("disk/android-4.2"));
    fs::remove_file(&disk).expect("removed");
    let words = ["-q", "-F", "-t", "ext4", "-O", "encrypt", "-d"];
    made(Command::new("mke2fs").args(words).args([&scratch.join("disk"), &disk]).arg("96M"));
    disk
}

/// A machine with this disk that boots Keel in the place of Android-x86's initrd. Containers are the disk's.
fn outer(disk: &Path, modules: &[&str], words: &str) -> Spec {
    let mut spec = Spec::host()
        .modules(&[&["virtio_pci", "virtio_blk"], modules].concat())
        .disk(disk, Bus::Virtio)
        .append(&format!("root=/dev/ram0 androidboot.hardware=outer SRC=/android-4.2 {words}"));
    spec.memory_mib = 512;
    spec.tree = without(&spec.tree, "var/lib/lxc/bb");
    spec
}

/// Android's shell on its console.
fn shell(vm: &mut Vm) -> &mut Dialog {
    vm.dialog.expect("# ");
    vm.dialog.ok("export PATH=/sbin:/system/bin; busybox stty cols 500");
    &mut vm.dialog
}

/// /system and /data are image files beside the ramdisk.
#[test]
fn from_two_images() {
    let scratch = Scratch::new().expect("a directory");
    let disk = other_disk(scratch.path(), |at| {
        fs::remove_file(at.join("system.sfs")).expect("removed");
        fs::copy(scratch.path().join("outer/system.img"), at.join("system.img")).expect("copied");
        let (from, image) = (at.join("data"), at.join("data.img"));
        made(Command::new("mke2fs").args(["-q", "-F", "-t", "ext4", "-d"]).args([&from, &image]).arg("32M"));
        fs::remove_dir_all(from).expect("removed");
    });
    let spec = outer(&disk, &["loop"], "DATA=");
    let mut vm = spec.boot();
    let shell = shell(&mut vm);
    let mounts = shell.ok("busybox cat /proc/mounts");
    for line in [" /system ext4 ro", " /data ext4 rw"] {
        assert!(mounts.contains(line), "no '{line}' in {mounts}");
    }
    assert_eq!(shell.ok("/system/bin/getprop ro.build.id").trim(), "outer");
    shell.ok("keel start small");
    assert_eq!(shell.ok("busybox cat /data/hook").trim(), "small pre-start");
    shell.ok("keel stop small");
    shell.line("/system/bin/reboot -n -p");
    vm.powers_off();
}

/// A /data that is not there at first, as an encrypted one: Keel has a tmpfs there, says that no container is, and knows those of the
/// disk as soon as Android has mounted it. /system is the squashfs itself.
#[test]
fn data_that_comes_later() {
    let scratch = Scratch::new().expect("a directory");
    let disk = other_disk(scratch.path(), |at| {
        fs::rename(at.join("data"), at.join("later")).expect("renamed");
        let words = ["-quiet", "-noappend", "-comp", "gzip"];
        made(Command::new("mksquashfs").args([&scratch.path().join("system"), &at.join("system.sfs")]).args(words));
    });
    let spec = outer(&disk, &["loop", "squashfs", "xts", "ecb", "cts"], "DATA=");
    let mut vm = spec.boot();
    let shell = shell(&mut vm);
    let mounts = shell.ok("busybox cat /proc/mounts");
    for line in [" /system squashfs ro", " /data tmpfs rw"] {
        assert!(mounts.contains(line), "no '{line}' in {mounts}");
    }
    assert_eq!(shell.ok("keel ls").trim(), "");
    let said = shell.ok("keel start small 2>&1 || true");
    assert!(said.contains("open '/data/lxc/small/config': ENOENT"), "{said}");
    // vold, after the password.
    shell.ok("busybox mkdir /dev/disk && busybox mount -t ext4 /dev/block/vda /dev/disk");
    shell.ok("busybox mount -o bind /dev/disk/android-4.2/later /data");
    assert_eq!(shell.ok("keel config lxc.lxcpath").trim(), "/data/lxc");
    shell.ok("keel start small");
    assert_eq!(shell.ok("busybox cat /data/hook").trim(), "small pre-start");
    assert!(shell.ok("keel ls -f").contains("small RUNNING"));
    shell.ok("keel stop small");
    // The key of an encrypted one is in the session keyring of Android's init: containers keep that, unless told otherwise.
    let ring = |shell: &mut Dialog, words: &str| {
        let said = shell.ok(words);
        let line = said.lines().find_map(|l| l.trim().strip_prefix("can.keyring=").map(str::to_owned));
        line.unwrap_or_else(|| panic!("no keyring in {said}"))
    };
    let own = ring(shell, "/init can keyring");
    let start = "keel start -F small -s lxc.hook.pre-start= -s 'lxc.init.cmd=/init can keyring'";
    assert_eq!(ring(shell, start), own);
    assert_ne!(ring(shell, &format!("{start} -s lxc.keyring.session=1")), own);
    // Really encrypted: with a keyring of its own the container's programs have no key (once nobody's key is remembered for their
    // files), and else they have.
    assert_eq!(
        shell.ok("/init add-key; busybox mkdir /data/locked; /init encrypt /data/locked").trim(),
        "key=ok\nencrypt=ok"
    );
    shell.ok("busybox cp -a /data/lxc/small/rootfs /data/locked/rootfs");
    let locked = format!("{start} -s lxc.rootfs.path=dir:/data/locked/rootfs");
    assert_eq!(ring(shell, &locked), own);
    let forget = "busybox sync; echo 3 > /proc/sys/vm/drop_caches";
    let other = format!("{locked} -s lxc.keyring.session=1 > /dev/said 2>&1");
    let said = shell.ok(&format!("{forget}; until ! {other}; do {forget}; done; busybox cat /dev/said"));
    assert!(said.contains("ENOKEY"), "{said}");
    assert_eq!(ring(shell, &locked), own);
    shell.line("/system/bin/reboot -n -p");
    vm.powers_off();
}

#[test]
fn a_disk_without_android_is_said() {
    let mut vm = Spec::host().append("SRC=/android-4.2 keel.data.wait=1").boot();
    let said = vm.powers_off();
    assert!(said.contains("no 'android-4.2/ramdisk.img' on any disk after 1 s"), "{said}");
}

fn without(tree: &Ramdisk, below: &str) -> Ramdisk {
    let mut kept = Ramdisk::new();
    let name = |e: &::boot::cpio::Entry| String::from_utf8_lossy(&e.name).trim_start_matches('/').to_owned();
    tree.entries().iter().filter(|e| !name(e).starts_with(below)).for_each(|e| kept.push(e.clone()));
    kept
}
