//! `lxc.cgroup.FILE` and `lxc.cgroup2.FILE`: what is written to a cgroup's files, in the order of the file.
//!
//! Refuses names that would leave the cgroup's directory.

use super::apply::{Done, Lines, at};
use super::keys::Setting;
use crate::config::{At, CgroupSetting, Config};
use alloc::format;
use alloc::string::ToString;

fn cgroup(s: &mut Setting<'_>, version: u8) -> Done {
    let other = |c: &At<CgroupSetting>| c.value.version != version;
    match (s.rest, s.value) {
        ("", "") => s.config.cgroup.retain(other),
        ("", _) => return Err("the name of a file is missing behind the key".into()),
        (file, _) if file.contains('/') || file.starts_with('.') => {
            return Err(format!("'{file}' cannot be a file of a cgroup"));
        }
        (file, "") => s.config.cgroup.retain(|c| other(c) || c.value.file != file),
        (file, value) => {
            let setting = CgroupSetting { version, file: file.to_string(), value: value.to_string() };
            s.config.cgroup.push(at(setting, s.origin));
        }
    }
    Ok(())
}

pub(super) fn cgroup1(s: &mut Setting<'_>) -> Done {
    cgroup(s, 1)
}

pub(super) fn cgroup2(s: &mut Setting<'_>) -> Done {
    cgroup(s, 2)
}

fn cgroups(c: &Config, version: u8, start: &str) -> Lines {
    let ours = c.cgroup.iter().map(|c| &c.value).filter(|c| c.version == version);
    ours.map(|c| (format!("{start}{}", c.file), c.value.clone())).collect()
}

pub(super) fn print_cgroup1(c: &Config) -> Lines {
    cgroups(c, 1, "lxc.cgroup.")
}

pub(super) fn print_cgroup2(c: &Config) -> Lines {
    cgroups(c, 2, "lxc.cgroup2.")
}
