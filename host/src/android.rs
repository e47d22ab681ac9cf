//! A running Android seen from its host: its properties and its services.
//!
//! The container is hostile: its files are opened beneath its root, without following a link, and only the kinds that are
//! expected. Waits for init at most [`PATIENCE`].

use crate::perform::beneath;
use crate::sys::io_errno;
use keel_core::android::{is_later, message, properties};
use keel_core::failure::{Errno, Failure};
use keel_core::sorted::Map;
use rustix::fs::{FileType, Mode, OFlags};
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// init answers between two of its commands; mount commands that wait for a device take five seconds each.
const PATIENCE: Duration = Duration::from_secs(10);
/// Vendors' areas have up to 64 KiB, later ones 128 KiB or a MiB.
const LARGEST: u64 = 1 << 20;
/// Android 15 has some four hundred.
const CONTEXTS: usize = 2048;

type Result<T> = std::result::Result<T, Failure>;

fn root(pid: i32) -> Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(format!("/proc/{pid}/root"), flags, Mode::empty())
        .map_err(|e| Failure::errno(format!("open /proc/{pid}/root"), crate::sys::errno(e)))
}

/// All properties of the Android whose init that is.
pub fn all(pid: i32) -> Result<Vec<(String, String)>> {
    let (mut found, mut failed) = (None::<Vec<_>>, None);
    for file in areas(pid)? {
        let mut bytes = Vec::new();
        file.take(LARGEST).read_to_end(&mut bytes).map_err(|e| Failure::errno("read the properties", io_errno(&e)))?;
        match properties(&bytes) {
            Ok(more) => found.get_or_insert_default().extend(more),
            // Beside areas there is a list of contexts, from 9 on.
            Err(why) => failed = Some(why),
        }
    }
    found.ok_or_else(|| Failure::new(format!("process {pid} has {}", failed.unwrap_or("no area of properties"))))
}

/// Tells of each property that is new or has another value, until the container stops or `tell` says no. What is there at first
/// is not told.
///
/// The area is looked at now and then. To map it and sleep on its futex would be a promise of the container's not to make the file
/// shorter: SIGBUS.
pub fn watch(pid: i32, mut tell: impl FnMut(&str, &str) -> bool) -> Result<()> {
    let mut known: Map<String, String> = all(pid)?.into_iter().collect();
    while pause(pid, LOOK) {
        // It may be stopping.
        for (name, value) in all(pid).unwrap_or_default() {
            if known.get(&name) != Some(&value) {
                if !tell(&name, &value) {
                    return Ok(());
                }
                known.insert(name, value);
            }
        }
    }
    Ok(())
}

/// Waits for so long, or until the process ends; whether it is still there.
fn pause(pid: i32, time: Duration) -> bool {
    let wait = rustix::event::Timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ };
    let number = rustix::process::Pid::from_raw(pid);
    let opened = number.map(|pid| rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()));
    let done = match opened {
        None | Some(Err(rustix::io::Errno::SRCH)) => return false,
        Some(Ok(process)) => {
            let mut fds = [rustix::event::PollFd::new(&process, rustix::event::PollFlags::IN)];
            rustix::event::poll(&mut fds, Some(&wait))
        }
        // COMPAT(linux<5.3): no pidfd_open: the next look says whether it is there.
        Some(Err(_)) => rustix::event::poll(&mut [], Some(&wait)),
    };
    // EINTR: looked at earlier.
    !matches!(done, Ok(1..))
}

/// The areas: a file from 4.3 on, or from 7.0 on a directory with a file for each security context; up to 4.2 a descriptor that init
/// has open of a file without a name.
fn areas(pid: i32) -> Result<Vec<File>> {
    let opened = |path: &str| {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).ok()?;
        let is_file = FileType::from_raw_mode(rustix::fs::fstat(&fd).ok()?.st_mode) == FileType::RegularFile;
        is_file.then(|| File::from(fd))
    };
    if let Ok(found) = beneath::open(root(pid)?.as_fd(), c"dev/__properties__")
        && let Ok(path) = beneath::FdPath::new(found.as_fd()).as_c_str().to_str()
    {
        if let Some(file) = opened(path) {
            return Ok(vec![file]);
        }
        let names = std::fs::read_dir(path).into_iter().flatten().flatten().take(CONTEXTS);
        // A name may have become a link meanwhile.
        let files = names.filter_map(|entry| {
            let name = CString::new(entry.file_name().into_encoded_bytes()).ok()?;
            let one = beneath::open(found.as_fd(), &name).ok()?;
            opened(beneath::FdPath::new(one.as_fd()).as_c_str().to_str().ok()?)
        });
        return Ok(files.collect());
    }
    let dir = format!("/proc/{pid}/fd");
    let entries = std::fs::read_dir(&dir).map_err(|e| Failure::errno(format!("read {dir}"), io_errno(&e)))?;
    let is_area = |path: &std::path::Path| {
        std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("/dev/__properties__"))
    };
    let mut areas = entries.flatten().map(|e| e.path()).filter(|path| is_area(path));
    let found = areas.find_map(|path| opened(path.to_str()?));
    found
        .map(|file| vec![file])
        .ok_or_else(|| Failure::new("its init has no properties: it is no Android, or is not that far yet"))
}

/// Variables of a service that a program inside needs, too. Sockets of the service are none of its business.
const VARIABLES: [&str; 9] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "ANDROID_ROOT",
    "ANDROID_DATA",
    "ANDROID_ASSETS",
    "ANDROID_STORAGE",
    "ASEC_MOUNTPOINT",
    "BOOTCLASSPATH",
    "EXTERNAL_STORAGE",
];

/// Names and values of an environment.
pub type Variables = Vec<(String, String)>;

/// For a program that is to run in the Android whose init that is: the area that 4.1 and 4.2 hand on as an open file, its size,
/// and the environment of a service. None: it is no Android; no area: it has several, by name.
pub fn inside(pid: i32) -> Option<(Option<(OwnedFd, u64)>, Variables)> {
    // One that has begun has either: its init makes no properties before it has read its file.
    let root = root(pid).ok()?;
    [c"init.rc", c"dev/__properties__"].iter().find(|path| beneath::open(root.as_fd(), path).is_ok())?;
    let mut areas = areas(pid).ok()?;
    let area = areas.pop().filter(|_| areas.is_empty());
    let area = area.and_then(|file| Some((file.metadata().ok()?.len(), file)));
    Some((area.map(|(size, file)| (file.into(), size)), environment(pid).unwrap_or_default()))
}

/// The environment of a service: of a process of the same pid namespace that has what init.rc sets. The one with the most is taken.
fn environment(init: i32) -> Option<Variables> {
    let namespace = |pid: i32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let own = namespace(init)?;
    let pids: Vec<i32> = (std::fs::read_dir("/proc").ok()?.flatten())
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != init && namespace(*pid).as_ref() == Some(&own))
        .collect();
    let services = pids.into_iter().filter_map(|pid| {
        let mut bytes = Vec::new();
        File::open(format!("/proc/{pid}/environ")).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let all: Vec<(&str, &str)> = text.split('\0').filter_map(|line| line.split_once('=')).collect();
        all.iter().find(|(name, _)| *name == "ANDROID_ROOT")?;
        let kept = all.iter().filter(|(name, _)| VARIABLES.contains(name));
        Some(kept.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Variables>())
    });
    services.max_by_key(Vec::len)
}

/// Sets one. For `ctl.start`, `ctl.stop` and `ctl.restart` init lets go before it acts.
pub fn set(pid: i32, name: &str, value: &str) -> Result<()> {
    let bytes = message(name, value).map_err(Failure::new)?;
    let failed = |e: std::io::Error| Failure::errno("the container's property service", io_errno(&e));
    let socket = beneath::open(root(pid)?.as_fd(), c"dev/socket/property_service").map_err(|e| {
        let hint = if e == Errno::NOENT { " (no Android, or its init is not that far yet)" } else { "" };
        Failure::new(format!("open its dev/socket/property_service: {e}{hint}"))
    })?;
    let path = beneath::FdPath::new(socket.as_fd());
    let mut stream = UnixStream::connect(path.as_c_str().to_str().unwrap_or_default()).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.write_all(&bytes).map_err(failed)?;
    // Its end means that the value is there.
    stream.read(&mut [0]).map(drop).map_err(failed)
}

/// How long services may take to end when they are told to; init kills them.
const STOPPING: Duration = Duration::from_secs(3);
/// How often their states are looked at: a property is memory, which no descriptor announces.
const LOOK: Duration = Duration::from_millis(20);

/// Stops it: by its own power-off where init has a property for that, and returns when it is over; else all services, the last
/// started first, and writes what is in /data and /cache. What fails is gone on without: the container is about to be killed.
pub fn stop(pid: i32) {
    let mut head = [0; 16];
    let later = |mut file: File| file.read_exact(&mut head).is_ok() && is_later(&head);
    if areas(pid).is_ok_and(|areas| areas.into_iter().any(later)) {
        if set(pid, "sys.powerctl", "shutdown").is_ok() {
            // Whoever asked has the deadline.
            while pause(pid, PATIENCE) {}
        }
        return;
    }
    let states = || all(pid).unwrap_or_default();
    let alive = |value: &str| matches!(value, "running" | "restarting" | "stopping");
    for (name, value) in states().iter().rev() {
        if let Some(service) = name.strip_prefix("init.svc.").filter(|_| alive(value))
            && set(pid, "ctl.stop", service).is_err()
        {
            // init does not answer, and will not for the others.
            break;
        }
    }
    let end = std::time::Instant::now() + STOPPING;
    while std::time::Instant::now() < end
        && states().iter().any(|(name, value)| name.starts_with("init.svc.") && alive(value))
    {
        if !pause(pid, LOOK) {
            return;
        }
    }
    for dir in [c"data", c"cache"] {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = root(pid).ok().and_then(|root| {
            let found = beneath::open(root.as_fd(), dir).ok()?;
            rustix::fs::open(beneath::FdPath::new(found.as_fd()).as_c_str(), flags, Mode::empty()).ok()
        });
        // EIO of the container's device is nothing that could be mended now.
        let _ = opened.map(rustix::fs::syncfs);
    }
}
