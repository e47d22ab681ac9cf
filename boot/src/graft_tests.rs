//! Grafting, with the built programs replaced by a script that stands where keel stands: what is tested is what happens to
//! the base, in every compression and header version. The programs themselves are tested where they boot.

use crate::bootimg::{BootImage, Section};
use crate::bootimg_tests::image;
use crate::build::Binaries;
use crate::codec::{Compression, NAMES};
use crate::cpio::{Entry, kind};
use crate::graft::{HAND_OVER, graft};
use crate::layout::Layout;
use crate::ramdisk::Ramdisk;
use crate::scratch::Scratch;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// An Android ramdisk in small: owners, modes, a link, a node.
fn android() -> Ramdisk {
    let mut tree = Ramdisk::new();
    let entry = |name: &str, mode, gid, data: &[u8]| Entry {
        name: name.into(),
        mode,
        gid,
        nlink: 1,
        mtime: 1,
        data: data.to_vec(),
        ..Entry::default()
    };
    tree.push(entry("init", kind::FILE | 0o750, 2000, b"android's init"));
    tree.push(entry("init.rc", kind::FILE | 0o750, 2000, b"on boot"));
    tree.push(entry("sbin", kind::DIR | 0o750, 2000, b""));
    tree.push(entry("sbin/adbd", kind::FILE | 0o750, 2000, b"adbd"));
    tree.push(entry("sbin/ueventd", kind::LINK | 0o777, 0, b"../init"));
    tree.push(entry("system", kind::DIR | 0o755, 0, b""));
    tree
}

struct Programs {
    dir: Scratch,
    binaries: Binaries,
}

fn programs() -> Programs {
    let dir = Scratch::new().unwrap();
    let keel = dir.path().join("keel-script");
    std::fs::write(&keel, "#!/bin/sh\n[ \"$1\" = install-links ] && ln -s keel \"$2/lxc-ls\"\n").unwrap();
    std::fs::set_permissions(&keel, std::fs::Permissions::from_mode(0o755)).unwrap();
    Programs { binaries: Binaries { pid1: keel.clone(), keel }, dir }
}

fn with<T>(run: impl FnOnce(&Layout<'_>) -> T) -> T {
    let programs = programs();
    let extra = programs.dir.path().join("extra");
    std::fs::write(&extra, "extra").unwrap();
    run(&Layout {
        binaries: &programs.binaries,
        busybox: Path::new("/bin/sh"),
        containers: &[],
        password: None,
        issue: "",
        additions: &[(extra, "/etc/extra".into())],
        modules: &[],
    })
}

fn check(bytes: &[u8], packing: Compression) {
    let (tree, found) = Ramdisk::read(bytes).unwrap();
    assert_eq!(found, packing);
    let base = android();
    for before in base.entries().iter().skip(1) {
        let name = String::from_utf8_lossy(&before.name).into_owned();
        assert_eq!(tree.get(&name).unwrap(), before, "{name}");
    }
    let old = tree.get("/init.android").unwrap();
    assert_eq!((old.mode, old.gid, &old.data[..]), (kind::FILE | 0o750, 2000, &b"android's init"[..]));
    assert!(tree.get("/init").unwrap().data.starts_with(b"#!/bin/sh"));
    assert_eq!(tree.get("/init").unwrap().mode, kind::FILE | 0o755);
    assert_eq!(tree.get("/sbin/keel").unwrap().data, b"/init");
    assert_eq!(tree.get("/sbin/lxc-ls").unwrap().data, b"keel");
    assert_eq!(tree.get("/etc/extra").unwrap().data, b"extra");
    assert_eq!(tree.get("/dev/console").unwrap().rdev, (5, 1));
}

#[test]
fn a_ramdisk_keeps_what_it_had_in_every_compression() {
    for (_, c) in NAMES {
        let base = android().pack(c).unwrap();
        let made = with(|layout| graft(&base, layout, None)).unwrap();
        check(&made.bytes, c);
        assert_eq!(made.notes, [format!("add to the kernel's command line: {HAND_OVER}")]);
        // A second time only renews Keel.
        let again = with(|layout| graft(&made.bytes, layout, None)).unwrap();
        check(&again.bytes, c);
    }
}

#[test]
fn a_boot_image_of_every_version_gets_the_ramdisk_and_the_word() {
    for version in 0..=4 {
        for (_, c) in NAMES {
            let mut base = BootImage::read(&image(version, 4096, 0)).unwrap();
            base.set_ramdisk(android().pack(c).unwrap()).unwrap();
            let made = with(|layout| graft(&base.write(), layout, None)).unwrap();
            let after = BootImage::read(&made.bytes).unwrap();
            check(after.section(Section::Ramdisk), c);
            assert_eq!(after.cmdline(), format!("console=ttyS {HAND_OVER}"));
            assert!(after.section(Section::Kernel) == base.section(Section::Kernel));
        }
    }
}

#[test]
fn what_cannot_be_grafted_is_said() {
    let said = |tree: &Ramdisk| with(|l| graft(&tree.pack(Compression::None).unwrap(), l, None)).err().unwrap().0;
    let mut tree = Ramdisk::new();
    tree.file("x", 0o644, "");
    assert_eq!(said(&tree), "the base has no '/init'");
    let mut tree = android();
    tree.link("var", "/data");
    assert_eq!(said(&tree), "the base has a link '/var' where a directory is needed");
    let full = {
        let mut base = BootImage::read(&image(3, 4096, 0)).unwrap();
        base.set_ramdisk(android().pack(Compression::Lz4).unwrap()).unwrap();
        base.set_cmdline(&"a".repeat(1530)).unwrap();
        base.write()
    };
    let made = with(|l| graft(&full, l, None)).unwrap();
    assert!(made.notes[0].ends_with("add keel.init=/init.android in the boot loader"), "{:?}", made.notes);
}
