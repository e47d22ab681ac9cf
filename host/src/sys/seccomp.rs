//! Loading a filter of system calls.

use super::checked;
use keel_core::failure::Errno;
use keel_core::seccomp::Insn;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

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

/// The same by seccomp(2) with SECCOMP_FILTER_FLAG_NEW_LISTENER (Linux 5.0): what its calls are answered through. EBUSY when a
/// filter of the caller's has one already.
pub fn load_with_listener(program: &[Insn]) -> Result<OwnedFd, Errno> {
    const SET_MODE_FILTER: libc::c_uint = 1;
    const NEW_LISTENER: libc::c_uint = 1 << 3;
    let len = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let program = Program { len, filter: program.as_ptr() };
    // SAFETY: as in `load`; the descriptor that comes back is new and ours.
    unsafe {
        let fd = checked(libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, NEW_LISTENER, &raw const program))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// `struct seccomp_notif`: a call that waits for its answer.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Notice {
    /// Names it in the answer.
    pub id: u64,
    /// The thread that makes it, in our pid namespace.
    pub pid: u32,
    flags: u32,
    /// `struct seccomp_data`: the call's number.
    pub number: i32,
    /// AUDIT_ARCH_* of its processor.
    pub audit: u32,
    instruction: u64,
    /// Its arguments.
    pub arguments: [u64; 6],
}

impl Notice {
    /// As the kernel wrote it.
    pub fn to_bytes(self) -> [u8; 80] {
        let mut bytes = [0; 80];
        let head = [self.id.to_ne_bytes(), pair(self.pid, self.flags), pair(self.number as u32, self.audit)];
        let all = head.into_iter().chain([self.instruction.to_ne_bytes()]).chain(self.arguments.map(u64::to_ne_bytes));
        for (to, from) in bytes.chunks_exact_mut(8).zip(all) {
            to.copy_from_slice(&from);
        }
        bytes
    }
}

fn pair(first: u32, second: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&first.to_ne_bytes());
    bytes[4..].copy_from_slice(&second.to_ne_bytes());
    bytes
}

/// `struct seccomp_notif_resp`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Response {
    /// The notice's.
    pub id: u64,
    /// What the call returns.
    pub value: i64,
    /// Else its error, negative.
    pub error: i32,
    /// SECCOMP_USER_NOTIF_FLAG_*.
    pub flags: u32,
}

impl Response {
    /// As the kernel reads it.
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        let all = [self.id.to_ne_bytes(), self.value.to_ne_bytes(), pair(self.error as u32, self.flags)];
        for (to, from) in bytes.chunks_exact_mut(8).zip(all) {
            to.copy_from_slice(&from);
        }
        bytes
    }

    /// The same, read.
    pub fn of_bytes(bytes: &[u8; 24]) -> Response {
        let [id, value] = [0, 8].map(|at| u64::from_ne_bytes(std::array::from_fn(|i| bytes[at + i])));
        let [error, flags] = [16, 20].map(|at| u32::from_ne_bytes(std::array::from_fn(|i| bytes[at + i])));
        Response { id, value: value as i64, error: error as i32, flags }
    }
}

/// `_IOWR('!', 0, struct seccomp_notif)`.
const RECV: u32 = 0xc050_2100;
/// `_IOWR('!', 1, struct seccomp_notif_resp)`.
const SEND: u32 = 0xc018_2101;
/// `_IOW('!', 2, __u64)`, and the wrong direction that it had up to Linux 5.8.
const ID_VALID: [u32; 2] = [0x4008_2102, 0x8008_2102];

/// The next call that waits; to be asked for only when the listener is readable. ENOENT: it waits no more.
pub fn receive(listener: BorrowedFd<'_>) -> Result<Notice, Errno> {
    // The kernel wants it zeroed.
    let mut notice = Notice::default();
    // SAFETY: writes one seccomp_notif, which outlives the call.
    checked(unsafe { libc::ioctl(listener.as_raw_fd(), RECV as _, &raw mut notice) })?;
    Ok(notice)
}

/// The call is over: it returns 0 or an error. ENOENT: it waits no more.
pub fn answer(listener: BorrowedFd<'_>, id: u64, result: Result<(), Errno>) -> Result<(), Errno> {
    respond(listener, Response { id, error: result.err().map_or(0, |e| -e.0), ..Response::default() })
}

/// The same, with all that can be said. EINVAL for what the kernel does not know.
pub fn respond(listener: BorrowedFd<'_>, mut response: Response) -> Result<(), Errno> {
    // SAFETY: reads one seccomp_notif_resp, which outlives the call.
    checked(unsafe { libc::ioctl(listener.as_raw_fd(), SEND as _, &raw mut response) }).map(drop)
}

/// Whether the call still waits, and so the thread's id is still that thread's.
pub fn waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    ID_VALID.iter().any(|request| {
        let mut id = id;
        // SAFETY: reads one 64-bit number, which outlives the call.
        checked(unsafe { libc::ioctl(listener.as_raw_fd(), *request as _, &raw mut id) }).is_ok()
    })
}
