//! What is made beside an Android's rootfs: directories for its data, and plain copies of sparse images.

use super::check::is_file_system;
use crate::create::tree::Tree;
use crate::fault::{Result, at, say};
use formats::sparse::{Piece, expand};
use keel_core::failure::Failure;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// No system or data partition of these Androids is larger.
const LARGEST: u64 = 64 << 30;

/// One of them.
#[derive(Debug, Clone)]
pub enum Beside {
    /// An empty directory.
    Dir(&'static str),
    /// `NAME.img`, from that sparse image.
    Image(&'static str, PathBuf),
}

impl Beside {
    /// Makes it in the container's directory, which is called `shown` in the end.
    pub fn make(&self, tree: &Tree, shown: &Path) -> Result<()> {
        match self {
            Beside::Dir(name) => tree.dir(name, 0o771).map_err(|e| at("mkdir", shown.join(name), e)),
            Beside::Image(name, from) => {
                let name = format!("{name}.img");
                let file = tree.image(&name, 0o640).map_err(|e| at("create", shown.join(&name), e))?;
                plain(from, &file)
            }
        }
    }
}

fn plain(from: &Path, mut to: &File) -> Result<()> {
    let sparse = File::open(from).map_err(|e| at("open", from, e))?;
    let mut put = |piece: Piece<'_>| match piece {
        Piece::Bytes(bytes) => to.write_all(bytes),
        Piece::Hole(size) => to.seek(SeekFrom::Current(size as i64)).map(drop),
    };
    let broken = |why: formats::fault::Fault| Failure::new(format!("'{}': {why}", from.display()));
    let size = expand(BufReader::with_capacity(1 << 16, sparse), LARGEST, &mut put).map_err(broken)?;
    to.set_len(size).map_err(|e| at("write the plain copy of", from, e))?;
    let mut head = [0; 1084];
    if to.read_exact_at(&mut head, 0).is_err() || !is_file_system(&head) {
        return say(format!("'{}' is no image of squashfs, ext4 or erofs", from.display()));
    }
    Ok(())
}
