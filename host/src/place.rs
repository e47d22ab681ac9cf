//! The run directory of a container: its control socket, its lock, its state file.
//!
//! Lives under /run where there is one, else under /dev (Android has no /run; LXC gives up there), else in the lxcpath.
//! Nothing here is believed by its mere presence: the socket answers or not, the lock is held or not (flock(2) ends with
//! its holder), and what the state file says is checked against /proc.
use keel_core::failure::Failure;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, mkdir};
use rustix::io::Errno;
use std::fs::DirBuilder;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// sun_path holds 108 bytes with the final 0 (unix(7)); the directory, the hash and the file name take up to 50.
const LONGEST_NAME: usize = 56;

/// Where one container's run-time files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    dir: PathBuf,
}

/// The directory of all run-time files.
pub fn base(lxcpath: &str) -> PathBuf {
    if let Some(dir) = std::env::var_os("KEEL_RUN") {
        return dir.into();
    }
    for (dir, own) in [("/run", "keel"), ("/dev", ".keel")] {
        if Path::new(dir).is_dir() && rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok() {
            return Path::new(dir).join(own);
        }
    }
    Path::new(lxcpath).join(".keel")
}

/// The socket of PID 1's loop.
pub fn agent_socket(lxcpath: &str) -> PathBuf {
    base(lxcpath).join("agent")
}

/// In the directory of an lxcpath's containers, none of which has such a name.
const MONITORS: &str = ".monitors";

/// Where those who listen for news of an lxcpath have their sockets.
pub fn monitors(lxcpath: &str) -> PathBuf {
    base(lxcpath).join(short(lxcpath)).join(MONITORS)
}

/// The directory of an lxcpath's containers.
fn short(lxcpath: &str) -> String {
    format!("{:08x}", hash(lxcpath.trim_end_matches('/')) as u32)
}

/// Make a directory for this user alone; one that others could write to is refused (CVE-2015-1331).
pub fn make_private(dir: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| crate::fault::at("mkdir", dir, e))?;
    let meta = std::fs::metadata(dir).map_err(|e| crate::fault::at("stat", dir, e))?;
    if meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
        return Err(Failure::new(format!("'{}' is not a directory of this user alone", dir.display())));
    }
    Ok(())
}

impl Place {
    /// The place of a container. Two lxcpaths are two places.
    pub fn of(name: &str, lxcpath: &str) -> Place {
        Place::under(&base(lxcpath), name, lxcpath)
    }

    fn under(base: &Path, name: &str, lxcpath: &str) -> Place {
        let name = if name.len() <= LONGEST_NAME {
            name.to_string()
        } else {
            let head: String = name.chars().take(10).collect();
            format!("{head}-{:016x}", hash(name))
        };
        Place { dir: base.join(short(lxcpath)).join(name) }
    }

    /// The same by its directory.
    pub fn at(dir: PathBuf) -> Place {
        Place { dir }
    }

    /// The directory itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The control socket.
    pub fn control(&self) -> PathBuf {
        self.dir.join("control")
    }

    /// Where those who listen for news of its lxcpath have their sockets ([`monitors`]).
    pub fn monitors(&self) -> PathBuf {
        self.dir.with_file_name(MONITORS)
    }

    /// The state file.
    pub fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// What its logs held when it stopped: outside of the directory, which goes then.
    pub fn logs(&self) -> PathBuf {
        let name = self.dir.file_name().unwrap_or_default();
        self.dir.with_file_name(".logs").join(name)
    }

    /// Whether there is a lock that was not taken just now. Nobody may hold it any more.
    pub fn has_old_lock(&self) -> bool {
        let age = std::fs::metadata(self.dir.join("lock")).and_then(|meta| meta.modified()).ok();
        age.is_some_and(|made| made.elapsed().is_ok_and(|age| age > std::time::Duration::from_secs(1)))
    }

    /// Make the directory, for root alone.
    pub fn make(&self) -> Result<(), Errno> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        made.map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        // The directory may be older than this program: what is in it is believed only if nobody else can write there.
        let meta = std::fs::metadata(&self.dir).map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        if meta.uid() != rustix::process::geteuid().as_raw() || meta.mode() & 0o077 != 0 {
            return Err(Errno::PERM);
        }
        Ok(())
    }

    /// Take the container: none when another supervisor has it.
    pub fn lock(&self) -> Result<Option<Lock>, Errno> {
        self.make()?;
        let path = self.dir.join("lock");
        loop {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let fd = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?;
            match flock(&fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::AGAIN) => return Ok(None),
                Err(errno) => return Err(errno),
            }
            // The former holder removes the file as it leaves: a lock on a removed file excludes nobody.
            let here = rustix::fs::fstat(&fd)?;
            match rustix::fs::stat(&path) {
                Ok(there) if there.st_ino == here.st_ino => return Ok(Some(Lock { _file: fd, place: self.clone() })),
                Ok(_) | Err(Errno::NOENT) => {
                    // The directory goes with the file.
                    let _ = mkdir(&self.dir, Mode::RWXU);
                }
                Err(errno) => return Err(errno),
            }
        }
    }
}

impl Place {
    /// The same, for as long as whoever has it may take to end: the lock of a supervisor that was killed goes with the last
    /// of its descriptors, a moment after its socket. There is no event to wait for.
    pub fn lock_within(&self, patience: std::time::Duration) -> Result<Option<Lock>, Errno> {
        let deadline = std::time::Instant::now() + patience;
        let step = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        loop {
            let lock = self.lock()?;
            if lock.is_some() || std::time::Instant::now() >= deadline {
                return Ok(lock);
            }
            // EINTR is a look too many.
            let _ = rustix::event::poll(&mut [], Some(&step));
        }
    }
}

/// The container is this process's (and its forks') until it is dropped; the kernel drops it with the process.
#[derive(Debug)]
pub struct Lock {
    _file: OwnedFd,
    place: Place,
}

impl Lock {
    /// Remove the lock, and with it the place, which is empty by now. What a supervisor that was killed has left there goes
    /// first then, under the lock again: it keeps others out.
    pub fn clear(self) {
        let remove = |files: &[&str]| {
            for file in files {
                let _ = std::fs::remove_file(self.place.dir.join(file));
            }
            std::fs::remove_dir(&self.place.dir)
        };
        if remove(&["lock"]).is_err_and(|e| e.raw_os_error() == Some(libc::ENOTEMPTY))
            && let Ok(Some(_again)) = self.place.lock()
        {
            let _ = remove(&["state", "state.new", "control", "lock"]);
        }
    }
}

/// FNV-1a.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Read a file of /proc that is one record (crate::read::once).
pub fn read_once(path: &str) -> Option<String> {
    String::from_utf8(crate::read::once(path.as_ref()).ok()?).ok()
}

/// Read a small file whole; what is not UTF-8 is not ours.
pub fn read(path: &Path) -> Option<String> {
    String::from_utf8(crate::read::whole(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("keel-place-{name}-{}", std::process::id()));
        DirBuilder::new().mode(0o700).recursive(true).create(&dir).unwrap();
        dir
    }

    #[test]
    fn a_path_fits_a_socket_address_and_depends_on_the_lxcpath() {
        let base = Path::new("/run/keel");
        let long = Place::under(base, &"x".repeat(255), "/var/lib/lxc");
        assert!(long.control().as_os_str().len() < 108);
        assert_ne!(long, Place::under(base, &"x".repeat(254), "/var/lib/lxc"));
        let one = Place::under(base, "bb", "/var/lib/lxc");
        assert_eq!(one, Place::under(base, "bb", "/var/lib/lxc/"));
        assert_ne!(one, Place::under(base, "bb", "/data/lxc"));
    }

    #[test]
    fn one_of_two_gets_the_lock_and_it_is_free_again() {
        let base = scratch("lock");
        let place = Place::under(&base, "bb", "/x");
        let first = place.lock().unwrap().expect("free");
        assert!(place.lock().unwrap().is_none());
        first.clear();
        assert!(!place.dir.exists());
        let left = place.lock().unwrap().expect("free");
        std::fs::write(place.state(), "left by one that was killed").unwrap();
        left.clear();
        assert!(!place.dir.exists());
        let again = place.lock().unwrap().expect("free again");
        drop(again);
        place.lock().unwrap().expect("a dropped lock is free").clear();
        std::fs::remove_dir_all(base).unwrap();
    }

    #[test]
    fn a_place_that_others_can_enter_is_refused() {
        let base = scratch("open");
        let place = Place::under(&base, "bb", "/x");
        place.make().unwrap();
        std::fs::set_permissions(&place.dir, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(place.make(), Err(Errno::PERM));
        std::fs::remove_dir_all(base).unwrap();
    }
}
