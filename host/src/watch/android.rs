//! The end of an Android: how it is brought about, and what it means.
//!
//! Its init takes no signal that would stop it (it is process 1 and has a handler for SIGCHLD only). So a helper process
//! does what Android's own power-off does: services are stopped by property, files are written, `reboot -n -p` is run inside (4.4 and
//! later: sys.powerctl is set); then init is killed, if it is still there. The helper waits in the loop's stead; the loop's deadline holds all the same.
use super::Watch;
use super::container::Supervised;
use super::end::End;
use super::forward;
use crate::android;
use crate::sys::process::{self, Cloned};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

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
                android::stop(init);
                // As its own power-off ends: where that is not there or has no right to, it is killed.
                let words = [
                    "attach",
                    "-P",
                    &self.definition.lxcpath,
                    "-n",
                    self.name(),
                    "--",
                    "/system/bin/reboot",
                    "-n",
                    "-p",
                ];
                let mut command = Command::new("/proc/self/exe");
                command.arg0("keel").args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let _ = command.exec();
                process::exit_now(1);
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
        end(self.helper.take());
    }

    /// It has ended, and what leads into it has nowhere to lead.
    pub(super) fn end_processes(&mut self) {
        end(self.helper.take());
        end(self.forwarder.take());
    }

    /// Where its network namespace is its own and has no interface, its adbd is reached by the host's port.
    pub(super) fn forward_adb(&mut self, init: i32) {
        let config = &self.definition.config;
        let Ok(port) = u16::try_from(config.android.adb) else { return };
        if !config.android.on || port == 0 || config.has_interfaces() || !has_own_network(init) {
            return;
        }
        match forward::begin(port, init) {
            Ok(pid) => self.forwarder = Some(pid),
            Err(cause) => log::warn!("{}: adb can't be reached: {cause}", self.name()),
        }
    }

    /// An end in words, with what it means for an Android.
    pub(super) fn in_words(&self, end: End) -> String {
        if !self.definition.config.android.on || self.order.is_some() {
            return end.to_string();
        }
        match (end, self.critical_service(), meaning(end)) {
            (End::Reboot, Some(service), _) => format!(
                "{end}: its init restarts Android, as the critical service '{service}' failed five times in four minutes"
            ),
            (_, _, Some(meaning)) => format!("{end}: {meaning}"),
            _ => end.to_string(),
        }
    }
}

fn has_own_network(init: i32) -> bool {
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    namespace("self") != namespace(&init.to_string())
}

/// Ends a child of ours that was not reaped: no other process has its pid.
fn end(child: Option<i32>) {
    if let Some(pid) = child.and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

impl Watch {
    /// A child has ended. False: it is no helper.
    pub(super) fn helper_ended(&mut self, pid: i32) -> bool {
        if let Some(container) = self.containers.values_mut().find(|c| c.forwarder == Some(pid)) {
            container.forwarder = None;
            log::warn!("{}: the process that led to its adbd has ended", container.name());
            return true;
        }
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
             ('keel log' shows what it said)",
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
