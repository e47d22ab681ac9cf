//! What keys do: a start with each, and a look inside.

use crate::sides::{Beside, Line, Lxc::*, Side};
use std::fs;
use tests::skip::root;

/// What is shown, the lines of configuration, what is run then.
type Case = (&'static str, &'static str, &'static [Line]);

const START: Line = ("lxc-start @N", 0, "", Same);
const REFUSED: Line = ("lxc-start @N", 1, "", Same);

#[rustfmt::skip]
const MOUNTS: &[Case] = &[
    ("create=dir nested", "lxc.mount.entry = tmpfs mnt/a/b/c tmpfs create=dir 0 0",
        &[START, ("lxc-attach @N -- sh -c 'grep -c /mnt/a/b/c /proc/mounts'", 0, "1\n", Same)]),
    ("a missing target without create", "lxc.mount.entry = tmpfs nothere tmpfs defaults 0 0", &[REFUSED]),
    ("optional and missing", "lxc.mount.entry = /no/such nothere none bind,optional 0 0", &[START]),
    ("create=file,ro bind", "lxc.mount.entry = @D/file etc/made none ro,bind,create=file 0 0",
        &[START, ("lxc-attach @N -- sh -c 'cat /etc/made; echo x 2>/dev/null > /etc/made || echo no'", 0, "content\nno\n", Same)]),
    ("an absolute target with the rootfs in front", "lxc.mount.entry = tmpfs @D/rootfs/mnt tmpfs size=1m 0 0",
        &[START, ("lxc-attach @N -- grep -c ' /mnt tmpfs' /proc/mounts", 0, "1\n", Same)]),
    ("an absolute target elsewhere", "lxc.mount.entry = tmpfs /opt/elsewhere tmpfs size=1m 0 0",
        &[START, ("lxc-attach @N -- grep -c elsewhere /proc/mounts", 1, "0\n", Same)]),
    ("relative,bind", "lxc.mount.entry = etc mnt none bind,relative 0 0",
        &[START, ("lxc-attach @N -- cat /mnt/inside", 0, "inside\n", Same)]),
    ("tmpfs with options of its own", "lxc.mount.entry = tmpfs mnt/t tmpfs size=1m,mode=700,nosuid,create=dir 0 0",
        &[START, ("lxc-attach @N -- sh -c 'grep \" /mnt/t \" /proc/mounts | cut -d, -f1-3; stat -c %a /mnt/t'", 0, "tmpfs /mnt/t tmpfs rw,nosuid,relatime\n700\n", Same)]),
    ("a file system that does not exist", "lxc.mount.entry = x mnt nosuchfs defaults 0 0", &[REFUSED]),
    ("four fields", "lxc.mount.entry = tmpfs mnt tmpfs defaults",
        &[START, ("lxc-attach @N -- grep -c ' /mnt ' /proc/mounts", 0, "1\n", Same)]),
    ("a link as target", "lxc.mount.entry = tmpfs link tmpfs defaults 0 0", &[REFUSED]),
    ("a target above the root", "lxc.mount.entry = tmpfs ../../../tmp tmpfs defaults 0 0", &[REFUSED]),
    ("a blank in a path", "lxc.mount.entry = @D/a\\040b mnt none bind 0 0",
        &[START, ("lxc-attach @N -- cat /mnt/f", 0, "blank\n", Same)]),
    ("a missing fstab", "lxc.mount.fstab = @D/nofstab", &[REFUSED]),
    ("a read-only root", "lxc.rootfs.options = ro",
        &[START, ("lxc-attach @N -- sh -c 'echo x 2> /dev/null > /f || grep -o \" / .* ro\" /proc/mounts | cut -d\" \" -f2,4'", 0, "/ ro\n", Same)]),
    ("a loop device", "lxc.rootfs.path = loop:@D/image",
        &[START, ("lxc-attach @N -- sh -c 'grep -c \"^/dev/loop.* / ext4\" /proc/mounts'", 0, "1\n", Same)]),
    ("an overlay", "lxc.rootfs.path = overlay:@D/rootfs:@D/over/delta",
        &[START, ("lxc-attach @N -- touch /written", 0, "", Same), ("ls @D/over/delta; ls @D/rootfs | grep -c written", 1, "written\n0\n", Same)]),
];

#[rustfmt::skip]
const DEVICES: &[Case] = &[
    ("autodev off", "lxc.autodev = 0",
        &[START, ("lxc-attach @N -- sh -c 'test -e /dev/null || echo none; test -e /dev/tty2 && echo tty2'", 0, "none\ntty2\n", Same),
          ("ls @D/rootfs/dev", 0, "console\nptmx\npts\ntty1\ntty2\n", Differs(0, "console\nfd\nptmx\npts\nstderr\nstdin\nstdout\ntty1\ntty2\n", "makes links fd, stdin, stdout, stderr in the image"))]),
    ("ttys in a directory", "lxc.tty.dir = lxc",
        &[START, ("lxc-attach @N -- sh -c 'ls /dev/lxc; readlink /dev/tty1; readlink /dev/tty2'", 0, "console\ntty1\ntty2\nlxc/tty1\nlxc/tty2\n", Same)]),
    ("neither ttys nor ptys", "lxc.tty.max = 0\nlxc.pty.max = 0",
        &[START, ("lxc-attach @N -- ls /dev", 0, "console\nfd\nfull\nnull\npts\nrandom\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n", Same)]),
    ("no console", "lxc.console.path = none",
        &[START, ("lxc-attach @N -- sh -c 'test -e /dev/console || echo none; for n in 0 1 2; do readlink /proc/1/fd/$n; done'", 0, "none\n/dev/null\n/dev/null\n/dev/null\n", Same)]),
    ("rules for devices", "lxc.cgroup.devices.deny = a\nlxc.cgroup.devices.allow = c 1:3 rwm\nlxc.cgroup.devices.allow = /dev/zero r",
        &[START, ("lxc-attach @N -- sh -c 'mknod /n c 1 3 && rm /n; mknod /f c 1 7 2> /dev/null || echo no; head -c1 /dev/zero | wc -c'", 0, "no\n1\n", Same)]),
    ("a hook's device", "lxc.hook.autodev = @D/node.sh",
        &[START, ("lxc-attach @N -- stat -c '%A %t:%T' /dev/mine", 0, "crw-r--r-- 1:3\n", Same)]),
];

#[rustfmt::skip]
const PROCESSES: &[Case] = &[
    ("an environment", "lxc.environment = K=V\nlxc.environment = INHERITED",
        &[START, ("lxc-attach @N --clear-env -- sh -c 'tr \"\\0\" \"\\n\" < /proc/1/environ | sort'", 0, "INHERITED=yes\nK=V\ncontainer=lxc\ncontainer_ttys=pts/0 pts/1\n", Differs(0, "INHERITED=yes\nK=V\ncontainer=lxc\n", "container_ttys")),
          ("lxc-attach @N --clear-env -- sh -c 'echo $K'", 0, "V\n", Same)]),
    ("limits, which hold for programs that are run inside, too", "lxc.prlimit.nofile = 77:99",
        &[START, ("lxc-attach @N -- sh -c 'grep files /proc/1/limits | tr -s \" \"; grep files /proc/self/limits | grep -c \" 77 \"'", 0, "Max open files 77 99 files \n1\n", Same)]),
    ("a sysctl", "lxc.mount.auto = proc:rw\nlxc.sysctl.net.ipv4.ip_forward = 1",
        &[START, ("lxc-attach @N -- cat /proc/sys/net/ipv4/ip_forward", 0, "1\n", Same)]),
    ("a sysctl that does not exist", "lxc.mount.auto = proc:rw\nlxc.sysctl.net.ipv4.nosuch = 1", &[REFUSED]),
    ("ids of the first program", "lxc.init.uid = 1000\nlxc.init.gid = 1000",
        &[START, ("lxc-attach @N -- sh -c 'grep -E \"Uid|CapEff\" /proc/1/status; id -u'", 0, "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000\n0\n", Same)]),
    ("kept namespaces", "lxc.namespace.keep = net ipc",
        &[("lxc-start @N", 0, "", Differs(1, "", "means a user namespace, too"))]),
    ("'mount' among namespaces", "lxc.namespace.clone = pid mount",
        &[("lxc-start @N", 0, "", Differs(1, "", "as the manual page says"))]),
    ("the host's network", "lxc.net.0.type = none",
        &[START, ("test \"$(lxc-attach @N -- readlink /proc/self/ns/net)\" = \"$(readlink /proc/self/ns/net)\"", 0, "", Same)]),
    ("no network", "lxc.net =",
        &[START, ("lxc-attach @N -- sh -c 'tail -n +3 /proc/net/dev | cut -d: -f1'", 0, "    lo\n", Same)]),
    ("an offset of the boot clock", "lxc.time.offset.boot = 1h",
        &[START, ("lxc-attach @N -- sh -c 'tr -s \" \" < /proc/1/timens_offsets'", 0, "monotonic 0 0\nboottime 3600 0\n", Same)]),
    ("another machine", "lxc.arch = i686", &[START, ("lxc-attach @N -- uname -m", 0, "i686\n", Same)]),
    ("a machine that does not exist", "lxc.arch = vax", &[REFUSED]),
    ("capabilities that are kept", "lxc.cap.drop =\nlxc.cap.keep = chown kill sys_chroot",
        &[START, ("lxc-attach @N -- grep CapBnd /proc/1/status", 0, "CapBnd:\t0000000000040021\n", Same)]),
    ("a missing pre-start hook", "lxc.hook.pre-start = /no/such", &[REFUSED]),
    ("a missing stop hook", "lxc.hook.stop = /no/such", &[START, ("lxc-stop @N -k", 0, "", Same)]),
    ("a missing first program", "lxc.init.cmd = /no/such", &[REFUSED, ("lxc-start @N -F", 1, "", Same)]),
    ("a missing bridge", "lxc.net.0.type = veth\nlxc.net.0.link = nosuchbr\nlxc.net.0.flags = up", &[REFUSED]),
    ("a shared namespace", "lxc.namespace.share.net = @PID", &[START,
        ("test \"$(lxc-attach @N -- readlink /proc/self/ns/net)\" = \"$(readlink /proc/self/ns/net)\"", 0, "", Same)]),
];

/// With controllers of version 1.
#[rustfmt::skip]
const CGROUPS: &[Case] = &[
    ("a key of the other version", "lxc.cgroup2.memory.max = 64M",
        &[START, ("lxc-cgroup @N memory.limit_in_bytes", 0, "67108864\n\n", Differs(0, "9223372036854771712\n\n", "are translated where a meaning exists"))]),
    ("limits", "lxc.cgroup.memory.limit_in_bytes = 64M\nlxc.cgroup.cpu.shares = 512\nlxc.cgroup.cpuset.cpus = 0",
        &[START, ("lxc-cgroup @N memory.limit_in_bytes", 0, "67108864\n\n", Same), ("lxc-cgroup @N cpu.shares", 0, "512\n\n", Same),
          ("lxc-cgroup @N cpuset.cpus", 0, "0\n\n", Same)]),
    ("a value that makes no sense", "lxc.cgroup.memory.limit_in_bytes = bogus", &[REFUSED]),
    ("a file that does not exist", "lxc.cgroup.memory.nosuch = 1", &[REFUSED]),
];

fn all(cases: &[Case]) {
    if !root() {
        return;
    }
    let beside = Beside::new();
    let mut wrong = Vec::new();
    for side in beside.sides() {
        prepare(&beside, side);
        for (says, config, lines) in cases {
            beside.configure(side, config);
            lines.iter().for_each(|line| beside.check(side, says, line, &mut wrong));
            beside.over(side);
            if *says == "autodev off" {
                beside.run(side, "cd @D/rootfs/dev && rm -rf -- *");
            }
        }
    }
    beside.container.set_config("");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the lines above name.
fn prepare(beside: &Beside, side: Side) {
    let dir = beside.lxcpath(side).join(&beside.container.name);
    let rootfs = dir.join("rootfs");
    fs::write(rootfs.join("etc/inside"), "inside\n").unwrap();
    std::os::unix::fs::symlink("mnt", rootfs.join("link")).unwrap();
    fs::create_dir_all(dir.join("a b")).unwrap();
    fs::write(dir.join("a b/f"), "blank\n").unwrap();
    fs::write(dir.join("file"), "content\n").unwrap();
    fs::write(dir.join("node.sh"), "#!/bin/sh\nmknod $LXC_ROOTFS_MOUNT/dev/mine c 1 3\n").unwrap();
    let made = "rm -rf @D/rootfs/dev/*; chmod 755 @D/node.sh; mkdir -p @D/over/delta; truncate -s 24M @D/image; PATH=$PATH:/sbin mkfs.ext4 -q -F -d @D/rootfs @D/image";
    beside.run(side, made).ok();
}

#[test]
fn mounts() {
    all(MOUNTS);
}

#[test]
fn devices() {
    all(DEVICES);
}

#[test]
fn processes() {
    all(PROCESSES);
}

#[test]
fn cgroups() {
    if !std::path::Path::new("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists() {
        return println!(
            "no memory controller of version 1 here: keys of cgroups are tried in tests/namespaces and boots"
        );
    }
    all(CGROUPS);
}
