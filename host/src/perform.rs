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
mod report;
mod rights;
mod stage;
mod terminals;

pub use report::{Message, Report, let_go_on, receive};
pub use stage::Stage;

use crate::sys::{self, errno};
use keel_core::failure::Errno;
use keel_core::step::{NodeKind, Place, Slot, Step};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use std::ffi::CStr;

/// Performs one step.
pub fn step(stage: &mut Stage, step: &Step) -> Result<(), Errno> {
    // Whatever else a step does, it may put another directory where that was.
    if !matches!(step, Step::MakeDir { .. } | Step::MakeNode { .. } | Step::MakeLink { .. } | Step::MakeFile { .. }) {
        stage.near = None;
    }
    if stage.away && !is_beneath_root(step) {
        stage.come_back()?;
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
        Step::EnterEmpty => {
            stage.moved();
            empty::enter()
        }
        Step::CoverRoot { slot } => mounts::cover_root(stage, *slot),
        Step::EnterRoot => mounts::enter_root(stage),
        Step::AttachTree { slot, at } => mounts::attach(stage, *slot, at),
        Step::Unmount { at } => mounts::unmount(stage, at),
        Step::SetMountFlags { at, flags, recursive } => mounts::set_flags(stage, at, *flags, *recursive),
        Step::SetPropagation { at, flags } => mounts::set_propagation(stage, at, *flags),
        Step::BindRootOnItself => {
            stage.moved();
            mounts::bind_root_on_itself()
        }
        Step::OpenRoot { path } => {
            stage.root = Some(open(path, OFlags::PATH | OFlags::DIRECTORY)?);
            Ok(())
        }
        Step::PivotRoot => mounts::pivot_root(stage),
        Step::MoveRoot => mounts::move_root(stage),
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
        Step::InheritCgroupFile { from, to } => files::inherit_cgroup_file(stage, from, to),
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
        Step::ChangeDir { path } => {
            stage.moved();
            rustix::process::chdir(path.as_c_str()).map_err(errno)
        }
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

/// Whether a step has nothing to do with the working directory: all that it names is beneath the rootfs, or is no path.
fn is_beneath_root(step: &Step) -> bool {
    match step {
        Step::MakeDir { at, .. }
        | Step::MakePath { at, .. }
        | Step::MakeNode { at, .. }
        | Step::MakeLink { at, .. } => {
            matches!(at, Place::Root(_))
        }
        Step::Mount { source, at, .. } => matches!(at, Place::Root(_)) && !source.to_bytes().contains(&b'/'),
        _ => false,
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

fn exec(stage: &mut Stage) -> Result<(), Errno> {
    let program = stage.exec.as_ref().ok_or(Errno::INVAL)?;
    stage.report.say(Message::Exec)?;
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
