//! A child that shares this process's memory until it is another program, while this process waits, as with vfork(2): nothing is
//! copied, and no page has to be afterwards. It runs on the stack of this process, below what is in use.
//!
//! Only where this file knows the processor; elsewhere the child has a copy of everything.

use super::Result;
use super::process::Child;

/// Makes a child, with a descriptor if asked for, which calls `run` with `job`. Returns when it is another program or has ended.
///
/// What the child changes in memory is changed here; descriptors that it opens are its own. `run` must not wait for anything that
/// this process would have to do.
pub fn vfork<T>(descriptor: bool, job: &T, run: extern "C" fn(&T) -> !) -> Result<Child> {
    clone(descriptor, job, run)
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn clone<T>(descriptor: bool, job: &T, run: extern "C" fn(&T) -> !) -> Result<Child> {
    use super::process::{CLONE_PIDFD, SIGCHLD};
    const CLONE_VM: usize = 0x100;
    const CLONE_VFORK: usize = 0x4000;
    let mut fd = -1i32;
    let flags = SIGCHLD | CLONE_VM | CLONE_VFORK | if descriptor { CLONE_PIDFD } else { 0 };
    let made: isize;
    // SAFETY: the child never leaves the block: it calls, and does not come back. It writes below the stack pointer only, where
    // nothing of this process is, as the block may use the stack; and this process does not run meanwhile. The third argument is
    // where the descriptor goes; the stack is the same (0).
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") syscalls::Sysno::clone as isize => made,
            in("rdi") flags,
            in("rsi") 0usize,
            in("rdx") &raw mut fd,
            in("r12") run,
            in("r13") job,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x0, x10",
            "blr x9",
            "brk 1",
            "2:",
            inlateout("x0") flags => made,
            in("x1") 0usize,
            in("x2") &raw mut fd,
            in("x8") syscalls::Sysno::clone as usize,
            in("x9") run,
            in("x10") job,
        );
    }
    if made < 0 {
        return Err(rustix::io::Errno::from_raw_os_error(-made as i32));
    }
    // SAFETY: with the flag the kernel has put a new descriptor there; otherwise it is -1.
    Ok(unsafe { Child::made(made as i32, fd) })
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn clone<T>(descriptor: bool, job: &T, run: extern "C" fn(&T) -> !) -> Result<Child> {
    use super::process::{Fork, Kind, fork};
    match fork(Kind { descriptor, namespace: false })? {
        Fork::Parent(child) => Ok(child),
        Fork::Child => run(job),
    }
}
