//! What a container may do, as far as it is no capability: filters of system calls, labels of security modules.

use super::apply::{Done, Lines, at, line};
use super::keys::Setting;
use crate::config::Config;
use alloc::string::ToString;

pub(super) fn seccomp(s: &mut Setting<'_>) -> Done {
    s.config.seccomp.profile = (!s.value.is_empty()).then(|| at(s.value.to_string(), s.origin));
    Ok(())
}

pub(super) fn print_seccomp(c: &Config) -> Lines {
    line("lxc.seccomp.profile", c.seccomp.profile.as_ref().map(|p| p.value.clone()))
}
