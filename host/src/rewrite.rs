//! A small text file with new content: whole or not at all, with the owner and the permission bits that it had.
use crate::fault::{Result, at, say};
use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The text of a file. A link is followed: what is read, and later replaced, is the file behind it.
pub fn read(path: &Path) -> Result<(PathBuf, String)> {
    let real = std::fs::canonicalize(path).map_err(|e| at("open", path, e))?;
    let meta = std::fs::metadata(&real).map_err(|e| at("stat", path, e))?;
    if !meta.is_file() {
        return say(format!("'{}' is not a file", path.display()));
    }
    match String::from_utf8(std::fs::read(&real).map_err(|e| at("read", path, e))?) {
        Ok(text) => Ok((real, text)),
        Err(_) => say(format!("'{}' is not UTF-8", path.display())),
    }
}

/// Replaces the text of a file that is there.
pub fn replace(path: &Path, text: &str) -> Result<()> {
    let old = std::fs::metadata(path).map_err(|e| at("stat", path, e))?;
    create(path, text, &old)
}

/// Makes or replaces `path`, with the owner and the permission bits of another file.
pub fn create(path: &Path, text: &str, like: &std::fs::Metadata) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = path.with_file_name(format!(".{name}.{}", std::process::id()));
    // Left by a dead process that had this pid.
    let _ = std::fs::remove_file(&new);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
    let mut file = file.map_err(|e| at("open", &new, e))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| {
        // EPERM: a user may not give files away; it is his then.
        let _ = fchown(&file, Some(Uid::from_raw(like.uid())), Some(Gid::from_raw(like.gid())));
        fchmod(&file, Mode::from_raw_mode((like.mode() & 0o7777) as _))?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    });
    written.map_err(|e| {
        let _ = std::fs::remove_file(&new);
        at("write", path, e)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn mode_and_link_stay() {
        let scratch = Scratch::new();
        let (file, link) = (scratch.path().join("f"), scratch.path().join("l"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("f", &link).unwrap();
        let (real, text) = read(&link).unwrap();
        assert_eq!(text, "old");
        replace(&real, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "new");
        assert!(link.is_symlink());
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 2);
        assert!(read(scratch.path()).is_err());
    }
}
