//! `lxc.cap.drop` and `lxc.cap.keep`: capabilities by name or number.
//!
//! Refuses both in one configuration, as LXC does: neither says what becomes of the capabilities that the other names.

use super::apply::{Done, Lines};
use super::keys::Setting;
use crate::config::{Caps, Config};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// Names of capabilities(7), by number.
#[rustfmt::skip]
const CAPABILITIES: [&str; 41] = [
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap",
    "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner",
    "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot", "sys_nice",
    "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control", "setfcap",
    "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
    "checkpoint_restore",
];

/// A capability: its name in lower case without `CAP_`, or its number.
fn capability(value: &str) -> Result<u8, String> {
    if let Some(number) = CAPABILITIES.iter().position(|name| *name == value) {
        return Ok(number as u8);
    }
    if value.bytes().all(|b| b.is_ascii_digit()) {
        return match value.parse() {
            // The kernel's sets have 64 bits; which of them it knows is known when the container starts.
            Ok(number) if number < 64 => Ok(number),
            _ => Err(format!("'{value}' is not a capability between 0 and 63")),
        };
    }
    let bare = value.get(..4).filter(|start| start.eq_ignore_ascii_case("cap_")).map_or(value, |_| &value[4..]);
    let hint = match CAPABILITIES.iter().find(|name| name.eq_ignore_ascii_case(bare)) {
        Some(name) => format!(", nearest is '{name}'"),
        None => nearest::hint(bare, CAPABILITIES),
    };
    Err(format!("unknown capability '{value}'{hint}"))
}

/// A capability as a configuration file has it.
fn capability_name(number: u8) -> String {
    CAPABILITIES.get(usize::from(number)).map_or_else(|| format!("{number}"), |name| String::from(*name))
}

const BOTH_CAPS: &str = "lxc.cap.drop and lxc.cap.keep exclude each other";

pub(super) fn cap_drop(s: &mut Setting<'_>) -> Done {
    let Caps::Drop(dropped) = &mut s.config.caps else {
        return if s.value.is_empty() { Ok(()) } else { Err(BOTH_CAPS.into()) };
    };
    if s.value.is_empty() {
        dropped.clear();
    }
    each(s.value, |word| {
        dropped.push(capability(word)?);
        Ok(())
    })
}

pub(super) fn cap_keep(s: &mut Setting<'_>) -> Done {
    match &mut s.config.caps {
        Caps::Drop(dropped) if dropped.is_empty() && !s.value.is_empty() => s.config.caps = Caps::Keep(Vec::new()),
        Caps::Keep(_) if s.value.is_empty() => s.config.caps = Caps::default(),
        Caps::Drop(_) if !s.value.is_empty() => return Err(BOTH_CAPS.into()),
        _ => {}
    }
    let Caps::Keep(kept) = &mut s.config.caps else { return Ok(()) };
    each(s.value, |word| {
        match word {
            "none" => kept.clear(),
            word => kept.push(capability(word)?),
        }
        Ok(())
    })
}

/// Takes every word of a list; all that are wrong are in the sentence, the right ones are taken.
fn each(list: &str, mut take: impl FnMut(&str) -> Done) -> Done {
    let wrong: Vec<String> = list.split([' ', '\t']).filter(|w| !w.is_empty()).filter_map(|w| take(w).err()).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn caps(key: &str, numbers: &[u8]) -> Lines {
    let names: Vec<String> = numbers.iter().map(|n| capability_name(*n)).collect();
    vec![(key.to_string(), if names.is_empty() { "none".to_string() } else { names.join(" ") })]
}

pub(super) fn print_cap_drop(c: &Config) -> Lines {
    match &c.caps {
        Caps::Drop(dropped) if !dropped.is_empty() => caps("lxc.cap.drop", dropped),
        _ => Vec::new(),
    }
}

pub(super) fn print_cap_keep(c: &Config) -> Lines {
    match &c.caps {
        Caps::Keep(kept) => caps("lxc.cap.keep", kept),
        Caps::Drop(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities() {
        assert_eq!(capability("sys_module"), Ok(16));
        assert_eq!(capability("checkpoint_restore"), Ok(40));
        assert_eq!(capability("41"), Ok(41));
        assert_eq!(capability("sys_modul").unwrap_err(), "unknown capability 'sys_modul', nearest is 'sys_module'");
        assert_eq!(
            capability("CAP_SYS_ADMIN").unwrap_err(),
            "unknown capability 'CAP_SYS_ADMIN', nearest is 'sys_admin'"
        );
        assert_eq!(capability("64").unwrap_err(), "'64' is not a capability between 0 and 63");
        assert!(capability("").is_err());
        assert!(capability("\u{e4}\u{e4}\u{e4}").is_err());
        for number in 0..64 {
            assert_eq!(capability(&capability_name(number)), Ok(number));
        }
    }
}
