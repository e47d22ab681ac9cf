//! A directory that is built under a name of its own and renamed when it is whole.
//!
//! Dropped before that, it is removed with all that is in it. What a killed run left behind is removed by the next one:
//! a draft is locked (flock(2), which ends with its process), so one that is not locked is nobody's.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Dir, FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;

use super::tree::Tree;
use crate::fault::{Result, at, say};
use crate::remove;
use crate::store::OWN_PREFIX;

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The directory.
pub struct Draft {
    parent: OwnedFd,
    name: String,
    /// What it is filled through.
    pub tree: Tree,
}

impl Draft {
    /// Makes one in `parent`; `purpose` is part of its name.
    pub fn begin(parent: &Path, purpose: &str, mode: u32) -> Result<Draft> {
        let flags = DIR.difference(OFlags::NOFOLLOW);
        let opened = rustix::fs::open(parent, flags, Mode::empty()).map_err(|e| at("open", parent, e))?;
        // Held until the draft has its own lock: else another run could take it for a left-over. Where directories
        // cannot be locked (some network file systems) left-overs stay.
        let locked = flock(&opened, FlockOperation::LockExclusive).is_ok();
        if locked {
            sweep(&opened);
        }
        let name = format!("{}{purpose}.{}", prefix(), std::process::id());
        let tree = Tree::make(opened.as_fd(), &name, mode).map_err(|e| at("mkdir", parent.join(&name), e))?;
        if locked {
            let _ = flock(tree.top(), FlockOperation::NonBlockingLockExclusive);
            let _ = flock(&opened, FlockOperation::Unlock);
        }
        Ok(Draft { parent: opened, name, tree })
    }

    /// The name it has for now.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives it the name it is for. rename(2) takes the place of an empty directory and of nothing else.
    pub fn place(mut self, path: &Path) -> Result<Draft> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        match rustix::fs::renameat(&self.parent, &self.name, &self.parent, &name) {
            Ok(()) => {
                self.name = name;
                Ok(self)
            }
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => say(format!("'{}' exists already", path.display())),
            Err(errno) => Err(at("rename to", path, errno)),
        }
    }

    /// It is whole, and stays.
    pub fn keep(mut self) {
        self.name.clear();
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.name.is_empty() {
            // The failure that led here is the one to report.
            let _ = remove::tree(self.parent.as_fd(), &self.name, None);
        }
    }
}

fn prefix() -> String {
    format!("{OWN_PREFIX}-new-")
}

/// Removes the drafts that nobody holds; one that cannot be removed is in nobody's way.
fn sweep(parent: &OwnedFd) {
    for entry in Dir::read_from(parent).into_iter().flatten().flatten() {
        if let Ok(name) = entry.file_name().to_str()
            && name.starts_with(&prefix())
            && let Ok(draft) = openat(parent, name, DIR, Mode::empty())
            && flock(&draft, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = remove::tree(parent.as_fd(), name, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    fn count(scratch: &Scratch) -> usize {
        std::fs::read_dir(scratch.path()).unwrap().count()
    }

    #[test]
    fn it_is_gone_unless_it_is_kept() {
        let scratch = Scratch::new();
        let draft = Draft::begin(scratch.path(), "bb", 0o755).unwrap();
        draft.tree.file("f", 0o644, b"").unwrap();
        assert_eq!(count(&scratch), 1);
        drop(draft);
        assert_eq!(count(&scratch), 0);
        let to = scratch.path().join("bb");
        Draft::begin(scratch.path(), "bb", 0o755).unwrap().place(&to).unwrap().keep();
        assert!(to.is_dir());
    }

    #[test]
    fn a_place_that_is_taken_stays_as_it_is() {
        let scratch = Scratch::new();
        let to = scratch.path().join("bb");
        std::fs::create_dir(&to).unwrap();
        std::fs::write(to.join("f"), "mine").unwrap();
        let refused = Draft::begin(scratch.path(), "bb", 0o755).unwrap().place(&to);
        assert!(refused.is_err_and(|failure| failure.message.ends_with("bb' exists already")));
        assert_eq!((count(&scratch), std::fs::read_to_string(to.join("f")).unwrap()), (1, "mine".to_owned()));
    }

    #[test]
    fn left_overs_go_and_drafts_in_the_making_stay() {
        let scratch = Scratch::new();
        let held = Draft::begin(scratch.path(), "held", 0o755).unwrap();
        std::fs::create_dir_all(scratch.path().join(".keel-new-old.1/rootfs")).unwrap();
        std::fs::create_dir(scratch.path().join(".keel-mine")).unwrap();
        let next = Draft::begin(scratch.path(), "next", 0o755).unwrap();
        let mut names: Vec<String> = std::fs::read_dir(scratch.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let id = std::process::id();
        assert_eq!(names, [".keel-mine".to_owned(), format!(".keel-new-held.{id}"), format!(".keel-new-next.{id}")]);
        drop((held, next));
    }
}
