//! What is run beside init: ueventd (JB 1.3), reboot (1.5), getprop and setprop (1.8), and a few daemons.

use super::{make, props, sys};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// The tool of a name.
pub fn run(name: &str, args: &[String]) -> Option<ExitCode> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match (name, words.as_slice()) {
        ("reboot", words) => {
            let target = words.iter().find(|w| !w.starts_with('-')).copied().unwrap_or("");
            reboot(words.contains(&"-n"), words.contains(&"-p"), target);
        }
        ("getprop", [name]) => println!("{}", props::read_inherited(name).unwrap_or_default()),
        ("setprop", [name, value]) => {
            if sys::send_property(name, value).is_err() {
                return Some(ExitCode::from(1));
            }
        }
        // A daemon: there until it is killed.
        ("idle", _) => sys::pause(),
        // Ends as Android's does where binder is not there or speaks something else.
        ("servicemanager", _) => match sys::binder_version() {
            Ok(7) => sys::pause(),
            _ => return Some(ExitCode::from(255)),
        },
        // liblog: one writev(2) a record (JB 1.7). The words are a log, a priority's number, a tag, a text.
        ("log", [log, priority, tag, text @ ..]) => {
            let (tag, text) = (format!("{tag}\0"), format!("{}\0", text.join(" ")));
            let done = sys::write_record(log, &[&[priority.parse().unwrap_or(4)], tag.as_bytes(), text.as_bytes()]);
            return Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) });
        }
        // The same for events: a number, and a list of a number, a long number and a text.
        ("eventlog", [tag, number, long, text]) => {
            let mut payload = vec![3, 3, 0];
            payload.extend(number.parse::<i32>().unwrap_or(0).to_le_bytes());
            payload.push(1);
            payload.extend(long.parse::<i64>().unwrap_or(0).to_le_bytes());
            payload.push(2);
            payload.extend((text.len() as u32).to_le_bytes());
            payload.extend(text.as_bytes());
            payload.push(b'\n');
            let tag = tag.parse::<i32>().unwrap_or(0).to_le_bytes();
            let done = sys::write_record("events", &[&tag, &payload]);
            return Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) });
        }
        // Becomes binder's context manager, as servicemanager does whatever protocol it speaks; says how that went, and stays.
        ("contextmanager", [said]) => {
            let manager = sys::context_manager();
            let _ = std::fs::write(said, crate::errno::word(manager.as_ref().map(drop).map_err(sys::copy)));
            sys::pause();
        }
        // More than is kept, by one that does not wait.
        ("logflood", _) => {
            for n in 0..20_000 {
                let _ = sys::write_record("main", &[&[4], b"flood\0", format!("line {n}\0").as_bytes()]);
            }
            let _ = std::fs::write("/data/flooded", "");
        }
        ("script", [todo, said]) => super::mounts::script(todo, said),
        ("true", _) => {}
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

/// Coldboot, unless it was done: the kernel is asked to announce every device again, and each gets a node.
pub fn ueventd() -> ExitCode {
    if let Ok(mut klog) = super::open_klog() {
        let _ = std::io::Write::write_all(&mut klog, b"<3>ueventd: starting\n");
    }
    let mut announced = 0;
    if !Path::new("/dev/.coldboot_done").exists() {
        for root in ["/sys/class", "/sys/block", "/sys/devices"] {
            announce(Path::new(root), &mut announced, 16);
        }
        make_nodes();
        let _ = make("/dev/.coldboot_done", 0);
    }
    let _ = std::fs::write("/data/announced", announced.to_string());
    sys::pause();
    ExitCode::SUCCESS
}

/// What ueventd makes of what is announced: a node for each device, disks in /dev/block, inputs in /dev/input; a few for everybody.
fn make_nodes() {
    for (list, block) in [("/sys/dev/char", false), ("/sys/dev/block", true)] {
        for entry in std::fs::read_dir(list).into_iter().flatten().flatten() {
            let number = entry.file_name().to_string_lossy().into_owned();
            let Some((major, minor)) = number.split_once(':') else { continue };
            let (Ok(major), Ok(minor), Ok(device)) = (major.parse(), minor.parse(), std::fs::read_link(entry.path()))
            else {
                continue;
            };
            let name = device.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let dir = match device.parent().and_then(Path::file_name) {
                _ if block => "/dev/block",
                Some(class) if class == "input" => "/dev/input",
                _ => "/dev",
            };
            let _ = std::fs::create_dir(dir);
            let everybodys = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"].contains(&name.as_str());
            let mode = if everybodys { 0o666 } else { 0o600 };
            // It may be there: init has made a few.
            let _ = sys::mknod(&format!("{dir}/{name}"), block, mode, major, minor);
        }
    }
}

fn announce(dir: &Path, announced: &mut u32, levels: u32) {
    if std::fs::write(dir.join("uevent"), "add\n").is_ok() {
        *announced += 1;
    }
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|t| t.is_dir()) && levels > 0 {
            announce(&entry.path(), announced, levels - 1);
        }
    }
}

/// Without `-n` all file systems of the machine are made read-only first, by the kernel's own key.
pub fn reboot(no_remount: bool, power_off: bool, target: &str) {
    sys::sync();
    if !no_remount {
        let _ = std::fs::write("/proc/sysrq-trigger", "u");
        sys::until(Duration::from_secs(5), || {
            let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
            !mounts.lines().any(|l| l.starts_with("/dev/") && l.split(' ').nth(3).is_some_and(|o| o.starts_with("rw")))
        });
    }
    sys::reboot(power_off, target);
}
