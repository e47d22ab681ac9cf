//! The process that becomes the program: already inside, it gives up what the container's first program does not have.
use super::environment;
use super::label::Label;
use super::{Attach, asking};
use crate::sys::descriptors::close_from;
use crate::sys::process::{Pointers, close_others_on_exec, drop_bounding, exec};
use crate::sys::{errno, mount, signal};
use keel_core::failure::{Errno, Failure};
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::thread::{Gid, Uid, set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

/// What the container's first program may.
pub(super) struct Rights {
    pub bounding: u64,
    pub no_new_privs: bool,
    pub personality: u32,
    /// Files to write "0" to. The waiting process stays out of them: it outlives the container by a moment, and its
    /// directories are to be removed then.
    pub cgroups: Vec<(PathBuf, OwnedFd)>,
    pub label: Option<Label>,
    pub keep_groups: bool,
}

/// What is to be become, and how.
pub(super) struct Job<'a> {
    pub attach: &'a Attach,
    pub rights: &'a Rights,
    /// The slave of a terminal of the container's.
    pub slave: Option<&'a OwnedFd>,
    /// Which of descriptors 0 to 2 are terminals.
    pub terminal: [bool; 3],
    /// To who puts on the label outside, and has a way to the supervisor.
    pub socket: Option<&'a OwnedFd>,
    /// What its filter asks goes to the supervisor.
    pub asks: bool,
}

/// Returns only when it cannot: 127 for a program that is not there, 126 for one that cannot be run.
///
/// Perhaps in memory that is another's, too: what the job has is borrowed, and nothing of it is closed.
pub(super) fn become_it(job: &Job<'_>) -> i32 {
    let attach = job.attach;
    let fail = |cause: Failure| {
        eprintln!("keel: {}: {cause}", attach.name);
        1
    };
    if let Err(cause) = prepare(job) {
        return fail(cause);
    }
    let user = environment::user(attach.uid);
    let mut variables = attach.environment.variables(crate::sys::process::environment(), &user);
    if let Some((area, size)) = &attach.properties {
        // The caller may be a program of the host's own Android, and have these of that one.
        let others: [&[u8]; 2] = [b"ANDROID_PROPERTY_WORKSPACE=", b"ANDROID_SOCKET_"];
        variables.retain(|line| !others.iter().any(|name| line.to_bytes().starts_with(name)));
        variables.extend(CString::new(format!("ANDROID_PROPERTY_WORKSPACE={},{size}", area.as_raw_fd())));
    }
    let path = path_of(&variables);
    let (program, argv) = match attach.command.split_first() {
        Some((program, _)) => (program.clone(), attach.command.clone()),
        None => shell(&user.shell),
    };
    let shell_there = attach.command.is_empty() && std::path::Path::new(&user.shell).exists();
    let (program, argv) = match attach.command.is_empty() && !shell_there {
        // An Android has no /bin.
        true => shell(["/bin/sh", "/system/bin/sh"].into_iter().find(|p| exists(p)).unwrap_or("/bin/sh")),
        false => (program, argv),
    };
    if let Some(directory) = &attach.directory {
        // One that is not there leaves it at `/`.
        let _ = rustix::process::chdir(directory.as_path());
    }
    signal::reset();
    let asked = job.socket.filter(|_| job.asks);
    match (&attach.properties, asked) {
        (None, None) => close_from(3),
        (area, _) => {
            close_others_on_exec();
            if let Some((area, _)) = area {
                // EBADF cannot be: it is ours.
                let _ = rustix::io::fcntl_setfd(area, rustix::io::FdFlags::empty());
            }
        }
    }
    match give_up(attach, asked, job.rights.keep_groups) {
        Ok(true) => {}
        Ok(false) => return 1,
        Err(cause) => return fail(cause),
    }
    let e = run(&program, &argv, &variables, &path);
    eprintln!("keel: {}: exec '{}': {e}", attach.name, program.to_string_lossy());
    if matches!(e, Errno::NOENT | Errno::NOTDIR) { 127 } else { 126 }
}

fn exists(path: &str) -> bool {
    std::path::Path::new(path).exists()
}

/// A shell under its path, as LXC runs it: no login shell.
fn shell(path: &str) -> (CString, Vec<CString>) {
    let path = CString::new(path).unwrap_or_default();
    (path.clone(), vec![path])
}

/// Fresh /proc and /sys for the namespaces that were entered, seen by this process only.
fn remount() -> Result<(), Failure> {
    use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
    crate::sys::process::unshare(libc::CLONE_NEWNS as u32).map_err(|e| Failure::errno("unshare", e))?;
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)
        .map_err(|e| Failure::errno("make '/' a slave", errno(e)))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    for (kind, path) in [("proc", "/proc"), ("sysfs", "/sys")] {
        // EINVAL: nothing is mounted there.
        let _ = unmount(path, UnmountFlags::DETACH);
        mount(kind, path, kind, flags, None).map_err(|e| Failure::errno(format_args!("mount '{path}'"), errno(e)))?;
    }
    Ok(())
}

fn prepare(job: &Job<'_>) -> Result<(), Failure> {
    let Job { attach, rights, slave, terminal, socket, .. } = job;
    let call = |what: &'static str| move |e: rustix::io::Errno| Failure::errno(what, errno(e));
    for (dir, procs) in &rights.cgroups {
        // "0" is the writer itself (cgroups(7)).
        rustix::io::write(procs, b"0")
            .map_err(|e| Failure::errno(format_args!("join the cgroup '{}'", dir.display()), errno(e)))?;
    }
    // Without a session of its own it could reach the caller's terminal as /dev/tty.
    setsid().map_err(call("setsid"))?;
    if let Some(slave) = slave {
        ioctl_tiocsctty(slave).map_err(call("ioctl TIOCSCTTY"))?;
        if terminal[0] {
            rustix::stdio::dup2_stdin(slave).map_err(call("dup2"))?;
        }
        if terminal[1] {
            rustix::stdio::dup2_stdout(slave).map_err(call("dup2"))?;
        }
        if terminal[2] {
            rustix::stdio::dup2_stderr(slave).map_err(call("dup2"))?;
        }
    }
    if attach.remount && !attach.namespaces.has(keel_core::facts::Namespaces::MNT) {
        remount()?;
    }
    if rights.personality != 0 || attach.personality.is_some() {
        mount::personality(rights.personality).map_err(|e| Failure::errno("personality", e))?;
    }
    if !attach.keep_caps {
        for capability in (0..64).filter(|c| rights.bounding >> c & 1 == 0) {
            match drop_bounding(capability) {
                Ok(()) => {}
                // Above the last one that the kernel knows.
                Err(Errno::INVAL) => break,
                Err(e) => return Err(Failure::errno(format_args!("drop capability {capability}"), e)),
            }
        }
    }
    if let (Some(label), Some(socket)) = (&rights.label, socket) {
        label.put_on(socket)?;
    }
    for limit in &attach.limits {
        crate::sys::process::set_limit(0, limit.resource, limit.soft, limit.hard)
            .map_err(|e| Failure::errno(format_args!("setrlimit {}", limit.resource), e))?;
    }
    if rights.no_new_privs {
        set_no_new_privs(true).map_err(call("set no_new_privs"))?;
    }
    Ok(())
}

/// The last of it: from here on only what the filters let through, and only as that user. False: it is said outside why not.
fn give_up(attach: &Attach, asked: Option<&OwnedFd>, keep_groups: bool) -> Result<bool, Failure> {
    let call = |what: &'static str| move |e: rustix::io::Errno| Failure::errno(what, errno(e));
    // First, as the others may forbid what it takes. Of all that say something of a call the strictest counts (seccomp(2)).
    if !attach.filters.asking.is_empty() && !asking::load(&attach.filters.asking, asked)? {
        return Ok(false);
    }
    for filter in &attach.filters.plain {
        crate::sys::seccomp::load(filter)
            .map_err(|e| Failure::errno("load the container's filter of system calls", e))?;
    }
    let (uid, gid) = (Uid::from_raw(attach.uid), Gid::from_raw(attach.gid));
    if !keep_groups {
        set_thread_groups(&[]).map_err(call("setgroups"))?;
    }
    set_thread_res_gid(gid, gid, gid).map_err(call("setresgid"))?;
    set_thread_res_uid(uid, uid, uid).map_err(call("setresuid"))?;
    Ok(true)
}

/// execve(2) of a path, or of a name along PATH.
fn run(program: &CString, argv: &[CString], variables: &[CString], path: &str) -> Errno {
    let (argv, envp) = (Pointers::new(argv), Pointers::new(variables));
    let name = program.to_bytes();
    if name.contains(&b'/') {
        return exec(program, &argv, &envp);
    }
    let mut answer = Errno::NOENT;
    for dir in path.split(':').filter(|dir| !dir.is_empty()) {
        let mut full = dir.as_bytes().to_vec();
        full.push(b'/');
        full.extend(name);
        let Ok(full) = CString::new(full) else { continue };
        match exec(&full, &argv, &envp) {
            Errno::NOENT | Errno::NOTDIR => {}
            // Perhaps a later directory has one that may be run.
            e => answer = e,
        }
    }
    answer
}

fn path_of(variables: &[CString]) -> String {
    let path = variables.iter().find_map(|v| v.to_str().ok()?.strip_prefix("PATH="));
    path.unwrap_or(environment::PATH).into()
}
