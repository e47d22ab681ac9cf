//! LXC's own test suite, Debian's package lxc-tests: the scripts that use the tools, with Keel in their place.
//!
//! The rest of the package are programs that are linked with liblxc. Left out of the scripts: those for which the machine needs
//! AppArmor or criu; those of ordinary users, which change /etc/passwd by sudo (lxc-test-usernsexec passes, lxc-test-usernic and
//! lxc-test-unpriv want the setuid lxc-user-nic); and lxc-test-no-new-privs, which wants a setuid busybox.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tests::built::built;
use tests::container::Container;
use tests::ran::{Ran, run};
use tests::skip::{or_skip, root};

/// What takes a moment each.
const SCRIPTS: [&str; 9] =
    ["createconfig", "rootfs", "automount", "cloneconfig", "exit-code", "lxc-attach", "procsys", "snapdeps", "symlink"];

/// A machine as the scripts expect it: an lxcpath without containers, a bridge, the tools in PATH and in /usr/bin. All of it is
/// in namespaces of its own. `$1` has the tools and the scripts, `$2` is the script.
const MACHINE: &str = "set -e
ip link set lo up; ip link add lxcbr0 type bridge; ip link set lxcbr0 up
mount -t tmpfs room /mnt; mkdir /mnt/etc /mnt/e /mnt/bin /mnt/b
mkdir /mnt/etc/lxc; printf 'lxc.net.0.type = veth\\nlxc.net.0.link = lxcbr0\\n' > /mnt/etc/lxc/default.conf
cp -a \"$1\"/bin/. /mnt/bin/
mount -t overlay etc -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/e /etc
mount -t overlay bin -o lowerdir=/usr/bin,upperdir=/mnt/bin,workdir=/mnt/b /usr/bin
mkdir -p /var/lib/lxc; mount -t tmpfs lxc /var/lib/lxc; mount -t tmpfs -o mode=755 run /run; mount -t tmpfs tmp /tmp
cd /tmp; exec lxc-test-\"$2\"";

/// The tools and the scripts in a directory, or a skip.
fn tools() -> Option<Container> {
    if !root() {
        return None;
    }
    let package = or_skip(boot::cache::entry("lxc-tests", |dir| boot::apt::unpack("lxc-tests", dir)))?;
    let container = Container::probe("");
    let bin = container.base().join("bin");
    fs::create_dir(&bin).expect("a directory");
    let copy = |file: PathBuf| drop(run(Command::new("cp").arg(file).arg(&bin)).ok());
    for program in [&built().keel, &built().pid1] {
        copy(program.clone());
    }
    for name in SCRIPTS.iter().chain(&["autostart"]) {
        copy(package.join("usr/bin").join(format!("lxc-test-{name}")));
    }
    run(Command::new(bin.join("keel")).arg("install-links").arg(&bin)).ok();
    Some(container)
}

fn script(container: &Container, name: &str) -> Ran {
    let mut command = Command::new("unshare");
    command.args(["-m", "-n", "--propagation", "private", "sh", "-c", MACHINE, "sh"]).arg(container.base()).arg(name);
    run(command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("KEEL_RUN", "/run/keel").stdin(Stdio::null()))
}

#[test]
fn scripts_of_lxcs_test_suite_pass() {
    let Some(container) = tools() else { return };
    let failed: Vec<_> =
        SCRIPTS.iter().map(|name| (name, script(&container, name))).filter(|(_, ran)| ran.code != 0).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    // The control: with one tool that does nothing, a script that needs it fails.
    let create = container.base().join("bin/lxc-create");
    fs::remove_file(&create).and_then(|()| std::os::unix::fs::symlink("true", &create)).expect("a link");
    script(&container, "rootfs").fails(1);
    container.assert_nothing_left();
}

/// Apart, since it sleeps for twenty seconds.
#[test]
fn the_script_for_autostart_passes() {
    let Some(container) = tools() else { return };
    let ran = script(&container, "autostart");
    assert_eq!(ran.code, 0, "{ran:#?}");
    container.assert_nothing_left();
}
