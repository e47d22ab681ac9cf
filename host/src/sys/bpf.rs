//! bpf(2), for programs that decide on devices.

use super::checked;
use keel_core::failure::Errno;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_DETACH: libc::c_int = 9;
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_PROG_QUERY: libc::c_int = 16;
const BPF_PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const BPF_CGROUP_DEVICE: u32 = 6;
/// Programs of cgroups further down are asked, too, and each must allow (Linux 4.15).
const BPF_F_ALLOW_MULTI: u32 = 2;

/// The first fields of `union bpf_attr` for BPF_PROG_LOAD (include/uapi/linux/bpf.h).
#[repr(C)]
struct Load {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

/// The same for BPF_PROG_ATTACH and BPF_PROG_DETACH.
#[repr(C)]
struct Attach {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

/// The same for BPF_PROG_QUERY.
#[repr(C)]
struct Query {
    target_fd: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    prog_cnt: u32,
    padding: u32,
}

/// Loads a program and attaches it to a cgroup; it stays as long as the cgroup does. EINVAL or ENOSYS on kernels without
/// CONFIG_CGROUP_BPF, EPERM without CAP_SYS_ADMIN.
pub fn attach_device_program(cgroup: BorrowedFd<'_>, program: &[u64]) -> Result<(), Errno> {
    let loaded = load(program)?;
    attachment(BPF_PROG_ATTACH, cgroup, &loaded)
}

/// Whether cgroups can have such programs: a query for no cgroup at all is EBADF where they can, EINVAL or ENOSYS where the kernel
/// is without CONFIG_CGROUP_BPF. Who may not ask (EPERM) does not know, and tries.
pub fn has_device_programs() -> bool {
    let mut query = Query {
        target_fd: u32::MAX,
        attach_type: BPF_CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: 0,
        prog_cnt: 0,
        padding: 0,
    };
    // SAFETY: the structure outlives the call; -1 is no descriptor, and no list is asked for.
    let asked = checked(unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_QUERY, &raw mut query, size_of::<Query>()) });
    !matches!(asked, Err(Errno::INVAL | Errno::NOSYS))
}

/// Attaches a program in the place of those that a cgroup has; false: it has none, and nothing was done. In between both decide,
/// so that never more is allowed than one of them allows.
pub fn replace_device_programs(cgroup: BorrowedFd<'_>, program: &[u64]) -> Result<bool, Errno> {
    let mut ids = [0u32; 64];
    let mut query = Query {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        prog_ids: ids.as_mut_ptr().addr() as u64,
        prog_cnt: ids.len() as u32,
        padding: 0,
    };
    // SAFETY: `ids` has room for as many numbers as is said, and outlives the call, which writes them and the count.
    checked(unsafe { libc::syscall(libc::SYS_bpf, BPF_PROG_QUERY, &raw mut query, size_of::<Query>()) })?;
    let old = ids.get(..query.prog_cnt as usize).ok_or(Errno::NOSPC)?;
    if old.is_empty() {
        return Ok(false);
    }
    attach_device_program(cgroup, program)?;
    for id in old {
        // The field is followed by two more that are nothing here.
        let by_id = [*id, 0, 0];
        // SAFETY: three numbers that outlive the call, which reads them.
        let fd = unsafe {
            checked(libc::syscall(libc::SYS_bpf, BPF_PROG_GET_FD_BY_ID, by_id.as_ptr(), size_of_val(&by_id)))?
        };
        // SAFETY: the kernel has just made this descriptor for us.
        let old = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        attachment(BPF_PROG_DETACH, cgroup, &old)?;
    }
    Ok(true)
}

fn attachment(command: libc::c_int, cgroup: BorrowedFd<'_>, program: &OwnedFd) -> Result<(), Errno> {
    let attach = Attach {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: BPF_CGROUP_DEVICE,
        attach_flags: if command == BPF_PROG_ATTACH { BPF_F_ALLOW_MULTI } else { 0 },
    };
    // SAFETY: both descriptors are open, and the structure outlives the call.
    checked(unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attach, size_of::<Attach>()) }).map(drop)
}

fn load(program: &[u64]) -> Result<OwnedFd, Errno> {
    let load = Load {
        prog_type: BPF_PROG_TYPE_CGROUP_DEVICE,
        insn_cnt: program.len() as u32,
        insns: program.as_ptr().addr() as u64,
        license: c"Apache-2.0".as_ptr().addr() as u64,
        log_level: 0,
        log_size: 0,
        log_buf: 0,
        kern_version: 0,
        prog_flags: 0,
    };
    // SAFETY: the program and the licence outlive the call, and the counts are theirs; the kernel checks the program.
    let fd = unsafe { checked(libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const load, size_of::<Load>()))? };
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
