//! Which namespaces a process is in: the texts of the links in /proc/PID/ns. To follow such a link would make an inode of the
//! namespace's, to list the directory one for each link.

use crate::sys::errno;
use keel_core::failure::Errno;
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};

/// /proc/PID/ns: of that very process, whoever gets its number later.
pub struct Links(OwnedFd);

/// The text of a link, `uts:[4026531838]`: the same for two processes that are in one namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Link([u8; 40]);

impl Links {
    /// Of this process.
    pub fn of_self() -> Result<Links, Errno> {
        Links::at("/proc/self/ns")
    }

    /// Of a process.
    pub fn of(pid: i32) -> Result<Links, Errno> {
        Links::at(&format!("/proc/{pid}/ns"))
    }

    fn at(path: &str) -> Result<Links, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).map(Links).map_err(errno)
    }

    /// One of them, by its name (`Namespaces::NAMES`). ENOENT: the kernel has none of that kind.
    pub fn read(&self, name: &str) -> Result<Link, Errno> {
        let mut text = [0; 40];
        rustix::fs::readlinkat_raw(&self.0, name, &mut text[..]).map_err(errno)?;
        Ok(Link(text))
    }

    /// The namespace itself.
    pub fn open(&self, name: &str) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.0, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(errno)
    }
}

impl Link {
    /// Whether it is the kernel's first user namespace (include/linux/proc_ns.h, PROC_USER_INIT_INO: 0xEFFFFFFD).
    pub fn is_first_user(&self) -> bool {
        self.0.starts_with(b"user:[4026531837]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keel_core::facts::Namespaces;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn links_are_what_they_lead_to() {
        let (own, by_number) = (Links::of_self().unwrap(), Links::of(std::process::id() as i32).unwrap());
        for (name, _) in Namespaces::NAMES {
            let number = std::fs::metadata(format!("/proc/self/ns/{name}")).map(|meta| meta.ino());
            let Ok(number) = number else {
                assert!(own.read(name).is_err(), "{name}");
                continue;
            };
            let link = own.read(name).unwrap();
            assert!(link.0.starts_with(format!("{name}:[{number}]\0").as_bytes()), "{name} {number}");
            assert!(link == by_number.read(name).unwrap());
            assert_eq!(link.is_first_user(), number == 0xEFFF_FFFD);
            own.open(name).unwrap();
        }
        assert!(own.read("mnt").unwrap() != own.read("pid").unwrap());
        assert_eq!(own.read("none").err(), Some(Errno::NOENT));
        assert!(Links::of(0).is_err());
    }
}
