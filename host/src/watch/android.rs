//! The end of an Android: how it is brought about, and what it means.
//!
//! Its init takes no signal that would stop it (it is process 1 and has a handler for SIGCHLD only). So a helper process
//! does what Android's own power-off does: services are stopped by property, files are written; then init is killed, which
//! is what reboot(2) does in a pid namespace. The helper waits in the loop's stead; the loop's deadline holds all the same.
use super::Watch;
use super::container::Supervised;
use super::end::End;
use crate::android;
use crate::sys::process::{self, Cloned};

impl Supervised {
    /// Begin to stop it in Android's way. False: it is no Android, or has a signal of its own for that.
    pub(super) fn begin_android_stop(&mut self, init: i32) -> bool {
        let config = &self.definition.config;
        if !config.android.on || config.signal.halt.is_some() {
            return false;
        }
        self.end_helper();
        match process::fork() {
            Ok(Cloned::Child { .. }) => {
                android::stop_services(init);
                process::exit_now(0);
            }
            Ok(Cloned::Parent { pid, .. }) => self.helper = Some(pid),
            Err(errno) => {
                log::warn!("{}: fork: {errno}; killed without stopping its services", self.name());
                // ESRCH: it has ended.
                let _ = self.send(libc::SIGKILL);
            }
        }
        true
    }

    /// The helper is not waited for any more.
    pub(super) fn end_helper(&mut self) {
        if let Some(pid) = self.helper.take().and_then(rustix::process::Pid::from_raw) {
            // Our child, not reaped: no other process has its pid.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    /// An end in words, with what it means for an Android.
    pub(super) fn in_words(&self, end: End) -> String {
        match meaning(end) {
            Some(meaning) if self.definition.config.android.on && self.order.is_none() => format!("{end}: {meaning}"),
            _ => end.to_string(),
        }
    }
}

impl Watch {
    /// A child has ended. False: it is no helper.
    pub(super) fn helper_ended(&mut self, pid: i32) -> bool {
        let Some(container) = self.containers.values_mut().find(|c| c.helper == Some(pid)) else { return false };
        container.helper = None;
        // ESRCH: it has ended, and that is just being reported.
        let _ = container.send(libc::SIGKILL);
        true
    }
}

/// What the real init means by an end of its own.
fn meaning(end: End) -> Option<&'static str> {
    match end {
        // The only point where it gives up, before it can log anything.
        End::Exited(1) => Some(
            "its init could not make or open /dev/__null__ (no right to mknod, a rule for devices without 'c 1:3 rwm', or a /dev \
             without devices)",
        ),
        End::Reboot => Some(
            "reboot, by a program or by init itself: that does so when a critical service has failed five times in four minutes \
             (its log is the host's kernel log: dmesg)",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ends_that_mean_something_have_a_meaning() {
        assert!(meaning(End::Exited(1)).is_some_and(|m| m.contains("/dev/__null__")));
        assert!(meaning(End::Reboot).is_some_and(|m| m.contains("critical service")));
        assert_eq!((meaning(End::Halt), meaning(End::Killed(9)), meaning(End::Exited(0))), (None, None, None));
    }
}
