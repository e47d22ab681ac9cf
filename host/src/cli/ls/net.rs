//! A container's interfaces, as its /proc/PID/net/dev shows them: nothing has to be entered.

/// Names of the interfaces of a process's network namespace; none where it cannot be read.
pub fn interfaces(pid: i32) -> Vec<String> {
    names(&std::fs::read_to_string(format!("/proc/{pid}/net/dev")).unwrap_or_default())
}

/// Two lines of head, then `NAME: counters` (net/core/net-procfs.c).
fn names(dev: &str) -> Vec<String> {
    dev.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_table() {
        assert_eq!(names("Inter-|   Receive\n face |bytes\n    lo:  0 0\n  eth0: 1 2\n"), ["lo", "eth0"]);
        assert!(names("").is_empty() && names("\n\n\ngarbage\n").is_empty());
        assert!(interfaces(std::process::id() as i32).contains(&"lo".to_owned()));
        assert!(interfaces(-1).is_empty());
    }
}
