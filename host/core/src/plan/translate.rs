//! Settings of one version of cgroups in the words of the other, where a meaning exists
//! (kernel: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// Files that mean the same, version 1 and 2, with the same values but for "no limit".
const SAME: &[(&str, &str)] = &[
    ("memory.limit_in_bytes", "memory.max"),
    ("memory.soft_limit_in_bytes", "memory.low"),
    ("cpuset.cpus", "cpuset.cpus"),
    ("cpuset.mems", "cpuset.mems"),
    ("pids.max", "pids.max"),
    ("blkio.bfq.weight", "io.bfq.weight"),
    ("rdma.max", "rdma.max"),
    ("misc.max", "misc.max"),
    ("devices.allow", "devices.allow"),
    ("devices.deny", "devices.deny"),
];

/// Limits of a device's throughput, version 1 and the word of version 2's `io.max`.
const THROTTLE: &[(&str, &str)] = &[
    ("blkio.throttle.read_bps_device", "rbps"),
    ("blkio.throttle.write_bps_device", "wbps"),
    ("blkio.throttle.read_iops_device", "riops"),
    ("blkio.throttle.write_iops_device", "wiops"),
];

/// A file and what is written to it.
type Setting = (String, String);

/// Translates a setting of a version; nothing when the other version has no such thing or the value has no meaning there,
/// and an empty list when another setting's translation says it, too. `said` has the other settings of that version.
pub(super) fn setting<'a>(
    version: u8,
    file: &str,
    value: &str,
    said: &dyn Fn(&str) -> Option<&'a str>,
) -> Option<Vec<Setting>> {
    let value = value.trim();
    let one = |file: &str, value: String| Some(vec![(file.to_string(), value)]);
    match (version, file) {
        // The kernel's own mapping of the range 2..262144 to 1..10000 with 1024 at 39, as container runtimes use it.
        (1, "cpu.shares") => one("cpu.weight", scaled(value, (2, 262_144), (1, 10_000))?),
        (2, "cpu.weight") => one("cpu.shares", scaled(value, (1, 10_000), (2, 262_144))?),
        (1, "blkio.weight") => one("io.weight", scaled(value, (10, 1000), (1, 10_000))?),
        (2, "io.weight") => {
            one("blkio.weight", scaled(value.trim_start_matches("default").trim(), (1, 10_000), (10, 1000))?)
        }
        (1, "cpu.cfs_quota_us") => {
            let quota = if value.starts_with('-') { "max".into() } else { value.parse::<u64>().ok()?.to_string() };
            one(
                "cpu.max",
                said("cpu.cfs_period_us").map_or(quota.clone(), |period| format!("{quota} {}", period.trim())),
            )
        }
        (1, "cpu.cfs_period_us") if said("cpu.cfs_quota_us").is_some() => Some(Vec::new()),
        (1, "cpu.cfs_period_us") => one("cpu.max", format!("max {}", value.parse::<u64>().ok()?)),
        (2, "cpu.max") => {
            let (quota, period) = value.split_once(' ').unwrap_or((value, ""));
            let quota = if quota == "max" { "-1".into() } else { quota.parse::<u64>().ok()?.to_string() };
            let period = period.trim().parse::<u64>().ok().map(|p| ("cpu.cfs_period_us".into(), p.to_string()));
            Some(period.into_iter().chain([("cpu.cfs_quota_us".into(), quota)]).collect())
        }
        // Version 1 counts memory and swap together.
        (1, "memory.memsw.limit_in_bytes") if value == "-1" => one("memory.swap.max", "max".into()),
        (1, "memory.memsw.limit_in_bytes") => {
            let memory = bytes(said("memory.limit_in_bytes")?)?;
            one("memory.swap.max", bytes(value)?.saturating_sub(memory).to_string())
        }
        (2, "memory.swap.max") if value == "max" => one("memory.memsw.limit_in_bytes", "-1".into()),
        (2, "memory.swap.max") => {
            let memory = bytes(said("memory.max")?)?;
            one("memory.memsw.limit_in_bytes", bytes(value)?.checked_add(memory)?.to_string())
        }
        (1, "freezer.state") => one("cgroup.freeze", if value == "FROZEN" { "1" } else { "0" }.into()),
        (2, "cgroup.freeze") => one("freezer.state", if value == "1" { "FROZEN" } else { "THAWED" }.into()),
        (2, "io.max") => {
            let (device, limits) = value.split_once(' ')?;
            let limit = |word: &str| {
                let (name, value) = word.split_once('=')?;
                let (file, _) = THROTTLE.iter().find(|(_, new)| *new == name)?;
                Some(((*file).into(), format!("{device} {}", if value == "max" { "0" } else { value })))
            };
            limits.split_whitespace().map(limit).collect()
        }
        (1, _) => {
            if let Some((_, word)) = THROTTLE.iter().find(|(old, _)| *old == file) {
                let (device, limit) = value.split_once(' ')?;
                let limit = if limit.trim() == "0" { "max" } else { limit.trim() };
                return one("io.max", format!("{device} {word}={limit}"));
            }
            let hugetlb = file.strip_prefix("hugetlb.").and_then(|rest| rest.strip_suffix(".limit_in_bytes"));
            if let Some(size) = hugetlb {
                return one(&format!("hugetlb.{size}.max"), value.into());
            }
            let (_, new) = SAME.iter().find(|(old, _)| *old == file)?;
            one(new, if value == "-1" && file.starts_with("memory.") { "max".into() } else { value.into() })
        }
        _ => {
            if let Some(size) = file.strip_prefix("hugetlb.").and_then(|rest| rest.strip_suffix(".max")) {
                return one(&format!("hugetlb.{size}.limit_in_bytes"), value.into());
            }
            let (old, _) = SAME.iter().find(|(_, new)| *new == file)?;
            one(old, if value == "max" && file.starts_with("memory.") { "-1".into() } else { value.into() })
        }
    }
}

/// A number of one range in its place in another.
fn scaled(value: &str, (least, most): (u64, u64), (new_least, new_most): (u64, u64)) -> Option<String> {
    let number = value.parse::<u64>().ok()?.clamp(least, most);
    Some((new_least + (number - least) * (new_most - new_least) / (most - least)).to_string())
}

/// Bytes as the kernel reads them (memparse): a number with K, M or G behind it.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, shift) = match text.char_indices().next_back()? {
        (at, 'k' | 'K') => (&text[..at], 10),
        (at, 'm' | 'M') => (&text[..at], 20),
        (at, 'g' | 'G') => (&text[..at], 30),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::setting;
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn both_ways() {
        let said = |file: &str| match file {
            "cpu.cfs_period_us" => Some("100000"),
            "memory.limit_in_bytes" | "memory.max" => Some("64M"),
            _ => None,
        };
        let is = |version, file, value| {
            let all = setting(version, file, value, &said)?;
            Some(all.iter().map(|(f, v)| alloc::format!("{f}={v}")).collect::<Vec<String>>().join("; "))
        };
        for (version, file, value, expected) in [
            (1, "memory.limit_in_bytes", "64M", Some("memory.max=64M")),
            (1, "memory.limit_in_bytes", "-1", Some("memory.max=max")),
            (2, "memory.max", "max", Some("memory.limit_in_bytes=-1")),
            (1, "memory.memsw.limit_in_bytes", "96M", Some("memory.swap.max=33554432")),
            (1, "memory.memsw.limit_in_bytes", "-1", Some("memory.swap.max=max")),
            (2, "memory.swap.max", "1G", Some("memory.memsw.limit_in_bytes=1140850688")),
            (1, "cpu.shares", "1024", Some("cpu.weight=39")),
            (1, "cpu.shares", "2", Some("cpu.weight=1")),
            (1, "cpu.shares", "99999999", Some("cpu.weight=10000")),
            (2, "cpu.weight", "10000", Some("cpu.shares=262144")),
            (1, "cpu.shares", "many", None),
            (1, "cpu.cfs_quota_us", "-1", Some("cpu.max=max 100000")),
            (1, "cpu.cfs_quota_us", "50000", Some("cpu.max=50000 100000")),
            (2, "cpu.max", "50000 100000", Some("cpu.cfs_period_us=100000; cpu.cfs_quota_us=50000")),
            (2, "cpu.max", "max", Some("cpu.cfs_quota_us=-1")),
            (1, "blkio.weight", "1000", Some("io.weight=10000")),
            (1, "blkio.weight", "10", Some("io.weight=1")),
            (2, "io.weight", "default 10000", Some("blkio.weight=1000")),
            (1, "blkio.throttle.read_bps_device", "8:0 1048576", Some("io.max=8:0 rbps=1048576")),
            (
                2,
                "io.max",
                "8:0 wbps=7 riops=max",
                Some("blkio.throttle.write_bps_device=8:0 7; blkio.throttle.read_iops_device=8:0 0"),
            ),
            (2, "io.max", "8:0 what=7", None),
            (1, "hugetlb.2MB.limit_in_bytes", "4M", Some("hugetlb.2MB.max=4M")),
            (2, "hugetlb.2MB.max", "4M", Some("hugetlb.2MB.limit_in_bytes=4M")),
            (1, "freezer.state", "FROZEN", Some("cgroup.freeze=1")),
            (2, "cgroup.freeze", "0", Some("freezer.state=THAWED")),
            (1, "pids.max", "max", Some("pids.max=max")),
            (1, "net_cls.classid", "1", None),
            (2, "memory.pressure", "x", None),
        ] {
            assert_eq!(is(version, file, value).as_deref(), expected, "{version} {file} {value}");
        }
        let nothing = |_: &str| None;
        assert_eq!(setting(1, "cpu.cfs_period_us", "1000", &nothing).unwrap()[0].1, "max 1000");
        assert_eq!(setting(1, "cpu.cfs_period_us", "1000", &|_| Some("5")), Some(Vec::new()));
        assert_eq!(setting(1, "memory.memsw.limit_in_bytes", "96M", &nothing), None);
    }
}
