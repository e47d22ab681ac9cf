//! `lxc.cgroup.dir.monitor` and `.monitor.pivot`: the cgroup of the supervisor of one container.
//!
//! It goes there when it begins, and before it ends to the pivot or back to where it came from, since a directory with a
//! process in it stays.
use crate::sys::io_errno;
use keel_core::config::{At, CgroupDirs};
use keel_core::facts::Hierarchy;
use keel_core::failure::{Errno, Failure};
use keel_core::step::net::Left;
use std::ffi::CString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where the supervisor is, and where it goes at its end.
#[derive(Debug, Default)]
pub struct OwnCgroup {
    /// What was made, the deepest last.
    made: Vec<PathBuf>,
    /// What is joined at the end: a directory, and whether it is to be made.
    then: Vec<(PathBuf, bool)>,
}

impl OwnCgroup {
    /// Goes there. Nothing to do without the key.
    pub fn enter(dirs: &CgroupDirs) -> Result<OwnCgroup, Failure> {
        let mut own = OwnCgroup::default();
        let Some(At { value: dir, .. }) = &dirs.monitor else { return Ok(own) };
        let mut facts = crate::observe::facts(crate::observe::Look::default())?;
        if dirs.relative {
            crate::observe::below_caller(&mut facts);
        }
        let back = crate::observe::callers_hierarchies(&facts);
        for hierarchy in &facts.hierarchies {
            let (path, here) =
                (Path::new(&hierarchy.base).join(dir), back.iter().find(|h| h.mountpoint == hierarchy.mountpoint));
            let joined = own.make(hierarchy, &path).and_then(|()| join(&path));
            joined.map_err(|e| Failure::errno(format_args!("lxc.cgroup.dir.monitor: join '{}'", path.display()), e))?;
            match (&dirs.pivot, here) {
                (Some(pivot), _) => own.then.push((Path::new(&hierarchy.base).join(&pivot.value), true)),
                (None, Some(here)) => own.then.push((here.base.clone().into(), false)),
                (None, None) => (),
            }
        }
        Ok(own)
    }

    fn make(&mut self, hierarchy: &Hierarchy, path: &Path) -> Result<(), Errno> {
        let below = path.strip_prefix(&hierarchy.base).unwrap_or(path);
        let mut parent = PathBuf::from(&hierarchy.base);
        for name in below.components() {
            let child = parent.join(name);
            match fs::create_dir(&child) {
                Ok(()) => {
                    self.made.push(child.clone());
                    // Empty in a new directory of version 1, and nobody can join while they are.
                    for file in ["cpuset.cpus", "cpuset.mems", "cpus", "mems"] {
                        if hierarchy.version == 1
                            && let Ok(value) = fs::read(parent.join(file))
                        {
                            let _ = fs::write(child.join(file), value);
                        }
                    }
                }
                Err(e) if e.kind() == ErrorKind::AlreadyExists => (),
                Err(e) => return Err(io_errno(&e)),
            }
            parent = child;
        }
        Ok(())
    }

    /// For the state file: what has to go when this process is killed.
    pub fn left(&self) -> Vec<Left> {
        if self.made.is_empty() {
            return Vec::new();
        }
        let word = |text: &str| CString::new(text).unwrap_or_default();
        let dirs = self.made.iter().rev().map(|dir| word(&dir.display().to_string()));
        let argv = ["sh", "-c", "rmdir \"$@\" 2>&- || :", "sh"].map(word).into_iter().chain(dirs).collect();
        vec![Left::Script { argv, envp: vec![word("PATH=/bin:/usr/bin:/system/bin")] }]
    }

    fn remove(&mut self) {
        for dir in self.made.drain(..).rev() {
            // EBUSY: somebody else's is in it.
            let _ = fs::remove_dir(dir);
        }
    }
}

impl Drop for OwnCgroup {
    /// Goes away, and removes what was made.
    fn drop(&mut self) {
        for (dir, make) in std::mem::take(&mut self.then) {
            if make {
                // Stays, as LXC's does: a process is in it that ends soon.
                let _ = fs::create_dir_all(&dir);
            }
            if let Err(e) = join(&dir) {
                log::warn!("lxc.cgroup.dir.monitor.pivot: join '{}': {e}", dir.display());
            }
        }
        self.remove();
    }
}

/// "0" is the writer itself (cgroups(7)).
fn join(dir: &Path) -> Result<(), Errno> {
    // COMPAT(linux<3.0): version 1 had `tasks` only.
    let joined = fs::write(dir.join("cgroup.procs"), "0").or_else(|_| fs::write(dir.join("tasks"), "0"));
    joined.map_err(|e| io_errno(&e))
}
