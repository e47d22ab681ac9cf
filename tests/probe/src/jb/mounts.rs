//! What daemons of Android mount (vold, zygote, sdcard), and what a hostile one would: a list of calls out of a file, one a
//! line, each with its result in another file.

use super::sys;
use std::fmt::Write;

/// Does what `todo` says.
pub fn script(todo: &str, said: &str) {
    let lines = std::fs::read_to_string(todo).unwrap_or_default();
    let mut text = String::new();
    for line in lines.lines() {
        let _ = writeln!(text, "{line}: {}", one(&line.split(' ').collect::<Vec<_>>()));
    }
    let new = format!("{said}.new");
    let _ = std::fs::write(&new, text).and_then(|()| std::fs::rename(new, said));
}

fn one(words: &[&str]) -> String {
    let result = match words {
        ["mkdir", path] => sys::mkdir(path, 0o755),
        ["mount", kind, source, at, options @ ..] => {
            let flags = options.iter().fold(0, |all, option| all | sys::mount_flag(option));
            let data: Vec<&str> = options.iter().filter(|o| sys::mount_flag(o) == 0).copied().collect();
            let kind = if *kind == "-" { "" } else { kind };
            sys::mount(source, at, kind, flags, &data.join(","))
        }
        ["umount", at] => sys::unmount(at),
        [kind @ ("mknod" | "mknod-block"), path, major, minor] => {
            let (major, minor) = (major.parse().unwrap_or(0), minor.parse().unwrap_or(0));
            sys::mknod(path, *kind == "mknod-block", 0o600, major, minor)
        }
        // A file system of this process, served as long as it lives.
        ["fuse", at] => super::fuse::mount(at),
        ["read", path] => match std::fs::read_to_string(path) {
            Ok(text) => return text,
            Err(e) => Err(e),
        },
        ["unshare"] => sys::unshare_mounts(),
        ["touch", path] => std::fs::write(path, ""),
        ["exists", path] => std::fs::metadata(path).map(drop),
        // How many mounts of a type there are.
        ["count", kind] => {
            let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
            return mounts.lines().filter(|l| l.split(' ').nth(2) == Some(kind)).count().to_string();
        }
        ["race", first, second, at, times] => {
            let (made, refused) = sys::racing_mounts(first, second, at, times.parse().unwrap_or(1));
            return format!("{made} {refused}");
        }
        _ => Err(std::io::Error::from_raw_os_error(libc::EINVAL)),
    };
    crate::errno::word(result)
}
