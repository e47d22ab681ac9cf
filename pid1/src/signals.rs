//! Which signal to PID 1 does what: one table, which is also the manual's.
//!
//! Numbers are the kernel's on x86, ARM and RISC-V (other than MIPS, SPARC, Alpha and PA-RISC, which are refused at build time by the
//! start code). Real-time signals count from glibc's SIGRTMIN, 34, as systemd's do. musl's is 35, so a sender built with musl means
//! the next row; every row from +3 to +6 ends the machine or container.

use core::fmt;

/// glibc's SIGRTMIN.
pub const RTMIN: u8 = 34;
/// The highest signal.
pub const MAX: u8 = 64;
/// Hangup.
pub const SIGHUP: u8 = 1;
/// Ctrl-C, and Ctrl-Alt-Del from the kernel.
pub const SIGINT: u8 = 2;
/// Sent at the end to what did not go by itself.
pub const SIGKILL: u8 = 9;
/// Asks to end.
pub const SIGTERM: u8 = 15;
/// A child ended.
pub const SIGCHLD: u8 = 17;
/// Continues a stopped process.
pub const SIGCONT: u8 = 18;
/// Background writing to a terminal.
pub const SIGTTOU: u8 = 22;
/// Power failure; the signal by which LXC stops a container.
pub const SIGPWR: u8 = 30;

/// How the machine or container ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stop, power stays on.
    Halt,
    /// Stop, power off.
    PowerOff,
    /// Start again.
    Reboot,
    /// Start the kernel loaded by kexec(8); a reboot where none is loaded.
    Kexec,
}

/// What PID 1 does on a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// End in order: TERM, grace, KILL, unmount, sync.
    End(Outcome),
    /// End without asking the processes: KILL, unmount, sync.
    EndNow(Outcome),
    /// Start waiting logins at once and look for new power buttons.
    Again,
    /// Reap children.
    Reap,
    /// Pass it on to the payload; nothing where there is none.
    Forward,
}

/// Where `pid1` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The init of a machine.
    Machine,
    /// The init of a pid namespace, with logins.
    Container,
    /// The wrapper of one program in a container, as tini is.
    Wrapper,
}

/// A row of the table.
pub struct Row {
    /// Its number.
    pub signal: u8,
    /// What it does to the init of a machine.
    pub machine: Action,
    /// What it does to the init of a container.
    pub container: Action,
    /// What it does where `pid1` wraps a payload in a container.
    pub wrapper: Action,
    /// Who sends it.
    pub senders: &'static str,
}

const fn all(signal: u8, action: Action, senders: &'static str) -> Row {
    Row { signal, machine: action, container: action, wrapper: action, senders }
}

const fn wrapped(signal: u8, machine: Action, container: Action, senders: &'static str) -> Row {
    Row { signal, machine, container, wrapper: Action::Forward, senders }
}

use Action::{Again, End, EndNow, Forward, Reap};
use Outcome::{Halt, Kexec, PowerOff, Reboot};

/// The table. What is not in it is forwarded.
pub static TABLE: [Row; 15] = [
    wrapped(SIGHUP, Again, Again, "telinit q, init q"),
    wrapped(SIGINT, End(Reboot), End(Reboot), "Ctrl-Alt-Del; lxc.signal.reboot"),
    wrapped(
        SIGTERM,
        End(Reboot),
        End(Halt),
        "busybox reboot, in a container only from inside (reboot); docker, podman and kubelet stop",
    ),
    wrapped(10, End(Halt), End(Halt), "busybox halt (SIGUSR1)"),
    wrapped(12, End(PowerOff), End(PowerOff), "busybox poweroff (SIGUSR2)"),
    all(SIGCHLD, Reap, "the kernel, when a child ends"),
    all(SIGPWR, End(PowerOff), "power failure daemons; lxc.signal.halt"),
    all(RTMIN + 3, End(Halt), "systemctl halt; LXC and systemd-nspawn stop"),
    all(RTMIN + 4, End(PowerOff), "systemctl poweroff"),
    all(RTMIN + 5, End(Reboot), "systemctl reboot"),
    all(RTMIN + 6, End(Kexec), "systemctl kexec"),
    all(RTMIN + 13, EndNow(Halt), "systemctl halt --force"),
    all(RTMIN + 14, EndNow(PowerOff), "systemctl poweroff --force"),
    all(RTMIN + 15, EndNow(Reboot), "systemctl reboot --force"),
    all(RTMIN + 16, EndNow(Kexec), "systemctl kexec --force"),
];

/// What `signal` does in `mode`. `inside`: a process of this pid namespace sent it; the kernel gives one from outside the id 0.
#[must_use]
pub fn action(mode: Mode, signal: u8, inside: bool) -> Action {
    // What stops a container from outside is what `reboot` of busybox sends inside.
    if mode == Mode::Container && signal == SIGTERM && inside {
        return End(Reboot);
    }
    TABLE.iter().find(|row| row.signal == signal).map_or(Forward, |row| match mode {
        Mode::Machine => row.machine,
        Mode::Container => row.container,
        Mode::Wrapper => row.wrapper,
    })
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Halt => "halt",
            PowerOff => "power-off",
            Reboot => "reboot",
            Kexec => "kexec",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End(outcome) => outcome.fmt(f),
            EndNow(outcome) => write!(f, "{outcome} at once"),
            Again => f.write_str("logins again"),
            Reap => f.write_str("reap"),
            Forward => f.write_str("forward"),
        }
    }
}

const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO",
    "PWR", "SYS",
];

/// Prints a signal's name: `SIGTERM`, `SIGRTMIN+3`, or `signal 32` for those without one.
pub struct Name(pub u8);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n @ 1..=31 => write!(f, "SIG{}", NAMES[usize::from(n) - 1]),
            RTMIN => f.write_str("SIGRTMIN"),
            n if n > RTMIN && n <= MAX => write!(f, "SIGRTMIN+{}", n - RTMIN),
            n => write!(f, "signal {n}"),
        }
    }
}

/// Whether two names differ in case only. That of core is four hundred bytes long, to be fast with long texts.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// Reads a signal: a number, or a name with or without `SIG`, in any case; `RTMIN+3`.
#[must_use]
pub fn parse(text: &[u8]) -> Option<u8> {
    if let Some(n) = crate::settings::number(text) {
        return u8::try_from(n).ok().filter(|n| (1..=MAX).contains(n));
    }
    let strip = |prefix: &str| {
        let (head, tail) = text.split_at_checked(prefix.len())?;
        same(head, prefix.as_bytes()).then_some(tail)
    };
    let name = strip("SIG").unwrap_or(text);
    if let Some(at) = NAMES.iter().position(|n| same(n.as_bytes(), name)) {
        return u8::try_from(at + 1).ok();
    }
    let (head, tail) = name.split_at_checked(5)?;
    if !same(head, b"RTMIN") {
        return None;
    }
    let offset = match tail {
        [] => 0,
        [b'+', digits @ ..] => crate::settings::number(digits)?,
        _ => return None,
    };
    u8::try_from(offset).ok()?.checked_add(RTMIN).filter(|n| *n <= MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_a_name_that_reads_back() {
        for n in (1..=31).chain(RTMIN..=MAX) {
            assert_eq!(parse(Name(n).to_string().as_bytes()), Some(n), "{}", Name(n));
            assert_eq!(parse(n.to_string().as_bytes()), Some(n));
        }
        assert_eq!(parse(b"rtmin+3"), Some(37));
        assert_eq!(parse(b"term"), Some(15));
        for bad in ["", "SIG", "0", "65", "RTMIN+31", "RTMIN-1", "RTMIN+", "TERMX", "-1", "256"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn no_signal_has_two_rows() {
        for (i, row) in TABLE.iter().enumerate() {
            assert!(TABLE[i + 1..].iter().all(|other| other.signal != row.signal), "{}", Name(row.signal));
        }
    }

    #[test]
    fn what_people_expect() {
        use Mode::{Container, Machine, Wrapper};
        assert_eq!(action(Machine, SIGINT, false), End(Reboot), "Ctrl-Alt-Del");
        assert_eq!(action(Machine, SIGTERM, false), End(Reboot), "busybox reboot");
        assert_eq!(action(Machine, 12, false), End(PowerOff), "busybox poweroff");
        assert_eq!(action(Container, SIGTERM, false), End(Halt), "docker stop");
        assert_eq!(action(Container, SIGTERM, true), End(Reboot), "busybox reboot in a container");
        assert_eq!(action(Wrapper, SIGTERM, true), Forward);
        assert_eq!(action(Container, SIGPWR, false), End(PowerOff), "lxc-stop");
        // LXC sends this one in place of SIGPWR to an init that has it blocked, and pid1 blocks everything.
        assert_eq!(action(Wrapper, 37, false), End(Halt), "lxc-stop");
        assert_eq!(action(Wrapper, SIGTERM, false), Forward);
        assert_eq!(action(Wrapper, 28, false), Forward);
        assert_eq!(action(Machine, 50, false), EndNow(Kexec));
    }
}
