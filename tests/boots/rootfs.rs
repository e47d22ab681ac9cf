//! Root file systems that are images and devices, on a real kernel: writable and not.

use boot::qemu::Bus;
use std::path::Path;
use std::process::Command;
use tests::container::Container;
use tests::ran::run;
use tests::vm::{Spec, Vm};

/// A program with arguments, paths and arguments, which must succeed.
fn make(program: &str, words: &[&str], paths: &[&Path], more: &[&str]) {
    run(Command::new(program).args(words).args(paths).args(more)).ok();
}

/// What a container says of its root: the type, and whether it can be written to.
fn root_of(vm: &mut Vm, name: &str) -> (String, bool) {
    vm.dialog.ok(&format!("lxc-start {name}"));
    let shell = |script: &str| format!("lxc-attach -n {name} -- sh -c \"{script}\"");
    let kind = vm.dialog.ok(&shell("grep ' / ' /proc/mounts | cut -d ' ' -f 3"));
    let (code, said) = vm.dialog.sh(&shell("echo x > /written"));
    assert!(code == 0 || said.contains("Read-only file system"), "{said}");
    assert_eq!(vm.dialog.ok(&shell("hostname")).trim(), name);
    vm.dialog.ok(&format!("lxc-stop -k {name}"));
    (kind.trim().to_owned(), code == 0)
}

#[test]
fn images_and_devices() {
    if !["mksquashfs", "mkfs.erofs", "mke2fs"].iter().all(|name| boot::apt::program(name).is_some()) {
        return tests::skip::skip("mksquashfs, mkfs.erofs and mke2fs are not installed");
    }
    let container = Container::busybox(&[]);
    let (rootfs, dir) = (container.rootfs(), container.outside());
    let [ext, squash, erofs] = ["ext.img", "squash.img", "erofs.img"].map(|name| dir.join(name));
    std::fs::File::create(&ext).and_then(|file| file.set_len(16 << 20)).expect("an image");
    make("mke2fs", &["-q", "-t", "ext4", "-O", "^has_journal", "-d"], &[&rootfs, &ext], &[]);
    make("mksquashfs", &[], &[&rootfs, &squash], &["-quiet", "-no-progress", "-comp", "gzip"]);
    make("mkfs.erofs", &["--quiet"], &[&erofs, &rootfs], &[]);

    let mut spec = Spec::host().append("keel.autologin=root keel.containers=").disk(&ext, Bus::Virtio);
    spec = spec.modules(&["loop", "squashfs", "erofs", "ext4", "overlay", "virtio_pci", "virtio_blk"]);
    for image in [&ext, &squash, &erofs] {
        let name = format!("images/{}", image.file_name().unwrap_or_default().display());
        spec.tree.host_file(image, &name).map(drop).unwrap_or_else(|why| panic!("{why}"));
    }
    for (name, path) in [
        ("ext", "loop:/images/ext.img"),
        ("extro", "loop:/readonly/ext.img"),
        ("squash", "/images/squash.img"),
        ("erofs", "loop:/images/erofs.img"),
        ("device", "/dev/vda"),
    ] {
        spec = spec.container(name, &format!("lxc.rootfs.path = {path}"));
    }
    let mut vm = spec.boot();
    vm.shell(&[]);
    vm.dialog.ok("mkdir /readonly && mount --bind /images /readonly && mount -o remount,ro,bind /readonly");
    for (name, expected) in [
        ("ext", ("ext4", true)),
        ("extro", ("ext4", false)),
        ("squash", ("squashfs", false)),
        ("erofs", ("erofs", false)),
        ("device", ("ext4", true)),
    ] {
        let (kind, writable) = root_of(&mut vm, name);
        assert_eq!((kind.as_str(), writable), expected, "{name}");
    }
    // What is asked to be read-only is so, wherever it is; no loop device is left.
    vm.dialog.ok("lxc-start device -s lxc.rootfs.options=ro");
    let (code, said) = vm.dialog.sh("lxc-attach -n device -- sh -c 'echo x > /written'");
    assert!(code != 0 && said.contains("Read-only file system"), "{said}");
    vm.dialog.ok("lxc-stop -k device");
    assert_eq!(vm.dialog.ok("ls -d /sys/block/loop*/loop 2>/dev/null; true").trim(), "");
    for (path, why) in [
        ("/bin/busybox", "no file system of the kernel's fits"),
        ("/etc/passwd", "too short for a file system"),
        ("/no/such", "ENOENT"),
    ] {
        let (code, said) = vm.dialog.sh(&format!("lxc-start ext -s lxc.rootfs.path=loop:{path}"));
        assert!(code == 1 && said.contains(why), "{said}");
    }
    vm.dialog.line("poweroff");
    vm.powers_off();
}
