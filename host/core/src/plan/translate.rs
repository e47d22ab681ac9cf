//! Settings of one version of cgroups in the words of the other, where a meaning exists
//! (kernel: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).

use alloc::string::{String, ToString};

/// Files that mean the same, version 1 and 2, with the same values but for "no limit".
const SAME: &[(&str, &str)] = &[
    ("memory.limit_in_bytes", "memory.max"),
    ("memory.soft_limit_in_bytes", "memory.low"),
    ("cpuset.cpus", "cpuset.cpus"),
    ("cpuset.mems", "cpuset.mems"),
    ("pids.max", "pids.max"),
    ("blkio.weight", "io.weight"),
    ("devices.allow", "devices.allow"),
    ("devices.deny", "devices.deny"),
];

/// Translates a setting of a version; nothing when the other version has no such thing or the value has no meaning there.
pub(super) fn setting(version: u8, file: &str, value: &str) -> Option<(String, String)> {
    let number = || value.trim().parse::<u64>().ok();
    match (version, file) {
        // The kernel's own mapping of the range 2..262144 to 1..10000 with 1024 at 39, as container runtimes use it.
        (1, "cpu.shares") => {
            let shares = number()?.clamp(2, 262_144);
            Some(("cpu.weight".into(), (1 + (shares - 2) * 9999 / 262_142).to_string()))
        }
        (2, "cpu.weight") => {
            let weight = number()?.clamp(1, 10_000);
            Some(("cpu.shares".into(), (2 + (weight - 1) * 262_142 / 9999).to_string()))
        }
        (1, "cpu.cfs_quota_us") if value.trim().starts_with('-') => Some(("cpu.max".into(), "max".into())),
        (1, "cpu.cfs_quota_us") => Some(("cpu.max".into(), number()?.to_string())),
        (1, "freezer.state") => Some(("cgroup.freeze".into(), if value == "FROZEN" { "1" } else { "0" }.into())),
        (1, _) => {
            let (_, new) = SAME.iter().find(|(old, _)| *old == file)?;
            let unlimited = value.trim() == "-1" && file.starts_with("memory.");
            Some(((*new).into(), if unlimited { "max".into() } else { value.into() }))
        }
        _ => {
            let (old, _) = SAME.iter().find(|(_, new)| *new == file)?;
            let unlimited = value.trim() == "max" && file.starts_with("memory.");
            Some(((*old).into(), if unlimited { "-1".into() } else { value.into() }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::setting;

    #[test]
    fn both_ways() {
        let is = |version, file, value| setting(version, file, value).map(|(f, v)| alloc::format!("{f}={v}"));
        for (version, file, value, expected) in [
            (1, "memory.limit_in_bytes", "64M", Some("memory.max=64M")),
            (1, "memory.limit_in_bytes", "-1", Some("memory.max=max")),
            (2, "memory.max", "max", Some("memory.limit_in_bytes=-1")),
            (1, "cpu.shares", "1024", Some("cpu.weight=39")),
            (1, "cpu.shares", "2", Some("cpu.weight=1")),
            (1, "cpu.shares", "99999999", Some("cpu.weight=10000")),
            (2, "cpu.weight", "10000", Some("cpu.shares=262144")),
            (1, "cpu.shares", "many", None),
            (1, "cpu.cfs_quota_us", "-1", Some("cpu.max=max")),
            (1, "cpu.cfs_quota_us", "50000", Some("cpu.max=50000")),
            (1, "pids.max", "max", Some("pids.max=max")),
            (1, "net_cls.classid", "1", None),
            (2, "memory.pressure", "x", None),
        ] {
            assert_eq!(is(version, file, value).as_deref(), expected, "{version} {file} {value}");
        }
    }
}
