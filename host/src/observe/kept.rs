//! What an agent keeps of its looks, so that a request costs one call for the mount table and two for the types of file systems,
//! however much the machine has mounted.
//!
//! Three kinds: what stays as it is while a process runs; what only a change of the mount table changes, of which the kernel
//! tells whoever has the table open (poll(2) of /proc/self/mountinfo: POLLERR, fs/proc_namespace.c); and a list that is open and read
//! again. Whoever looks once keeps nothing, nor whoever may go to another
//! mount namespace: the open table stays that of the namespace in which it was opened.

use super::{caller, kernel, namespaces, once, read, text};
use crate::sys::errno;
use keel_core::facts::{self, Caller, Filesystems, Mount, Namespaces, Seccomp};
use keel_core::failure::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::path::Path;

/// What every plan depends on.
#[derive(Clone)]
pub(super) struct Base {
    pub steady: Steady,
    pub mounted: Mounted,
    pub types: Filesystems,
}

/// What stays as it is.
#[derive(Clone)]
pub(super) struct Steady {
    pub kernel: (u16, u16),
    pub machine: String,
    pub namespaces: Namespaces,
    pub seccomp: Seccomp,
    pub caller: Caller,
    pub apparmor: bool,
}

/// What is mounted, as far as the start of a container depends on it, and what is found at paths that only a mount makes.
#[derive(Clone)]
pub(super) struct Mounted {
    pub mounts: Vec<Mount>,
    pub android_host: bool,
    pub selinux: bool,
}

#[derive(Default)]
pub(super) struct Kept {
    steady: Option<Steady>,
    pub(super) mounted: Option<(OwnedFd, Mounted)>,
    pub(super) types: Option<(OwnedFd, Filesystems)>,
}

thread_local! {
    /// None: nothing is kept. Never freed (see `environment`).
    static KEPT: ManuallyDrop<RefCell<Option<Kept>>> = const { ManuallyDrop::new(RefCell::new(None)) };
}

const TABLE: &str = "/proc/self/mountinfo";

/// From here on this process keeps what it has seen. It stays in its mount namespace and changes its root no more.
pub fn keep() {
    KEPT.with(|kept| *kept.borrow_mut() = Some(Kept::default()));
}

/// Whether this process does.
pub fn keeps() -> bool {
    KEPT.with(|kept| kept.borrow().is_some())
}

/// Looks, or knows.
pub(super) fn base(all_mounts: bool) -> Result<Base, Failure> {
    KEPT.with(|kept| match kept.borrow_mut().as_mut().filter(|_| !all_mounts) {
        Some(kept) => kept.base(),
        None => {
            let mounts = if all_mounts { facts::mountinfo } else { facts::mounts_of_a_start };
            let mounted = Mounted::of(mounts(&read(TABLE)?));
            Ok(Base { steady: Steady::look(), mounted, types: Filesystems::new(optional("/proc/filesystems")) })
        }
    })
}

impl Kept {
    pub(super) fn base(&mut self) -> Result<Base, Failure> {
        let steady = self.steady.get_or_insert_with(Steady::look).clone();
        Ok(Base { steady, mounted: self.mounted(TABLE)?, types: self.types()? })
    }

    pub(super) fn mounted(&mut self, path: &str) -> Result<Mounted, Failure> {
        if let Some((table, mounted)) = &self.mounted {
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            // An error is as good as a change.
            if poll(&mut [PollFd::new(table, PollFlags::PRI)], Some(&now)) == Ok(0) {
                return Ok(mounted.clone());
            }
        }
        // Opened before it is read: what changes in between is told by the next look.
        let table = open(path)?;
        let bytes = crate::read::all(&table, 0).map_err(|e| Failure::errno(format!("read {path}"), errno(e)))?;
        let mounted = Mounted::of(facts::mounts_of_a_start(&text(bytes)));
        self.mounted = Some((table, mounted.clone()));
        Ok(mounted)
    }

    pub(super) fn types(&mut self) -> Result<Filesystems, Failure> {
        const LIST: &str = "/proc/filesystems";
        let (list, before) = match self.types.take() {
            None => (open(LIST)?, 0),
            // A module may have brought one.
            Some((list, types)) => (list, types.text().len()),
        };
        let bytes = crate::read::all(&list, before).map_err(|e| Failure::errno(format!("read {LIST}"), errno(e)))?;
        let types = Filesystems::new(text(bytes));
        self.types = Some((list, types.clone()));
        Ok(types)
    }
}

impl Steady {
    fn look() -> Steady {
        let (status, uname) = (facts::Status::read(&once("/proc/self/status")), rustix::system::uname());
        // One file says both: what is known here need not be asked for signal by signal between clone and exec.
        crate::sys::signal::ignored_are(status.ignored);
        let (namespaces, user_namespace) = namespaces();
        Steady {
            kernel: kernel(&uname.release().to_string_lossy()),
            machine: uname.machine().to_string_lossy().into_owned(),
            namespaces,
            seccomp: status.seccomp,
            caller: caller(user_namespace),
            apparmor: optional("/sys/module/apparmor/parameters/enabled").trim() == "Y",
        }
    }
}

impl Mounted {
    fn of(mounts: Vec<Mount>) -> Mounted {
        let selinux = Path::new("/sys/fs/selinux/enforce").exists();
        Mounted { mounts, android_host: crate::store::is_android(), selinux }
    }
}

fn open(path: &str) -> Result<OwnedFd, Failure> {
    let opened = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    opened.map_err(|e| Failure::errno(format!("open {path}"), errno(e)))
}

fn optional(path: &str) -> String {
    read(path).unwrap_or_default()
}
