//! `keel create -t android`: from the files of an Android to a container that runs.

use crate::fixture::{RC, system};
use ::boot::codec::Compression;
use ::boot::ramdisk::Ramdisk;
use std::fs;
use std::path::{Path, PathBuf};
use tests::built::built;
use tests::container::Container;
use tests::proc::until;
use tests::ran::{Ran, run};
use tests::skip;

/// A ramdisk with the stand-in, whose init.rc others may write.
fn ramdisk(compression: Compression) -> Vec<u8> {
    let mut tree = Ramdisk::new();
    tree.host_file(&built().probe, "init").expect("the stand-in");
    tree.file("init.rc", 0o664, RC);
    tree.file("default.prop", 0o666, "ro.debuggable=1\n");
    tree.node("dev/console", ::boot::cpio::kind::CHAR | 0o600, 5, 1);
    tree.pack(compression).expect("packed")
}

/// Version 0 of mkbootimg's layout: a page of header, the kernel, the ramdisk, each padded to pages.
fn boot_image(ramdisk: &[u8], cmdline: &str) -> Vec<u8> {
    let mut image = vec![0; 2048];
    image[..8].copy_from_slice(b"ANDROID!");
    image[8..12].copy_from_slice(&4u32.to_le_bytes());
    image[16..20].copy_from_slice(&(ramdisk.len() as u32).to_le_bytes());
    image[36..40].copy_from_slice(&2048u32.to_le_bytes());
    image[64..64 + cmdline.len()].copy_from_slice(cmdline.as_bytes());
    image.extend(b"kern");
    image.resize(4096, 0);
    image.extend(ramdisk);
    image.resize(image.len().next_multiple_of(2048), 0);
    image
}

fn file(container: &Container, name: &str, bytes: &[u8]) -> PathBuf {
    let path = container.outside().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn create(container: &Container, ramdisk: &Path, words: &[&str]) -> Ran {
    let mut command = container.command("create");
    command.args(["-t", "android", "--config", "/dev/null", "--", "--ramdisk"]).arg(ramdisk).args(words);
    run(&mut command)
}

#[test]
fn what_was_wrong_is_repaired_and_named_and_the_container_runs() {
    if !skip::root() {
        return;
    }
    for (name, compression) in [("plain", Compression::None), ("gzip", Compression::Gzip), ("lz4", Compression::Lz4)] {
        let container = Container::undefined();
        let image = boot_image(&ramdisk(compression), "androidboot.serialno=4711");
        let image = file(&container, name, &image);
        let system = system(&container);
        let words = ["--system", system.to_str().unwrap(), "--hardware", "standin"];
        let said = create(&container, &image, &words).ok();
        for line in [
            "'/init.rc' had mode 0664, and init reads no file that others may write: now 0644",
            "'/default.prop' had mode 0666",
            "there is no /sbin/ueventd: it was made, as a link to init",
            "1 device nodes or pipes are left out",
            "init.rc:33: it makes / read-only",
            "the command line is the boot image's: 'androidboot.serialno=4711'",
        ] {
            assert!(said.contains(line), "{name}: no '{line}' in:\n{said}");
        }
        let config = fs::read_to_string(container.config_file()).expect("a configuration");
        assert!(
            config.contains("keel.android = 1\n") && config.contains("keel.android.hardware = standin\n"),
            "{config}"
        );
        container.keel("start").fails(0);
        let calls = container.lxcpath().join(&container.name).join("data/calls");
        until("init has done all", container.base(), || calls.exists().then_some(()));
        container.keel("stop -k").ok();
        container.assert_nothing_left();
    }
}

#[test]
fn what_can_not_boot_is_refused_and_nothing_is_made() {
    if !skip::root() {
        return;
    }
    let container = Container::undefined();
    let refused = |name: &str, bytes: &[u8], words: &[&str], why: &str| {
        let said = create(&container, &file(&container, name, bytes), words).fails(1);
        assert!(said.contains(why), "{name}: {said}");
        assert_eq!(fs::read_dir(container.lxcpath()).expect("readable").count(), 0, "{name} leaves something");
    };
    let of = |init: &[u8], compression: Compression| {
        let mut tree = Ramdisk::new();
        tree.file("init", 0o755, init);
        tree.pack(compression).expect("packed")
    };
    let elf = |class: u8, machine: u8| {
        let mut bytes = vec![0; 64];
        bytes[..5].copy_from_slice(&[0x7f, b'E', b'L', b'F', class]);
        bytes[18] = machine;
        bytes
    };
    refused("empty", &[0; 512], &[], "no ramdisk: it is empty");
    refused("garbage", b"this is no ramdisk at all", &[], "cpio: byte 0: ");
    refused("no-init", &Ramdisk::new().pack(Compression::Gzip).expect("packed"), &[], "has no /init");
    refused("script", &of(b"#!/bin/sh\n", Compression::Gzip), &[], "/init is no ELF program");
    refused("mips", &of(&elf(1, 8), Compression::Gzip), &[], "/init is a program for mips; this kernel runs ");
    refused("zstd", &of(&elf(2, 62), Compression::Zstd), &[], "packed with zstd, which is left out of this program");
    let good = ramdisk(Compression::Gzip);
    let sparse = file(&container, "sparse.img", &[&[0x3a, 0xff, 0x26, 0xed][..], &[0; 2048]].concat());
    refused("sparse", &good, &["--system", sparse.to_str().unwrap()], "is a sparse image");
    refused("missing", &good, &["--system", "/no/such/image"], "ENOENT");
    refused("cut", &good[..good.len() / 2], &[], "broken gzip data");

    let none = run(container.command("create").args(["-t", "android"]));
    assert!(none.fails(2).contains("no ramdisk given"));
}
