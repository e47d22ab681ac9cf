//! `keel install-links DIR`: the names of LXC's tools as symbolic links to this program.
//!
//! A name that is taken by anything else than such a link is left alone and said.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use keel_core::commands::{COMMANDS, UsageError};
use keel_core::failure::Failure;

use super::{Answer, Call};
use crate::fault::at;

/// Makes the links.
pub fn run(call: &mut Call) -> Answer {
    if call.args.operands.is_empty() {
        return Err(UsageError("no directory given".to_owned()).into());
    }
    let dir = call.args.operands.remove(0);
    call.args.no_more()?;
    let dir = Path::new(OsStr::from_bytes(&dir));
    let program = std::env::current_exe().map_err(|e| at("readlink", "/proc/self/exe", e))?;
    // In the program's own directory a bare name: the two can then be moved together, into a ramdisk for example.
    let target = match (fs::canonicalize(dir), program.parent()) {
        (Ok(real), Some(own)) if real == own => Path::new(program.file_name().unwrap_or_default()),
        (Ok(_), _) => &program,
        (Err(e), _) => return Err(at("open", dir, e).into()),
    };
    let mut taken = Vec::new();
    for name in COMMANDS.iter().flat_map(|command| command.lxc) {
        let link = dir.join(name);
        match symlink(target, &link) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                if fs::canonicalize(&link).ok().as_deref() != Some(program.as_path()) {
                    taken.push(format!("'{}' is something else and is left alone", link.display()));
                }
            }
            Err(e) => return Err(at("symlink", link, e).into()),
        }
    }
    if taken.is_empty() { Ok(0) } else { Err(Failure::new(taken.join("\n")).into()) }
}
