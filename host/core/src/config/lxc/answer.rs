//! What lxc-info answers for a key (`-c`), byte for byte: numbers where a configuration has names, zeros where nothing is
//! set, a line for each element of most lists with one more line break behind the last.
//!
//! Refuses what LXC calls invalid: keys that do not exist, parts of an interface that is not there or of another type.

use super::keys::{self, Means};
use super::print::{get, lines};
use super::values::signal;
use crate::config::net::NetKind;
use crate::config::{Config, Personality};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Values whose words are elements.
const WORDS: [&str; 5] = ["lxc.cap.drop", "lxc.cap.keep", "lxc.group", "lxc.namespace.clone", "lxc.namespace.keep"];
/// Lists without a line break behind the last element.
const BARE: [&str; 3] = ["lxc.idmap", "lxc.init.groups", "lxc.mount.auto"];
/// Prefixes that are answered as the lines of a file.
const FILES: [&str; 5] = ["lxc.cgroup", "lxc.cgroup2", "lxc.prlimit", "lxc.sysctl", "lxc.proc"];
/// What holds where nothing is set, if that is not 0.
const DEFAULTS: [(&str, &str); 6] = [
    ("lxc.autodev", "1"),
    ("lxc.rootfs.managed", "1"),
    ("lxc.keyring.session", "1"),
    ("lxc.monitor.signal.pdeath", "9"),
    ("lxc.console.size", "0"),
    ("lxc.time.offset.boot", "0"),
];

/// The answer, or none for a key that is invalid. `default_mount`: where a root file system is mounted if nothing is said.
pub fn answer(config: &Config, key: &str, default_mount: &str) -> Option<String> {
    if FILES.contains(&key) {
        let row = keys::find(&format!("{key}."))?.key;
        return Some(lines(config, row).into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect());
    }
    if key == "lxc.net" {
        return Some(config.net.iter().map(|net| format!("{}\n", net.kind.value.word())).collect());
    }
    let found = keys::find(key)?;
    let name = found.key.name;
    if matches!(found.key.means, Means::Include) || ["lxc.hook", "lxc.net.N"].contains(&name) || key.ends_with('.') {
        return None;
    }
    if let Some(index) = found.index {
        let net = config.net.iter().find(|net| net.index == index)?;
        let of_type = ["macvlan", "ipvlan", "vlan", "veth"]
            .into_iter()
            .find(|kind| name.starts_with(&format!("lxc.net.N.{kind}.")));
        if of_type.is_some_and(|kind| kind != net.kind.value.word()) {
            return None;
        }
        if name == "lxc.net.N.name" && net.kind.value == NetKind::Empty {
            return Some("lo".into());
        }
    }
    let values = get(config, key).ok()?;
    let Some(first) = values.first() else {
        let set = DEFAULTS.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string());
        return Some(match found.key.means {
            _ if set.is_some() => set?,
            Means::Count(_) | Means::Flag(_) | Means::Signal(_) => "0".into(),
            _ if name == "lxc.rootfs.mount" => default_mount.into(),
            _ if name == "lxc.net.N.l2proxy" || name.ends_with("vlan.id") => "0".into(),
            _ if name == "lxc.net.N.veth.mode" => "bridge".into(),
            _ if name == "lxc.net.N.macvlan.mode" => "private".into(),
            _ => String::new(),
        });
    };
    if WORDS.contains(&name) {
        return Some(
            values.iter().flat_map(|value| value.split_whitespace()).map(|word| format!("{word}\n")).collect(),
        );
    }
    Some(match name {
        "lxc.arch" => machine(config.arch).into(),
        "lxc.rootfs.path" => first.split_once(':').map_or(first.as_str(), |(_, path)| path).into(),
        _ if name.starts_with("lxc.signal.") || name == "lxc.monitor.signal.pdeath" => {
            signal(first).map_or_else(|_| first.clone(), |number| number.to_string())
        }
        // LXC leaves the broadcast address out.
        "lxc.net.N.ipv4.address" => {
            let addresses: Vec<&str> = values.iter().filter_map(|value| value.split(' ').next()).collect();
            addresses.join("\n")
        }
        _ if found.key.list && !BARE.contains(&name) && found.index.is_none() && found.rest.is_empty() => {
            values.iter().map(|value| format!("{value}\n")).collect()
        }
        _ if name == "lxc.cgroup." || name == "lxc.cgroup2." => {
            values.iter().map(|value| format!("{value}\n")).collect()
        }
        _ => values.join("\n"),
    })
}

/// LXC's name for an execution domain on this processor.
fn machine(arch: Option<Personality>) -> &'static str {
    let (wide, narrow) = match () {
        () if cfg!(any(target_arch = "x86_64", target_arch = "x86")) => ("x86_64", "i686"),
        () if cfg!(any(target_arch = "aarch64", target_arch = "arm")) => ("aarch64", "armv7l"),
        () => ("linux64", "linux32"),
    };
    match arch {
        Some(Personality::Linux) => wide,
        Some(Personality::Linux32) => narrow,
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lxc::{NoFiles, parse};

    /// As LXC 5.0.2 answers.
    #[test]
    fn answers_are_lxcs() {
        let text = b"lxc.arch = armv7l\nlxc.rootfs.path = overlay:/a:/b\nlxc.group = g1\nlxc.group = g2\n\
            lxc.cap.drop = sys_time mac_admin\nlxc.environment = A=1\nlxc.environment = B=2\n\
            lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\nlxc.signal.halt = SIGRTMIN+3\n\
            lxc.cgroup.devices.allow = c 1:3 rwm\nlxc.cgroup.devices.allow = c 1:5 rwm\nlxc.cgroup.cpu.shares = 5\n\
            lxc.prlimit.nofile = 77:99\nlxc.net.0.type = empty\nlxc.net.1.type = veth\n\
            lxc.net.1.ipv4.address = 10.0.0.1/24\nlxc.net.1.ipv4.address = 10.0.0.2/24 10.0.0.255\n\
            lxc.namespace.clone = mnt pid\nlxc.hook.stop = /c\nlxc.init.groups = 5,6\nlxc.init.uid = 3\n";
        let (config, problems) = parse("f", text, &mut NoFiles);
        assert!(problems.is_empty(), "{problems:?}");
        for (key, expected) in [
            (
                "lxc.arch",
                Some(if cfg!(target_pointer_width = "64") { machine(Some(Personality::Linux32)) } else { "i686" }),
            ),
            ("lxc.rootfs.path", Some("/a:/b")),
            ("lxc.rootfs.mount", Some("/mnt")),
            ("lxc.group", Some("g1\ng2\n")),
            ("lxc.cap.drop", Some("sys_time\nmac_admin\n")),
            ("lxc.cap.keep", Some("")),
            ("lxc.environment", Some("A=1\nB=2\n")),
            ("lxc.idmap", Some("u 0 100000 65536\ng 0 100000 65536")),
            ("lxc.signal.halt", Some("37")),
            ("lxc.signal.stop", Some("0")),
            ("lxc.monitor.signal.pdeath", Some("9")),
            ("lxc.autodev", Some("1")),
            ("lxc.init.uid", Some("3")),
            ("lxc.init.gid", Some("0")),
            ("lxc.init.groups", Some("5,6")),
            ("lxc.start.delay", Some("0")),
            ("lxc.cgroup.devices.allow", Some("c 1:3 rwm\nc 1:5 rwm\n")),
            ("lxc.cgroup.memory.limit_in_bytes", Some("")),
            ("lxc.prlimit", Some("lxc.prlimit.nofile = 77:99\n")),
            ("lxc.prlimit.nofile", Some("77:99")),
            ("lxc.namespace.clone", Some("mnt\npid\n")),
            ("lxc.hook.stop", Some("/c\n")),
            ("lxc.hook.start", Some("")),
            ("lxc.hook", None),
            ("lxc.include", None),
            ("lxc.net", Some("empty\nveth\n")),
            ("lxc.net.0", None),
            ("lxc.net.7.type", None),
            ("lxc.net.0.name", Some("lo")),
            ("lxc.net.1.name", Some("")),
            ("lxc.net.0.veth.pair", None),
            ("lxc.net.1.macvlan.mode", None),
            ("lxc.net.1.veth.mode", Some("bridge")),
            ("lxc.net.1.ipv4.address", Some("10.0.0.1/24\n10.0.0.2/24")),
            ("lxc.nosuch", None),
            ("lxc.prlimit.", None),
        ] {
            assert_eq!(answer(&config, key, "/mnt").as_deref(), expected, "{key}");
        }
        let files = answer(&config, "lxc.cgroup", "").unwrap();
        assert!(
            files.starts_with("lxc.cgroup.devices.allow = c 1:3 rwm\n") && files.ends_with(".cpu.shares = 5\n"),
            "{files}"
        );
    }
}
