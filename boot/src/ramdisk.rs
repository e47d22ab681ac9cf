//! A ramdisk's tree in memory: built from nothing, from directories of the host (owned by root whoever builds), or from an
//! existing ramdisk; packed in any compression the kernel reads. Nothing of it is ever written to a file system here, so
//! no root is needed for device nodes and owners, and no path inside of it can lead out.

use crate::codec::{Compression, LIMIT};
use crate::cpio::{self, Entry, kind};
use crate::fault::{At, Fault, Result};
use formats::archives;
use std::collections::{BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// Entries in the order the kernel meets them, found by name. Names are written with or without a leading slash.
#[derive(Debug, Clone, Default)]
pub struct Ramdisk {
    entries: Vec<Entry>,
    /// Name to the last entry that has it: the one the kernel leaves in place.
    index: HashMap<Vec<u8>, usize>,
    next_ino: u32,
}

/// `/a/b/`, `./a/b` and `a/b` are one name.
fn plain(name: &[u8]) -> Vec<u8> {
    let parts = name.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".");
    parts.collect::<Vec<_>>().join(&b'/')
}

impl Ramdisk {
    /// An empty tree.
    pub fn new() -> Ramdisk {
        Ramdisk::default()
    }

    /// Reads a ramdisk as a boot loader hands it over: archives one after the other, each plain or packed. Returns the
    /// compression of the last packed one, in which the whole is to be packed again.
    pub fn read(bytes: &[u8]) -> Result<(Ramdisk, Compression)> {
        let (entries, packing) = archives::read(bytes, LIMIT)?;
        let mut tree = Ramdisk::new();
        entries.into_iter().for_each(|entry| tree.push(entry));
        Ok((tree, packing))
    }

    /// Packs the tree.
    pub fn pack(&self, compression: Compression) -> Result<Vec<u8>> {
        compression.pack(&cpio::write(&self.entries)?)
    }

    /// All entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry that counts for `name`.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.index.get(&plain(name.as_bytes())).map(|i| &self.entries[*i])
    }

    /// Appends an entry as it is.
    pub fn push(&mut self, entry: Entry) {
        self.next_ino = self.next_ino.max(entry.ino);
        self.index.insert(plain(&entry.name), self.entries.len());
        self.entries.push(entry);
    }

    /// Adds or replaces `name`, with the directories above it (0755) where they are missing.
    fn put(&mut self, name: &str, mode: u32, rdev: (u32, u32), data: Vec<u8>) {
        self.put_bytes(&plain(name.as_bytes()), mode, rdev, data);
    }

    fn put_bytes(&mut self, name: &[u8], mode: u32, rdev: (u32, u32), data: Vec<u8>) {
        if name.is_empty() {
            return;
        }
        if let Some(slash) = name.iter().rposition(|b| *b == b'/') {
            let parent = &name[..slash];
            if !self.index.contains_key(parent) {
                self.put_bytes(parent, kind::DIR | 0o755, (0, 0), Vec::new());
            }
        }
        self.next_ino += 1;
        let nlink = if mode & kind::MASK == kind::DIR { 2 } else { 1 };
        let entry = Entry { name: name.to_vec(), ino: self.next_ino, mode, nlink, rdev, data, ..Entry::default() };
        match self.index.get(name) {
            Some(i) => self.entries[*i] = entry,
            None => self.push(entry),
        }
    }

    /// A directory.
    pub fn dir(&mut self, name: &str, permissions: u32) -> &mut Self {
        self.put(name, kind::DIR | permissions, (0, 0), Vec::new());
        self
    }

    /// A regular file.
    pub fn file(&mut self, name: &str, permissions: u32, data: impl Into<Vec<u8>>) -> &mut Self {
        self.put(name, kind::FILE | permissions, (0, 0), data.into());
        self
    }

    /// A symbolic link.
    pub fn link(&mut self, name: &str, target: &str) -> &mut Self {
        self.put(name, kind::LINK | 0o777, (0, 0), target.as_bytes().to_vec());
        self
    }

    /// A device node: `mode` carries the type (`cpio::kind::CHAR | 0o600`).
    pub fn node(&mut self, name: &str, mode: u32, major: u32, minor: u32) -> &mut Self {
        self.put(name, mode, (major, minor), Vec::new());
        self
    }

    /// A program or other file of the host, with its permission bits but for set-id ones.
    pub fn host_file(&mut self, from: &Path, name: &str) -> Result<&mut Self> {
        let mode = std::fs::metadata(from).at("stat", from)?.permissions().mode();
        let data = std::fs::read(from).at("read", from)?;
        self.put(name, kind::FILE | mode & 0o777, (0, 0), data);
        Ok(self)
    }

    /// What is in the host's directory `from`, put into the directory `name`, which stays as it is where it exists.
    pub fn host_tree_into(&mut self, from: &Path, name: &str) -> Result<&mut Self> {
        let names = std::fs::read_dir(from)
            .and_then(|d| d.map(|e| e.map(|e| e.file_name())).collect::<std::io::Result<BTreeSet<_>>>())
            .at("read", from)?;
        for child in names {
            let below = [name.as_bytes(), child.as_bytes()].join(&b'/');
            let below = String::from_utf8(below)
                .map_err(|_| Fault::new(format!("'{}': a name in it is not UTF-8", from.display())))?;
            self.host_tree(&from.join(&child), &below)?;
        }
        Ok(self)
    }

    /// A file or directory tree of the host below `name`, owned by root. Links are kept as links; hard links become
    /// files of their own; sockets are left out. Set-id bits are kept only where the host's file belongs to root.
    pub fn host_tree(&mut self, from: &Path, name: &str) -> Result<&mut Self> {
        let meta = std::fs::symlink_metadata(from).at("stat", from)?;
        let mode = meta.mode();
        let allowed = if meta.uid() == 0 { 0o7777 } else { 0o1777 };
        let permissions = mode & allowed;
        let to = plain(name.as_bytes());
        match mode & kind::MASK {
            kind::DIR => {
                self.put_bytes(&to, kind::DIR | permissions, (0, 0), Vec::new());
                self.host_tree_into(from, name)?;
            }
            kind::FILE => {
                let data = std::fs::read(from).at("read", from)?;
                self.put_bytes(&to, kind::FILE | permissions, (0, 0), data);
            }
            kind::LINK => {
                let target = std::fs::read_link(from).at("readlink", from)?;
                self.put_bytes(&to, kind::LINK | 0o777, (0, 0), target.as_os_str().as_bytes().to_vec());
            }
            kind::CHAR | kind::BLOCK => {
                let (major, minor) = (nix::sys::stat::major(meta.rdev()), nix::sys::stat::minor(meta.rdev()));
                self.put_bytes(&to, mode & kind::MASK | permissions, (major as u32, minor as u32), Vec::new());
            }
            kind::FIFO => self.put_bytes(&to, kind::FIFO | permissions, (0, 0), Vec::new()),
            _ => {}
        }
        Ok(self)
    }

    /// Gives the entry `from`, and all of its earlier versions, the name `to`. False when there is none.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let (from, to) = (plain(from.as_bytes()), plain(to.as_bytes()));
        let mut found = false;
        for entry in self.entries.iter_mut().filter(|e| plain(&e.name) == from) {
            entry.name = to.clone();
            found = true;
        }
        if let Some(i) = self.index.remove(&from) {
            self.index.insert(to, i);
        }
        found
    }
}
