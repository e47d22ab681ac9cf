//! What a container may do, as far as it is no capability: filters of system calls, labels of security modules.

use super::apply::{Done, Lines, at, line};
use super::keys::Setting;
use crate::config::{At, Config};
use alloc::string::{String, ToString};

pub(super) fn seccomp(s: &mut Setting<'_>) -> Done {
    s.config.seccomp.profile = (!s.value.is_empty()).then(|| at(s.value.to_string(), s.origin));
    Ok(())
}

pub(super) fn print_seccomp(c: &Config) -> Lines {
    line("lxc.seccomp.profile", c.seccomp.profile.as_ref().map(|p| p.value.clone()))
}

fn text(s: &Setting<'_>) -> Option<At<String>> {
    (!s.value.is_empty()).then(|| at(s.value.to_string(), s.origin))
}

fn print(key: &str, text: &Option<At<String>>) -> Lines {
    line(key, text.as_ref().map(|t| t.value.clone()))
}

pub(super) fn apparmor(s: &mut Setting<'_>) -> Done {
    s.config.apparmor.profile = text(s);
    Ok(())
}

pub(super) fn print_apparmor(c: &Config) -> Lines {
    print("lxc.apparmor.profile", &c.apparmor.profile)
}

pub(super) fn apparmor_raw(s: &mut Setting<'_>) -> Done {
    match s.value {
        "" => s.config.apparmor.raw.clear(),
        rule => s.config.apparmor.raw.push(rule.to_string()),
    }
    Ok(())
}

pub(super) fn print_apparmor_raw(c: &Config) -> Lines {
    c.apparmor.raw.iter().map(|rule| ("lxc.apparmor.raw".to_string(), rule.clone())).collect()
}

pub(super) fn selinux(s: &mut Setting<'_>) -> Done {
    s.config.selinux.context = text(s);
    Ok(())
}

pub(super) fn print_selinux(c: &Config) -> Lines {
    print("lxc.selinux.context", &c.selinux.context)
}

pub(super) fn selinux_keyring(s: &mut Setting<'_>) -> Done {
    s.config.selinux.keyring = text(s);
    Ok(())
}

pub(super) fn print_selinux_keyring(c: &Config) -> Lines {
    print("lxc.selinux.context.keyring", &c.selinux.keyring)
}
