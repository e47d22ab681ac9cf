//! Loading a filter of system calls.

use super::checked;
use keel_core::failure::Errno;
use keel_core::seccomp::Insn;

/// `struct sock_fprog` (include/uapi/linux/filter.h).
#[repr(C)]
struct Program {
    len: u16,
    filter: *const Insn,
}

/// prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER): in force for this thread and all its children from here on. EACCES without
/// CAP_SYS_ADMIN and without no_new_privs, EINVAL for a program that the kernel finds wrong or that it has no filters for.
pub fn load(program: &[Insn]) -> Result<(), Errno> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let program = Program { len, filter: program.as_ptr() };
    let mode = libc::c_ulong::from(libc::SECCOMP_MODE_FILTER);
    // SAFETY: `Insn` is laid out as `struct sock_filter`, `len` counts them, and both outlive the call, which only reads.
    checked(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program, 0, 0) }).map(drop)
}
