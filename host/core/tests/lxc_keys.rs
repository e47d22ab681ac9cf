//! Every key of the table: set, got, printed and read again, cleared, and what is said of bad values.

use keel_core::config::Config;
use keel_core::config::lxc::{self, KEYS, NoFiles, Problem, Severity};

/// A key as it can be written, a value, the same as it is printed, bad values with the end of what is said.
type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

const FLAG: &[(&str, &str)] = &[("2", "'2' is neither 0 nor 1"), ("yes", "'yes' is neither 0 nor 1")];
const COUNT: &[(&str, &str)] = &[("x", "'x' is not a number between 0 and 4294967295")];
const DIR: &[(&str, &str)] =
    &[("a/../b", "'a/../b' is no path below a cgroup"), ("a//b", "'a//b' is no path below a cgroup")];
const TIME: &[(&str, &str)] =
    &[("5", "'5' is no number with h, m, s, ms, us or ns"), ("h", "'h' is no number with h, m, s, ms, us or ns")];
const BYTES: &[(&str, &str)] =
    &[("4TB", "'4TB' is not 'auto' and not a number with B, KB, MB or GB"), ("KB", "'KB' is no number of bytes")];
const VARIABLE: &[(&str, &str)] = &[("=x", "'=x' has no name in front of '='")];
const SIGNAL: &[(&str, &str)] = &[("SIGPOWR", "unknown signal 'SIGPOWR', nearest is 'SIGPWR'")];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("lxc.uts.name", "a", "a", &[]),
    ("lxc.arch", "armhf", "linux32", &[("vax", "unknown architecture 'vax'")]),
    ("lxc.init.cmd", "/a 'b c'", "/a 'b c'", &[]),
    ("lxc.init.cwd", "/a", "/a", &[]),
    ("lxc.init.uid", "5", "5", COUNT),
    ("lxc.init.gid", "5", "5", COUNT),
    ("lxc.init.groups", "4,5", "4,5", &[("a", "'a' is no group id")]),
    ("lxc.execute.cmd", "/a b", "/a b", &[]),
    ("lxc.environment", "A=b", "A=b", VARIABLE),
    ("lxc.environment.runtime", "A=b", "A=b", VARIABLE),
    ("lxc.environment.hooks", "A", "A", VARIABLE),
    ("lxc.ephemeral", "1", "1", FLAG),
    ("lxc.no_new_privs", "1", "1", FLAG),
    ("lxc.signal.halt", "SIGRTMIN+3", "SIGRTMIN+3", SIGNAL),
    ("lxc.signal.reboot", "10", "SIGUSR1", SIGNAL),
    ("lxc.signal.stop", "SIGTERM", "SIGTERM", SIGNAL),
    ("lxc.sched.core", "1", "1", FLAG),
    ("lxc.keyring.session", "0", "0", FLAG),
    ("lxc.time.offset.boot", "-90m", "-90m", TIME),
    ("lxc.time.offset.monotonic", "3600s", "1h", TIME),
    ("lxc.prlimit.nofile", "5", "5:5", &[("x", "'x' is no number and not 'unlimited'")]),
    ("lxc.sysctl.a.b", "c", "c", &[]),
    ("lxc.proc.oom_score_adj", "5", "5", &[]),
    ("lxc.rootfs.path", "/a", "dir:/a", &[("dyr:/a", "unknown type 'dyr' in front of the path, nearest is 'dir'")]),
    ("lxc.rootfs.mount", "/a", "/a", &[]),
    ("lxc.rootfs.options", "ro", "ro", &[("optional", "create=, optional and relative have no meaning for a root file system")]),
    ("lxc.rootfs.managed", "0", "0", FLAG),
    ("lxc.mount.fstab", "/a", "/a", &[]),
    ("lxc.mount.entry", "a b none bind", "a b none bind 0 0", &[("a b", "a mount entry has at least source, target and type: 'a b'")]),
    ("lxc.mount.auto", "proc sys:ro", "proc:mixed sys:ro", &[("prok", "unknown word 'prok', nearest is 'proc'")]),
    ("lxc.autodev", "0", "0", FLAG),
    ("lxc.autodev.tmpfs.size", "9", "9", COUNT),
    ("lxc.kmsg", "1", "1", FLAG),
    ("lxc.tty.max", "4", "4", COUNT),
    ("lxc.tty.dir", "lxc", "lxc", &[]),
    ("lxc.pty.max", "4", "4", COUNT),
    ("lxc.console.path", "none", "none", &[]),
    ("lxc.console.logfile", "/a", "/a", &[]),
    ("lxc.console.size", "auto", "131072", BYTES),
    ("lxc.console.rotate", "1", "1", FLAG),
    ("lxc.console.buffer.size", "64KB", "65536", BYTES),
    ("lxc.namespace.clone", "pid net", "pid net", &[("mnd", "unknown namespace 'mnd', nearest is 'mnt'")]),
    ("lxc.namespace.keep", "time", "time", &[("mnd", "unknown namespace 'mnd', nearest is 'mnt'")]),
    ("lxc.namespace.share.net", "a", "a", &[]),
    ("lxc.idmap", "u 0 5 5", "u 0 5 5", &[("u 0 5", "'u 0 5' is not '{u|g} INSIDE OUTSIDE COUNT'")]),
    ("lxc.cap.drop", "sys_boot", "sys_boot", &[("sys_bot", "unknown capability 'sys_bot', nearest is 'sys_boot'")]),
    ("lxc.cap.keep", "kill", "kill", &[("kil", "unknown capability 'kil', nearest is 'kill'")]),
    ("lxc.cgroup.dir", "a/b", "a/b", DIR),
    ("lxc.cgroup.dir.container", "/a/", "a", DIR),
    ("lxc.cgroup.dir.container.inner", "a", "a", DIR),
    ("lxc.cgroup.dir.monitor", "a", "a", DIR),
    ("lxc.cgroup.dir.monitor.pivot", "a", "a", DIR),
    ("lxc.cgroup.relative", "1", "1", FLAG),
    ("lxc.cgroup.cpu.shares", "5", "5", &[]),
    ("lxc.cgroup2.cpu.weight", "5", "5", &[]),
    ("lxc.hook.version", "1", "1", COUNT),
    ("lxc.hook.pre-start", "/a b", "/a b", &[]), ("lxc.hook.pre-mount", "/a", "/a", &[]), ("lxc.hook.mount", "/a", "/a", &[]),
    ("lxc.hook.autodev", "/a", "/a", &[]), ("lxc.hook.start-host", "/a", "/a", &[]), ("lxc.hook.start", "/a", "/a", &[]),
    ("lxc.hook.stop", "/a", "/a", &[]), ("lxc.hook.post-stop", "/a", "/a", &[]), ("lxc.hook.clone", "/a", "/a", &[]),
    ("lxc.hook.destroy", "/a", "/a", &[]),
    ("lxc.apparmor.profile", "unconfined", "unconfined", &[]),
    ("lxc.apparmor.allow_incomplete", "1", "1", FLAG),
    ("lxc.apparmor.allow_nesting", "1", "1", FLAG),
    ("lxc.apparmor.raw", "mount,", "mount,", &[]),
    ("lxc.selinux.context", "a:b", "a:b", &[]),
    ("lxc.selinux.context.keyring", "a:b", "a:b", &[]),
    ("lxc.seccomp.profile", "/a", "/a", &[]),
    ("lxc.seccomp.allow_nesting", "1", "1", FLAG),
    ("lxc.seccomp.notify.proxy", "unix:/run/s", "unix:/run/s", &[
        ("/run/s", "'/run/s' is not 'unix:' and an absolute path of less than 108 bytes"),
        ("unix:s", "'unix:s' is not 'unix:' and an absolute path of less than 108 bytes"),
    ]),
    ("lxc.seccomp.notify.cookie", "a word", "a word", &[]),
    ("lxc.log.level", "DEBUG", "DEBUG", &[("9", "'9' is not a log level between 0 and 8")]),
    ("lxc.log.file", "/a", "/a", &[]),
    ("lxc.log.syslog", "local3", "local3", &[("locl3", "unknown facility 'locl3', nearest is 'local3'")]),
    ("lxc.monitor.unshare", "1", "1", FLAG),
    ("lxc.monitor.signal.pdeath", "0", "0", SIGNAL),
    ("lxc.start.auto", "1", "1", FLAG),
    ("lxc.start.order", "-5", "-5", &[("x", "'x' is not a number between -2147483648 and 2147483647")]),
    ("lxc.start.delay", "5", "5", COUNT),
    ("lxc.group", "a b", "a b", &[]),
    ("keel.rootfs.tmpfs", "1", "1", FLAG),
    ("keel.restart", "always", "always", &[("allways", "'allways' is not one of no, on-failure, always, nearest is 'always'")]),
    ("keel.strict", "1", "1", FLAG),
    ("keel.dialect", "legacy", "legacy", &[("0.7", "'0.7' is not one of legacy, 1.0, current")]),
];

fn read(text: &str) -> (Config, Vec<Problem>) {
    lxc::parse("f", text.as_bytes(), &mut NoFiles)
}

#[test]
fn every_key_is_set_got_saved_and_cleared() {
    for (key, value, printed, bad) in ROWS {
        let (config, said) = read(&format!("{key} = {value}\n"));
        assert_eq!(said, [], "{key}");
        assert_eq!(lxc::get(&config, key).unwrap(), [*printed], "{key}");
        let text = lxc::print(&config);
        assert!(text.lines().any(|line| line == format!("{key} = {printed}")), "{key}: {text}");
        assert_eq!(lxc::print(&read(&text).0), text, "{key}");
        let (cleared, said) = read(&format!("{key} = {value}\n{key} =\n"));
        assert_eq!(said, [], "{key}");
        assert_eq!(lxc::get(&cleared, key).unwrap(), [""; 0], "{key}");
        for (bad, why) in *bad {
            let (_, said) = read(&format!("{key} = {bad}\n"));
            let errors: Vec<String> =
                said.iter().filter(|p| p.severity == Severity::Error).map(ToString::to_string).collect();
            assert_eq!(errors, [format!("f:1: {key}: {why}")]);
        }
    }
}

/// Interfaces, Android's keys, and keys that set nothing, have tests of their own.
#[test]
fn no_key_is_forgotten() {
    let covered = |name: &str| {
        ROWS.iter().any(|(key, ..)| *key == name || (name.ends_with('.') && key.starts_with(name)))
            || name.starts_with("lxc.net")
            || name.starts_with("keel.android")
            || ["lxc.include", "lxc.hook"].contains(&name)
    };
    let missing: Vec<&str> =
        KEYS.iter().filter(|k| k.in_force() && !k.dropped).map(|k| k.name).filter(|n| !covered(n)).collect();
    assert_eq!(missing, [""; 0]);
}
