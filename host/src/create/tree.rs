//! A directory tree that is written from its top by descriptor, so that nothing outside of it can be touched.
//!
//! Each component of a path is opened with O_NOFOLLOW: a symbolic link on the way is ELOOP or ENOTDIR, whatever it
//! says. Nothing that exists is written over: EEXIST. Works on every kernel (openat2(2) would be one call instead of
//! one for each component, and is not needed for a tree that is being made).

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{self, AtFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory that is being filled.
pub struct Tree {
    top: OwnedFd,
    root: bool,
}

impl Tree {
    /// Makes the directory `name` in `parent`, with exactly these permission bits, and opens it.
    pub fn make(parent: BorrowedFd<'_>, name: &str, mode: u32) -> Result<Tree, Errno> {
        fs::mkdirat(parent, name, Mode::RWXU)?;
        let tree =
            Tree { top: fs::openat(parent, name, DIR, Mode::empty())?, root: rustix::process::geteuid().is_root() };
        tree.settle(&tree.top, mode)?;
        Ok(tree)
    }

    /// A directory that is there, and is to be filled.
    pub fn open(path: &std::path::Path) -> Result<Tree, Errno> {
        let top = fs::open(path, DIR, Mode::empty())?;
        Ok(Tree { top, root: rustix::process::geteuid().is_root() })
    }

    /// The directory itself.
    pub fn top(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }

    /// A tree within this one: makes the directory and opens it.
    pub fn subtree(&self, name: &str, mode: u32) -> Result<Tree, Errno> {
        Tree::make(self.top(), name, mode)
    }

    /// Makes a directory.
    pub fn dir(&self, path: &str, mode: u32) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        fs::mkdirat(&parent, name, Mode::RWXU)?;
        self.settle(&fs::openat(&parent, name, DIR, Mode::empty())?, mode)
    }

    /// Makes the directories on the way to `path` that are not there yet, 0755.
    pub fn parents(&self, path: &str) -> Result<(), Errno> {
        for (at, _) in path.match_indices('/') {
            match self.dir(&path[..at], 0o755) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Makes a symbolic link.
    pub fn link(&self, path: &str, target: &str) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        fs::symlinkat(target, &parent, name)?;
        if self.root {
            fs::chownat(&parent, name, Some(Uid::ROOT), Some(Gid::ROOT), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }

    /// Makes a file with this content.
    pub fn file(&self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let mut file = self.new_file(path)?;
        file.write_all(content)?;
        Ok(self.settle(&file, mode)?)
    }

    /// Makes a file with the content of another, which is read from where it stands.
    pub fn copy(&self, path: &str, mode: u32, mut from: &File) -> io::Result<()> {
        let mut file = self.new_file(path)?;
        io::copy(&mut from, &mut file)?;
        Ok(self.settle(&file, mode)?)
    }

    /// Makes an empty file, to be written by the caller.
    pub fn image(&self, path: &str, mode: u32) -> io::Result<File> {
        let file = self.new_file(path)?;
        self.settle(&file, mode)?;
        Ok(file)
    }

    /// Makes a device node.
    pub fn node(&self, path: &str, mode: u32, block: bool, major: u32, minor: u32) -> Result<(), Errno> {
        let (parent, name) = self.parent(path)?;
        let kind = if block { FileType::BlockDevice } else { FileType::CharacterDevice };
        fs::mknodat(&parent, name, kind, Mode::empty(), fs::makedev(major, minor))?;
        // The node was made by the call above, in a tree that nobody else has: fchmodat(2), which follows links, does not
        // meet one. Opening the device to use fchmod(2) could act on it (a watchdog, a tape).
        fs::chmodat(&parent, name, Mode::from_raw_mode(mode as _), AtFlags::empty())
    }

    /// Whether anything is at `path`, a dangling link included.
    pub fn exists(&self, path: &str) -> bool {
        self.parent(path).is_ok_and(|(parent, name)| fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }

    fn new_file(&self, path: &str) -> Result<File, Errno> {
        let (parent, name) = self.parent(path)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR)?))
    }

    /// Owner and permission bits, whatever the umask and a set-group-ID directory above made of them.
    fn settle(&self, file: impl AsFd, mode: u32) -> Result<(), Errno> {
        if self.root {
            fs::fchown(&file, Some(Uid::ROOT), Some(Gid::ROOT))?;
        }
        fs::fchmod(&file, Mode::from_raw_mode(mode as _))
    }

    /// Opens the directory that holds the last component.
    fn parent<'p>(&self, path: &'p str) -> Result<(OwnedFd, &'p str), Errno> {
        super::manifest::check_components(path).map_err(|()| Errno::INVAL)?;
        let (way, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = fs::openat(&self.top, ".", DIR, Mode::empty())?;
        for component in way.split('/').filter(|component| !component.is_empty()) {
            at = fs::openat(&at, component, DIR, Mode::empty())?;
        }
        Ok((at, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn tree(scratch: &Scratch) -> Tree {
        let parent = fs::open(scratch.path(), DIR, Mode::empty()).unwrap();
        Tree::make(parent.as_fd(), "tree", 0o750).unwrap()
    }

    #[test]
    fn modes_are_exact() {
        let scratch = Scratch::new();
        let tree = tree(&scratch);
        tree.dir("tmp", 0o1777).unwrap();
        tree.file("tmp/shadow", 0o600, b"x").unwrap();
        tree.parents("usr/local/bin/x").unwrap();
        let mode = |path: &str| std::fs::metadata(scratch.path().join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("tree"), mode("tree/tmp"), mode("tree/tmp/shadow")), (0o750, 0o1777, 0o600));
        assert_eq!(mode("tree/usr/local/bin"), 0o755);
    }

    #[test]
    fn links_on_the_way_are_not_followed_and_nothing_is_overwritten() {
        let scratch = Scratch::new();
        let outside = scratch.path().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("f"), "untouched").unwrap();
        let tree = tree(&scratch);
        tree.link("away", "../outside").unwrap();
        tree.link("file", "../outside/f").unwrap();
        assert!(tree.dir("away/new", 0o755).is_err());
        assert!(tree.file("away/f", 0o644, b"x").is_err());
        assert!(tree.link("away/l", "x").is_err());
        assert!(tree.file("file", 0o644, b"x").is_err());
        tree.file("twice", 0o644, b"first").unwrap();
        assert_eq!(tree.file("twice", 0o644, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(tree.dir("../escaped", 0o755).is_err());
        assert!(tree.dir("/escaped", 0o755).is_err());
        assert_eq!(std::fs::read_to_string(outside.join("f")).unwrap(), "untouched");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
        assert!(tree.exists("away") && !tree.exists("away/f"));
    }

    #[test]
    fn a_node_has_its_numbers() {
        if !rustix::process::geteuid().is_root() {
            return crate::scratch::skip("device nodes need root");
        }
        let scratch = Scratch::new();
        tree(&scratch).node("null", 0o666, false, 1, 3).unwrap();
        let meta = std::fs::symlink_metadata(scratch.path().join("tree/null")).unwrap();
        assert_eq!((meta.rdev(), meta.mode()), (fs::makedev(1, 3), 0o020666));
    }
}
