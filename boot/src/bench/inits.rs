//! Ramdisks that differ in their init alone: a busybox, the same mounts, one login on ttyS0, and what Ctrl-Alt-Del is to do.
//!
//! The inits are Debian's packages, unpacked into the cache. Where an init has no prompt of its own, busybox's getty gives it.

use super::room::Room;
use crate::apt;
use crate::cache;
use crate::cpio::kind;
use crate::fault::{At, Fault, Result};
use crate::layout::Layout;
use crate::ramdisk::Ramdisk;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An init, in a ramdisk.
pub struct Init {
    /// Its row's name.
    pub name: &'static str,
    /// The ramdisk.
    pub tree: Ramdisk,
    /// Whether Ctrl-Alt-Del ends the machine.
    pub stops: bool,
    /// More words for the kernel's command line.
    pub append: &'static str,
}

const PACKAGES: [&str; 5] = ["sysvinit-core", "runit", "finit", "libite5", "libuev3"];

/// What pid1 mounts by itself.
const MOUNTS: &str = "#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
";

const GETTY: &str = "/bin/getty -L 115200 ttyS0 vt100";

/// All of them; and what could not be had.
pub fn all(room: &Room, busybox: &Path) -> Result<(Vec<Init>, Vec<String>)> {
    let mut base = Ramdisk::new();
    for dir in ["dev", "proc", "sys", "run", "tmp", "root", "etc", "bin", "sbin", "lib", "lib64", "usr/bin", "usr/sbin"]
    {
        base.dir(dir, 0o755);
    }
    base.node("dev/console", kind::CHAR | 0o600, 5, 1).node("dev/null", kind::CHAR | 0o666, 1, 3);
    base.host_file(busybox, "bin/busybox")?;
    for applet in ["sh", "login", "getty", "mount", "mkdir", "touch", "chmod", "reboot"] {
        base.link(&format!("bin/{applet}"), "busybox");
    }
    base.file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n").file("etc/group", 0o644, "root:x:0:\n");
    base.link("var", "/").file("etc/mounts", 0o755, MOUNTS);

    let mut made = Vec::new();
    let mut add = |name, stops, fill: &dyn Fn(&mut Ramdisk) -> Result<()>| -> Result<()> {
        let mut tree = base.clone();
        fill(&mut tree)?;
        made.push(Init { name, tree, stops, append: "" });
        Ok(())
    };
    add("floor", true, &|tree| tree.host_file(&room.init, "init").map(drop))?;
    add("pid1", true, &|tree| tree.host_file(&room.pid1, "init").map(drop))?;
    add("busybox init", true, &|tree| {
        tree.link("init", "/bin/busybox");
        let table = format!("::sysinit:/etc/mounts\nttyS0::respawn:{GETTY}\n::ctrlaltdel:/bin/reboot\n");
        tree.file("etc/inittab", 0o644, table);
        Ok(())
    })?;
    let mut missing = Vec::new();
    match packages() {
        Ok(packages) => {
            let packages = &packages;
            add("sysvinit", true, &|tree| sysvinit(tree, packages))?;
            add("runit", true, &|tree| runit(tree, packages))?;
            add("finit", false, &|tree| finit(tree, packages))?;
        }
        Err(why) => missing.push(format!("sysvinit, runit, finit: {why}")),
    }
    let layout = Layout {
        binaries: &crate::build::Binaries { keel: room.keel.clone(), pid1: room.pid1.clone() },
        busybox,
        containers: &["bb".to_owned()],
        password: None,
        issue: "",
        modules: &[],
        additions: &[],
    };
    made.push(Init { name: "keel, with bb", tree: layout.ramdisk()?, stops: true, append: " keel.containers=bb" });
    Ok((made, missing))
}

fn packages() -> Result<PathBuf> {
    cache::entry("bench-inits-1", |into| {
        eprintln!("cargo boot: downloading {}", PACKAGES.join(", "));
        apt::with_lists(|| apt::known(PACKAGES[0]).then_some(()))?;
        PACKAGES.iter().try_for_each(|package| apt::unpack(package, into))
    })
}

/// A program of a package with the libraries that ldd(1) finds for it.
fn program(tree: &mut Ramdisk, packages: &Path, from: &str, to: &str) -> Result<()> {
    let file = packages.join(from);
    tree.host_file(&file, to)?;
    let said =
        apt::quiet(Command::new("ldd").arg(&file).env("LD_LIBRARY_PATH", packages.join("usr/lib/x86_64-linux-gnu")))?;
    for path in said.split_whitespace().filter(|word| word.starts_with('/')) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let dir = if name.starts_with("ld-linux") { "lib64" } else { "lib/x86_64-linux-gnu" };
        // Libraries are links to their versions.
        let real = std::fs::canonicalize(path).at("resolve", Path::new(path))?;
        tree.host_file(&real, &format!("{dir}/{name}"))?;
    }
    Ok(())
}

fn sysvinit(tree: &mut Ramdisk, packages: &Path) -> Result<()> {
    for name in ["init", "shutdown", "halt"] {
        program(tree, packages, &format!("sbin/{name}"), &format!("sbin/{name}"))?;
    }
    tree.link("init", "/sbin/init").link("sbin/telinit", "init").link("sbin/reboot", "halt");
    let table = format!(
        "id:2:initdefault:\nsi::sysinit:/etc/mounts\nl6:6:wait:/sbin/reboot -d -f\nca:2:ctrlaltdel:/sbin/shutdown -t1 -r now\n\
         S0:2:respawn:{GETTY}\n"
    );
    tree.file("etc/inittab", 0o644, table);
    Ok(())
}

fn runit(tree: &mut Ramdisk, packages: &Path) -> Result<()> {
    program(tree, packages, "sbin/runit", "init")?;
    for name in ["runsvdir", "runsv"] {
        program(tree, packages, &format!("usr/bin/{name}"), &format!("usr/bin/{name}"))?;
    }
    // Their permissions tell it whether to end.
    let flags = "/run/runit.stopit /run/runit.reboot";
    tree.link("etc/runit/stopit", "/run/runit.stopit").link("etc/runit/reboot", "/run/runit.reboot");
    tree.file("etc/runit/1", 0o755, format!("#!/bin/sh\n/etc/mounts\ntouch {flags}\nchmod 0 {flags}\n"));
    tree.file("etc/runit/2", 0o755, "#!/bin/sh\nexec /usr/bin/runsvdir -P /etc/service\n");
    tree.file("etc/runit/3", 0o755, "#!/bin/sh\n");
    tree.file("etc/runit/ctrlaltdel", 0o755, format!("#!/bin/sh\nchmod 100 {flags}\n"));
    tree.file("etc/service/getty/run", 0o755, format!("#!/bin/sh\nexec {GETTY}\n"));
    Ok(())
}

fn finit(tree: &mut Ramdisk, packages: &Path) -> Result<()> {
    program(tree, packages, "sbin/finit", "init")?;
    for name in ["getty", "logit"] {
        program(tree, packages, &format!("lib/finit/{name}"), &format!("lib/finit/{name}"))?;
    }
    tree.file("etc/finit.conf", 0o644, "runlevel 2\ntty [2] /dev/ttyS0 115200 noclear nowait\n");
    Ok(())
}

/// What is written into a machine's ramdisk file.
pub fn packed(init: &Init) -> Result<Vec<u8>> {
    init.tree.pack(crate::codec::Compression::None).map_err(|e| Fault::new(format!("{}: {e}", init.name)))
}
