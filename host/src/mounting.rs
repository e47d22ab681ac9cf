//! A mount that a program of an Android asked for, made for it: in a process of its own, since it may take long.
//!
//! All that the call names is copied first, and what was copied is judged and made: the caller may change its memory
//! meanwhile, to no effect (SECCOMP_USER_NOTIF_FLAG_CONTINUE, which would let it, is not used). Places are opened once, in the
//! caller's mount namespace, root and working directory, and the call is made on what was opened. Devices are opened under
//! the container's rules, as this process is in its cgroups then.

use crate::sys::{self, errno, seccomp};
use keel_core::facts::{Mount, Namespaces, mountinfo};
use keel_core::failure::Errno;
use keel_core::mounting::{self, Spot, Verdict};
use keel_core::seccomp::{Arch, call_of};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags, readlinkat};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::ffi::{CStr, CString};

type Result<T> = std::result::Result<T, Errno>;

const CAP_SYS_ADMIN: u32 = 21;
/// PATH_MAX, and a page of data.
const LONGEST: usize = 4096;
/// UMOUNT_NOFOLLOW.
const NOFOLLOW: u64 = 8;
const DIR: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Answers a call, unless it waits no more.
pub fn answer(listener: BorrowedFd<'_>, notice: &seccomp::Notice, prepared: &[Mount], cgroups: &[CString]) {
    let result = Caller::look(listener, notice).and_then(|(caller, call)| {
        if !call.unmounts && mounting::opens_device(call.flags, &call.fstype.to_string_lossy()) {
            join(cgroups)?;
        }
        caller.enter(prepared)?.perform(&call)
    });
    // ENOENT: the caller was killed.
    let _ = seccomp::answer(listener, notice.id, result);
}

/// What is asked for, copied.
struct Call {
    unmounts: bool,
    source: CString,
    target: CString,
    fstype: CString,
    flags: u64,
    data: CString,
}

/// Who asks: held by descriptors, so that its id may be another's afterwards.
struct Caller {
    namespace: OwnedFd,
    root: OwnedFd,
    cwd: OwnedFd,
    /// The process, for the descriptor of a FUSE mount.
    process: Result<OwnedFd>,
    /// Our own /proc/self, where the container's is in the way afterwards.
    own: OwnedFd,
}

fn open(path: &str, flags: OFlags) -> Result<OwnedFd> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).map_err(errno)
}

impl Caller {
    fn look(listener: BorrowedFd<'_>, notice: &seccomp::Notice) -> Result<(Caller, Call)> {
        let pid = notice.pid as i32;
        let of = |what: &str| format!("/proc/{pid}/{what}");
        let status = crate::place::read(of("status").as_ref()).ok_or(Errno(libc::ESRCH))?;
        let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
        let user = |of: &str| std::fs::read_link(format!("/proc/{of}/ns/user")).ok();
        let call = copy(pid, notice)?;
        let caller = Caller {
            namespace: open(&of("ns/mnt"), OFlags::RDONLY)?,
            root: open(&of("root"), DIR)?,
            cwd: open(&of("cwd"), DIR)?,
            // COMPAT(linux<5.6): no pidfd_getfd, and so no FUSE under supervision.
            process: field("Tgid:")
                .and_then(|id| Pid::from_raw(id.parse().ok()?))
                .ok_or(Errno::INVAL)
                .and_then(|id| pidfd_open(id, PidfdFlags::empty()).map_err(errno)),
            own: open("/proc/self", DIR)?,
        };
        let effective = field("CapEff:").and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
        // A right in a user namespace of its own is none here.
        let may = effective >> CAP_SYS_ADMIN & 1 == 1 && user(&pid.to_string()) == user("self");
        // From here on it is known that all of this was the caller's.
        match seccomp::waits(listener, notice.id) {
            false => Err(Errno(libc::ESRCH)),
            true if !may => Err(Errno::PERM),
            true => Ok((caller, call)),
        }
    }

    /// Into its mount namespace, its root and its directory.
    fn enter(self, prepared: &[Mount]) -> Result<Scene<'_>> {
        sys::process::join_namespace(self.namespace.as_fd(), Namespaces::MNT)?;
        let mounts = self.mounts()?;
        rustix::process::fchdir(&self.root).map_err(errno)?;
        rustix::process::chroot(c".").map_err(errno)?;
        rustix::process::fchdir(&self.cwd).map_err(errno)?;
        let visible = self.mounts()?;
        Ok(Scene { caller: self, mounts, visible, prepared })
    }

    /// The mount table, as it is seen from where we are.
    fn mounts(&self) -> Result<Vec<Mount>> {
        Ok(mountinfo(&self.text("mountinfo")?))
    }

    fn text(&self, name: &str) -> Result<String> {
        let file = rustix::fs::openat(&self.own, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut std::fs::File::from(file.map_err(errno)?), &mut text)
            .map_err(|e| sys::io_errno(&e))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// The call's number and arguments, and the texts that they point to.
fn copy(pid: i32, notice: &seccomp::Notice) -> Result<Call> {
    let machine = rustix::system::uname().machine().to_string_lossy().into_owned();
    let arches = Arch::of_machine(&machine).unwrap_or_default().iter().filter(|arch| arch.audit() == notice.audit);
    let names = ["mount", "umount", "umount2"];
    let name = arches.into_iter().find_map(|arch| call_of(*arch, notice.number as u32, &names)).ok_or(Errno::NOSYS)?;
    // process_vm_readv(2) is not in all kernels (CONFIG_CROSS_MEMORY_ATTACH).
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).map_err(|e| sys::io_errno(&e))?;
    let text = |at: u64, most: usize, needs_end: bool| {
        if at == 0 {
            return Ok(CString::default());
        }
        let mut bytes = vec![0; most];
        // EIO: nothing is mapped there.
        let len = std::os::unix::fs::FileExt::read_at(&memory, &mut bytes, at).map_err(|_| Errno(libc::EFAULT))?;
        bytes.truncate(len);
        let end = bytes.iter().position(|b| *b == 0);
        if end.is_none() && needs_end {
            return Err(if len < most { Errno(libc::EFAULT) } else { Errno::NAMETOOLONG });
        }
        bytes.truncate(end.unwrap_or(len));
        CString::new(bytes).map_err(|_| Errno::INVAL)
    };
    let [first, second, third, flags, data, _] = notice.arguments;
    let empty = CString::default;
    Ok(match name {
        "mount" => Call {
            unmounts: false,
            source: text(first, LONGEST, true)?,
            target: text(second, LONGEST, true)?,
            fstype: text(third, LONGEST, true)?,
            flags,
            data: text(data, LONGEST, false)?,
        },
        // i386's own one has no flags.
        _ => Call {
            unmounts: true,
            source: empty(),
            target: text(first, LONGEST, true)?,
            fstype: empty(),
            flags: if name == "umount" { 0 } else { second & u64::from(u32::MAX) },
            data: empty(),
        },
    })
}

/// Into the cgroups that rule devices.
fn join(cgroups: &[CString]) -> Result<()> {
    for dir in cgroups {
        let dir = dir.to_string_lossy();
        // Joining `tasks` of version 1 does not wait.
        let file = match std::path::Path::new(&format!("{dir}/devices.allow")).exists() {
            true => "tasks",
            false if std::path::Path::new(&format!("{dir}/cgroup.controllers")).exists() => "cgroup.procs",
            false => continue,
        };
        std::fs::write(format!("{dir}/{file}"), "0").map_err(|e| sys::io_errno(&e))?;
    }
    Ok(())
}

/// The caller's view of its mounts.
struct Scene<'a> {
    caller: Caller,
    /// All of its namespace.
    mounts: Vec<Mount>,
    /// Those below its root, by names from there.
    visible: Vec<Mount>,
    prepared: &'a [Mount],
}

impl Scene<'_> {
    fn perform(&self, call: &Call) -> Result<()> {
        let nofollow = if call.unmounts && call.flags & NOFOLLOW != 0 { OFlags::NOFOLLOW } else { OFlags::empty() };
        let place = |path: &CStr, flags| {
            rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC | flags, Mode::empty()).map_err(errno)
        };
        let target = place(&call.target, nofollow)?;
        let spot = self.spot(&target)?;
        let source = match !call.unmounts && mounting::has_place(call.flags) {
            true => Some(place(&call.source, OFlags::empty())?),
            false => None,
        };
        let verdict = match call.unmounts {
            true => mounting::unmount(call.flags, spot),
            false => {
                let from = source.as_ref().map(|fd| self.spot(fd)).transpose()?;
                let (fstype, device) = (call.fstype.to_string_lossy(), call.source.to_string_lossy());
                mounting::mount(call.flags, &fstype, &device, spot, from)
            }
        };
        let flags = match verdict {
            Verdict::Done => return Ok(()),
            Verdict::Refused(errno) => return Err(errno),
            Verdict::Made(flags) => flags,
        };
        let data = if call.fstype.as_c_str() == c"fuse" { self.fuse(&call.data)? } else { call.data.clone() };
        // Names of what was opened, in a directory that is not the container's.
        let descriptors = rustix::fs::openat(&self.caller.own, c"fd", DIR, Mode::empty()).map_err(errno)?;
        rustix::process::fchdir(&descriptors).map_err(errno)?;
        let name = |fd: &OwnedFd| fd.as_raw_fd().to_string();
        if call.unmounts {
            // The number is a link to the place: UMOUNT_NOFOLLOW has been followed already.
            let flags = rustix::mount::UnmountFlags::from_bits_retain((flags & !NOFOLLOW) as _);
            return rustix::mount::unmount(name(&target), flags).map_err(errno);
        }
        let from = match &source {
            Some(fd) => CString::new(name(fd)).map_err(|_| Errno::INVAL)?,
            None if call.source.is_empty() => c"none".into(),
            None => call.source.clone(),
        };
        let flags = rustix::mount::MountFlags::from_bits_retain(flags as _);
        let data = (!data.is_empty()).then_some(data.as_c_str());
        rustix::mount::mount(from.as_c_str(), name(&target), call.fstype.as_c_str(), flags, data).map_err(errno)
    }

    /// What is known of a place.
    fn spot(&self, fd: &OwnedFd) -> Result<Spot<'_>> {
        let number = fd.as_raw_fd();
        let info = self.caller.text(&format!("fdinfo/{number}"))?;
        let id = info.lines().find_map(|l| l.strip_prefix("mnt_id:")?.trim().parse().ok()).ok_or(Errno::INVAL)?;
        let path = readlinkat(&self.caller.own, format!("fd/{number}"), Vec::new()).map_err(errno)?;
        let path = path.to_string_lossy();
        let is_root = self.visible.iter().any(|m| m.id == id && m.target == path);
        // It may have been mounted since we looked; the caller can try again.
        Spot::new(id, is_root, &self.mounts, self.prepared).ok_or(Errno(libc::EAGAIN))
    }

    /// The data of a FUSE mount, with our number of the descriptor that the caller has open.
    fn fuse(&self, data: &CStr) -> Result<CString> {
        let text = data.to_str().map_err(|_| Errno::INVAL)?;
        let theirs = text.split(',').find_map(|option| option.strip_prefix("fd=")?.parse().ok()).ok_or(Errno::INVAL)?;
        let process = self.caller.process.as_ref().map_err(|e| *e)?;
        let ours = rustix::process::pidfd_getfd(process, theirs, rustix::process::PidfdGetfdFlags::empty());
        let ours = ours.map_err(errno)?;
        let number = ours.as_raw_fd();
        // Open until the mount is made, and this process is over then.
        std::mem::forget(ours);
        let options = text.split(',').map(|option| match option.starts_with("fd=") {
            true => format!("fd={number}"),
            false => option.into(),
        });
        CString::new(options.collect::<Vec<_>>().join(",")).map_err(|_| Errno::INVAL)
    }
}

/// The mounts of a process's namespace.
pub fn of_process(pid: i32) -> Vec<Mount> {
    mountinfo(&crate::place::read(format!("/proc/{pid}/mountinfo").as_ref()).unwrap_or_default())
}
