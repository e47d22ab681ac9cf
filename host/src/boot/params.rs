//! The kernel command line for keel as /init: one table that reads it and makes the manual's section.
//!
//! Pure. Words are split as the kernel splits them (`pid1::cmdline`). A value that makes no sense is said and the default
//! holds; an unknown `keel.` word is said with its nearest neighbour; words of others are left alone.
use super::android::Source;
use keel_core::nearest;
use keel_core::plan::{BootCgroups, BootParams, DataDisk};
use keel_core::step::ms;
use log::LevelFilter;
use pid1::cmdline::{Word, arguments, parameters, same_name};
use pid1::terminal::{Terminals, is_user_name};
use std::time::Duration;

/// What happens when the boot cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFail {
    /// A shell on the console; power-off when it ends.
    Shell,
    /// Restart the machine.
    Reboot,
    /// Switch it off.
    PowerOff,
    /// Stop it.
    Halt,
    /// End PID 1: the kernel panics, and does what `panic=` says.
    Panic,
}

/// Everything that the command line says, with defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the plan of the boot needs.
    pub boot: BootParams,
    /// Containers to start, in order.
    pub containers: Vec<String>,
    /// Where containers are defined.
    pub lxcpath: String,
    /// An Android-x86 on a disk.
    pub android: Option<Source>,
    /// How long its disk may take to come.
    pub disk_wait: Duration,
    /// Whom to hand PID 1 over to.
    pub init: Option<String>,
    /// What to do on a failure.
    pub on_fail: OnFail,
    /// What is logged.
    pub loglevel: LevelFilter,
    /// Who is logged in without a password.
    pub autologin: Option<String>,
    /// Terminals with a login; the last is the main one.
    pub terminals: Vec<String>,
    /// Modules named instead of given by file.
    pub modules: Vec<String>,
    /// How long a container may take to stop.
    pub stop_timeout: Duration,
    /// How long other processes may take between TERM and KILL.
    pub grace: Duration,
    /// How long unmounting and syncing may take.
    pub sync: Duration,
    /// Use devtmpfs where the kernel has it.
    pub devtmpfs: bool,
    /// A step of the boot's plan that is to fail, as `Plan::fail_at_text` reads it.
    pub fail_at: Option<String>,
    /// The arguments behind `--`, for `init`.
    pub arguments: Vec<String>,
    /// What could not be understood.
    pub complaints: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            boot: BootParams::default(),
            containers: Vec::new(),
            lxcpath: crate::store::DEFAULT_LXCPATH.into(),
            android: None,
            disk_wait: Duration::from_millis(DISK_WAIT_MS.into()),
            init: None,
            on_fail: OnFail::PowerOff,
            loglevel: LevelFilter::Info,
            autologin: None,
            terminals: Vec::new(),
            modules: Vec::new(),
            stop_timeout: Duration::from_secs(20),
            grace: Duration::from_secs(5),
            sync: Duration::from_secs(10),
            devtmpfs: true,
            fail_at: None,
            arguments: Vec::new(),
            complaints: Vec::new(),
        }
    }
}

/// Reads a value; none: it is not of the row's form.
type Set = fn(&mut Draft, &str) -> Option<()>;

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
    set: Set,
}

/// Settings in the making: the disk's parts come in any order.
#[derive(Default)]
struct Draft {
    settings: Settings,
    consoles: Vec<String>,
    getty: Option<Vec<String>>,
    device: Option<String>,
    root: Option<String>,
    fstype: Option<String>,
    flags: u64,
    data: Vec<String>,
    at: Option<String>,
    wait_ms: Option<u32>,
}

const fn row(name: &'static str, form: &'static str, default: &'static str, help: &'static str, set: Set) -> Param {
    Param { name, form, default, help, set }
}

/// How long a disk is waited for when nothing is said: drivers that are built in need no more.
const DISK_WAIT_MS: u32 = 10_000;
/// `rootwait` without a number waits for ever in the kernel; here for a day, so that a number is a number.
const ROOTWAIT_MS: u32 = 86_400_000;

/// The table, in the manual's order.
#[rustfmt::skip]
pub static PARAMS: &[Param] = &[
    row("keel.containers", "NAME[,NAME..]", "none", "containers to start, besides those with lxc.start.auto", |d, v| {
        d.settings.containers.extend(list(v)); Some(())
    }),
    row("keel.lxcpath", "/DIRECTORY", "/var/lib/lxc", "where containers are defined", |d, v| put(&mut d.settings.lxcpath, path(v))),
    row("keel.cgroup", "auto|v1|v2|hybrid|none", "auto", "which cgroups are mounted: auto is all that the kernel has", |d, v| {
        put(&mut d.settings.boot.cgroups, choose(v, &CGROUPS))
    }),
    row("keel.cgroup.root", "/DIRECTORY", "/sys/fs/cgroup", "where: each controller of version 1 in a directory of its name", |d, v| {
        put(&mut d.settings.boot.cgroup_root, path(v))
    }),
    row("keel.data", "/dev/DEVICE", "none", "a disk for containers; also root=", |d, v| put(&mut d.device, path(v).map(Some))),
    row("keel.data.at", "/DIRECTORY", "keel.lxcpath", "where the disk is mounted", |d, v| put(&mut d.at, path(v).map(Some))),
    row("keel.data.fstype", "TYPE", "tried in turn", "its file system; also rootfstype=", |d, v| put(&mut d.fstype, some(v))),
    row("keel.data.flags", "OPTION[,OPTION..]", "none", "its mount options; also rootflags=, ro and rw", options),
    row("keel.data.wait", "SECONDS", "10", "how long the disk is waited for; also rootwait", |d, v| {
        put(&mut d.wait_ms, v.parse::<u32>().ok().and_then(|s| s.checked_mul(1000)).map(Some))
    }),
    row("keel.modules", "NAME[,NAME..]|/FILE", "none", "kernel modules to load, in order; a file names one a line, with parameters", |d, v| {
        d.settings.modules.extend(list(v)); Some(())
    }),
    row("keel.hostname", "NAME", "that of /etc/hostname", "the machine's name", |d, v| put(&mut d.settings.boot.hostname, some(v).filter(|n| n.as_ref().is_some_and(|n| n.len() <= 64)))),
    row("keel.init", "/PATH", "none", "an init that becomes PID 1 when the containers run; keel stays beside it", |d, v| {
        put(&mut d.settings.init, path(v).map(Some))
    }),
    row("keel.on_fail", "shell|reboot|poweroff|halt|panic", "poweroff", "what happens when the boot cannot go on; the reason is on the console and in kmsg", |d, v| {
        put(&mut d.settings.on_fail, choose(v, &ON_FAIL))
    }),
    row("keel.loglevel", "error|warn|info|debug", "info", "what goes to /dev/kmsg", |d, v| put(&mut d.settings.loglevel, choose(v, &LEVELS))),
    row("keel.autologin", "USER", "none", "log USER in without a password on every terminal", |d, v| {
        put(&mut d.settings.autologin, is_user_name(v.as_bytes()).then(|| Some(v.into())))
    }),
    row("keel.getty", "TTY[,TTY..]|none", "the consoles", "terminals with a login in place of those of console=", |d, v| {
        d.getty = Some(if v == "none" { Vec::new() } else { list(v).map(|t| t.trim_start_matches("/dev/").into()).collect() }); Some(())
    }),
    row("keel.stop_timeout", "SECONDS", "20", "how long a container may take to stop when the machine ends", |d, v| {
        put(&mut d.settings.stop_timeout, v.parse().ok().map(Duration::from_secs))
    }),
    row("keel.grace_ms", "MILLISECONDS", "5000", "how long other processes may take between TERM and KILL", |d, v| {
        put(&mut d.settings.grace, v.parse().ok().map(Duration::from_millis))
    }),
    row("keel.sync_ms", "MILLISECONDS", "10000", "how long unmounting and syncing may take before the machine ends without it", |d, v| {
        put(&mut d.settings.sync, v.parse().ok().map(Duration::from_millis))
    }),
    row("keel.devtmpfs", "yes|no", "yes", "no: devices are made from /sys, as on a kernel without devtmpfs", |d, v| {
        put(&mut d.settings.devtmpfs, choose(v, &[("yes", true), ("no", false)]))
    }),
    row("keel.fail_at", "STEP[:ERRNO]", "none", "let this step of the boot fail ('keel plan boot' numbers them), to see what a failure does", |d, v| {
        put(&mut d.settings.fail_at, some(v))
    }),
    row("console", "TTY[,OPTIONS]", "the kernel's", "each one named gets a login, the last is the main one; tty0 means tty1", |d, v| {
        d.consoles.push(v.into()); Some(())
    }),
    row("debug", "", "off", "the same as keel.loglevel=debug", |d, _| put(&mut d.settings.loglevel, Some(LevelFilter::Debug))),
    row("root", "/dev/DEVICE", "none", "the same as keel.data=", |d, v| put(&mut d.root, path(v).map(Some))),
    row("rootfstype", "TYPE", "tried in turn", "the same as keel.data.fstype=", |d, v| put(&mut d.fstype, some(v))),
    row("rootflags", "OPTION[,OPTION..]", "none", "the same as keel.data.flags=", options),
    row("rootwait", "[SECONDS]", "off", "the same as keel.data.wait=; without a number a day", |d, v| {
        let seconds = if v.is_empty() { Some(ROOTWAIT_MS) } else { v.parse::<u32>().ok().and_then(|s| s.checked_mul(1000)) };
        put(&mut d.wait_ms, seconds.map(Some))
    }),
    row("SRC", "[/DIRECTORY]", "none", "Android-x86: the directory with ramdisk.img and system.sfs on a disk; its init becomes PID 1, keel stays beside it", |d, v| {
        d.settings.android.get_or_insert_default().src = v.into(); Some(())
    }),
    row("DATA", "[DEVICE]", "none", "Android-x86: the device of /data; empty: what is beside ramdisk.img, else a tmpfs", |d, v| {
        d.settings.android.get_or_insert_default().data = v.into(); Some(())
    }),
    row("ro", "", "off", "the disk is mounted read-only", |d, _| { d.flags |= ms::RDONLY; Some(()) }),
    row("rw", "", "on", "the disk is mounted for writing", |d, _| { d.flags &= !ms::RDONLY; Some(()) }),
];

const CGROUPS: [(&str, BootCgroups); 5] = [
    ("auto", BootCgroups::Auto),
    ("v1", BootCgroups::V1),
    ("v2", BootCgroups::V2),
    ("hybrid", BootCgroups::Hybrid),
    ("none", BootCgroups::None),
];
const ON_FAIL: [(&str, OnFail); 5] = [
    ("shell", OnFail::Shell),
    ("reboot", OnFail::Reboot),
    ("poweroff", OnFail::PowerOff),
    ("halt", OnFail::Halt),
    ("panic", OnFail::Panic),
];
const LEVELS: [(&str, LevelFilter); 4] = [
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
];

/// Names of pid1 that make sense for a guest only: known, so that one command line can serve both.
const OF_PID1: [&str; 6] =
    ["keel.term", "keel.handover", "keel.stop_signal", "keel.forward", "keel.reap", "keel.notify"];

/// Read a command line.
pub fn read(line: &[u8]) -> Settings {
    let mut draft = Draft::default();
    for word in parameters(line) {
        draft.word(&word);
    }
    let text = |word: Word<'_>| {
        let name = String::from_utf8_lossy(word.name).into_owned();
        word.value.map_or(name.clone(), |value| format!("{name}={}", String::from_utf8_lossy(value)))
    };
    draft.settings.arguments = arguments(line).map(text).collect();
    draft.finish()
}

impl Draft {
    fn word(&mut self, word: &Word<'_>) {
        let name = String::from_utf8_lossy(word.name);
        let Some(param) = PARAMS.iter().find(|p| same_name(p.name.as_bytes(), word.name)) else {
            if name.starts_with("keel.") && !OF_PID1.iter().any(|n| same_name(n.as_bytes(), word.name)) {
                let hint = nearest::hint(&name, PARAMS.iter().map(|p| p.name));
                self.settings.complaints.push(format!("command line: unknown word '{name}'{hint}"));
            }
            return;
        };
        let value = String::from_utf8_lossy(word.value.unwrap_or_default());
        let missing = word.value.is_none() && !param.form.is_empty() && !param.form.starts_with('[');
        if missing || (param.set)(self, &value).is_none() {
            // `root=PARTUUID=..` and the like are the kernel's own and not ours to complain about loudly.
            self.settings.complaints.push(format!(
                "command line: '{name}={value}': should be {}; the default holds: {}",
                param.form, param.default
            ));
        }
    }

    fn finish(self) -> Settings {
        let mut settings = self.settings;
        let mut terminals = Terminals::new();
        for console in &self.consoles {
            if terminals.add_console(console.as_bytes()).is_none() {
                settings.complaints.push(format!("command line: 'console={console}': too many, or no terminal"));
            }
        }
        let named = |t: &Terminals<'_>| t.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect();
        settings.terminals = match self.getty {
            Some(list) => list.into_iter().filter(|n| pid1::terminal::is_name(n.as_bytes())).collect(),
            None => named(&terminals),
        };
        settings.disk_wait = Duration::from_millis(self.wait_ms.unwrap_or(DISK_WAIT_MS).into());
        // Android-x86's own line says root=/dev/ram0, which is what it boots from.
        let root = self.root.filter(|_| settings.android.is_none());
        if let Some(device) = self.device.or(root) {
            settings.boot.data = Some(DataDisk {
                device,
                fstype: self.fstype,
                flags: self.flags,
                data: self.data.join(","),
                at: self.at.unwrap_or_else(|| settings.lxcpath.clone()),
                wait_ms: self.wait_ms.unwrap_or(DISK_WAIT_MS),
            });
        }
        settings
    }
}

/// `ro,noatime,subvol=x`: flags of mount(2), and what is the file system's own.
fn options(draft: &mut Draft, value: &str) -> Option<()> {
    for word in list(value) {
        match ms::WORDS.iter().find(|(name, _)| *name == word) {
            Some((_, flag)) => draft.flags |= flag,
            None if word == "rw" => draft.flags &= !ms::RDONLY,
            None => draft.data.push(word),
        }
    }
    Some(())
}

fn put<T>(place: &mut T, value: Option<T>) -> Option<()> {
    *place = value?;
    Some(())
}

fn some(value: &str) -> Option<Option<String>> {
    (!value.is_empty()).then(|| Some(value.into()))
}

fn path(value: &str) -> Option<String> {
    (value.starts_with('/') && !value.contains('\0')).then(|| match value.trim_end_matches('/') {
        "" => "/".into(),
        trimmed => trimmed.into(),
    })
}

fn list(value: &str) -> impl Iterator<Item = String> {
    value.split(',').filter(|v| !v.is_empty()).map(String::from)
}

fn choose<T: Copy>(value: &str, all: &[(&str, T)]) -> Option<T> {
    all.iter().find(|(name, _)| *name == value).map(|(_, t)| *t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_line() {
        let line = b"console=tty0 console=ttyS0,115200n8 quiet keel.containers=bb,jb keel.cgroup=v1 keel.on-fail=shell \
            root=/dev/vda rootfstype=ext4 rootflags=noatime,discard ro rootwait keel.stop_timeout=3 other.x=1 -- a b=\"c d\"";
        let s = read(line);
        assert_eq!(s.complaints, Vec::<String>::new());
        assert_eq!(s.terminals, ["tty1", "ttyS0"]);
        assert_eq!(s.containers, ["bb", "jb"]);
        assert_eq!((s.boot.cgroups, s.on_fail, s.loglevel), (BootCgroups::V1, OnFail::Shell, LevelFilter::Info));
        assert_eq!(s.stop_timeout, Duration::from_secs(3));
        assert_eq!(s.arguments, ["a", "b=c d"]);
        let disk = s.boot.data.unwrap();
        assert_eq!(
            (disk.device.as_str(), disk.fstype.as_deref(), disk.data.as_str()),
            ("/dev/vda", Some("ext4"), "discard")
        );
        assert_eq!(
            (disk.flags, disk.at.as_str(), disk.wait_ms),
            (ms::NOATIME | ms::RDONLY, "/var/lib/lxc", ROOTWAIT_MS)
        );
    }

    #[test]
    fn android_x86s_own_words() {
        let s = read(b"root=/dev/ram0 androidboot.hardware=x86 quiet SRC=/android-4.2 DATA= keel.data.wait=3");
        assert_eq!(s.complaints, Vec::<String>::new());
        assert_eq!(s.android, Some(Source { src: "/android-4.2".into(), data: String::new() }));
        assert_eq!((s.boot.data, s.disk_wait), (None, Duration::from_secs(3)));
        assert_eq!(read(b"DATA=/dev/sda2").android.unwrap().data, "/dev/sda2");
        assert_eq!(read(b"root=/dev/sda1").android, None);
    }

    #[test]
    fn nonsense_is_said_and_the_default_holds() {
        let s = read(
            b"keel.cgroup=v3 keel.containrs=x keel.on_fail keel.init=init keel.data.wait=99999999999 keel.reap=wait",
        );
        assert_eq!(s.boot.cgroups, BootCgroups::Auto);
        assert_eq!((s.init, s.on_fail), (None, OnFail::PowerOff));
        assert_eq!(s.complaints.len(), 5, "{:?}", s.complaints);
        assert!(s.complaints[1].ends_with("unknown word 'keel.containrs', nearest is 'keel.containers'"));
    }

    #[test]
    fn getty_takes_the_place_of_consoles() {
        assert_eq!(read(b"console=ttyS0 keel.getty=/dev/tty1,../x,tty2").terminals, ["tty1", "tty2"]);
        assert!(read(b"console=ttyS0 keel.getty=none").terminals.is_empty());
    }

    /// Every line of up to five pieces: no panic.
    #[test]
    fn no_line_is_fatal() {
        let pieces: [&[u8]; 9] = [b" ", b"\"", b"=", b"keel.", b"keel.data=", b"/", b"root", b"--", b"\xff"];
        for n in 0..9usize.pow(5) {
            let line: Vec<u8> = (0..5).flat_map(|i| pieces[n / 9usize.pow(i) % 9].iter().copied()).collect();
            read(&line);
        }
    }
}
