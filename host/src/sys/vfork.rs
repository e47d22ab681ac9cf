//! A child that shares our memory until it is another program, on a stack of its own: nothing is copied, and no page has to be
//! copied later, in it or in us. We wait meanwhile, as with vfork(2).
//!
//! Only where clone3(2) is and this file knows the processor; elsewhere ENOSYS, and the caller forks.

use super::descriptors::unshare_below;
use super::process::{CLONE_INTO_CGROUP, CLONE_PIDFD, CloneArgs, exit_now};
use keel_core::failure::Errno;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::cell::Cell;
use std::mem::ManuallyDrop;

/// More than the deepest step takes (a page and a few hundred bytes), several times.
const STACK: usize = 128 * 1024;

/// What the child finds on its stack.
#[repr(C)]
struct Handed<T> {
    run: fn(&mut T) -> !,
    job: *mut T,
    /// The table of descriptors is shared up to here.
    end: Option<u32>,
}

/// Makes a child in new namespaces (CLONE_NEW* flags), in a version 2 cgroup if `job` names one, which calls `run` with `job`.
/// Returns when the child has become another program or has ended; what it changed in memory is changed.
///
/// The child has a copy of our descriptors, or of those below `end` alone: what stands behind is then not copied first and closed
/// later.
///
/// `run` must leave through exec or _exit, must not unwind, and must not touch what this thread holds locked. Descriptors
/// that it opened are not ours: the caller forgets them.
pub fn vfork<T>(
    namespaces: u32,
    job: &mut T,
    end: Option<u32>,
    cgroup: fn(&T) -> Option<BorrowedFd<'_>>,
    run: fn(&mut T) -> !,
) -> Result<(i32, OwnedFd), Errno> {
    // That of the last child is free again: we waited for it.
    let stack = match LAST.take() {
        Some(stack) => ManuallyDrop::into_inner(stack),
        None => Stack::new()?,
    };
    let cgroup = cgroup(job).map(|fd| fd.as_raw_fd());
    let mut handed = Handed { run, job, end };
    let mut pidfd: i32 = -1;
    let table = if end.is_some() { libc::CLONE_FILES } else { 0 };
    let shared = (libc::CLONE_VM | libc::CLONE_VFORK | table) as u64;
    let mut args = CloneArgs {
        flags: u64::from(namespaces) | CLONE_PIDFD | shared,
        pidfd: (&raw mut pidfd).addr() as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.0.addr() as u64,
        stack_size: STACK as u64,
        ..CloneArgs::default()
    };
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup as u64;
    }
    // SAFETY: the child runs on a stack of its own and only in `enter::<T>`, which does not return; `handed` lives in our
    // frame, which stays as it is while we wait.
    let pid = unsafe { clone3(&args, enter::<T>, (&raw mut handed).cast()) };
    LAST.set(Some(ManuallyDrop::new(stack)));
    let pid = pid?;
    if pidfd < 0 {
        return Err(Errno::INVAL);
    }
    // SAFETY: the kernel has just made this descriptor for us; the child has another table.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// Where the child begins.
extern "C" fn enter<T>(handed: *mut libc::c_void) -> ! {
    // SAFETY: it is what `vfork` handed over; nobody else uses it while we run, since our parent waits.
    let handed = unsafe { &mut *handed.cast::<Handed<T>>() };
    if handed.end.is_some_and(|end| !unshare_below(end)) {
        // ENOMEM. What it did to descriptors would be done to ours.
        exit_now(127);
    }
    // SAFETY: as above.
    (handed.run)(unsafe { &mut *handed.job })
}

/// The call itself; in the child `enter(arg)` on the stack that `args` names.
///
/// # Safety
/// `args` names a stack that is large enough for `enter`, and nobody changes what the child reads meanwhile.
#[cfg(target_arch = "x86_64")]
unsafe fn clone3(
    args: &CloneArgs,
    enter: extern "C" fn(*mut libc::c_void) -> !,
    arg: *mut libc::c_void,
) -> Result<i32, Errno> {
    let result: isize;
    // SAFETY: the caller's conditions. The child never leaves the block: it calls and does not come back. Its stack begins
    // at a multiple of 16, as the call wants it.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") std::ptr::from_ref(args),
            in("rsi") size_of::<CloneArgs>(),
            in("r12") enter,
            in("r13") arg,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    answer(result)
}

/// As above.
///
/// # Safety
/// As above.
#[cfg(target_arch = "aarch64")]
unsafe fn clone3(
    args: &CloneArgs,
    enter: extern "C" fn(*mut libc::c_void) -> !,
    arg: *mut libc::c_void,
) -> Result<i32, Errno> {
    let result: isize;
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x10",
            "blr x9",
            "brk 1",
            "2:",
            inlateout("x0") std::ptr::from_ref(args) => result,
            in("x1") size_of::<CloneArgs>(),
            in("x8") libc::SYS_clone3,
            in("x9") enter,
            in("x10") arg,
        );
    }
    answer(result)
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn answer(result: isize) -> Result<i32, Errno> {
    if result < 0 { Err(Errno(-result as i32)) } else { Ok(result as i32) }
}

/// Other processors fork.
///
/// # Safety
/// None.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn clone3(_: &CloneArgs, _: extern "C" fn(*mut libc::c_void) -> !, _: *mut libc::c_void) -> Result<i32, Errno> {
    Err(Errno::NOSYS)
}

/// Memory for a stack; below it a page that nobody may touch.
struct Stack(*mut libc::c_void);

const GUARD: usize = 64 * 1024;

thread_local! {
    /// One that is kept for the next child: an agent makes many. Never freed: a value that is costs musl's allocator, and with it
    /// five calls, to note that it is to be.
    static LAST: Cell<Option<ManuallyDrop<Stack>>> = const { Cell::new(None) };
}

impl Stack {
    fn new() -> Result<Stack, Errno> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping where the kernel likes.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), GUARD + STACK, rights, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(super::last());
        }
        // SAFETY: it lies in the mapping made above, and nothing is in it yet.
        unsafe { libc::mprotect(base, GUARD, libc::PROT_NONE) };
        // SAFETY: within the mapping.
        Ok(Stack(unsafe { base.byte_add(GUARD) }))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping made above, which nobody uses any more: the child has left it.
        unsafe { libc::munmap(self.0.byte_sub(GUARD), GUARD + STACK) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(job: &mut [i32; 3]) -> ! {
        let depth = [7u8; 8192];
        job[0] = i32::from(depth[job[1] as usize]);
        // SAFETY: closes a descriptor of this process alone.
        unsafe { libc::close(0) };
        exit_now(5)
    }

    /// The child's writes are seen, its descriptors are its own, and its status is that of any child.
    #[test]
    fn a_child_shares_memory_and_nothing_else() {
        let mut job = [1, 2, 3];
        let Some(status) = ended(vfork(0, &mut job, None, |_| None, change)) else { return };
        assert_eq!((job, status), ([7, 2, 3], 5));
        assert!(rustix::io::fcntl_getfd(rustix::stdio::stdin()).is_ok());
    }

    /// The status of a child; none where there can be none.
    fn ended(child: Result<(i32, OwnedFd), Errno>) -> Option<i32> {
        let (pid, _pidfd) = match child {
            Err(Errno::NOSYS) => {
                crate::scratch::skip("no clone3 here, or another processor");
                return None;
            }
            child => child.unwrap(),
        };
        let pid = rustix::process::Pid::from_raw(pid);
        rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap().unwrap().1.exit_status()
    }

    fn look(job: &mut [i32; 3]) -> ! {
        // SAFETY: these are numbers; what is closed is this process's alone.
        let there = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1;
        job[2] = i32::from(there(job[0])) + 2 * i32::from(there(job[1]));
        // SAFETY: as above.
        unsafe { libc::close(job[0]) };
        exit_now(0)
    }

    /// What stands from a number on is not the child's, and what it does with the others is not ours.
    #[test]
    fn a_child_gets_the_beginning_of_the_table() {
        if !crate::sys::descriptors::can_unshare() {
            return crate::scratch::skip("a kernel before Linux 5.9");
        }
        let low = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap();
        let high = rustix::io::fcntl_dupfd_cloexec(&low, low.as_raw_fd() + 1).unwrap();
        for (end, seen) in [(Some(high.as_raw_fd().cast_unsigned()), 1), (None, 3)] {
            let mut job = [low.as_raw_fd(), high.as_raw_fd(), 0];
            let Some(status) = ended(vfork(0, &mut job, end, |_| None, look)) else { return };
            assert_eq!((job[2], status), (seen, 0), "{end:?}");
            assert!(rustix::io::fcntl_getfd(&low).is_ok() && rustix::io::fcntl_getfd(&high).is_ok());
        }
    }
}
