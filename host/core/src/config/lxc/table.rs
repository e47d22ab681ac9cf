//! The table of keys: one row for each that any release of LXC knew. A new key is a field of `Config` and a row.

use super::apply as own;
use super::keys::{Key, Means, Release};
use super::net;

const fn row(
    name: &'static str,
    since: Release,
    old: &'static [(&'static str, Release)],
    means: Means,
    help: &'static str,
) -> Key {
    Key { name, since, old, list: false, dropped: false, help, means }
}

const fn list(
    name: &'static str,
    since: Release,
    old: &'static [(&'static str, Release)],
    means: Means,
    help: &'static str,
) -> Key {
    Key { name, since, old, list: true, dropped: false, help, means }
}

/// A key that 3.0 dropped.
const fn dropped(name: &'static str, since: Release, means: Means, help: &'static str) -> Key {
    Key { name, since, old: &[], list: false, dropped: true, help, means }
}

/// A field of `Config`, to read and to write.
macro_rules! field {
    ($means:ident, $($field:ident).+) => { Means::$means((|c| &c.$($field).+, |c| &mut c.$($field).+)) };
}

/// All keys, in the order in which a configuration is printed.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    list("lxc.include", (0, 9), &[], Means::Include, "read another file here, or the *.conf files of a directory"),
    // Identity and the first program.
    row("lxc.uts.name", (2, 1), &[("lxc.utsname", (0, 6))], Means::Own(own::uts_name, own::print_uts_name), "the host name inside"),
    row("lxc.arch", (0, 7), &[], Means::Own(own::arch, own::print_arch), "the machine that uname(2) answers"),
    row("lxc.init.cmd", (2, 1), &[("lxc.init_cmd", (1, 1))], Means::Own(own::init_cmd, own::print_init_cmd), "the first program and its arguments, else /sbin/init"),
    row("lxc.init.cwd", (3, 0), &[], field!(Text, init.cwd), "the directory that the first program starts in"),
    row("lxc.init.uid", (2, 1), &[("lxc.init_uid", (2, 0))], field!(Count, init.uid), "the user id of the first program"),
    row("lxc.init.gid", (2, 1), &[("lxc.init_gid", (2, 0))], field!(Count, init.gid), "the group id of the first program"),
    list("lxc.init.groups", (4, 0), &[], Means::Own(own::groups, own::print_groups), "further group ids of the first program"),
    row("lxc.execute.cmd", (3, 0), &[], Means::Own(own::execute_cmd, own::print_execute_cmd), "the program that lxc-execute runs"),
    list("lxc.environment", (1, 1), &[], Means::Own(own::environment::<0>, own::print_environment::<0>), "NAME=VALUE for the first program; NAME alone takes the caller's value"),
    list("lxc.environment.runtime", (7, 0), &[], Means::Own(own::environment::<1>, own::print_environment::<1>), "environment of the first program only"),
    list("lxc.environment.hooks", (7, 0), &[], Means::Own(own::environment::<2>, own::print_environment::<2>), "environment of hooks only"),
    row("lxc.ephemeral", (2, 0), &[], field!(Flag, ephemeral), "1: destroyed when it stops"),
    row("lxc.no_new_privs", (2, 1), &[], field!(Flag, no_new_privs), "1: no program gains privileges by setuid bits"),
    row("lxc.signal.halt", (2, 1), &[("lxc.haltsignal", (1, 0))], field!(Signal, signal.halt), "asks the first program to stop, else SIGPWR"),
    row("lxc.signal.reboot", (2, 1), &[("lxc.rebootsignal", (2, 0))], field!(Signal, signal.reboot), "asks the first program to restart, else SIGINT"),
    row("lxc.signal.stop", (2, 1), &[("lxc.stopsignal", (0, 9))], field!(Signal, signal.stop), "ends it when the time is over, else SIGKILL"),
    row("lxc.sched.core", (4, 0), &[], field!(Flag, sched_core), "1: shares no core with other tasks"),
    row("lxc.keyring.session", (4, 0), &[], field!(Choice, keyring_session), "1: a session keyring of its own"),
    row("lxc.time.offset.boot", (5, 0), &[], Means::Own(own::time_boot, own::print_time_boot), "offset of the boot clock"),
    row("lxc.time.offset.monotonic", (5, 0), &[], Means::Own(own::time_monotonic, own::print_time_monotonic), "offset of the monotonic clock"),
    list("lxc.prlimit.", (2, 1), &[("lxc.limit.", (2, 1))], Means::Own(own::limit, own::print_limit), "a limit of setrlimit(2) for the first program"),
    list("lxc.sysctl.", (3, 0), &[], Means::Own(own::sysctl, own::print_sysctl), "a value written below /proc/sys inside"),
    list("lxc.proc.", (3, 0), &[], Means::Own(own::proc, own::print_proc), "a value written below /proc/PID of the first program"),
    // The root file system.
    row("lxc.rootfs.path", (2, 1), &[("lxc.rootfs", (0, 6))], Means::Own(own::rootfs, own::print_rootfs), "PATH or TYPE:PATH of the root file system"),
    dropped("lxc.rootfs.backend", (2, 0), Means::Own(own::backend, own::print_nothing), "the type of lxc.rootfs.path, apart"),
    row("lxc.rootfs.mount", (0, 7), &[], field!(Text, rootfs.mount), "where the root file system is mounted before it becomes the root"),
    row("lxc.rootfs.options", (1, 0), &[], Means::Own(own::rootfs_options, own::print_rootfs_options), "mount options of the root file system"),
    row("lxc.rootfs.managed", (4, 0), &[], field!(Choice, rootfs_managed), "0: the storage is not removed with the container"),
    dropped("lxc.pivotdir", (0, 7), Means::Gone("the old root needs no directory"), "where the old root was put"),
    // Mounts and devices.
    row("lxc.mount.fstab", (2, 1), &[("lxc.mount", (0, 6))], Means::Own(own::fstab, own::print_fstab), "a file of mounts in the form of fstab(5)"),
    list("lxc.mount.entry", (0, 6), &[], Means::Own(own::mount_entry, own::print_mount_entry), "one mount in the form of fstab(5)"),
    list("lxc.mount.auto", (1, 0), &[], Means::Own(own::mount_auto, own::print_mount_auto), "what is mounted by itself: proc, sys, cgroup and their modes"),
    row("lxc.autodev", (0, 9), &[], field!(Choice, autodev), "1: a fresh /dev with the usual nodes"),
    row("lxc.autodev.tmpfs.size", (4, 0), &[], field!(Count, autodev_tmpfs_size), "the size of that /dev"),
    dropped("lxc.kmsg", (0, 9), field!(Choice, kmsg), "1: /dev/kmsg is a link to the console, where lxc.autodev makes /dev"),
    // Console and terminals.
    row("lxc.tty.max", (2, 1), &[("lxc.tty", (0, 6))], field!(Count, tty_max), "how many ttys"),
    row("lxc.tty.dir", (2, 1), &[("lxc.devttydir", (0, 8))], field!(Text, tty_dir), "the directory below /dev for console and ttys"),
    row("lxc.pty.max", (2, 1), &[("lxc.pts", (0, 6))], field!(Count, pty_max), "more than 0: pseudo-terminals of its own"),
    row("lxc.console.path", (2, 1), &[("lxc.console", (0, 7))], Means::Own(own::console, own::print_console), "where the console goes; 'none': there is none"),
    row("lxc.console.logfile", (1, 0), &[], field!(Text, console.logfile), "a file for all that the console says"),
    row("lxc.console.size", (3, 0), &[], Means::Own(own::console_size, own::print_console_size), "the most that the console's log file holds"),
    row("lxc.console.rotate", (3, 0), &[], field!(Flag, console.rotate), "1: a full log file is renamed"),
    row("lxc.console.buffer.size", (3, 0), &[], Means::Own(own::console_buffer, own::print_console_buffer), "how much of the console is kept in memory"),
    // Namespaces, ids, capabilities.
    row("lxc.namespace.clone", (3, 0), &[], Means::Own(own::ns_clone, own::print_ns_clone), "the namespaces that are new"),
    row("lxc.namespace.keep", (3, 0), &[], Means::Own(own::ns_keep, own::print_ns_keep), "the namespaces that are not new"),
    list("lxc.namespace.share.", (3, 0), &[], Means::Own(own::ns_share, own::print_ns_share), "a namespace of another process"),
    list("lxc.idmap", (2, 1), &[("lxc.id_map", (0, 9))], Means::Own(own::idmap, own::print_idmap), "user and group ids of the host for those inside"),
    list("lxc.cap.drop", (0, 7), &[], Means::Own(own::cap_drop, own::print_cap_drop), "capabilities taken away"),
    list("lxc.cap.keep", (1, 0), &[], Means::Own(own::cap_keep, own::print_cap_keep), "the only capabilities left; 'none': none"),
    // Cgroups: the named keys first, the rest is a file.
    row("lxc.cgroup.dir", (2, 1), &[], Means::Own(own::cgroup_dir::<0>, own::print_cgroup_dir::<0>), "the cgroup that the container's is made in"),
    row("lxc.cgroup.dir.container", (5, 0), &[], Means::Own(own::cgroup_dir::<1>, own::print_cgroup_dir::<1>), "the container's cgroup"),
    row("lxc.cgroup.dir.container.inner", (5, 0), &[], Means::Own(own::cgroup_dir::<2>, own::print_cgroup_dir::<2>), "a further cgroup inside it"),
    row("lxc.cgroup.dir.monitor", (5, 0), &[], Means::Own(own::cgroup_dir::<3>, own::print_cgroup_dir::<3>), "the supervisor's cgroup"),
    row("lxc.cgroup.dir.monitor.pivot", (5, 0), &[], Means::Own(own::cgroup_dir::<4>, own::print_cgroup_dir::<4>), "the supervisor's cgroup while it ends"),
    row("lxc.cgroup.relative", (4, 0), &[], field!(Flag, cgroup_dir.relative), "1: below the caller's cgroup"),
    list("lxc.cgroup.", (0, 6), &[("lxc.cgroup", (0, 6))], Means::Own(own::cgroup1, own::print_cgroup1), "a file of a version 1 cgroup and what is written to it"),
    list("lxc.cgroup2.", (3, 0), &[("lxc.cgroup2", (3, 0))], Means::Own(own::cgroup2, own::print_cgroup2), "a file of a version 2 cgroup and what is written to it"),
    // Network. The old names belong to the section that lxc.network.type began.
    list("lxc.net.N.type", (2, 1), &[("lxc.network.type", (0, 6))], Means::Own(net::net_type, net::print_net_type), "the kind of interface: none, empty, veth, vlan, macvlan, ipvlan or phys"),
    row("lxc.net", (2, 1), &[("lxc.network", (1, 1))], Means::Own(net::net_clear, net::print_net_clear), "empty: forget all interfaces"),
    row("lxc.net.N", (2, 1), &[], Means::Own(net::net_clear, own::print_nothing), "empty: forget this interface"),
    row("lxc.net.N.flags", (2, 1), &[("lxc.network.flags", (0, 6))], Means::Own(net::flags, net::print_flags), "up: the interface is up"),
    row("lxc.net.N.link", (2, 1), &[("lxc.network.link", (0, 6))], Means::Own(net::link, net::print_link), "the host's interface or bridge"),
    row("lxc.net.N.name", (2, 1), &[("lxc.network.name", (0, 6))], Means::Own(net::name, net::print_name), "the interface's name inside"),
    row("lxc.net.N.hwaddr", (2, 1), &[("lxc.network.hwaddr", (0, 6))], Means::Own(net::hwaddr, net::print_hwaddr), "the hardware address; x stands for any digit"),
    row("lxc.net.N.mtu", (2, 1), &[("lxc.network.mtu", (0, 6))], Means::Own(net::mtu, net::print_mtu), "the largest packet"),
    row("lxc.net.N.l2proxy", (4, 0), &[], Means::Own(net::l2proxy, net::print_l2proxy), "1: neighbour proxies on the link"),
    list("lxc.net.N.ipv4.address", (2, 1), &[("lxc.network.ipv4", (0, 6))], Means::Own(net::ipv4, net::print_ipv4), "ADDRESS/PREFIX"),
    row("lxc.net.N.ipv4.gateway", (2, 1), &[("lxc.network.ipv4.gateway", (0, 8))], Means::Own(net::gateway4, net::print_gateway4), "ADDRESS, auto or dev"),
    list("lxc.net.N.ipv6.address", (2, 1), &[("lxc.network.ipv6", (0, 6))], Means::Own(net::ipv6, net::print_ipv6), "ADDRESS/PREFIX"),
    row("lxc.net.N.ipv6.gateway", (2, 1), &[("lxc.network.ipv6.gateway", (0, 8))], Means::Own(net::gateway6, net::print_gateway6), "ADDRESS, auto or dev"),
    row("lxc.net.N.macvlan.mode", (2, 1), &[("lxc.network.macvlan.mode", (0, 7))], Means::Own(net::macvlan, net::print_macvlan), "private, vepa, bridge or passthru"),
    row("lxc.net.N.ipvlan.mode", (4, 0), &[], Means::Own(net::ipvlan, net::print_ipvlan), "l3, l3s or l2"),
    row("lxc.net.N.ipvlan.isolation", (4, 0), &[], Means::Own(net::isolation, net::print_isolation), "bridge, private or vepa"),
    row("lxc.net.N.vlan.id", (2, 1), &[("lxc.network.vlan.id", (0, 7))], Means::Own(net::vlan, net::print_vlan), "the VLAN's number"),
    row("lxc.net.N.veth.mode", (4, 0), &[], Means::Own(net::veth_mode, net::print_veth_mode), "bridge or router"),
    row("lxc.net.N.veth.pair", (2, 1), &[("lxc.network.veth.pair", (0, 7))], Means::Own(net::veth_pair, net::print_veth_pair), "the name of the host's end"),
    row("lxc.net.N.veth.n_rxqueues", (5, 0), &[], Means::Own(net::rx_queues, net::print_rx_queues), "receive queues"),
    row("lxc.net.N.veth.n_txqueues", (5, 0), &[], Means::Own(net::tx_queues, net::print_tx_queues), "transmit queues"),
    list("lxc.net.N.veth.ipv4.route", (4, 0), &[], Means::Own(net::route4, net::print_route4), "a route on the host to the container"),
    list("lxc.net.N.veth.ipv6.route", (4, 0), &[], Means::Own(net::route6, net::print_route6), "a route on the host to the container"),
    row("lxc.net.N.veth.vlan.id", (4, 0), &[], Means::Own(net::veth_vlan, net::print_veth_vlan), "the VLAN of untagged packets"),
    list("lxc.net.N.veth.vlan.tagged.id", (4, 0), &[], Means::Own(net::veth_tagged, net::print_veth_tagged), "a VLAN of tagged packets"),
    row("lxc.net.N.script.up", (2, 1), &[("lxc.network.script.up", (0, 7))], Means::Own(net::script_up, net::print_script_up), "a program to run when the interface is made"),
    row("lxc.net.N.script.down", (2, 1), &[("lxc.network.script.down", (0, 9))], Means::Own(net::script_down, net::print_script_down), "a program to run before the interface is removed"),
    // Hooks.
    row("lxc.hook", (1, 1), &[], Means::Own(own::hooks, own::print_nothing), "empty: forget all hooks"),
    row("lxc.hook.version", (3, 0), &[], field!(Count, hook_version), "how hooks get their arguments"),
    list("lxc.hook.pre-start", (0, 8), &[], Means::Own(own::hook::<0>, own::print_hook::<0>), "a program to run on the host before anything"),
    list("lxc.hook.pre-mount", (0, 9), &[], Means::Own(own::hook::<1>, own::print_hook::<1>), "a program to run before the root file system is mounted"),
    list("lxc.hook.mount", (0, 8), &[], Means::Own(own::hook::<2>, own::print_hook::<2>), "a program to run after the mounts"),
    list("lxc.hook.autodev", (0, 9), &[], Means::Own(own::hook::<3>, own::print_hook::<3>), "a program to run when /dev is made"),
    list("lxc.hook.start-host", (3, 0), &[], Means::Own(own::hook::<4>, own::print_hook::<4>), "a program to run on the host just before the first program"),
    list("lxc.hook.start", (0, 8), &[], Means::Own(own::hook::<5>, own::print_hook::<5>), "a program to run inside just before the first program"),
    list("lxc.hook.stop", (2, 0), &[], Means::Own(own::hook::<6>, own::print_hook::<6>), "a program to run on the host when the container stops"),
    list("lxc.hook.post-stop", (0, 8), &[], Means::Own(own::hook::<7>, own::print_hook::<7>), "a program to run on the host after the container stopped"),
    list("lxc.hook.clone", (1, 0), &[], Means::Own(own::hook::<8>, own::print_hook::<8>), "a program to run when the container is copied"),
    list("lxc.hook.destroy", (2, 0), &[], Means::Own(own::hook::<9>, own::print_hook::<9>), "a program to run when the container is destroyed"),
    // Security modules and system call filters.
    row("lxc.apparmor.profile", (2, 1), &[("lxc.aa_profile", (0, 8))], Means::Own(own::apparmor, own::print_apparmor), "the AppArmor profile"),
    row("lxc.apparmor.allow_incomplete", (2, 1), &[("lxc.aa_allow_incomplete", (1, 1))], field!(Flag, apparmor.allow_incomplete), "1: start although AppArmor is incomplete"),
    row("lxc.apparmor.allow_nesting", (4, 0), &[], field!(Flag, apparmor.allow_nesting), "1: containers inside"),
    list("lxc.apparmor.raw", (4, 0), &[], Means::Own(own::apparmor_raw, own::print_apparmor_raw), "a line for the generated profile"),
    row("lxc.selinux.context", (2, 1), &[("lxc.se_context", (1, 0))], Means::Own(own::selinux, own::print_selinux), "the SELinux context"),
    row("lxc.selinux.context.keyring", (4, 0), &[], Means::Own(own::selinux_keyring, own::print_selinux_keyring), "the SELinux context of the keyring"),
    row("lxc.seccomp.profile", (2, 1), &[("lxc.seccomp", (0, 9))], Means::Own(own::seccomp, own::print_seccomp), "a file with system calls and what becomes of them"),
    row("lxc.seccomp.allow_nesting", (4, 0), &[], field!(Flag, seccomp.allow_nesting), "1: the profile is also loaded where a filter is in force already"),
    row("lxc.seccomp.notify.proxy", (4, 0), &[], Means::Own(own::seccomp_proxy, own::print_seccomp_proxy), "unix:/PATH: the socket of who answers system calls whose action is 'notify'"),
    row("lxc.seccomp.notify.cookie", (4, 0), &[], field!(Text, seccomp.cookie), "a word that is sent along to who answers system calls"),
    // Log, supervisor, start.
    row("lxc.log.level", (2, 1), &[("lxc.loglevel", (0, 9))], Means::Own(own::log_level, own::print_log_level), "the least level that is logged: TRACE .. FATAL or 0 to 8"),
    row("lxc.log.file", (2, 1), &[("lxc.logfile", (0, 9))], field!(Text, log.file), "a file for messages"),
    row("lxc.log.syslog", (2, 1), &[("lxc.syslog", (2, 0))], Means::Own(own::syslog, own::print_syslog), "the facility for messages in the system's log"),
    row("lxc.monitor.unshare", (2, 0), &[], field!(Flag, monitor.unshare), "1: the supervisor has a mount namespace of its own"),
    row("lxc.monitor.signal.pdeath", (4, 0), &[], Means::Own(own::pdeath, own::print_pdeath), "the signal for the container when its supervisor dies"),
    row("lxc.start.auto", (1, 0), &[], field!(Flag, start.auto), "1: starts with the host"),
    row("lxc.start.order", (1, 0), &[], Means::Own(own::start_order, own::print_start_order), "low numbers start first"),
    row("lxc.start.delay", (1, 0), &[], field!(Count, start.delay_s), "seconds to wait after it has started"),
    list("lxc.group", (1, 0), &[], Means::Own(own::group, own::print_group), "groups that it belongs to, separated by blanks"),
    // Keel's own; LXC reads over them.
    row("keel.restart", (0, 6), &[], Means::Own(own::restart, own::print_restart), "when it ended by itself: no, on-failure or always"),
    row("keel.rootfs.tmpfs", (0, 6), &[], field!(Flag, rootfs.tmpfs), "1: what an overlay's upper directory gets is kept in memory"),
    row("keel.android", (0, 6), &[], field!(Flag, android.on), "1: the root file system is an Android's ramdisk, its init is started unmodified"),
    row("keel.android.cmdline", (0, 6), &[], Means::Own(own::android_cmdline, own::print_android_cmdline), "the kernel command line that Android sees"),
    row("keel.android.hardware", (0, 6), &[], Means::Own(own::android_hardware, own::print_android_hardware), "androidboot.hardware on that command line: /init.NAME.rc is read"),
    list("keel.android.cpuinfo", (0, 6), &[], Means::Own(own::android_cpuinfo, own::print_android_cpuinfo), "a line for its /proc/cpuinfo ('Hardware: NAME'), or a file in the place of the kernel's"),
    row("keel.android.system", (0, 6), &[], Means::Own(own::android_system, own::print_android_system), "an image, a device or a directory for /system, read-only"),
    row("keel.android.system.image", (0, 6), &[], field!(Text, android.system_image), "an image within that one, mounted over it (Android-x86: system.img)"),
    row("keel.android.data", (0, 6), &[], Means::Own(own::android_data, own::print_android_data), "the same for /data, writable; else a tmpfs"),
    row("keel.android.cache", (0, 6), &[], Means::Own(own::android_cache, own::print_android_cache), "the same for /cache, writable; else a tmpfs"),
    row("keel.android.adb", (0, 6), &[], field!(Count, android.adb), "the TCP port of its adbd; where it has no network, 127.0.0.1 of the host leads there"),
    row("keel.android.binder", (0, 6), &[], Means::Own(own::android_binder, own::print_android_binder), "/dev/binder: auto (where the kernel's fits), require or none"),
    row("keel.android.binder.device", (0, 6), &[], field!(Text, android.binder_device), "the host's node where there is no binderfs, else 'binder'"),
    row("keel.android.binder.protocol", (0, 6), &[], field!(Count, android.binder_protocol), "the protocol that its programs speak (JellyBean: 7); 0 compares nothing"),
    row("keel.android.supervise", (0, 6), &[], Means::Own(own::android_supervise, own::print_android_supervise), "mounts of its programs are made by the supervisor: auto (where the kernel can), require, or none (they are refused)"),
    row("keel.strict", (0, 6), &[], field!(Flag, strict), "1: an unknown key is a mistake and no warning"),
    row("keel.dialect", (0, 6), &[], Means::Dialect, "whose defaults hold: legacy (0.x), 1.0 or current"),
];
