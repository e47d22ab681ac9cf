//! The kernel's own configuration: found, unpacked, read.
//!
//! Looked for where LXC looks: the file given, the variable CONFIG, /proc/config.gz (CONFIG_IKCONFIG_PROC), the module
//! directory, /boot. A file is gzip when it begins so, whatever its name says.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use formats::gunzip::Gunzip;

use crate::fault::{Result, at, say};

/// A kernel's configuration has a quarter of a megabyte; what unpacks to more than this is something else.
const LIMIT: u64 = 16 << 20;

/// Where it was found, and its text.
pub fn config(given: Option<&str>) -> Result<(PathBuf, String)> {
    if let Some(path) = given {
        return Ok((path.into(), read(Path::new(path))?));
    }
    let release = release();
    let places = [
        PathBuf::from("/proc/config.gz"),
        Path::new("/lib/modules").join(&release).join("build/.config"),
        Path::new("/lib/modules").join(&release).join("config"),
        PathBuf::from(format!("/boot/config-{release}")),
    ];
    match places.iter().find(|path| path.is_file()) {
        Some(path) => Ok((path.clone(), read(path)?)),
        None => {
            let tried: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
            say(format!("no configuration of the kernel in {} [--config FILE names it]", tried.join(", ")))
        }
    }
}

/// The release of the running kernel: `6.1.0-50-amd64`.
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|e| at("open", path, e))?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|e| at("read", path, e))?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        let unpacked = Gunzip::all(bytes.as_slice()).take(LIMIT + 1).read_to_end(&mut text);
        unpacked.map_err(|e| at("gunzip", path, e))?;
        bytes = text;
    }
    if bytes.len() as u64 > LIMIT {
        return say(format!("'{}' is too large for a kernel's configuration", path.display()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => say(format!("'{}' is no kernel configuration: it is not text", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::fs;
    use std::io::Write;

    #[test]
    fn plain_and_gzip_by_content() {
        let scratch = Scratch::new();
        let path = scratch.path().join("config");
        fs::write(&path, "CONFIG_PID_NS=y\n").unwrap();
        assert_eq!(read(&path).unwrap(), "CONFIG_PID_NS=y\n");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"CONFIG_PID_NS=m\n").unwrap();
        let packed = packed.finish().unwrap();
        fs::write(&path, &packed).unwrap();
        assert_eq!(read(&path).unwrap(), "CONFIG_PID_NS=m\n");
        fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        assert!(read(&path).unwrap_err().message.starts_with("gunzip '"));
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(read(&path).unwrap_err().message.ends_with("it is not text"));
        assert!(read(Path::new("/dev/zero")).unwrap_err().message.ends_with("too large for a kernel's configuration"));
        assert!(read(&scratch.path().join("none")).unwrap_err().message.ends_with("ENOENT"));
    }
}
