//! What a container may do, as far as it is no capability: filters of system calls, labels of security modules.

use super::apply::{Done, Lines, at, line};
use super::keys::Setting;
use crate::config::{At, Config};
use alloc::format;
use alloc::string::{String, ToString};

/// `sun_path` of unix(7), with its end.
const MOST_OF_A_SOCKET: usize = 108;

pub(super) fn seccomp(s: &mut Setting<'_>) -> Done {
    s.config.seccomp.profile = (!s.value.is_empty()).then(|| at(s.value.to_string(), s.origin));
    Ok(())
}

pub(super) fn print_seccomp(c: &Config) -> Lines {
    line("lxc.seccomp.profile", c.seccomp.profile.as_ref().map(|p| p.value.clone()))
}

/// As LXC 5.0.2: `unix:` and an absolute path.
pub(super) fn seccomp_proxy(s: &mut Setting<'_>) -> Done {
    let path = s.value.strip_prefix("unix:").filter(|path| path.starts_with('/') && path.len() < MOST_OF_A_SOCKET);
    s.config.seccomp.proxy = match (s.value, path) {
        ("", _) => None,
        (_, Some(path)) => Some(at(path.to_string(), s.origin)),
        _ => {
            return Err(format!(
                "'{}' is not 'unix:' and an absolute path of less than {MOST_OF_A_SOCKET} bytes",
                s.value
            ));
        }
    };
    Ok(())
}

pub(super) fn print_seccomp_proxy(c: &Config) -> Lines {
    line("lxc.seccomp.notify.proxy", c.seccomp.proxy.as_ref().map(|path| format!("unix:{}", path.value)))
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
