//! The kernel's options, one a row, with what needs each and what is lost without it.

use super::{Needed, Version};

const FIRST: Version = (0, 0, 0);
const NEVER: Version = (u16::MAX, 0, 0);

/// An option that all kernels have.
const fn any(
    group: &'static str,
    names: &'static [&'static str],
    required: bool,
    by: &'static str,
    lost: &'static str,
) -> Needed {
    Needed { group, names, required, since: FIRST, until: NEVER, by, lost }
}

impl Needed {
    const fn since(self, since: Version) -> Needed {
        Needed { since, ..self }
    }

    const fn until(self, until: Version) -> Needed {
        Needed { until, ..self }
    }
}

const NS: &str = "namespaces";
const CG: &str = "cgroups";
const FS: &str = "file systems and devices";
const NET: &str = "network";
const SEC: &str = "security";
const BOOT: &str = "boot and supervision";
const ANDROID: &str = "android";

/// All options, in the order in which they are printed.
#[rustfmt::skip]
pub static OPTIONS: &[Needed] = &[
    any(NS, &["NAMESPACES"], true, "every container", "no container can run"),
    any(NS, &["UTS_NS"], false, "lxc.uts.name", "a container has the host's name"),
    any(NS, &["IPC_NS"], false, "every container", "a container shares the host's message queues and shared memory"),
    any(NS, &["PID_NS"], true, "every container", "the first program is not process 1, and an init refuses to run"),
    any(NS, &["USER_NS"], false, "lxc.idmap", "root of a container is root of the host").since((3, 8, 0)),
    any(NS, &["NET_NS"], false, "lxc.net.N.type", "a container shares the host's network"),

    any(CG, &["CGROUPS"], false, "lxc.cgroup.*, freeze, counters", "no limits, no counters, no freezing"),
    any(CG, &["CGROUP_DEVICE"], false, "lxc.cgroup.devices.*", "root of a container can make and open any device"),
    any(CG, &["CGROUP_SCHED"], false, "lxc.cgroup.cpu.*", "no shares and limits of processor time"),
    any(CG, &["CGROUP_CPUACCT"], false, "info", "no count of processor time"),
    any(CG, &["CGROUP_MEM_RES_CTLR"], false, "lxc.cgroup.memory.*", "no limits of memory").until((3, 6, 0)),
    any(CG, &["MEMCG"], false, "lxc.cgroup.memory.*", "no limits of memory").since((3, 6, 0)),
    any(CG, &["MEMCG_V1"], false, "lxc.cgroup.memory.*", "limits of memory with version 2 only").since((6, 11, 0)),
    any(CG, &["CPUSETS"], false, "lxc.cgroup.cpuset.*", "containers cannot be kept on some processors"),
    any(CG, &["CPUSETS_V1"], false, "lxc.cgroup.cpuset.*", "processors are chosen with version 2 only").since((6, 12, 0)),
    any(CG, &["CGROUP_FREEZER"], false, "freeze, a sure kill", "no freezing with version 1").since((2, 6, 28)),
    any(CG, &["CGROUP_PIDS"], false, "lxc.cgroup.pids.max", "no limit against fork bombs").since((4, 3, 0)),
    any(CG, &["BLK_CGROUP"], false, "info, lxc.cgroup.blkio.*", "no shares and counters of disks"),
    any(CG, &["CGROUP_BPF"], false, "lxc.cgroup2.devices.*", "no limits of devices with version 2").since((4, 10, 0)),

    any(FS, &["PROC_FS"], true, "boot and every container", "nothing can be observed"),
    any(FS, &["SYSFS"], false, "lxc.mount.auto = sys, devices", "no list of devices, no place for cgroups"),
    any(FS, &["TMPFS"], true, "lxc.autodev, /dev/shm, /run", "no /dev of its own for a container, no shared memory"),
    any(FS, &["DEVTMPFS"], false, "boot", "device nodes are made from sysfs, once").since((2, 6, 32)),
    any(FS, &["UNIX98_PTYS", "DEVPTS_FS"], true, "consoles and ttys", "no console of a container"),
    any(FS, &["DEVPTS_MULTIPLE_INSTANCES"], false, "lxc.pty.max", "a container sees the host's pseudo-terminals").until((4, 7, 0)),
    any(FS, &["POSIX_MQUEUE"], false, "a mount of mqueue", "no POSIX message queues"),
    any(FS, &["OVERLAY_FS", "OVERLAYFS_FS"], false, "overlay: root file systems", "no copies that share their files"),
    any(FS, &["BLK_DEV_LOOP"], false, "loop: root file systems", "no root file systems in an image"),
    any(FS, &["FUSE_FS"], false, "programs inside", "no file systems made by programs"),
    any(FS, &["FHANDLE"], false, "systemd inside", "systemd's udev does not run"),

    any(NET, &["VETH"], false, "lxc.net.N.type = veth", "no virtual cable between host and container"),
    any(NET, &["MACVLAN"], false, "lxc.net.N.type = macvlan", "no further addresses on the host's interface"),
    any(NET, &["VLAN_8021Q"], false, "lxc.net.N.type = vlan", "no tagged networks"),
    any(NET, &["BRIDGE"], false, "lxc.net.N.link", "no switch for virtual cables"),
    any(NET, &["NETFILTER_ADVANCED"], false, "address translation", "some filters cannot be chosen"),
    any(NET, &["NF_NAT"], false, "address translation", "containers cannot share the host's address").until((3, 7, 0)),
    any(NET, &["NF_NAT_IPV4"], false, "address translation", "containers cannot share the host's address").since((3, 7, 0)).until((5, 1, 0)),
    any(NET, &["NF_NAT_IPV6"], false, "address translation", "containers cannot share the host's IPv6 address").since((3, 7, 0)).until((5, 1, 0)),
    any(NET, &["NF_NAT"], false, "address translation", "containers cannot share the host's address").since((5, 1, 0)),
    any(NET, &["IP_NF_TARGET_MASQUERADE", "NETFILTER_XT_TARGET_MASQUERADE"], false, "address translation", "no translation to a changing address"),
    any(NET, &["IP6_NF_TARGET_MASQUERADE", "NETFILTER_XT_TARGET_MASQUERADE"], false, "address translation", "no translation to a changing IPv6 address").since((3, 7, 0)),
    any(NET, &["NETFILTER_XT_TARGET_CHECKSUM"], false, "DHCP over a bridge", "old DHCP clients refuse answers"),
    any(NET, &["NETFILTER_XT_MATCH_COMMENT"], false, "firewall rules of scripts", "rules cannot carry comments"),

    any(SEC, &["SECURITY_FILE_CAPABILITIES"], false, "lxc.cap.drop", "capabilities cannot be taken from the bounding set").until((2, 6, 33)),
    any(SEC, &["SECCOMP_FILTER"], false, "lxc.seccomp.profile", "system calls cannot be filtered").since((3, 5, 0)),

    any(BOOT, &["BLK_DEV_INITRD"], false, "keel as /init", "no boot from a ramdisk"),
    any(BOOT, &["EPOLL"], true, "the supervisor", "containers cannot be supervised"),
    any(BOOT, &["SIGNALFD"], true, "the supervisor", "containers cannot be supervised"),
    any(BOOT, &["EVENTFD"], false, "programs inside", "many programs do not run"),
    any(BOOT, &["IKCONFIG_PROC"], false, "checkconfig", "the kernel's configuration has to be given as a file"),

    any(ANDROID, &["ANDROID_BINDER_IPC"], false, "Android", "Android's processes cannot talk to each other"),
    any(ANDROID, &["ANDROID_BINDERFS"], false, "Android in several containers", "containers share the host's binder devices").since((5, 0, 0)),
    any(ANDROID, &["ASHMEM"], false, "Android before 12", "Android's shared memory is missing").until((5, 18, 0)),
];
