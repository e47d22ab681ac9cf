//! /system, /data and /cache from images, on loop devices of a machine of their own: what `create` makes of them, starts.

use super::create::sparse;
use crate::adb::greets;
use crate::boot::machines_rc;
use crate::picture::Picture;
use ::boot::codec::Compression;
use ::boot::ramdisk::Ramdisk;
use ::boot::scratch::Scratch;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use tests::vm::Spec;

fn made(command: &mut Command) {
    let made = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(made.status.success(), "{command:?}: {made:?}");
}

/// A directory with the stand-in's tools, which says what it was.
fn system(at: &Path, id: &str) {
    fs::create_dir_all(at.join("bin")).expect("a directory");
    for tool in ["idle", "getprop", "setprop", "reboot", "servicemanager", "sh"] {
        symlink("/init", at.join("bin").join(tool)).expect("a link");
    }
    fs::write(at.join("build.prop"), format!("ro.build.id={id}\n")).expect("written");
}

#[test]
fn images_of_every_kind_are_mounted_by_loop() {
    let scratch = Scratch::new().expect("a directory");
    let at = |name: &str| scratch.path().join(name);
    let ext4 = |name: &str, from: Option<&Path>| {
        let mut command = Command::new("mke2fs");
        command.args(["-q", "-F", "-t", "ext4"]);
        made(from.into_iter().fold(&mut command, |c, dir| c.arg("-d").arg(dir)).arg(at(name)).arg("4M"));
    };
    for id in ["within", "squash", "erofs", "ext4"] {
        system(&at(id), id);
    }
    fs::create_dir(at("outer")).expect("a directory");
    ext4("outer/system.img", Some(&at("within")));
    made(Command::new("mksquashfs").args([at("outer"), at("within.sfs")]).args(["-quiet", "-comp", "gzip"]));
    made(Command::new("mksquashfs").args([at("squash"), at("squash.sfs")]).args(["-quiet", "-comp", "gzip"]));
    made(Command::new("mkfs.erofs").args([at("erofs.img"), at("erofs")]));
    ext4("plain.img", Some(&at("ext4")));
    fs::write(at("ext4.simg"), sparse(&fs::read(at("plain.img")).expect("an image"))).expect("written");
    ext4("data.img", None);
    ext4("cache.img", None);

    let mut spec = Spec::host().append("keel.autologin=root").modules(&["loop", "squashfs", "erofs", "veth"]);
    spec.memory_mib = 512;
    let probe = spec.tree.get("bin/probe").map(|e| e.data.clone()).expect("the probe");
    let mut ramdisk = Ramdisk::new();
    ramdisk.file("init", 0o750, probe);
    ramdisk.file("init.rc", 0o750, format!("{}service adbd /sbin/adbd\n    disabled\n", machines_rc()));
    ramdisk.link("sbin/adbd", "../init");
    ramdisk.link("sbin/ueventd", "../init");
    spec.tree.file("srv/ramdisk.img", 0o644, ramdisk.pack(Compression::Gzip).expect("packed"));
    for name in ["within.sfs", "squash.sfs", "erofs.img", "ext4.simg", "data.img", "cache.img"] {
        spec.tree.host_file(&at(name), &format!("srv/{name}")).expect("readable");
    }
    let mut vm = spec.boot();
    vm.shell(&[]);
    let shell = &mut vm.dialog;
    let before = Picture::of(shell);
    for (id, image, fstype) in [
        ("within", "within.sfs", "ext4 ro"),
        ("squash", "squash.sfs", "squashfs ro"),
        ("erofs", "erofs.img", "erofs ro"),
        ("ext4", "ext4.simg", "ext4 ro"),
    ] {
        let said = shell.ok(&format!(
            "keel create -t android -n {id} -- --ramdisk /srv/ramdisk.img --system /srv/{image} --data /srv/data.img \
             --cache /srv/cache.img --hardware {id} --cmdline androidboot.serialno=17 --adb 5555"
        ));
        let veth = "type = veth|flags = up|veth.pair = vdroid|ipv4.address = 10.7.0.2/24";
        let config = format!("/var/lib/lxc/{id}/config");
        shell
            .ok(&format!("sed -i /lxc.net/d {config}; echo '{veth}' | tr '|' '\\n' | sed s/^/lxc.net.0./ >> {config}"));
        assert_eq!(said.contains("has a system.img in it"), id == "within", "{said}");
        assert!(!said.contains("was not looked at") && !said.contains("is it an Android's"), "{said}");
        shell.ok(&format!("keel start {id}"));
        let init = shell.ok(&format!("keel info -pH {id}")).trim().to_owned();
        shell.ok(&format!("until [ -e /proc/{init}/root/data/calls ]; do :; done"));
        assert_eq!(shell.ok(&format!("keel getprop {id} ro.build.id")).trim(), id);
        assert_eq!(shell.ok(&format!("keel getprop {id} ro.hardware")).trim(), id);
        assert_eq!(shell.ok(&format!("keel getprop {id} ro.serialno")).trim(), "17");
        // adbd is where the container's own network has it.
        shell.ok("ip addr add 10.7.0.1/24 dev vdroid; ip link set vdroid up");
        assert!(shell.ok(&format!("keel info {id}")).contains("ADB:            10.7.0.2:5555"));
        shell.ok(&format!("until [ \"$({})\" = CNXN ]; do :; done", greets("10.7.0.2", 5555)));
        let mounts = shell.ok(&format!("grep -E ' /(system|data|cache) ' /proc/{init}/mounts"));
        let last = |dir: &str| mounts.lines().rfind(|l| l.contains(&format!(" {dir} "))).unwrap_or_default().to_owned();
        assert!(last("/system").contains(&format!(" /system {fstype}")), "{mounts}");
        assert!(last("/data").contains(" /data ext4 rw") && last("/cache").contains(" /cache ext4 rw"), "{mounts}");
        // Each of the four starts begins with the /data that the one before has left.
        shell.ok(&format!("echo {id} >> /proc/{init}/root/data/starts; rm /proc/{init}/root/data/calls"));
        shell.ok(&format!("keel stop {id}"));
    }
    shell.ok("mkdir -p /mnt/d && mount -o loop /srv/data.img /mnt/d");
    assert_eq!(
        shell.ok("cat /mnt/d/starts").split_whitespace().collect::<Vec<_>>(),
        ["within", "squash", "erofs", "ext4"]
    );
    shell.ok("umount /mnt/d");
    // The last user of each loop device is gone.
    shell.ok("until ! grep -l . /sys/block/loop*/loop/backing_file; do :; done 2> /dev/null");
    before.is_still_that_of(shell);
    shell.line("poweroff");
    vm.powers_off();
}
