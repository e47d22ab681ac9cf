//! The table of all parameters of the kernel command line: it reads them, and it makes `--help` and the manual page.
//!
//! A new parameter is a row here and a field in [`Settings`].

use log::LevelFilter;

use crate::settings::{Cgroup, Handover, Notify, Reap, Settings, number, signed};

/// Reads a value into the settings; `None` if it is not of the parameter's form.
type Set = for<'a> fn(&mut Settings<'a>, &'a [u8]) -> Option<()>;

/// A row of the table.
pub struct Param {
    /// Its name; `-` and `_` are the same.
    pub name: &'static str,
    /// What its value looks like; empty for a word without one.
    pub form: &'static str,
    /// What holds where it is not given.
    pub default: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// Reads it.
    pub set: Set,
}

/// The table, in the manual's order.
pub static PARAMS: [Param; 20] = [
    Param {
        name: "console",
        form: "TTY[,OPTIONS]",
        default: "the kernel's",
        help: "each one named gets a login, the last is the main one; tty0 means tty1",
        set: |s, v| s.consoles.add_console(v),
    },
    Param {
        name: "panic",
        form: "SECONDS",
        default: "0",
        help: "after a panic of pid1: reboot after so many seconds, 0 never, -1 at once",
        set: |s, v| put(&mut s.panic, signed(v)),
    },
    Param {
        name: "debug",
        form: "",
        default: "off",
        help: "the same as keel.loglevel=debug",
        set: |s, _| put(&mut s.loglevel, Some(LevelFilter::Debug)),
    },
    Param {
        name: "keel.loglevel",
        form: "error|warn|info|debug",
        default: "info; warn in a container",
        help: "what goes to /dev/kmsg",
        set: |s, v| put(&mut s.loglevel, choose(v, &LEVELS)),
    },
    Param {
        name: "keel.getty",
        form: "TTY[,TTY...]|none",
        default: "the consoles",
        help: "the terminals that get a login in place of those of console=",
        set: |s, v| put(&mut s.getty, Some(Some(if v == b"none" { b"" } else { v }))),
    },
    Param {
        name: "keel.autologin",
        form: "USER",
        default: "none",
        help: "log USER in without a password on every terminal, as soon as it starts",
        set: |s, v| put(&mut s.autologin, crate::terminal::is_user_name(v).then_some(Some(v))),
    },
    Param {
        name: "keel.term",
        form: "TYPE",
        default: "linux on ttyN, else vt220",
        help: "the terminal type: TERM for logins",
        set: |s, v| put(&mut s.term, some(v)),
    },
    Param {
        name: "keel.hostname",
        form: "NAME",
        default: "left alone",
        help: "the machine's name",
        set: |s, v| put(&mut s.hostname, some(v)),
    },
    Param {
        name: "keel.cgroup",
        form: "v1|v2|hybrid|none",
        default: "none",
        help: "mount cgroups: a directory per controller, the unified hierarchy, or both",
        set: |s, v| put(&mut s.cgroup, choose(v, &CGROUPS)),
    },
    Param {
        name: "keel.cgroup.root",
        form: "/DIRECTORY",
        default: "/sys/fs/cgroup",
        help: "where to mount them",
        set: |s, v| put(&mut s.cgroup_root, path(v)),
    },
    Param {
        name: "keel.init",
        form: "/PATH",
        default: "none",
        help: "an init to hand over to when everything is set up, with the words after -- as its arguments",
        set: |s, v| put(&mut s.init, path(v).map(Some)),
    },
    Param {
        name: "keel.handover",
        form: "exec|pidns",
        default: "exec",
        help: "keel.init= takes the place of pid1, or runs as PID 1 of a pid namespace of its own",
        set: |s, v| put(&mut s.handover, choose(v, &[("exec", Handover::Exec), ("pidns", Handover::PidNamespace)])),
    },
    Param {
        name: "keel.stop_signal",
        form: "SIGNAL",
        default: "SIGRTMIN+3",
        help: "what tells an init in a pid namespace of its own to stop",
        set: |s, v| put(&mut s.stop_signal, crate::signals::parse(v)),
    },
    Param {
        name: "keel.forward",
        form: "child|group",
        default: "child",
        help: "whom forwarded signals go to: the payload, or its process group",
        set: |s, v| put(&mut s.forward_to_group, choose(v, &[("child", false), ("group", true)])),
    },
    Param {
        name: "keel.grace_ms",
        form: "MILLISECONDS",
        default: "5000",
        help: "how long processes may take between TERM and KILL; what ends earlier is not waited for",
        set: |s, v| put(&mut s.grace_ms, number(v)),
    },
    Param {
        name: "keel.sync_ms",
        form: "MILLISECONDS",
        default: "10000",
        help: "how long unmounting and syncing may take before the machine ends without it",
        set: |s, v| put(&mut s.sync_ms, number(v)),
    },
    Param {
        name: "keel.reap",
        form: "auto|kernel|wait",
        default: "auto",
        help: "who reaps: the kernel (Linux 6.15 and later), or pid1 with wait4(2)",
        set: |s, v| {
            put(&mut s.reap, choose(v, &[("auto", Reap::Auto), ("kernel", Reap::Kernel), ("wait", Reap::Wait)]))
        },
    },
    Param {
        name: "keel.notify",
        form: "vsock:CID:PORT|unix:PATH",
        default: "the credential vmm.notify_socket",
        help: "where to send READY=1 and EXIT_STATUS=N, as sd_notify(3) does",
        set: |s, v| put(&mut s.notify, notify(v).map(Some)),
    },
    Param {
        name: "keel.report",
        form: "/DEVICE",
        default: "none",
        help: "a virtio port to write the same lines to: /dev/vport0p1, /dev/virtio-ports/NAME",
        set: |s, v| put(&mut s.report, path(v).map(Some)),
    },
    Param {
        name: "keel.debug_exit",
        form: "PORT",
        default: "none",
        help: "the I/O port of QEMU's isa-debug-exit: the exit code is written there in place of powering off (x86)",
        set: |s, v| put(&mut s.debug_exit, number(v).and_then(|n| u16::try_from(n).ok()).map(Some)),
    },
];

const LEVELS: [(&str, LevelFilter); 4] = [
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
];

const CGROUPS: [(&str, Cgroup); 4] =
    [("v1", Cgroup::V1), ("v2", Cgroup::V2), ("hybrid", Cgroup::Hybrid), ("none", Cgroup::None)];

fn put<T>(field: &mut T, value: Option<T>) -> Option<()> {
    *field = value?;
    Some(())
}

fn choose<T: Copy>(value: &[u8], choices: &[(&str, T)]) -> Option<T> {
    choices.iter().find(|(name, _)| name.as_bytes() == value).map(|(_, choice)| *choice)
}

#[expect(clippy::option_option, reason = "the outer one is whether the value is of its form, the inner one the field")]
fn some(value: &[u8]) -> Option<Option<&[u8]>> {
    (!value.is_empty()).then_some(Some(value))
}

fn path(value: &[u8]) -> Option<&[u8]> {
    value.starts_with(b"/").then_some(value)
}

fn notify(value: &[u8]) -> Option<Notify<'_>> {
    if let Some(path) = value.strip_prefix(b"unix:") {
        return matches!(path, [b'/' | b'@', _, ..]).then_some(Notify::Unix(path));
    }
    let mut parts = value.strip_prefix(b"vsock:")?.split(|c| *c == b':');
    let (cid, port) = (number(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some(Notify::Vsock(cid, port))
}

/// Reads the value of systemd's credential `vmm.notify_socket`: as `keel.notify=`, also with `vsock-stream:` for `vsock:`.
#[must_use]
pub fn notify_credential(value: &[u8]) -> Option<Notify<'_>> {
    let value = value.trim_ascii();
    let Some(rest) = value.strip_prefix(b"vsock-stream:") else {
        return notify(value);
    };
    let mut parts = rest.split(|c| *c == b':');
    let (cid, port) = (number(parts.next()?)?, number(parts.next()?)?);
    parts.next().is_none().then_some(Notify::Vsock(cid, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_helps_are_one_line() {
        for (i, p) in PARAMS.iter().enumerate() {
            assert!(PARAMS[i + 1..].iter().all(|q| q.name != p.name), "{}", p.name);
            assert!(!p.help.contains('\n') && !p.help.ends_with('.') && !p.help.is_empty(), "{}", p.name);
            assert!(!p.default.is_empty(), "{}", p.name);
        }
    }

    #[test]
    fn documented_defaults_are_the_real_ones() {
        for p in PARAMS.iter().filter(|p| p.name.starts_with("keel.")) {
            let mut s = Settings::default();
            let before = format!("{s:?}");
            if (p.set)(&mut s, p.default.as_bytes()).is_some() && !["none", "the consoles"].contains(&p.default) {
                let same = format!("{s:?}") == before;
                // Words such as "left alone" also read as values where any text is one.
                assert!(same || p.default.contains(' '), "{}: {}", p.name, p.default);
            }
        }
    }

    #[test]
    fn sockets() {
        assert_eq!(notify(b"vsock:2:1234"), Some(Notify::Vsock(2, 1234)));
        assert_eq!(notify(b"unix:/run/notify"), Some(Notify::Unix(b"/run/notify")));
        assert_eq!(notify(b"unix:@name"), Some(Notify::Unix(b"@name")));
        assert_eq!(notify_credential(b"vsock-stream:2:7\n"), Some(Notify::Vsock(2, 7)));
        for bad in ["", "vsock", "vsock:", "vsock:2", "vsock:2:3:4", "vsock:a:1", "unix:", "unix:/", "unix:x"] {
            assert_eq!(notify(bad.as_bytes()), None, "{bad}");
        }
    }
}
