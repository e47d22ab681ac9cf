//! Templates that are programs, as LXC has them: run with LXC's arguments in the place of the new container, since they
//! write its final paths into the configuration.
//!
//! A container that a killed run left half made has a file `partial`, which its maker held locked: the next run takes it
//! away. On failure nothing is left.

use super::{Head, Request, kept, mount_image, parent_of};
use crate::fault::{Result, at, say};
use crate::remove;
use crate::storage::{Backing, DELTA};
use crate::sys::signalfd;
use keel_core::config::lxc::edit::values;
use keel_core::failure::Failure;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, DirBuilder, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// Marks a container that is being made.
const PARTIAL: &str = "partial";

/// Where LXC keeps its template programs, unless $LXC_TEMPLATE_DIR says otherwise.
pub fn dir() -> PathBuf {
    std::env::var_os("LXC_TEMPLATE_DIR").map_or_else(|| "/usr/share/lxc/templates".into(), PathBuf::from)
}

/// Takes a half-made container away, if its maker is gone.
pub fn sweep(store: &Path, name: &str) -> Result<()> {
    let Ok(file) = File::open(store.join(name).join(PARTIAL)) else { return Ok(()) };
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return say("is just being made");
    }
    let parent = File::open(store).map_err(|e| at("open", store, e))?;
    remove::tree(parent.as_fd(), name, Some(PARTIAL))
        .map_err(|(below, errno)| at("remove", store.join(name).join(below), errno))
}

/// Makes a container by a program. Signals are blocked: they come by signalfd(2).
pub fn create(request: &Request, program: &Path, arguments: &[String]) -> Result<()> {
    let store = request.store.lxcpath();
    fs::create_dir_all(store).map_err(|e| at("mkdir", store, e))?;
    let dir = request.store.dir(request.name);
    if let Err(e) = DirBuilder::new().mode(0o770).create(&dir) {
        return match e.kind() {
            std::io::ErrorKind::AlreadyExists => say(format!("'{}' exists already", dir.display())),
            _ => Err(at("mkdir", &dir, e)),
        };
    }
    let rootfs = request.rootfs.clone().unwrap_or_else(|| dir.join("rootfs"));
    let made = fill(request, &dir, &rootfs, program, arguments);
    if made.is_err() {
        // The failure that led here is the one to report.
        if let Ok(parent) = File::open(store) {
            let _ = remove::tree(parent.as_fd(), request.name.as_str(), Some(PARTIAL));
        }
        if let (Some(path), Ok(parent)) =
            (&request.rootfs, parent_of(&rootfs).and_then(|p| File::open(p).map_err(|e| at("open", p, e))))
        {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let _ = remove::tree(parent.as_fd(), &name, None);
        }
    }
    made
}

fn fill(request: &Request, dir: &Path, rootfs: &Path, program: &Path, arguments: &[String]) -> Result<()> {
    // Whatever the umask made of it.
    fs::set_permissions(dir, fs::Permissions::from_mode(0o770)).map_err(|e| at("chmod", dir, e))?;
    let partial = dir.join(PARTIAL);
    let lock = File::create(&partial).map_err(|e| at("open", &partial, e))?;
    // Some network file systems have no locks: then a left-over has to be removed by hand.
    let _ = flock(&lock, FlockOperation::NonBlockingLockExclusive);
    DirBuilder::new().mode(0o755).create(rootfs).map_err(|e| at("mkdir", rootfs, e))?;
    let mounted = mount_image(request, dir)?;
    let shown = rootfs.display();
    let path = kept(request, dir)?.unwrap_or_else(|| format!("dir:{shown}"));
    let line = format!("lxc.rootfs.path = {path}\n");
    let text = match &request.head {
        Some(Head { text, .. }) => {
            text.clone() + &request.head.as_ref().map_or_else(String::new, |h| h.followed_by(line))
        }
        None => format!("lxc.net.0.type = empty\n{line}"),
    };
    let config = dir.join("config");
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o640).open(&config);
    file.and_then(|mut f| std::io::Write::write_all(&mut f, text.as_bytes())).map_err(|e| at("write", &config, e))?;

    let mut command = Command::new(program);
    command.arg(format!("--path={}", dir.display())).arg(format!("--name={}", request.name)).args(arguments);
    command.arg(format!("--rootfs={shown}"));
    let child = command.spawn().map_err(|e| at("exec", program, e))?;
    wait(child, program)?;
    if let Some(mounted) = mounted {
        mounted.finish()?;
    }
    if request.backing == Backing::Overlay {
        let delta = dir.join(DELTA);
        fs::create_dir_all(&delta).map_err(|e| at("mkdir", delta, e))?;
    }

    let mut text = fs::read_to_string(&config).map_err(|e| at("read", &config, e))?;
    let named = values(&text, "lxc.uts.name").map_err(|e| Failure::new(e.to_string()))?;
    if named.is_empty() {
        let line = format!("lxc.uts.name = {}\n", request.name);
        text += &request.head.as_ref().map_or_else(|| line.clone(), |head| head.followed_by(line.clone()));
    }
    let words: String = arguments.iter().map(|word| format!(" {}", word.escape_debug())).collect();
    let version = env!("CARGO_PKG_VERSION");
    text = format!("# Container '{}', made by keel {version} with {}{words}\n{text}", request.name, program.display());
    fs::write(&config, text).map_err(|e| at("write", &config, e))?;
    fs::remove_file(&partial).map_err(|e| at("unlink", &partial, e))
}

/// Waits for its end. What would end this program ends the other first.
fn wait(mut child: Child, program: &Path) -> Result<()> {
    let signals = signalfd::descriptor().map_err(|e| Failure::errno("signalfd", e))?;
    let mut interrupted = false;
    loop {
        if let Some(status) = child.try_wait().map_err(|e| at("wait for", program, e))? {
            return match (interrupted, status.success()) {
                (true, _) => say("interrupted"),
                (false, true) => Ok(()),
                (false, false) => say(format!("template '{}' failed: {status}", program.display())),
            };
        }
        // EINTR is a look too many.
        let _ = poll(&mut [PollFd::new(&signals, PollFlags::IN)], None);
        while let Some(caught) = signalfd::next(&signals) {
            if matches!(caught.signal, libc::SIGINT | libc::SIGTERM | libc::SIGHUP | libc::SIGQUIT) {
                interrupted = true;
                // ESRCH: it ended just now.
                let _ = signalfd::send(child.id() as i32, libc::SIGTERM);
            }
        }
    }
}

/// Whether a file is a program.
pub fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
