//! Rules for devices (`lxc.cgroup.devices.allow`, `.deny`) beyond the plan: the devices of the host that they name by path,
//! and rules that come when the container runs.
//!
//! On version 2 the rules are a program, so a rule more means another program. The state file has the rules in force.
use crate::place::Place;
use crate::sys::{bpf, errno};
use crate::watch::record::Record;
use keel_core::config::Config;
use keel_core::failure::{Errno, Failure};
use keel_core::plan::DeviceRules;
use rustix::fs::{FileType, Mode, OFlags};
use std::os::fd::AsFd;
use std::path::PathBuf;

/// `/dev/PATH ACCESS` as the kernel takes it: `c 1:3 rwm`. What is no path stays as it is.
pub fn by_number(rule: &str) -> Result<String, Failure> {
    let Some((path, access)) = rule.trim().split_once([' ', '\t']).filter(|(path, _)| path.starts_with('/')) else {
        return Ok(rule.into());
    };
    let stat = rustix::fs::stat(path).map_err(|e| Failure::errno(format_args!("stat '{path}'"), errno(e)))?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        _ => return Err(Failure::new(format!("'{path}' is not a device"))),
    };
    let number = stat.st_rdev as u64;
    Ok(format!("{kind} {}:{} {}", rustix::fs::major(number as _), rustix::fs::minor(number as _), access.trim()))
}

/// Whether rules of a configuration name devices by path.
pub fn has_paths(config: &Config) -> bool {
    config.cgroup.iter().any(|s| is_rule(&s.value.file) && s.value.value.trim_start().starts_with('/'))
}

/// All of them by number; a mistake has its line.
pub fn number_all(config: &mut Config) -> Result<(), Failure> {
    let files = std::mem::take(&mut config.files);
    for setting in config.cgroup.iter_mut().filter(|s| is_rule(&s.value.file)) {
        let place = files.get(usize::from(setting.origin.file)).filter(|_| setting.origin.line > 0);
        let at = place.map(|file| format!("{file}:{}: ", setting.origin.line)).unwrap_or_default();
        let rule = by_number(&setting.value.value);
        setting.value.value =
            rule.map_err(|why| Failure::new(format!("{at}lxc.cgroup.{}: {why}", setting.value.file)))?;
    }
    config.files = files;
    Ok(())
}

fn is_rule(file: &str) -> bool {
    matches!(file, "devices.allow" | "devices.deny")
}

/// A rule more for a container that runs. False: it has no cgroup that could keep rules.
pub fn change(place: &Place, cgroups: &[PathBuf], allow: bool, rule: &str) -> Result<bool, Failure> {
    let file = if allow { "devices.allow" } else { "devices.deny" };
    if let Some(path) = cgroups.iter().map(|dir| dir.join(file)).find(|path| path.exists()) {
        return std::fs::write(&path, rule).map(|()| true).map_err(|e| crate::fault::at("write", path, e));
    }
    let version2: Vec<&PathBuf> = cgroups.iter().filter(|dir| dir.join("cgroup.controllers").exists()).collect();
    let (Some(innermost), Some(mut record)) = (version2.last(), Record::of_living(place)) else { return Ok(false) };
    match (record.devices.is_empty(), allow) {
        // Everything is allowed.
        (true, true) => return Ok(true),
        (true, false) => record.devices = format!("deny {rule}"),
        (false, _) => record.devices = format!("{}, {} {rule}", record.devices, if allow { "allow" } else { "deny" }),
    }
    let rules: DeviceRules = record.devices.parse().map_err(Failure::new)?;
    let program = rules.program();
    let mut replaced = false;
    for (dir, first) in version2.iter().map(|dir| (dir, false)).chain([(innermost, true)]) {
        let fail = |e: Errno| Failure::errno(format_args!("bpf: the device program of '{}'", dir.display()), e);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let cgroup = rustix::fs::open(*dir, flags, Mode::empty()).map_err(|e| fail(errno(e)))?;
        match first {
            false => replaced |= bpf::replace_device_programs(cgroup.as_fd(), &program).map_err(fail)?,
            true if replaced => (),
            true => bpf::attach_device_program(cgroup.as_fd(), &program).map_err(fail)?,
        }
    }
    record.write(place).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_number_and_what_is_no_path_stays() {
        assert_eq!(by_number("/dev/null rwm").unwrap(), "c 1:3 rwm");
        assert_eq!(by_number("c 1:3 rwm").unwrap(), "c 1:3 rwm");
        assert_eq!(by_number("a").unwrap(), "a");
        assert!(by_number("/dev/no-such rwm").unwrap_err().message.ends_with("ENOENT"));
        assert!(by_number("/etc rwm").unwrap_err().message.contains("not a device"));
    }
}
