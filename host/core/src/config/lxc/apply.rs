//! What the rows of the table with a meaning of their own do: a value on its way into a `Config`, and back into text.
//!
//! Each pair belongs to one key: the reader takes an empty value as clearing, the printer gives whole keys with values.

use super::keys::Setting;
use super::values;
use crate::config::{At, Config, ConsolePath, Origin, Personality, Restart, RootfsKind, fstab, words};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub(super) use super::android::{
    android_binder, android_cache, android_cmdline, android_cpuinfo, android_data, android_hardware, android_supervise,
    android_system, print_android_binder, print_android_cache, print_android_cmdline, print_android_cpuinfo,
    print_android_data, print_android_hardware, print_android_supervise, print_android_system,
};
pub(super) use super::caps::{cap_drop, cap_keep, print_cap_drop, print_cap_keep};
pub(super) use super::cgroup::{cgroup1, cgroup2, print_cgroup1, print_cgroup2};
pub(super) use super::mount_auto::{mount_auto, print_mount_auto};
pub(super) use super::namespace::{ns_clone, ns_keep, ns_share, print_ns_clone, print_ns_keep, print_ns_share};
pub(super) use super::process::{
    groups, hook, hooks, idmap, limit, print_groups, print_hook, print_idmap, print_limit, print_proc, print_sysctl,
    proc, sysctl,
};
pub(super) use super::rights::{
    apparmor, apparmor_raw, print_apparmor, print_apparmor_raw, print_seccomp, print_seccomp_proxy, print_selinux,
    print_selinux_keyring, seccomp, seccomp_proxy, selinux, selinux_keyring,
};
pub(super) use super::supervisor::{
    cgroup_dir, console_buffer, console_size, pdeath, print_cgroup_dir, print_console_buffer, print_console_size,
    print_pdeath, print_syslog, print_time_boot, print_time_monotonic, syslog, time_boot, time_monotonic,
};

pub(super) type Done = Result<(), String>;
pub(super) type Lines = Vec<(String, String)>;

pub(super) fn at<T>(value: T, origin: Origin) -> At<T> {
    At { value, origin }
}

/// The line of one key, if it has a value.
pub(super) fn line(key: &str, value: Option<impl Into<String>>) -> Lines {
    value.map(|value| (key.to_string(), value.into())).into_iter().collect()
}

pub(super) fn print_nothing(_: &Config) -> Lines {
    Vec::new()
}

/// Longest host name of Linux, __NEW_UTS_LEN.
const LONGEST_NAME: usize = 64;

pub(super) fn uts_name(s: &mut Setting<'_>) -> Done {
    if s.value.len() > LONGEST_NAME {
        return Err(format!("'{}' is longer than {LONGEST_NAME} bytes", s.value));
    }
    s.config.uts_name = (!s.value.is_empty()).then(|| s.value.to_string());
    Ok(())
}

pub(super) fn print_uts_name(c: &Config) -> Lines {
    line("lxc.uts.name", c.uts_name.clone())
}

pub(super) fn arch(s: &mut Setting<'_>) -> Done {
    s.config.arch = if s.value.is_empty() { None } else { Some(values::machine(s.value)?) };
    Ok(())
}

pub(super) fn print_arch(c: &Config) -> Lines {
    let name = c.arch.map(|arch| match arch {
        Personality::Linux32 => "linux32",
        Personality::Linux => "linux64",
    });
    line("lxc.arch", name)
}

pub(super) fn init_cmd(s: &mut Setting<'_>) -> Done {
    s.config.init.cmd = words::split(s.value)?;
    Ok(())
}

pub(super) fn print_init_cmd(c: &Config) -> Lines {
    line("lxc.init.cmd", (!c.init.cmd.is_empty()).then(|| words::join(&c.init.cmd)))
}

pub(super) fn execute_cmd(s: &mut Setting<'_>) -> Done {
    s.config.init.execute = words::split(s.value)?;
    Ok(())
}

pub(super) fn print_execute_cmd(c: &Config) -> Lines {
    line("lxc.execute.cmd", (!c.init.execute.is_empty()).then(|| words::join(&c.init.execute)))
}

/// Names and lists of `lxc.environment*`.
type Environment = Vec<At<(String, Option<String>)>>;
type Variables = (&'static str, fn(&Config) -> &Environment, fn(&mut Config) -> &mut Environment);
const ENVIRONMENTS: [Variables; 3] = [
    ("lxc.environment", |c| &c.environment, |c| &mut c.environment),
    ("lxc.environment.runtime", |c| &c.environment_runtime, |c| &mut c.environment_runtime),
    ("lxc.environment.hooks", |c| &c.environment_hooks, |c| &mut c.environment_hooks),
];

/// One of them; `WHICH` is a place in `ENVIRONMENTS`.
pub(super) fn environment<const WHICH: usize>(s: &mut Setting<'_>) -> Done {
    let list = ENVIRONMENTS[WHICH].2(s.config);
    if s.value.is_empty() {
        list.clear();
        return Ok(());
    }
    let (name, value) = match s.value.split_once('=') {
        Some((name, value)) => (name, Some(value.to_string())),
        None => (s.value, None),
    };
    if name.is_empty() {
        return Err(format!("'{}' has no name in front of '='", s.value));
    }
    list.push(at((name.to_string(), value), s.origin));
    Ok(())
}

pub(super) fn print_environment<const WHICH: usize>(c: &Config) -> Lines {
    let (key, list, _) = ENVIRONMENTS[WHICH];
    let texts = list(c).iter().map(|e| match &e.value {
        (name, Some(value)) => format!("{name}={value}"),
        (name, None) => name.clone(),
    });
    texts.map(|text| (key.to_string(), text)).collect()
}

/// Types that LXC has had; one in front of the first colon is a type, anything else is part of the path.
fn kind(name: &str) -> Option<RootfsKind> {
    Some(match name {
        "dir" => RootfsKind::Dir,
        "overlay" | "overlayfs" => RootfsKind::Overlay,
        "loop" => RootfsKind::Loop,
        "aufs" | "btrfs" | "lvm" | "nbd" | "rbd" | "zfs" | "best" => RootfsKind::Other(name.to_string()),
        _ => return None,
    })
}

pub(super) fn rootfs(s: &mut Setting<'_>) -> Done {
    let rootfs = &mut s.config.rootfs;
    if s.value.is_empty() {
        (rootfs.path, rootfs.kind) = (None, RootfsKind::Dir);
        return Ok(());
    }
    // Apart from LXC, a path with a colon stays whole when it begins with a slash.
    let (found, path) = match s.value.split_once(':').filter(|_| !s.value.starts_with('/')) {
        Some((name, path)) => match kind(name) {
            Some(found) => (Some(found), path),
            None => {
                let names = ["dir", "overlay", "overlayfs", "loop", "nbd", "btrfs", "zfs", "lvm", "rbd"];
                return Err(format!("unknown type '{name}' in front of the path{}", nearest::hint(name, names)));
            }
        },
        None => (None, s.value),
    };
    if path.is_empty() {
        return Err(format!("'{}' has no path behind its type", s.value));
    }
    // The type of lxc.rootfs.backend stays unless the path brings its own.
    rootfs.kind = found.unwrap_or(match s.old {
        true => core::mem::take(&mut rootfs.kind),
        false => RootfsKind::Dir,
    });
    rootfs.path = Some(at(path.to_string(), s.origin));
    Ok(())
}

pub(super) fn backend(s: &mut Setting<'_>) -> Done {
    s.config.rootfs.kind = match (s.value, kind(s.value)) {
        ("", _) => RootfsKind::Dir,
        (_, Some(kind)) => kind,
        (name, None) => return Err(format!("unknown type '{name}'")),
    };
    Ok(())
}

pub(super) fn print_rootfs(c: &Config) -> Lines {
    let kind = match &c.rootfs.kind {
        RootfsKind::Dir => "dir",
        RootfsKind::Overlay => "overlay",
        RootfsKind::Loop => "loop",
        RootfsKind::Other(name) => name,
    };
    line("lxc.rootfs.path", c.rootfs.path.as_ref().map(|path| format!("{kind}:{}", path.value)))
}

pub(super) fn rootfs_options(s: &mut Setting<'_>) -> Done {
    s.config.rootfs.options = None;
    if s.value.is_empty() {
        return Ok(());
    }
    let read = fstab::options(s.value, &mut s.warnings)?;
    if read.create.is_some() || read.optional || read.relative {
        return Err("create=, optional and relative have no meaning for a root file system".into());
    }
    s.config.rootfs.options = Some(at(s.value.to_string(), s.origin));
    Ok(())
}

pub(super) fn print_rootfs_options(c: &Config) -> Lines {
    line("lxc.rootfs.options", c.rootfs.options.as_ref().map(|o| o.value.clone()))
}

pub(super) fn fstab(s: &mut Setting<'_>) -> Done {
    s.config.mount_fstab = (!s.value.is_empty()).then(|| at(s.value.to_string(), s.origin));
    Ok(())
}

pub(super) fn print_fstab(c: &Config) -> Lines {
    line("lxc.mount.fstab", c.mount_fstab.as_ref().map(|f| f.value.clone()))
}

pub(super) fn mount_entry(s: &mut Setting<'_>) -> Done {
    if s.value.is_empty() {
        s.config.mount_entry.clear();
    } else {
        let entry = fstab::entry(s.value, &mut s.warnings)?;
        s.config.mount_entry.push(at(entry, s.origin));
    }
    Ok(())
}

pub(super) fn print_mount_entry(c: &Config) -> Lines {
    c.mount_entry.iter().map(|e| ("lxc.mount.entry".to_string(), fstab::line(&e.value))).collect()
}

pub(super) fn console(s: &mut Setting<'_>) -> Done {
    s.config.console.path = match s.value {
        "" => ConsolePath::Pty,
        "none" => ConsolePath::None,
        path => ConsolePath::Path(path.to_string()),
    };
    Ok(())
}

pub(super) fn print_console(c: &Config) -> Lines {
    let path = match &c.console.path {
        ConsolePath::Pty => None,
        ConsolePath::None => Some("none"),
        ConsolePath::Path(path) => Some(path.as_str()),
    };
    line("lxc.console.path", path)
}

pub(super) fn log_level(s: &mut Setting<'_>) -> Done {
    s.config.log.level = if s.value.is_empty() { None } else { Some(values::level(s.value)?) };
    Ok(())
}

pub(super) fn print_log_level(c: &Config) -> Lines {
    line("lxc.log.level", c.log.level.map(values::level_name))
}

pub(super) fn start_order(s: &mut Setting<'_>) -> Done {
    s.config.start.order = if s.value.is_empty() { 0 } else { values::signed(s.value)? };
    Ok(())
}

pub(super) fn print_start_order(c: &Config) -> Lines {
    line("lxc.start.order", (c.start.order != 0).then(|| c.start.order.to_string()))
}

pub(super) fn group(s: &mut Setting<'_>) -> Done {
    if s.value.is_empty() {
        s.config.start.groups.clear();
    }
    let names = s.value.split([' ', '\t']).filter(|name| !name.is_empty());
    s.config.start.groups.extend(names.map(String::from));
    Ok(())
}

pub(super) fn print_group(c: &Config) -> Lines {
    line("lxc.group", (!c.start.groups.is_empty()).then(|| c.start.groups.join(" ")))
}

const RESTARTS: [(&str, Restart); 3] =
    [("no", Restart::No), ("on-failure", Restart::OnFailure), ("always", Restart::Always)];

pub(super) fn restart(s: &mut Setting<'_>) -> Done {
    s.config.restart = match RESTARTS.iter().find(|(name, _)| *name == s.value) {
        Some((_, restart)) => Some(*restart),
        None if s.value.is_empty() => None,
        None => {
            let hint = nearest::hint(s.value, RESTARTS.map(|(name, _)| name));
            return Err(format!("'{}' is not one of no, on-failure, always{hint}", s.value));
        }
    };
    Ok(())
}

pub(super) fn print_restart(c: &Config) -> Lines {
    let name = |restart| RESTARTS.iter().find(|(_, r)| *r == restart).map(|(name, _)| *name);
    line("keel.restart", c.restart.and_then(name))
}
