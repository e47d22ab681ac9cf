//! close_range(2), which rustix does not have.
use keel_core::sorted;
use std::os::fd::RawFd;

const SYS_CLOSE_RANGE: libc::c_long = 436;
const CLOSE_RANGE_UNSHARE: libc::c_uint = 2;

/// Whether a table of descriptors can be copied in part (Linux 5.9).
pub fn can_unshare() -> bool {
    let none = libc::c_uint::MAX;
    // SAFETY: close_range takes numbers; there is no such descriptor.
    unsafe { libc::syscall(SYS_CLOSE_RANGE, none, none, CLOSE_RANGE_UNSHARE) == 0 }
}

/// A table of our own of what stands below `end`, from one that is shared with another process, where all stays as it is.
pub(super) fn unshare_below(end: u32) -> bool {
    // SAFETY: close_range takes numbers; what is closed is closed in a copy, which nobody has begun to use.
    unsafe { libc::syscall(SYS_CLOSE_RANGE, end, libc::c_uint::MAX, CLOSE_RANGE_UNSHARE) == 0 }
}

/// Close all descriptors from `first` on.
///
/// To be called where nothing that owns one of them is used any more: at the start of a program or before an exec.
pub fn close_from(first: RawFd) {
    // SAFETY: close_range takes numbers; that nobody uses the descriptors is the caller's promise.
    if unsafe { libc::syscall(SYS_CLOSE_RANGE, first as libc::c_uint, libc::c_uint::MAX, 0 as libc::c_uint) } == 0 {
        return;
    }
    // COMPAT(linux<5.9): one by one, as /proc lists them, else as many as there usually can be.
    let listed: Option<Vec<RawFd>> = std::fs::read_dir("/proc/self/fd")
        .ok()
        .map(|dir| dir.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect());
    let all = listed.unwrap_or_else(|| (first..4096).collect());
    for fd in all.into_iter().filter(|fd| *fd >= first) {
        // SAFETY: as above; a number that is no descriptor is EBADF.
        unsafe { libc::close(fd) };
    }
}

/// Close all descriptors but these.
///
/// To be called where nothing that owns another one is used any more: in a fork that never returns.
pub fn close_all_but(keep: &mut [RawFd]) {
    sorted::sort(keep);
    let ends = keep.iter().map(|fd| fd.cast_unsigned()).chain([libc::c_uint::MAX]);
    let mut first: libc::c_uint = 0;
    for end in ends {
        if end > first {
            // SAFETY: close_range takes numbers; that nobody uses the descriptors is the caller's promise.
            let done = unsafe { libc::syscall(SYS_CLOSE_RANGE, first, end - 1, 0 as libc::c_uint) };
            if done != 0 {
                // COMPAT(linux<5.9): one by one, as many as there usually can be.
                for fd in first..end.min(4096) {
                    // SAFETY: as above; a number that is no descriptor is EBADF.
                    unsafe { libc::close(fd.cast_signed()) };
                }
            }
        }
        first = end.saturating_add(1);
    }
}
