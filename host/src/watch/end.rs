//! How a container ended, in words, and what follows from it.
//!
//! Pure. The contract of pid namespaces (pid_namespaces(7), reboot(2)): an init that calls reboot(2) is killed with
//! SIGHUP for a restart and with SIGINT for a halt or power-off; LXC reads them the same way.
use keel_core::config::Restart;
use rustix::process::WaitStatus;
use std::fmt;
use std::time::Duration;

/// The end of a container's first program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It returned this status.
    Exited(i32),
    /// It was killed by this signal.
    Killed(i32),
    /// It called reboot(2) to restart.
    Reboot,
    /// It called reboot(2) to halt or power off.
    Halt,
}

impl End {
    /// What wait(2) said. Without a pid namespace of its own SIGHUP and SIGINT are signals like others.
    pub fn of(status: WaitStatus, own_pid_namespace: bool) -> End {
        match (status.terminating_signal(), status.exit_status()) {
            (Some(libc::SIGHUP), _) if own_pid_namespace => End::Reboot,
            (Some(libc::SIGINT), _) if own_pid_namespace => End::Halt,
            (Some(signal), _) => End::Killed(signal),
            (None, code) => End::Exited(code.unwrap_or(0)),
        }
    }

    /// Nothing went wrong.
    pub fn is_clean(self) -> bool {
        matches!(self, End::Exited(0) | End::Halt | End::Reboot)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exited(0) => f.write_str("ended"),
            End::Exited(code) => write!(f, "ended with status {code}"),
            End::Killed(signal) => write!(f, "was killed by {}", signal_name(*signal)),
            End::Reboot => f.write_str("asked for a restart"),
            End::Halt => f.write_str("halted"),
        }
    }
}

/// What the supervisor does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It stays down.
    Stay,
    /// Start it again at once.
    Again,
    /// Start it again after the back-off.
    AgainLater,
}

/// Decide. `ordered`: somebody asked for the stop, so that no policy applies.
pub fn next(end: End, policy: Option<Restart>, ordered: bool) -> Next {
    match (end, policy.unwrap_or(Restart::No)) {
        _ if ordered => Next::Stay,
        (End::Reboot, _) => Next::Again,
        (_, Restart::No) => Next::Stay,
        (_, Restart::Always) => Next::AgainLater,
        (end, Restart::OnFailure) if end.is_clean() => Next::Stay,
        (_, Restart::OnFailure) => Next::AgainLater,
    }
}

/// How long to wait before the next start: 1 s, doubled each time up to 60 s, from the beginning after a life of 60 s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    doublings: u32,
}

impl Backoff {
    const LONGEST: Duration = Duration::from_secs(60);

    /// The wait after a life of that length.
    pub fn after(&mut self, life: Duration) -> Duration {
        if life >= Self::LONGEST {
            self.doublings = 0;
        }
        let wait = Duration::from_secs(1 << self.doublings.min(6)).min(Self::LONGEST);
        self.doublings = (self.doublings + 1).min(6);
        wait
    }
}

/// A signal's name as in signal(7).
pub fn signal_name(signal: i32) -> String {
    u8::try_from(signal).map_or_else(|_| format!("signal {signal}"), |n| pid1::signals::Name(n).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_in_words() {
        let words = [End::Exited(0), End::Exited(7), End::Killed(11), End::Reboot, End::Halt].map(|e| e.to_string());
        assert_eq!(words, ["ended", "ended with status 7", "was killed by SIGSEGV", "asked for a restart", "halted"]);
        assert_eq!(signal_name(37), "SIGRTMIN+3");
        assert_eq!(signal_name(0), "signal 0");
    }

    #[test]
    fn a_policy_never_undoes_an_order() {
        for end in [End::Exited(0), End::Exited(1), End::Killed(9), End::Reboot, End::Halt] {
            for policy in [None, Some(Restart::No), Some(Restart::OnFailure), Some(Restart::Always)] {
                assert_eq!(next(end, policy, true), Next::Stay);
            }
        }
    }

    #[test]
    fn what_follows_an_end() {
        use Next::*;
        assert_eq!(next(End::Reboot, None, false), Again);
        assert_eq!(next(End::Exited(1), None, false), Stay);
        assert_eq!(next(End::Exited(1), Some(Restart::OnFailure), false), AgainLater);
        assert_eq!(next(End::Exited(0), Some(Restart::OnFailure), false), Stay);
        assert_eq!(next(End::Halt, Some(Restart::OnFailure), false), Stay);
        assert_eq!(next(End::Exited(0), Some(Restart::Always), false), AgainLater);
    }

    #[test]
    fn the_backoff_grows_to_a_minute_and_a_long_life_resets_it() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..9).map(|_| backoff.after(Duration::ZERO).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.after(Duration::from_secs(60)).as_secs(), 1);
        assert_eq!(backoff.after(Duration::from_secs(59)).as_secs(), 2);
    }
}
