//! `lxc.apparmor.profile = generated`: the profile's text (apparmor.d(5)), and the steps that load and remove it.
//!
//! Everything is allowed but what leads out of a container whose root is root outside: settings of the kernel below /proc
//! and /sys, file systems that are the kernel's insides, and other places for those two, where paths would not match.
//! Compiling it is apparmor_parser(8)'s.

use super::{PATH, Planned, Request, SHELLS, operand};
use crate::config::Config;
use crate::sorted;
use crate::step::Step;
use crate::step::net::{Left, NetStep};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The profile that LXC gives to a container that names none; its package brings it.
pub const DEFAULT_PROFILE: &str = "lxc-container-default-cgns";

/// The profile's name, as LXC has it: scripts look for it in /proc/PID/attr/current.
pub(super) fn name(request: &Request) -> String {
    format!("lxc-{}_<{}>", request.name, request.lxcpath.trim_end_matches('/').replace('/', "-"))
}

/// Loads it, and remembers to remove it.
pub(super) fn load(config: &Config, request: &Request) -> [Planned; 2] {
    let name = name(request);
    let words = |script: &str| ["sh", "-c", script].map(operand).to_vec();
    let envp = |text: &str| Vec::from([operand(&format!("PATH={}", PATH)), operand(&format!("TEXT={text}"))]);
    let load = Step::RunHook {
        shells: SHELLS.map(operand).into(),
        argv: words("printf %s \"$TEXT\" | apparmor_parser --replace --skip-cache --quiet"),
        envp: envp(&profile(config, &name)),
    };
    // ENOENT: somebody else has removed it.
    let gone = "printf %s \"$TEXT\" 2>&- > /sys/kernel/security/apparmor/.remove || :";
    let remove = NetStep::Remember(Left::Script { argv: words(gone), envp: envp(&name) });
    [Planned::must(load), Planned::must(Step::Net(remove))]
}

/// The whole text.
fn profile(config: &Config, name: &str) -> String {
    let mut text = format!(
        "profile \"{name}\" flags=(attach_disconnected,mediate_deleted) {{\n  capability,\n  network,\n  file,\n  umount,\n  \
         unix,\n  dbus,\n  signal (receive),\n  signal peer=\"{name}\",\n  ptrace peer=\"{name}\",\n  ptrace (readby, tracedby),\n"
    );
    let mut line = |rule: &str| text += &format!("  {rule},\n");
    match config.apparmor.allow_nesting {
        // A container inside mounts what it likes where it likes, and makes that its root.
        true => ["mount", "pivot_root", "change_profile"].into_iter().for_each(&mut line),
        false => {
            [
                "remount",
                "mount options=(rw, move) -> /**",
                "mount fstype=proc -> /proc/",
                "mount fstype=sysfs -> /sys/",
            ]
            .into_iter()
            .for_each(&mut line);
            for fstype in ["tmpfs", "ramfs", "devpts", "mqueue", "hugetlbfs", "overlay", "fuse", "fuse.*"] {
                line(&format!("mount fstype={fstype}"));
            }
            for fstype in ["cgroup", "cgroup2"] {
                line(&format!("mount fstype={fstype} -> /sys/fs/cgroup/{{,**}}"));
            }
            for kind in ["slave", "private", "shared", "unbindable"] {
                line(&format!("mount options=(rw, make-{kind}) -> /{{,**}}"));
                line(&format!("mount options=(rw, make-r{kind}) -> /{{,**}}"));
            }
            // Everything but /proc and /sys can be at other places, too.
            for kind in ["bind", "rbind", "move"] {
                for source in others("/", &["proc", "sys"]) {
                    line(&format!("mount options=(rw, {kind}) {source}"));
                }
            }
        }
    }
    for (base, writable) in WRITABLE {
        for path in others(base, writable) {
            line(&format!("deny {path} wkl"));
        }
    }
    for path in [
        "/proc/sysrq-trigger",
        "/proc/kcore",
        "/proc/kmem",
        "/proc/mem",
        "/sys/kernel/debug/{,**}",
        "/sys/firmware/efi/efivars/{,**}",
    ] {
        line(&format!("deny {path} rwkl"));
    }
    // As they are: each is a rule, or a part of one.
    config.apparmor.raw.iter().for_each(|rule| text += &format!("  {rule}\n"));
    text + "}\n"
}

/// Below each directory nothing is written but what is named.
const WRITABLE: [(&str, &[&str]); 8] = [
    ("/proc/sys/", &["net", "kernel", "fs"]),
    ("/proc/sys/fs/", &["mqueue"]),
    (
        "/proc/sys/kernel/",
        &[
            "shmall",
            "shmmax",
            "shmmni",
            "shm_rmid_forced",
            "sem",
            "msgmax",
            "msgmnb",
            "msgmni",
            "hostname",
            "domainname",
            "random",
        ],
    ),
    ("/sys/", &["fs", "devices", "class"]),
    ("/sys/fs/", &["cgroup"]),
    ("/sys/devices/", &["virtual"]),
    ("/sys/devices/virtual/", &["net"]),
    ("/sys/class/", &["net"]),
];

/// Patterns that fit everything below a directory but these names and what is below them: a rule that denies has no
/// exceptions, so that there is one pattern for each way in which a name can differ.
fn others(base: &str, names: &[&str]) -> Vec<String> {
    let mut patterns = Vec::new();
    let mut prefixes: Vec<&str> = names.iter().flat_map(|name| (0..=name.len()).map(|i| &name[..i])).collect();
    sorted::sort(&mut prefixes);
    prefixes.dedup();
    for prefix in prefixes {
        let next: String = {
            let mut next: Vec<char> =
                names.iter().filter_map(|name| name.strip_prefix(prefix)?.chars().next()).collect();
            sorted::sort(&mut next);
            next.dedup();
            next.into_iter().collect()
        };
        let whole = names.contains(&prefix);
        if !whole && !prefix.is_empty() {
            patterns.push(format!("{base}{prefix}{{,/**}}"));
        }
        match next.is_empty() {
            true => patterns.push(format!("{base}{prefix}[^/]*{{,/**}}")),
            false => patterns.push(format!("{base}{prefix}[^/{next}]*{{,/**}}")),
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn patterns_fit_all_but_the_names() {
        assert_eq!(
            others("/", &["ab", "ac", "a"]),
            vec!["/[^/a]*{,/**}", "/a[^/bc]*{,/**}", "/ab[^/]*{,/**}", "/ac[^/]*{,/**}"]
        );
        assert_eq!(others("/s/", &["x"]), vec!["/s/[^/x]*{,/**}", "/s/x[^/]*{,/**}"]);
        assert_eq!(
            others("/s/", &["xy"]),
            vec!["/s/[^/x]*{,/**}", "/s/x{,/**}", "/s/x[^/y]*{,/**}", "/s/xy[^/]*{,/**}"]
        );
    }
}
