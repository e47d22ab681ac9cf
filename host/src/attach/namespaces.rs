//! The namespaces of a container's first program that are not ours, and the way into them.

use crate::namespaces::Links;
use crate::process::Process;
use crate::sys::process::join_namespace;
use keel_core::facts::Namespaces;
use keel_core::failure::{Errno, Failure};
use keel_core::sorted;
use std::os::fd::AsFd;

/// See the module.
pub(super) struct Others {
    /// CLONE_NEW* flags.
    flags: u32,
    links: Links,
    /// Its user namespace is the kernel's first.
    first_user: bool,
}

impl Others {
    /// Those of a process that differ from ours, of those that are wanted.
    pub fn of(pid: i32, wanted: Namespaces) -> Result<Others, Failure> {
        let own = Links::of_self().map_err(|e| super::not_there("/proc/self/ns", e))?;
        let theirs = Links::of(pid).map_err(|e| super::not_there(&format!("/proc/{pid}/ns"), e))?;
        let (mut flags, mut first_user) = (0, true);
        for (name, flag) in Namespaces::NAMES {
            let Ok(own) = own.read(name) else {
                // COMPAT(linux<3.8): neither pid nor mnt can be entered. Later kernels are without the others when they were built so.
                if flag == Namespaces::MNT {
                    return Err(Failure::new(format!("the kernel cannot enter a {name} namespace (before Linux 3.8)")));
                }
                continue;
            };
            let link = theirs.read(name).map_err(|e| super::not_there(&format!("/proc/{pid}/ns/{name}"), e))?;
            if flag == Namespaces::USER {
                first_user = link.is_first_user();
            }
            if own != link && wanted.has(flag) {
                flags |= flag;
            }
        }
        Ok(Others { flags, links: theirs, first_user })
    }

    /// Whether a namespace is among them.
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// Whether the process is in the first user namespace.
    pub fn is_of_first_user(&self) -> bool {
        self.first_user
    }

    /// Enters all of them; `process` is the one that they are of.
    pub fn enter(&self, process: &Process) -> Result<(), Failure> {
        if self.flags == 0 {
            return Ok(());
        }
        // COMPAT(linux<5.8): not all at once. What goes wrong here is said below, with the namespace's name: nothing is entered then.
        if process.descriptor().is_some_and(|process| join_namespace(process.as_fd(), self.flags).is_ok()) {
            return Ok(());
        }
        let mut files = Vec::new();
        for (name, flag) in Namespaces::NAMES.into_iter().filter(|(_, flag)| self.has(*flag)) {
            files.push((name, flag, self.links.open(name).map_err(|e| entering(name, e))?));
        }
        // The user namespace first: it gives the right to enter those that it owns.
        sorted::by_key(&mut files, |(_, flag, _)| *flag != Namespaces::USER);
        files
            .iter()
            .try_for_each(|(name, flag, file)| join_namespace(file.as_fd(), *flag).map_err(|e| entering(name, e)))
    }
}

fn entering(name: &str, errno: Errno) -> Failure {
    Failure::errno(format_args!("enter the {name} namespace"), errno)
}
