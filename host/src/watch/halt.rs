//! The signal that asks a first program to stop.

/// The configured signal; else SIGRTMIN+3 for an init that blocks it (systemd's way to say that it knows it), else
/// SIGPWR.
pub fn halt_signal(configured: Option<i32>, pid: i32) -> i32 {
    configured.unwrap_or_else(|| {
        let status = crate::place::read(format!("/proc/{pid}/status").as_ref()).unwrap_or_default();
        // systemd counts from glibc's SIGRTMIN, whatever this program was built with.
        let wanted = i32::from(pid1::signals::RTMIN) + 3;
        if blocks(&status, wanted) { wanted } else { libc::SIGPWR }
    })
}

/// Whether /proc/PID/status says that a signal is blocked.
fn blocks(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|l| l.strip_prefix("SigBlk:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).is_some_and(|m| m >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_init_that_blocks_sigrtmin_3_gets_it() {
        assert!(blocks("Name:\tx\nSigBlk:\t0000001000000000\n", 37));
        assert!(!blocks("SigBlk:\t0000001000000000\n", 36));
        assert!(!blocks("SigBlk:\tzz\n", 37));
        assert!(!blocks("", 37));
        assert_eq!(halt_signal(Some(10), 1), 10);
    }
}
