//! What the kernel does not undo by itself when a container has ended.

use keel_core::failure::Failure;
use rustix::fd::OwnedFd;
use std::ffi::CString;

/// What a start leaves in the system beyond its processes.
#[derive(Debug, Default)]
pub struct Undo {
    /// Directories of cgroups, in the order in which they were made.
    pub cgroups: Vec<CString>,
    /// Directories of cgroups on the way to them, which go when no other container is in them.
    pub parents: Vec<CString>,
    /// Keeps the rootfs's file system from being made read-only from inside, as long as it is open.
    pub pin: Option<OwnedFd>,
    /// Locks of what was dealt out to it.
    pub locks: Vec<OwnedFd>,
    /// What the network has left on the host.
    pub net: crate::net::Undo,
}

impl Undo {
    /// Undoes everything, last first; what can't be undone is returned, one sentence each.
    /// No process of the container may be left.
    pub fn run(self) -> Vec<Failure> {
        drop(self.pin);
        self.locks.iter().for_each(crate::binders::release);
        let mut left = self.net.run();
        left.extend(self.cgroups.iter().rev().filter_map(|dir| crate::cgroup::remove(dir).err()));
        for parent in self.parents.iter().rev() {
            // EBUSY: somebody else's is in it by now.
            let _ = rustix::fs::rmdir(parent.as_c_str());
        }
        left
    }
}
