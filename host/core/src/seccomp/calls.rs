//! Names and numbers of system calls. `calls.txt` has a line for each name: its numbers on x86-64, i386, aarch64 and arm
//! (the kernel's syscall tables); a test compares it with the crate `syscalls`.

use super::Arch;

const TABLE: &str = include_str!("calls.txt");

/// The bit that is set in all numbers of x32 (arch/x86/include/uapi/asm/unistd.h).
const X32: u32 = 0x4000_0000;

/// Calls that have numbers of their own on x32, from 512 on (arch/x86/entry/syscalls/syscall_64.tbl).
#[rustfmt::skip]
const X32_OWN: [&str; 36] = [
    "rt_sigaction", "rt_sigreturn", "ioctl", "readv", "writev", "recvfrom", "sendmsg", "recvmsg", "execve", "ptrace",
    "rt_sigpending", "rt_sigtimedwait", "rt_sigqueueinfo", "sigaltstack", "timer_create", "mq_notify", "kexec_load",
    "waitid", "set_robust_list", "get_robust_list", "vmsplice", "move_pages", "preadv", "pwritev", "rt_tgsigqueueinfo",
    "recvmmsg", "sendmmsg", "process_vm_readv", "process_vm_writev", "setsockopt", "getsockopt", "io_setup", "io_submit",
    "execveat", "preadv2", "pwritev2",
];

/// A call's number; none: this processor has no such call.
pub fn number(arch: Arch, name: &str) -> Option<u32> {
    if arch == Arch::X32
        && let Some(own) = X32_OWN.iter().position(|own| *own == name)
    {
        return Some(X32 | (512 + own as u32));
    }
    let line = TABLE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    let column = match arch {
        Arch::X86_64 | Arch::X32 => 0,
        Arch::I386 => 1,
        Arch::Aarch64 => 2,
        Arch::Arm => 3,
    };
    let number: u32 = line.split(' ').nth(column)?.parse().ok()?;
    Some(if arch == Arch::X32 { X32 | number } else { number })
}

/// Which of some calls an architecture's number is.
pub fn call_of<'a>(arch: Arch, call: u32, names: &[&'a str]) -> Option<&'a str> {
    names.iter().copied().find(|name| number(arch, name) == Some(call))
}

/// Second numbers of x32: before Linux 5.4 the 64-bit call could be made under its own number there, too.
pub(super) fn second(arch: Arch, name: &str) -> Option<u32> {
    let own = arch == Arch::X32 && X32_OWN.contains(&name);
    own.then(|| number(Arch::X86_64, name).map(|n| n | X32)).flatten()
}

/// Whether any processor has a call of this name.
pub(super) fn known(name: &str) -> bool {
    names().any(|n| n == name)
}

/// All names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter_map(|line| line.split(' ').next())
}

/// Calls that i386 also makes through one call, whose first argument says which (include/uapi/linux/net.h, ipc.h).
#[rustfmt::skip]
const THROUGH: [(&str, &[(&str, u64)]); 2] = [
    ("socketcall", &[
        ("socket", 1), ("bind", 2), ("connect", 3), ("listen", 4), ("accept", 5), ("getsockname", 6), ("getpeername", 7),
        ("socketpair", 8), ("send", 9), ("recv", 10), ("sendto", 11), ("recvfrom", 12), ("shutdown", 13),
        ("setsockopt", 14), ("getsockopt", 15), ("sendmsg", 16), ("recvmsg", 17), ("accept4", 18), ("recvmmsg", 19),
        ("sendmmsg", 20),
    ]),
    ("ipc", &[
        ("semop", 1), ("semget", 2), ("semctl", 3), ("semtimedop", 4), ("msgsnd", 11), ("msgrcv", 12), ("msgget", 13),
        ("msgctl", 14), ("shmat", 21), ("shmdt", 22), ("shmget", 23), ("shmctl", 24),
    ]),
];

/// The call that another one can be made through, and the first argument then.
pub(super) fn through(arch: Arch, name: &str) -> Option<(&'static str, u64)> {
    let find = |(call, inner): &(&'static str, &[(&str, u64)])| {
        inner.iter().find(|(n, _)| *n == name).map(|(_, value)| (*call, *value))
    };
    THROUGH.iter().find_map(find).filter(|_| arch == Arch::I386)
}
