//! What the parameters say, read: one field per parameter, borrowed from the text they were read from.
//!
//! A bad value leaves the default and is reported with its name; an unknown word is not an error.

use log::LevelFilter;

use crate::cmdline::{self, Word};
use crate::params::{PARAMS, Param};
use crate::terminal::Terminals;

/// What `keel.cgroup=` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cgroup {
    /// Mount nothing.
    None,
    /// One directory per controller.
    V1,
    /// The unified hierarchy.
    V2,
    /// One directory per controller, and the unified hierarchy in `unified`.
    Hybrid,
}

/// How `keel.init=` gets the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// It becomes PID 1 in place of `pid1`.
    Exec,
    /// It becomes PID 1 of a pid namespace of its own; `pid1` stays and reports how it ended.
    PidNamespace,
}

/// Who reaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reap {
    /// The kernel where it can and still tells how own children ended, else `pid1`.
    Auto,
    /// The kernel: SIGCHLD is ignored.
    Kernel,
    /// `pid1`, with wait4(2).
    Wait,
}

/// Where to tell how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify<'a> {
    /// A virtual socket: context, port.
    Vsock(u32, u32),
    /// A datagram socket's path; a leading `@` is an abstract name.
    Unix(&'a [u8]),
}

/// All parameters, read.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// `console=`: the terminals named, the main one last.
    pub consoles: Terminals<'a>,
    /// `panic=`: seconds before a reboot after a panic; 0 never, negative at once.
    pub panic: i32,
    /// `keel.getty=`: the terminals that get a login in place of those of `console=`; empty for none at all.
    pub getty: Option<&'a [u8]>,
    /// `keel.autologin=`
    pub autologin: Option<&'a [u8]>,
    /// `keel.term=`
    pub term: Option<&'a [u8]>,
    /// `keel.hostname=`
    pub hostname: Option<&'a [u8]>,
    /// `keel.cgroup=`
    pub cgroup: Cgroup,
    /// `keel.cgroup.root=`
    pub cgroup_root: &'a [u8],
    /// `keel.init=`
    pub init: Option<&'a [u8]>,
    /// `keel.handover=`
    pub handover: Handover,
    /// `keel.stop_signal=`
    pub stop_signal: u8,
    /// `keel.forward=group`
    pub forward_to_group: bool,
    /// `keel.grace_ms=`
    pub grace_ms: u32,
    /// `keel.sync_ms=`
    pub sync_ms: u32,
    /// `keel.reap=`
    pub reap: Reap,
    /// `keel.notify=`
    pub notify: Option<Notify<'a>>,
    /// `keel.report=`
    pub report: Option<&'a [u8]>,
    /// `keel.debug_exit=`
    pub debug_exit: Option<u16>,
    /// `keel.loglevel=`, `debug`. The kernel's `quiet` is about the console: what is in kmsg stays.
    pub loglevel: LevelFilter,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Settings {
            consoles: Terminals::new(),
            panic: 0,
            getty: None,
            autologin: None,
            term: None,
            hostname: None,
            cgroup: Cgroup::None,
            cgroup_root: b"/sys/fs/cgroup",
            init: None,
            handover: Handover::Exec,
            stop_signal: crate::signals::RTMIN + 3,
            forward_to_group: false,
            grace_ms: 5_000,
            sync_ms: 10_000,
            reap: Reap::Auto,
            notify: None,
            report: None,
            debug_exit: None,
            loglevel: LevelFilter::Info,
        }
    }
}

/// A word that could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint<'a> {
    /// A known parameter with a value that is none of its forms: name, value given, form wanted.
    BadValue(&'static str, &'a [u8], &'static str),
    /// An unknown name beginning with `keel.`: the name, and the nearest known one.
    Misspelt(&'a [u8], &'static str),
}

impl<'a> Settings<'a> {
    /// The settings of a kernel command line. Each word that could not be used goes to `complain`.
    pub fn from_line(line: &'a [u8], mut complain: impl FnMut(Complaint<'a>)) -> Settings<'a> {
        let mut settings = Settings::default();
        for word in cmdline::parameters(line) {
            if let Err(complaint) = settings.take(&word) {
                complain(complaint);
            }
        }
        settings
    }

    /// Takes one word in.
    ///
    /// # Errors
    /// The complaint, for a bad value or a name that looks misspelt.
    pub fn take(&mut self, word: &Word<'a>) -> Result<(), Complaint<'a>> {
        match PARAMS.iter().find(|p| word.is(p.name)) {
            Some(param) => self.set(param, word.value),
            None if word.name.starts_with(b"keel.") => {
                crate::nearest::nearest(word.name, PARAMS.iter().map(|p| p.name))
                    .map_or(Ok(()), |near| Err(Complaint::Misspelt(word.name, near)))
            }
            None => Ok(()),
        }
    }

    fn set(&mut self, param: &'static Param, value: Option<&'a [u8]>) -> Result<(), Complaint<'a>> {
        let given = value.unwrap_or_default();
        (param.set)(self, given).ok_or(Complaint::BadValue(param.name, given, param.form))
    }
}

/// A decimal or, after `0x`, hexadecimal number.
#[must_use]
pub fn number(text: &[u8]) -> Option<u32> {
    let (digits, radix) = match text {
        [b'0', b'x' | b'X', hex @ ..] => (hex, 16),
        _ => (text, 10),
    };
    // from_str_radix wants the text checked for UTF-8 first: half a kibibyte of code.
    digits.first()?;
    digits.iter().try_fold(0_u32, |n, d| n.checked_mul(radix)?.checked_add(char::from(*d).to_digit(radix)?))
}

/// A number with or without a minus.
#[must_use]
pub fn signed(text: &[u8]) -> Option<i32> {
    match text {
        [b'-', digits @ ..] => 0_i32.checked_sub_unsigned(number(digits)?),
        _ => i32::try_from(number(text)?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Settings<'_>, Vec<Complaint<'_>>) {
        let mut complaints = Vec::new();
        (Settings::from_line(line.as_bytes(), |c| complaints.push(c)), complaints)
    }

    #[test]
    fn a_full_line() {
        let (s, complaints) = read(
            "quiet console=tty0 console=ttyS0,115200n8 panic=-1 keel.autologin=root keel.grace-ms=250 keel.cgroup=hybrid \
             keel.cgroup.root=/system/cgroup keel.notify=vsock:2:9999 keel.report=/dev/vport0p1 keel.debug_exit=0xf4 \
             keel.stop_signal=RTMIN+3 keel.reap=wait keel.forward=group keel.init=/sbin/init keel.handover=pidns \
             keel.hostname=guest BOOT_IMAGE=/vmlinuz something -- keel.grace_ms=1",
        );
        assert_eq!(complaints, []);
        assert_eq!(s.consoles.iter().collect::<Vec<_>>(), [&b"tty1"[..], b"ttyS0"]);
        assert_eq!((s.panic, s.grace_ms, s.cgroup, s.cgroup_root), (-1, 250, Cgroup::Hybrid, &b"/system/cgroup"[..]));
        assert_eq!((s.autologin, s.hostname), (Some(&b"root"[..]), Some(&b"guest"[..])));
        assert_eq!((s.notify, s.report), (Some(Notify::Vsock(2, 9999)), Some(&b"/dev/vport0p1"[..])));
        assert_eq!((s.debug_exit, s.stop_signal, s.reap, s.forward_to_group), (Some(0xf4), 37, Reap::Wait, true));
        assert_eq!(
            (s.init, s.handover, s.loglevel),
            (Some(&b"/sbin/init"[..]), Handover::PidNamespace, LevelFilter::Info)
        );
    }

    #[test]
    fn bad_values_leave_the_default_and_are_named() {
        let (s, complaints) =
            read("keel.grace_ms=soon keel.cgroup=v3 keel.notify=vsock:2 keel.autologin=-f panic=x keel.report=");
        assert_eq!(complaints.len(), 6);
        assert_eq!(complaints[0], Complaint::BadValue("keel.grace_ms", b"soon", "MILLISECONDS"));
        assert_eq!((s.grace_ms, s.cgroup, s.notify, s.autologin, s.panic), (5_000, Cgroup::None, None, None, 0));
    }

    #[test]
    fn unknown_words_are_no_errors_and_misspelt_ones_are_named() {
        let (_, complaints) = read("foo=bar keel.containers=bb single keel.gracems=5");
        assert_eq!(complaints, [Complaint::Misspelt(b"keel.gracems", "keel.grace_ms")]);
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"10"), Some(10));
        assert_eq!(number(b"0xf4"), Some(0xf4));
        assert_eq!((number(b"4294967295"), number(b"4294967296")), (Some(u32::MAX), None));
        assert_eq!((signed(b"-1"), signed(b"7"), signed(b"-2147483648")), (Some(-1), Some(7), Some(i32::MIN)));
        assert_eq!((signed(b"2147483648"), signed(b"--1"), signed(b"-"), signed(b"")), (None, None, None, None));
        for bad in ["", "+1", "-1", "0x", "4294967296", "1 ", "f4"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}
