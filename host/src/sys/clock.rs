//! The wall clock as people read it.

use std::mem::MaybeUninit;

/// `2026:11:23 15:04:15` in the machine's time zone, as LXC writes it.
pub fn local_time() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec;
    let mut tm = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both point to values that outlive the call, which writes only to the second; the program has one thread.
    let tm = unsafe {
        let seconds = now as _;
        libc::localtime_r(&raw const seconds, tm.as_mut_ptr());
        tm.assume_init()
    };
    let (year, month) = (tm.tm_year + 1900, tm.tm_mon + 1);
    format!("{year:04}:{month:02}:{:02} {:02}:{:02}:{:02}", tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec)
}
