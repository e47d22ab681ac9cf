//! What steps leave for later steps.

use super::{Report, beneath, errno, hook, open};
use keel_core::failure::Errno;
use keel_core::plan::Planned;
use keel_core::step::{Slot, Step};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::OFlags;
use std::ffi::CString;

/// Descriptors, mostly.
#[derive(Default)]
pub struct Stage {
    pub(super) root: Option<OwnedFd>,
    pub(super) slots: Vec<Option<OwnedFd>>,
    pub(super) cgroup: Option<Slot>,
    pub(super) in_cgroup: bool,
    pub(super) masters: Vec<OwnedFd>,
    pub(super) console: Option<OwnedFd>,
    /// Where the child reports.
    pub report: Report,
    pub(super) exec: Option<hook::Program>,
    pub(super) hooks: std::collections::VecDeque<hook::Program>,
    pub(super) child: Option<i32>,
    /// Namespaces that the child is made in, in the order in which they are entered.
    pub(super) born_in: Vec<(u32, OwnedFd)>,
    pub(super) pin: Option<OwnedFd>,
    pub(super) locks: Vec<OwnedFd>,
    /// The directory beneath the rootfs that something was made in last.
    pub(super) near: Option<beneath::Near>,
    /// The working directory, while another is.
    pub(super) here: Option<OwnedFd>,
    /// Another is.
    pub(super) away: bool,
    /// The network namespace that waits for the child.
    pub(super) network: Option<crate::net::Namespace>,
    /// What the network leaves on the host.
    pub(super) left: Vec<keel_core::step::net::Left>,
    /// Directories of cgroups that were made, in order.
    pub made: Vec<CString>,
    /// Directories on the way to them that were made.
    pub parents: Vec<CString>,
}

impl Stage {
    /// Room for what the plan's steps will leave, so that no step allocates.
    pub fn new<'a>(steps: impl IntoIterator<Item = &'a Planned>) -> Self {
        let mut stage = Stage::default();
        let mut terminals = 0;
        for planned in steps {
            // A slot keeps its number whatever becomes of those before it.
            let step = match &planned.step {
                Step::Fail { instead_of, .. } if !matches!(**instead_of, Step::RunHook { .. } | Step::Exec { .. }) => {
                    instead_of
                }
                step => step,
            };
            match step {
                Step::OpenSlot { .. }
                | Step::OpenCgroup { .. }
                | Step::OpenLabel { .. }
                | Step::OpenMappedTree { .. }
                | Step::OpenTree { .. } => stage.slots.push(None),
                Step::MakeCgroup { .. } => stage.made.reserve(1),
                Step::OpenTerminal { .. } | Step::OpenLog { .. } | Step::Supervise { .. } => terminals += 1,
                Step::RunHook { shells, argv, envp } => stage.hooks.push_back(hook::Program::new(shells, argv, envp)),
                Step::Exec { paths, argv, envp } => stage.exec = Some(hook::Program::new(paths, argv, envp)),
                _ => (),
            }
        }
        stage.masters.reserve_exact(terminals);
        stage
    }

    /// The directory of the version 2 cgroup that a clone shall make its child in.
    pub fn cgroup(&self) -> Option<BorrowedFd<'_>> {
        self.cgroup.and_then(|slot| self.slot(slot).ok())
    }

    /// What keeps the rootfs's file system writable as long as it is open.
    pub fn take_pin(&mut self) -> Option<OwnedFd> {
        self.pin.take()
    }

    /// Namespaces that the child is made in.
    pub fn take_born_in(&mut self) -> Vec<(u32, OwnedFd)> {
        std::mem::take(&mut self.born_in)
    }

    /// Locks that are held as long as the container runs.
    pub fn take_locks(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.locks)
    }

    /// In the parent: a hook of the outside is not the child's to run.
    pub fn skip_hook(&mut self) {
        self.hooks.pop_front();
    }

    /// In the parent: the child that rounds are performed for.
    pub fn set_child(&mut self, pid: i32) {
        self.child = Some(pid);
    }

    /// In the child: whether clone3(2) put it into the version 2 cgroup.
    pub fn set_in_cgroup(&mut self, is: bool) {
        self.in_cgroup = is;
    }

    /// In the parent: each descriptor that the child needs, in an order that stays as it is until the child is made.
    pub fn for_the_child(&mut self, mut each: impl FnMut(&mut OwnedFd)) {
        self.slots.iter_mut().flatten().for_each(&mut each);
        if let Report::Socket(socket) = &mut self.report {
            each(socket);
        }
        if let Some(network) = &mut self.network {
            each(network.descriptor());
        }
    }

    /// In the parent, when the child has its copies: what only the child needs is closed; the slots are kept for rounds.
    pub fn close_child_side(&mut self, no_rounds: bool) {
        if no_rounds {
            self.slots.clear();
        }
        if no_rounds && self.left.is_empty() {
            self.network = None;
        }
        if matches!(self.report, Report::Socket(_)) {
            self.report = Report::Nobody;
        }
    }

    /// What the container's network has left on the host so far.
    pub fn left(&self) -> &[keel_core::step::net::Left] {
        &self.left
    }

    /// The same, to be taken back.
    pub fn take_network(&mut self) -> crate::net::Undo {
        crate::net::Undo::new(std::mem::take(&mut self.left), self.network.take())
    }

    /// In the parent of a child that had our memory: descriptors that it opened are none of ours.
    pub fn forget_childs(&mut self) {
        beneath::in_proc(false);
        if let Some(near) = self.near.take() {
            near.forget();
        }
        self.root
            .take()
            .into_iter()
            .chain(self.console.take())
            .chain(self.here.take())
            .chain(self.masters.drain(..))
            .for_each(std::mem::forget);
        self.in_cgroup = false;
    }

    pub(super) fn slot(&self, slot: Slot) -> Result<BorrowedFd<'_>, Errno> {
        let fd = self.slots.get(usize::from(slot.0)).and_then(|s| s.as_ref());
        // EBADF: the file that the slot stands for could not be opened, and it was allowed to fail.
        fd.map(|fd| fd.as_fd()).ok_or(Errno(libc::EBADF))
    }

    /// A directory becomes the working one, until a step needs the one that was.
    pub(super) fn go_to(&mut self, dir: &OwnedFd) -> Result<(), Errno> {
        if self.here.is_none() {
            self.here = Some(open(c".", OFlags::PATH | OFlags::DIRECTORY)?);
        }
        rustix::process::fchdir(dir).map_err(errno)?;
        self.away = true;
        Ok(())
    }

    /// Back to the working directory.
    pub(super) fn come_back(&mut self) -> Result<(), Errno> {
        match &self.here {
            Some(here) if std::mem::take(&mut self.away) => rustix::process::fchdir(here).map_err(errno),
            _ => Ok(()),
        }
    }

    /// The working directory is another one for good.
    pub(super) fn moved(&mut self) {
        (self.here, self.away) = (None, false);
    }

    pub(super) fn root(&self) -> Result<BorrowedFd<'_>, Errno> {
        self.root.as_ref().map(|fd| fd.as_fd()).ok_or(Errno(libc::EBADF))
    }
}
