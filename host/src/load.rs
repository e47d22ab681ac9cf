//! A container's configuration as it lies on disk: opens what the parser of LXC's files asks for.
//!
//! Refuses files that are no files (a FIFO would wait for ever) and those larger than [`LARGEST`]. Judges nothing: what
//! is wrong comes back as a list.
use keel_core::config::Config;
use keel_core::config::lxc::{Includer, Problem, Reader, Severity, read_fstab};
use keel_core::failure::{Errno, Failure};
use keel_core::sorted;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A configuration of more bytes than this is none.
const LARGEST: u64 = 4 << 20;

/// The file system, for the parser.
#[derive(Debug)]
pub struct Files;

impl Includer for Files {
    fn read(&mut self, path: &str) -> Result<Vec<(String, Vec<u8>)>, Errno> {
        if !Path::new(path).is_dir() {
            if path.ends_with('/') {
                return Ok(Vec::new());
            }
            return Ok(vec![(path.into(), bytes(Path::new(path))?)]);
        }
        let entries = std::fs::read_dir(path).map_err(errno)?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".conf"))
            .collect();
        sorted::sort(&mut names);
        let full = |name: String| format!("{}/{name}", path.trim_end_matches('/'));
        names.into_iter().map(full).map(|name| bytes(Path::new(&name)).map(|b| (name, b))).collect()
    }
}

/// Read a configuration file, then `KEY=VALUE` lines of the command line, then the fstab that it names.
///
/// The warnings are for the caller to say. Several mistakes are several lines of one failure.
pub fn config(path: &Path, define: &[String]) -> Result<(Config, Vec<Problem>), Failure> {
    let text = bytes(path).map_err(|e| Failure::errno(format_args!("open '{}'", path.display()), e))?;
    let mut reader = Reader::default();
    reader.file(&path.display().to_string(), &text, &mut Files);
    for line in define {
        reader.define(line, &mut Files);
    }
    let (mut config, mut problems) = reader.finish();
    problems.extend(read_fstab(&mut config, &mut Files));
    if problems.iter().all(|p| p.severity == Severity::Warning) {
        return Ok((config, problems));
    }
    // Warnings too: what a person has to mend may be the key that was mistyped.
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    Err(Failure::new(lines.join("\n")))
}

/// The bytes of a file of a configuration's size.
pub fn bytes(path: &Path) -> Result<Vec<u8>, Errno> {
    let file: File =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path).map_err(errno)?;
    let meta = file.metadata().map_err(errno)?;
    if meta.is_dir() {
        return Err(Errno(libc::EISDIR));
    }
    if !meta.is_file() {
        return Err(Errno::INVAL);
    }
    let mut bytes = Vec::with_capacity(meta.len().min(LARGEST) as usize + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(errno)?;
    if bytes.len() as u64 > LARGEST { Err(Errno(libc::EFBIG)) } else { Ok(bytes) }
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::IO, Errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_is_an_error_and_not_a_wait() {
        let dir = std::env::temp_dir().join(format!("keel-load-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("d")).unwrap();
        let fifo = dir.join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0).unwrap();
        assert_eq!(bytes(&fifo), Err(Errno::INVAL));
        assert_eq!(bytes(&dir), Err(Errno(libc::EISDIR)));
        std::fs::write(dir.join("d/b.conf"), "lxc.tty.max = 2\n").unwrap();
        std::fs::write(dir.join("d/a.conf"), "lxc.tty.max = 1\nlxc.uts.nam = x\n").unwrap();
        std::fs::write(dir.join("config"), format!("lxc.include = {}/d\n", dir.display())).unwrap();
        let (config, warnings) = super::config(&dir.join("config"), &["lxc.pty.max=3".into()]).unwrap();
        assert_eq!((config.tty_max, config.pty_max, warnings.len()), (2, 3, 1));
        std::fs::write(dir.join("bad"), "lxc.uts.nam = x\nlxc.tty.max = y\n").unwrap();
        let said = super::config(&dir.join("bad"), &[]).unwrap_err().message;
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.len() == 2 && lines[0].contains("bad:1: unknown key") && lines[1].contains("bad:2: "), "{said}");
        let missing = super::config(&dir.join("none"), &[]).unwrap_err().message;
        assert!(missing.ends_with("/none': ENOENT"), "{missing}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
