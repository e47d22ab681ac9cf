//! System call filters: LXC's profile files → a program for the kernel's filter machine (Linux 3.5, `prctl(2)`,
//! Documentation/userspace-api/seccomp_filter.rst).
//!
//! Reads bytes, gives instructions: the file is the caller's to read, the program the caller's to load. Processors: x86-64 (with i386 and x32), i386, aarch64 (with arm), arm.

mod calls;
mod compile;
mod profile;

pub use calls::{call_of, number};
pub use compile::{Insn, LONGEST, Text, compile};
pub use profile::{Mistake, Read, read};

use alloc::string::String;
use alloc::vec::Vec;

/// One of the ways in which a kernel takes system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Arch {
    X86_64,
    /// x86-64's processor with pointers of 32 bits: the same AUDIT_ARCH, numbers with bit 30 set.
    X32,
    I386,
    Aarch64,
    Arm,
}

impl Arch {
    /// Those of a machine, as uname(2) names it: its own first.
    pub fn of_machine(machine: &str) -> Option<&'static [Arch]> {
        Some(match machine {
            "x86_64" => &[Arch::X86_64, Arch::X32, Arch::I386],
            "aarch64" => &[Arch::Aarch64, Arch::Arm],
            "i386" | "i486" | "i586" | "i686" => &[Arch::I386],
            arm if arm.starts_with("arm") => &[Arch::Arm],
            _ => return None,
        })
    }

    /// AUDIT_ARCH_* (include/uapi/linux/audit.h).
    pub fn audit(self) -> u32 {
        match self {
            Arch::X86_64 | Arch::X32 => 0xc000_003e,
            Arch::I386 => 0x4000_0003,
            Arch::Aarch64 => 0xc000_00b7,
            Arch::Arm => 0x4000_0028,
        }
    }

    /// Arguments are of 32 bits.
    fn narrow(self) -> bool {
        matches!(self, Arch::I386 | Arch::Arm)
    }
}

/// What becomes of a call: SECCOMP_RET_* (include/uapi/linux/seccomp.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The thread is killed, as by SIGSYS.
    Kill,
    /// SIGSYS, which can be caught.
    Trap,
    /// The call returns this error number, or success for 0.
    Errno(u16),
    /// Whoever holds the filter's listener answers (Linux 5.0).
    Notify,
    /// The call is made.
    Allow,
}

impl Action {
    /// The number that the filter returns.
    pub fn code(self) -> u32 {
        match self {
            Action::Kill => 0,
            Action::Trap => 0x0003_0000,
            Action::Errno(errno) => 0x0005_0000 | u32::from(errno),
            Action::Notify => 0x7fc0_0000,
            Action::Allow => 0x7fff_0000,
        }
    }
}

impl Filter {
    /// All that it may say of a call.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.rules.iter().map(|rule| &rule.action).chain([&self.default])
    }

    /// The same, to be changed.
    pub fn actions_mut(&mut self) -> impl Iterator<Item = &mut Action> {
        self.rules.iter_mut().map(|rule| &mut rule.action).chain([&mut self.default])
    }
}

/// Who answers the calls whose action is [`Action::Notify`], as LXC's `lxc.seccomp.notify.*` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The path of its socket (AF_UNIX, SOCK_SEQPACKET).
    pub path: String,
    /// What is sent along with each call.
    pub cookie: String,
}

/// How an argument is compared with a value, as numbers without a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    /// The bits of a mask equal the value.
    Masked(u64),
}

/// A condition on an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which argument, from 0 to 5.
    pub index: u8,
    /// How it is compared.
    pub compare: Compare,
    /// With what.
    pub value: u64,
}

/// What becomes of one call; all conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In which table of calls.
    pub arch: Arch,
    /// The call's number there.
    pub call: u32,
    /// What becomes of it.
    pub action: Action,
    /// When.
    pub conditions: Vec<Condition>,
}

/// A whole filter. Of a call's rules the first one with conditions that hold decides, then the last one without any, then
/// the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The tables that the rules are about; a call from any other kills.
    pub arches: Vec<Arch>,
    /// What becomes of a call without a rule.
    pub default: Action,
    /// In the file's order.
    pub rules: Vec<Rule>,
}

/// What the kernel tells a filter of a call: `struct seccomp_data`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Call {
    pub number: u32,
    pub audit: u32,
    pub arguments: [u64; 6],
}
