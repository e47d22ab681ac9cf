//! `keel create -t android`: from the files of an Android to a container that runs.

use crate::fixture::{RC, system};
use crate::picture::Host;
use ::boot::codec::Compression;
use ::boot::ramdisk::Ramdisk;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
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

/// mkbootimg's layout: a page of header, the kernel, the ramdisk, each padded to pages. Versions 3 and 4 have another header.
fn boot_image(version: u32, ramdisk: &[u8], cmdline: &str) -> Vec<u8> {
    let page = if version < 3 { 2048 } else { 4096 };
    let mut image = vec![0; page];
    let mut put = |at: usize, value: u32| image[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(8, 4);
    put(40, version);
    let line = match version {
        0..=2 => {
            put(16, ramdisk.len() as u32);
            put(36, 2048);
            let size = [0, 1648, 1660][version as usize];
            if version > 0 {
                put(1644, size);
            }
            64
        }
        _ => {
            put(12, ramdisk.len() as u32);
            put(20, if version == 3 { 1580 } else { 1584 });
            44
        }
    };
    image[..8].copy_from_slice(b"ANDROID!");
    image[line..line + cmdline.len()].copy_from_slice(cmdline.as_bytes());
    image.extend(b"kern");
    image.resize(image.len().next_multiple_of(page), 0);
    image.extend(ramdisk);
    image.resize(image.len().next_multiple_of(page), 0);
    image
}

/// A sparse image by the format's rules: each block that has anything in it, and holes.
pub fn sparse(plain: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let mut chunks: Vec<u8> = Vec::new();
    let blocks: Vec<&[u8]> = plain.chunks(BLOCK).collect();
    for block in &blocks {
        let (kind, data): (u16, &[u8]) = if block.iter().all(|b| *b == 0) { (0xcac3, &[]) } else { (0xcac1, block) };
        chunks.extend(kind.to_le_bytes());
        chunks.extend([0, 0]);
        chunks.extend(1u32.to_le_bytes());
        chunks.extend((12 + data.len() as u32).to_le_bytes());
        chunks.extend(data);
    }
    let mut out = vec![0x3a, 0xff, 0x26, 0xed, 1, 0, 0, 0, 28, 0, 12, 0];
    for word in [BLOCK as u32, blocks.len() as u32, blocks.len() as u32, 0] {
        out.extend(word.to_le_bytes());
    }
    out.extend(chunks);
    out
}

/// The bytes as a program packs them.
fn packed_by(container: &Container, program: &str, words: &[&str], bytes: &[u8]) -> Vec<u8> {
    let from = file(container, "plain", bytes);
    let made = Command::new(program).args(words).arg("-c").arg(&from).output().expect(program);
    assert!(made.status.success(), "{program}: {made:?}");
    made.stdout
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
    for (name, compression) in [("plain", Compression::None), ("gzip", Compression::Gzip)] {
        let _turn = crate::turns::beside_others();
        let _host = Host::observed();
        let container = Container::undefined();
        let image = boot_image(0, &ramdisk(compression), "androidboot.serialno=4711");
        let image = file(&container, name, &image);
        let system = system(&container);
        let words = ["--system", system.to_str().unwrap(), "--hardware", "standin", "--cpuinfo", "Hardware: fish"];
        let said = create(&container, &image, &words).ok();
        for line in [
            "'/init.rc' had mode 0664, and init reads no file that others may write: now 0644",
            "'/default.prop' had mode 0666",
            "there is no /sbin/ueventd: it was made, as a link to init",
            "1 device nodes or pipes are left out",
            "init.rc:38: it makes / read-only",
            "the command line is the boot image's: 'androidboot.serialno=4711'",
        ] {
            assert!(said.contains(line), "{name}: no '{line}' in:\n{said}");
        }
        let config = fs::read_to_string(container.config_file()).expect("a configuration");
        assert!(
            config.contains("keel.android = 1\n")
                && config.contains("keel.android.hardware = standin\n")
                && config.contains("keel.android.cpuinfo = Hardware: fish\n"),
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
    let _turn = crate::turns::beside_others();
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
    let good = ramdisk(Compression::Gzip);
    let sparse = file(&container, "sparse.img", &[&[0x3a, 0xff, 0x26, 0xed][..], &[0; 2048]].concat());
    refused("sparse", &good, &["--system", sparse.to_str().unwrap()], "a sparse image of version 0, which is unknown");
    refused("missing", &good, &["--system", "/no/such/image"], "ENOENT");
    refused(
        "cpuinfo",
        &good,
        &["--cpuinfo", "fish"],
        "--cpuinfo: 'fish' is neither a line ('Hardware: NAME') nor a file",
    );
    refused("cut", &good[..good.len() / 2], &[], "broken gzip data");

    let none = run(container.command("create").args(["-t", "android"]));
    assert!(none.fails(2).contains("no ramdisk given"));
}

#[test]
fn every_packing_and_every_header_is_read() {
    if !skip::root() {
        return;
    }
    let plain = ramdisk(Compression::None);
    let of = |container: &Container, name: &str| match name {
        "plain" => plain.clone(),
        "gzip" => ramdisk(Compression::Gzip),
        "lz4" => ramdisk(Compression::Lz4),
        "lzma" => packed_by(container, "xz", &["-1", "--format=lzma"], &plain),
        "lzop" => packed_by(container, "lzop", &[], &plain),
        "zstd" => packed_by(container, "zstd", &["-q", "-1"], &plain),
        // Blocks of their own, and blocks that refer to those before, with all checksums.
        "lz4-frame" => packed_by(container, "lz4", &["-q", "-1"], &plain),
        "lz4-linked" => packed_by(container, "lz4", &["-q", "-1", "-BD", "-B4", "-BX", "--content-size"], &plain),
        program => packed_by(container, program, &["-1"], &plain),
    };
    let names = ["plain", "gzip", "lz4", "lz4-frame", "lz4-linked", "zstd", "xz", "lzma", "bzip2", "lzop"];
    for (number, name) in names.into_iter().enumerate() {
        let _turn = crate::turns::beside_others();
        let container = Container::undefined();
        let image = boot_image(number as u32 % 5, &of(&container, name), "androidboot.mode=normal");
        let said = create(&container, &file(&container, name, &image), &[]).ok();
        assert!(said.contains("the command line is the boot image's: 'androidboot.mode=normal'"), "{name}: {said}");
        let init = fs::read(container.rootfs().join("init")).expect("/init");
        assert!(init == fs::read(&built().probe).expect("the stand-in"), "{name}");
    }
    // What is cut short is no ramdisk, whoever unpacks it; and without the program that is said.
    let _turn = crate::turns::beside_others();
    let container = Container::undefined();
    let packed = of(&container, "xz");
    let cut = file(&container, "cut", &packed[..packed.len() / 2]);
    assert!(create(&container, &cut, &[]).fails(1).contains("broken xz data"));
    // In its middle, and without the mark of its end, which is followed by a checksum; and with another checksum.
    let framed = of(&container, "lz4-frame");
    let end = framed.len();
    for broken in [framed[..end / 2].to_vec(), framed[..end - 8].to_vec(), [&framed[..end - 4], &[0; 4]].concat()] {
        let cut = file(&container, "cut", &broken);
        let said = create(&container, &cut, &[]).fails(1);
        assert!(said.contains(&format!("'{}': broken lz4 data", cut.display())), "{said}");
    }
    let whole = file(&container, "whole", &packed);
    let mut command = container.command("create");
    command.args(["-t", "android", "--config", "/dev/null", "--", "--ramdisk"]).arg(&whole).env("PATH", "/nowhere");
    let said = run(&mut command).fails(1);
    assert!(said.contains("it is packed with xz, and there is no 'xz' or 'busybox' in PATH"), "{said}");
}

#[test]
fn a_sparse_image_is_made_plain_and_a_system_is_looked_at() {
    if !skip::root() {
        return;
    }
    let _turn = crate::turns::beside_others();
    let container = Container::undefined();
    let system = container.base().join("system");
    fs::create_dir_all(system.join("bin")).expect("a directory");
    let mut elf = vec![0; 64];
    elf[..5].copy_from_slice(&[0x7f, b'E', b'L', b'F', 1]);
    elf[18] = 8;
    fs::write(system.join("bin/linker"), elf).expect("written");
    let mut tree = Ramdisk::new();
    tree.host_file(&built().probe, "init").expect("the stand-in");
    tree.file("init.rc", 0o640, "service zygote /system/bin/app_process\n class main\n critical\n");
    let ramdisk = file(&container, "ramdisk", &tree.pack(Compression::Gzip).expect("packed"));

    let image = container.outside().join("plain.img");
    let words = ["-q", "-t", "ext4", "-d", system.to_str().unwrap(), image.to_str().unwrap(), "2M"];
    let made = Command::new("mke2fs").args(words).output().expect("mke2fs");
    assert!(made.status.success(), "{made:?}");
    let plain = fs::read(&image).expect("an image");
    let sparse = file(&container, "sparse.img", &sparse(&plain));
    create(&container, &ramdisk, &["--system", sparse.to_str().unwrap()]).ok();
    let dir = container.lxcpath().join(&container.name);
    assert!(fs::read(dir.join("system.img")).expect("a plain copy") == plain);
    let config = fs::read_to_string(container.config_file()).expect("a configuration");
    assert!(config.contains(&format!("keel.android.system = {}\n", dir.join("system.img").display())), "{config}");
    container.keel("destroy").ok();

    // The same by an image, in which it looks by a mount that nobody sees, and by a directory.
    for given in [&image, &system] {
        let said = create(&container, &ramdisk, &["--system", given.to_str().unwrap()]).ok();
        for line in [
            "/system has no 'bin/servicemanager': is it an Android's?",
            "critical service 'zygote' has no program '/system/bin/app_process': Android would restart for ever",
            "/system/bin/linker is a program for mips, which this kernel does not run",
        ] {
            assert!(said.contains(line), "{}: no '{line}' in:\n{said}", given.display());
        }
        container.keel("destroy").ok();
    }
}

#[test]
fn a_directory_of_somebody_else_becomes_roots_and_volumes_are_taken_as_given() {
    if !skip::root() {
        return;
    }
    let _turn = crate::turns::beside_others();
    let _host = Host::observed();
    let container = Container::undefined();
    let dir = container.outside().join("unpacked");
    fs::create_dir_all(dir.join("sbin")).expect("a directory");
    fs::copy(&built().probe, dir.join("init")).expect("the stand-in");
    fs::write(dir.join("init.rc"), RC).expect("written");
    std::os::unix::fs::symlink("../init", dir.join("sbin/ueventd")).expect("a link");
    for name in ["init", "init.rc"] {
        std::os::unix::fs::chown(dir.join(name), Some(1000), Some(1000)).expect("chown");
    }
    let (data, cache) = (container.base().join("data"), container.base().join("cache"));
    fs::create_dir(&data).and_then(|()| fs::create_dir(&cache)).expect("directories");
    let system = system(&container);
    let words =
        ["--system", system.to_str().unwrap(), "--data", data.to_str().unwrap(), "--cache", cache.to_str().unwrap()];
    let said = create(&container, &dir, &[&words[..], &["--cmdline", "androidboot.mode=x y=z"]].concat()).ok();
    assert!(said.contains("2 files were not root's ('init' first): now they are"), "{said}");
    use std::os::unix::fs::MetadataExt;
    let meta = fs::metadata(container.rootfs().join("init")).expect("/init");
    assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o500), (0, 0, 0o500));
    let config = fs::read_to_string(container.config_file()).expect("a configuration");
    for line in [
        format!("keel.android.data = {}", data.display()),
        format!("keel.android.cache = {}", cache.display()),
        "keel.android.cmdline = androidboot.mode=x y=z".to_owned(),
    ] {
        assert!(config.lines().any(|l| l == line), "no '{line}' in {config}");
    }
    container.keel("start").fails(0);
    until("init has done all", container.base(), || data.join("calls").exists().then_some(()));
    container.keel("stop -k").ok();
}
