//! Lines of rc files that would reach beyond the container, named with what becomes of them; and critical services whose
//! program is missing.

use super::Files;
use formats::cpio::kind;

/// A kind of line: whether one is of it, and what it means.
type Rule = (fn(&[&str]) -> bool, &'static str);

const RULES: [Rule; 8] = [
    (
        |w| matches!(w, ["mount", _, _, "/", options @ ..] if options.contains(&"remount")),
        "makes / read-only: refused, and / is the container's own",
    ),
    (
        |w| matches!(w, ["write", path, ..] if path.starts_with("/proc/sys/")),
        "writes settings of the kernel: refused but for its network's and its host name",
    ),
    (
        |w| matches!(w, ["write", path, ..] if path.starts_with("/sys/")),
        "writes to /sys (power, wake locks, low memory killer): refused, /sys is read-only",
    ),
    (|w| matches!(w, ["write", path, ..] if *path == "/proc/sysrq-trigger"), "uses SysRq: it meets a private file"),
    (
        |w| matches!(w, ["chmod" | "chown", .., path] if path.starts_with("/proc/")),
        "changes owner or mode of files in /proc: those of the whole machine have private files over them",
    ),
    (|w| matches!(w, ["sysclktz" | "setclock", ..]), "sets the clock of the machine: refused"),
    (|w| matches!(w, ["insmod", ..]), "loads a kernel module: refused, load it on the host"),
    (
        |w| {
            matches!(w, ["mount", _, source, ..] if source.starts_with("/dev/block/") || source.starts_with("mtd@"))
                || matches!(w, ["mount_all" | "swapon_all", ..])
        },
        "mounts partitions: refused (some inits wait 5 s for each that is missing)",
    ),
];

/// Says one line for each kind of line.
pub fn lint(files: &Files, notes: &mut Vec<String>) {
    let mut found: [(usize, String); RULES.len()] = std::array::from_fn(|_| (0, String::new()));
    let rc = files.iter().filter(|(name, e)| name.ends_with(".rc") && !name.contains('/') && e.kind() == kind::FILE);
    for (name, entry) in rc {
        let text = String::from_utf8_lossy(&entry.data);
        let mut service = None;
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            for ((is, _), (count, first)) in RULES.iter().zip(&mut found) {
                if is(&words) {
                    *count += 1;
                    if first.is_empty() {
                        *first = format!("{name}:{number}");
                    }
                }
            }
            match words.as_slice() {
                ["service", name, program, ..] => service = Some((*name, *program)),
                ["on", ..] => service = None,
                ["critical", ..] => {
                    if let Some((service, program)) = service
                        && !program.starts_with("/system/")
                        && !files.contains_key(program.trim_start_matches('/'))
                    {
                        notes.push(format!("{name}:{number}: critical service '{service}' has no program '{program}'"));
                    }
                }
                _ => {}
            }
        }
    }
    for ((_, meaning), (count, first)) in RULES.iter().zip(&found) {
        match count {
            0 => {}
            1 => notes.push(format!("{first}: it {meaning}")),
            _ => notes.push(format!("{first} and {} more lines: each {meaning}", count - 1)),
        }
    }
}

/// Services that are called critical and whose program is in /system, with that program.
pub fn critical(files: &Files) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (_, entry) in files.iter().filter(|(name, e)| name.ends_with(".rc") && e.kind() == kind::FILE) {
        let text = String::from_utf8_lossy(&entry.data);
        let mut service = None;
        for line in text.lines() {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            match words.as_slice() {
                ["service", name, program, ..] => service = Some((*name, *program)),
                ["on", ..] => service = None,
                ["critical", ..] => {
                    let in_system = service.filter(|(_, program)| program.starts_with("/system/"));
                    found.extend(in_system.map(|(name, program)| (name.to_owned(), program.to_owned())));
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::cpio::Entry;

    #[test]
    fn each_kind_of_line_is_named_once_with_its_place() {
        let text = "on init\n sysclktz 0\n write /proc/sys/vm/a 1\n write /proc/sys/vm/b 1\n write /data/x 1\n\
                    on post-fs\n mount rootfs rootfs / ro remount\n mount ext4 /dev/block/sda1 /system wait\n\
                    service a /sbin/absent\n critical\nservice b /init\n critical\n";
        let file = |data: &str| Entry { mode: kind::FILE, data: data.into(), ..Entry::default() };
        let files = Files::from_iter([("init.rc".into(), file(text)), ("init".into(), file(""))]);
        let mut notes = Vec::new();
        lint(&files, &mut notes);
        assert_eq!(
            notes,
            [
                "init.rc:10: critical service 'a' has no program '/sbin/absent'",
                "init.rc:7: it makes / read-only: refused, and / is the container's own",
                "init.rc:3 and 1 more lines: each writes settings of the kernel: refused but for its network's and its host name",
                "init.rc:2: it sets the clock of the machine: refused",
                "init.rc:8: it mounts partitions: refused (some inits wait 5 s for each that is missing)",
            ]
        );
    }

    #[test]
    fn every_rule_finds_its_line_and_no_harmless_one() {
        let lines = [
            "mount rootfs rootfs / ro remount",
            "write /proc/sys/vm/overcommit_memory 1",
            "write /sys/power/state mem",
            "write /proc/sysrq-trigger u",
            "chown root system /proc/kmsg",
            "sysclktz 0",
            "insmod /system/lib/a.ko",
            "mount_all /fstab.x86",
        ];
        for (line, (is, meaning)) in lines.iter().zip(RULES) {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(is(&words), "'{line}' {meaning}");
        }
        let harmless = [
            "mount tmpfs tmpfs /mnt/asec mode=0755",
            "write /data/x 1",
            "chmod 0660 /dev/cpuctl/tasks",
            "mkdir /sys",
            "setclocks",
        ];
        for line in harmless {
            let words: Vec<&str> = line.split(' ').collect();
            assert!(RULES.iter().all(|(is, _)| !is(&words)), "{line}");
        }
    }
}
