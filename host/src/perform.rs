//! Performs steps: one match arm, one system call (and the resolving of its path). Decides nothing.
//!
//! Works in the child between clone and exec, so nothing here allocates, formats or prints; operands are ready in the plan.
//! Paths of the rootfs are resolved by `beneath`, without following a symbolic link.

pub mod beneath;
mod copy;
mod devices;
pub mod empty;
mod files;
pub mod hook;
mod mapped;
mod mounts;
mod net;
mod rights;
mod terminals;

pub use terminals::{Message, let_go_on, receive, send_message};

use crate::sys::{self, errno};
use keel_core::failure::Errno;
use keel_core::plan::Planned;
use keel_core::step::{NodeKind, Place, Slot, Step};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use std::ffi::{CStr, CString};

/// What steps leave for later steps.
#[derive(Default)]
pub struct Stage {
    root: Option<OwnedFd>,
    slots: Vec<Option<OwnedFd>>,
    cgroup: Option<Slot>,
    in_cgroup: bool,
    masters: Vec<OwnedFd>,
    console: Option<OwnedFd>,
    report: Option<OwnedFd>,
    exec: Option<hook::Program>,
    hooks: std::collections::VecDeque<hook::Program>,
    child: Option<i32>,
    /// Namespaces that the child is made in, in the order in which they are entered.
    born_in: Vec<(u32, OwnedFd)>,
    pin: Option<OwnedFd>,
    locks: Vec<OwnedFd>,
    /// The directory beneath the rootfs that something was made in last.
    near: Option<beneath::Near>,
    /// The network namespace that waits for the child.
    network: Option<crate::net::Namespace>,
    /// What the network leaves on the host.
    left: Vec<keel_core::step::net::Left>,
    /// Directories of cgroups that were made, in order.
    pub made: Vec<CString>,
    /// Directories on the way to them that were made.
    pub parents: Vec<CString>,
}

impl Stage {
    /// Room for what the plan's steps will leave, so that no step allocates; `report` is where terminals are sent.
    pub fn new<'a>(steps: impl IntoIterator<Item = &'a Planned>, report: Option<OwnedFd>) -> Self {
        let mut stage = Stage { report, ..Stage::default() };
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

    /// In the parent, when the child has its copies: what only the child needs is closed; the slots are kept for rounds.
    pub fn close_child_side(&mut self, no_rounds: bool) {
        if no_rounds {
            self.slots.clear();
        }
        if no_rounds && self.left.is_empty() {
            self.network = None;
        }
        self.report = None;
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
            .chain(self.masters.drain(..))
            .for_each(std::mem::forget);
        self.in_cgroup = false;
    }

    /// Where the child reports.
    pub fn report(&self) -> Option<BorrowedFd<'_>> {
        self.report.as_ref().map(|fd| fd.as_fd())
    }

    fn slot(&self, slot: Slot) -> Result<BorrowedFd<'_>, Errno> {
        let fd = self.slots.get(usize::from(slot.0)).and_then(|s| s.as_ref());
        // EBADF: the file that the slot stands for could not be opened, and it was allowed to fail.
        fd.map(|fd| fd.as_fd()).ok_or(Errno(libc::EBADF))
    }

    fn root(&self) -> Result<BorrowedFd<'_>, Errno> {
        self.root.as_ref().map(|fd| fd.as_fd()).ok_or(Errno(libc::EBADF))
    }
}

/// Performs one step.
pub fn step(stage: &mut Stage, step: &Step) -> Result<(), Errno> {
    // Whatever else a step does, it may put another directory where that was.
    if !matches!(step, Step::MakeDir { .. } | Step::MakeNode { .. } | Step::MakeLink { .. } | Step::MakeFile { .. }) {
        stage.near = None;
    }
    match step {
        Step::MakeDir { at, mode } => files::make_dir(stage, at, *mode),
        Step::MakePath { at, file } => files::make_path(stage, at, *file),
        Step::MakeNode { at, kind, mode } => files::make_node(stage, at, *kind, *mode),
        Step::MakeLink { at, target } => files::make_link(stage, at, target),
        Step::MakeFile { at, mode, text } => files::make_file_of(stage, at, *mode, text),
        Step::SetMode { at, mode } => files::set_mode(stage, at, *mode),
        Step::CopyTree { from, at } => {
            let to = match at {
                Place::Host(path) => open(path, OFlags::RDONLY | OFlags::DIRECTORY)?,
                Place::Root(path) => beneath::open(stage.root()?, path)?,
            };
            copy::tree(from, to.as_fd())
        }
        Step::AddBinder { at, name } => files::add_binder(stage, at, name),
        Step::MakeNodesFromSysfs => devices::nodes_from_sysfs(),
        Step::Mount { source, at, fstype, flags, data } => mounts::mount(stage, source, at, fstype, *flags, data),
        Step::MountProbed { source, at, flags, data, fstypes } => {
            mounts::mount_probed(stage, source, at, *flags, data, fstypes)
        }
        Step::MountImage { image, mount } => mounts::mount_image(stage, image, mount),
        Step::PinRootfs { path } => {
            stage.pin = Some(files::pin(path)?);
            Ok(())
        }
        Step::HoldLock { path, text } => {
            stage.locks.push(crate::binders::take(path, text)?);
            Ok(())
        }
        Step::Bind { from, at, recursive } => mounts::bind(stage, from, at, *recursive),
        Step::OpenMappedTree { source, recursive, namespace, maps, slot } => {
            let tree = mapped::open(source, *recursive, namespace.as_deref(), maps)?;
            fill(stage, *slot, tree)
        }
        Step::OpenTree { source, recursive, slot } => {
            let tree = mounts::open_tree(source, *recursive)?;
            fill(stage, *slot, tree)
        }
        Step::EnterEmpty => empty::enter(),
        Step::CoverRoot { slot } => mounts::cover_root(stage, *slot),
        Step::EnterRoot => mounts::enter_root(stage.root()?),
        Step::AttachTree { slot, at } => mounts::attach(stage, *slot, at),
        Step::Unmount { at } => mounts::unmount(stage, at),
        Step::SetMountFlags { at, flags, recursive } => mounts::set_flags(stage, at, *flags, *recursive),
        Step::SetPropagation { at, flags } => mounts::set_propagation(stage, at, *flags),
        Step::BindRootOnItself => mounts::bind_root_on_itself(),
        Step::OpenRoot { path } => {
            stage.root = Some(open(path, OFlags::PATH | OFlags::DIRECTORY)?);
            Ok(())
        }
        Step::PivotRoot => mounts::pivot_root(stage.root()?),
        Step::MoveRoot => mounts::move_root(stage.root()?),
        Step::OpenTerminal { terminal, at } => terminals::open(stage, *terminal, at),
        Step::OpenLog { at, .. } => files::open_log(stage, at),
        Step::SendTerminals => terminals::send(stage),
        Step::SetHostname { name } => rustix::system::sethostname(name.to_bytes()).map_err(errno),
        Step::Net(step) => net::perform(stage, step),
        Step::LoopbackUp => sys::mount::interface_up(c"lo"),
        Step::MakeCgroup { path } => files::make_cgroup(stage, path),
        Step::MakeCgroupParent { path } => match rustix::fs::mkdir(path.as_c_str(), Mode::from_raw_mode(0o755)) {
            Ok(()) => {
                stage.parents.push(path.clone());
                Ok(())
            }
            Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(e) => Err(errno(e)),
        },
        Step::InheritCgroupFile { from, to } => {
            let bytes = to.to_bytes();
            let dir = &bytes[..bytes.iter().rposition(|b| *b == b'/').unwrap_or(0)];
            match stage.made.iter().chain(&stage.parents).any(|made| made.to_bytes() == dir) {
                true => files::copy_small(from, to),
                // One that was there already has values of its own.
                false => Ok(()),
            }
        }
        Step::WriteFile { path, value } => write(open(path, OFlags::WRONLY)?.as_fd(), value),
        Step::OpenSlot { path, slot } => {
            let fd = open(path, OFlags::WRONLY)?;
            fill(stage, *slot, fd)
        }
        Step::Await { round } => terminals::await_parent(stage, *round),
        Step::WriteChildFile { file, value } => {
            let pid = stage.child.ok_or(Errno::INVAL)?;
            let name = file.to_str().map_err(|_| Errno::INVAL)?;
            std::fs::write(format!("/proc/{pid}/{name}"), value.to_bytes()).map_err(|e| sys::io_errno(&e))
        }
        Step::RunHook { .. } => stage.hooks.pop_front().ok_or(Errno::INVAL)?.run(),
        Step::OpenCgroup { path, slot } => {
            let fd = open(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
            stage.cgroup = Some(*slot);
            fill(stage, *slot, fd)
        }
        Step::WriteSlot { slot, value, .. } => write(stage.slot(*slot)?, value),
        Step::JoinCgroup { .. } if stage.in_cgroup => Ok(()),
        Step::JoinCgroup { slot } => {
            // COMPAT(linux<5.7): what CLONE_INTO_CGROUP would have done.
            let flags = OFlags::WRONLY | OFlags::CLOEXEC;
            let procs = rustix::fs::openat(stage.slot(*slot)?, c"cgroup.procs", flags, Mode::empty()).map_err(errno)?;
            write(procs.as_fd(), c"0")
        }
        Step::AttachDeviceProgram { slot, program, .. } => sys::bpf::attach_device_program(stage.slot(*slot)?, program),
        Step::BornIn { path, kind } => {
            let fd = open(path, OFlags::RDONLY)?;
            stage.born_in.push((*kind, fd));
            Ok(())
        }
        Step::JoinNamespace { path, kind } => sys::process::join_namespace(open(path, OFlags::RDONLY)?.as_fd(), *kind),
        Step::NewKeyring => sys::process::new_session_keyring(),
        Step::UnshareCgroup => sys::process::unshare(keel_core::facts::Namespaces::CGROUP),
        Step::SetPersonality { persona } => sys::mount::personality(*persona),
        Step::DropCapabilities { mask } => rights::drop_capabilities(*mask),
        Step::NoNewPrivs => rustix::thread::set_no_new_privs(true).map_err(errno),
        Step::OpenLabel { paths, slot } => {
            let first = paths.iter().find_map(|path| open(path, OFlags::WRONLY).ok());
            fill(stage, *slot, first.ok_or(Errno::NOENT)?)
        }
        Step::EnterTime { offsets } => {
            sys::process::unshare(keel_core::facts::Namespaces::TIME)?;
            write(open(c"/proc/self/timens_offsets", OFlags::WRONLY)?.as_fd(), offsets)?;
            // Else only children, and since Linux 6.1 what is executed, would be in it.
            let namespace = open(c"/proc/self/ns/time_for_children", OFlags::RDONLY)?;
            sys::process::join_namespace(namespace.as_fd(), keel_core::facts::Namespaces::TIME)
        }
        Step::IsolateCore => sys::process::isolate_core(),
        Step::SetParentDeathSignal { signal } => sys::process::set_parent_death_signal(*signal),
        Step::LoadSeccomp { program, .. } => sys::seccomp::load(program),
        Step::Supervise { program, .. } => {
            let listener = sys::seccomp::load_with_listener(program)?;
            stage.masters.push(listener);
            terminals::send(stage)
        }
        Step::Reach { path } => crate::proxy::reach(path).map(drop),
        Step::IgnorePipes => sys::signal::ignore(libc::SIGPIPE),
        Step::ChownCgroup { path, uid, gid } => files::chown_cgroup(path, *uid, *gid),
        Step::SetLimit { resource, soft, hard } => {
            // In a round, the child's.
            sys::process::set_limit(stage.child.unwrap_or(0), *resource, *soft, *hard)
        }
        Step::WriteProc { at, value } => files::write_proc(stage, at, value),
        Step::BecomeRoot { keep_groups } => rights::set_ids(0, 0, (!keep_groups).then_some(&[])),
        Step::SetIds { uid, gid, groups } => rights::set_ids(*uid, *gid, Some(groups)),
        Step::ChangeDir { path } => rustix::process::chdir(path.as_c_str()).map_err(errno),
        Step::NewSession { console } => terminals::new_session(stage, *console),
        Step::ResetProcess => {
            sys::signal::reset();
            rustix::process::umask(Mode::from_raw_mode(0o022));
            Ok(())
        }
        Step::Exec { .. } => exec(stage),
        Step::LoadModule { path, parameters } => {
            let file = open(path, OFlags::RDONLY)?;
            match rustix::system::finit_module(file, parameters, 0) {
                Err(rustix::io::Errno::EXIST) => Ok(()),
                result => result.map_err(errno),
            }
        }
        Step::WaitForDevice { path, timeout_ms } => devices::wait_for(path, *timeout_ms),
        Step::Fail { errno, .. } => Err(Errno(*errno)),
    }
}

/// Opens a path of the host.
fn open(path: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).map_err(errno)
}

fn fill(stage: &mut Stage, slot: Slot, fd: OwnedFd) -> Result<(), Errno> {
    *stage.slots.get_mut(usize::from(slot.0)).ok_or(Errno::INVAL)? = Some(fd);
    Ok(())
}

/// One write(2) of the whole value: files of cgroups take a value only so.
fn write(fd: BorrowedFd<'_>, value: &CStr) -> Result<(), Errno> {
    rustix::io::retry_on_intr(|| rustix::io::write(fd, value.to_bytes())).map(drop).map_err(errno)
}

fn exec(stage: &Stage) -> Result<(), Errno> {
    let program = stage.exec.as_ref().ok_or(Errno::INVAL)?;
    if let Some(report) = stage.report() {
        terminals::send_message(report, Message::Exec)?;
    }
    Err(program.execute())
}

/// Numbers of a node, and its type.
fn device(kind: NodeKind) -> (rustix::fs::FileType, u64) {
    match kind {
        NodeKind::Char(major, minor) => (rustix::fs::FileType::CharacterDevice, sys::mount::makedev(major, minor)),
        NodeKind::Block(major, minor) => (rustix::fs::FileType::BlockDevice, sys::mount::makedev(major, minor)),
    }
}

/// A place as directory and path relative to it, for calls that take both; what is beneath the rootfs has its parent
/// resolved without following links, so that only the last name is left.
fn split<'a>(stage: &'a mut Stage, place: &'a Place) -> Result<(beneath::Dir<'a>, &'a CStr), Errno> {
    match place {
        Place::Host(path) => Ok((beneath::Dir::Borrowed(rustix::fs::CWD), path)),
        Place::Root(path) => {
            let root = stage.root.as_ref().map(|fd| fd.as_fd()).ok_or(Errno(libc::EBADF))?;
            beneath::near_parent(root, &mut stage.near, path)
        }
    }
}
