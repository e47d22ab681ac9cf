//! `lxc.namespace.clone`, `.keep` and `.share.NS`: which namespaces are new, the caller's, or somebody else's.

use super::apply::{Done, Lines, at};
use super::keys::Setting;
use crate::config::{At, Config};
use crate::facts::Namespaces;
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};

/// Names of namespaces, as the keys have them. The manual page of LXC says `mount`, its parser `mnt`: both are taken.
fn namespace(name: &str) -> Result<u32, String> {
    let name = if name == "mount" { "mnt" } else { name };
    let found = Namespaces::NAMES.iter().find(|(n, _)| *n == name);
    let names = Namespaces::NAMES.iter().map(|(n, _)| *n);
    found.map(|(_, flag)| *flag).ok_or_else(|| format!("unknown namespace '{name}'{}", nearest::hint(name, names)))
}

fn namespaces(s: &Setting<'_>) -> Result<Option<At<u32>>, String> {
    let flags = s.value.split_whitespace().try_fold(0, |all, word| Ok::<u32, String>(all | namespace(word)?))?;
    Ok((flags != 0).then(|| at(flags, s.origin)))
}

fn names(key: &str, flags: &Option<At<u32>>) -> Lines {
    let words = |flags: u32| -> alloc::vec::Vec<&str> {
        Namespaces::NAMES.iter().filter(|(_, flag)| flags & flag != 0).map(|(name, _)| *name).collect()
    };
    super::apply::line(key, flags.as_ref().map(|f| words(f.value).join(" ")))
}

const BOTH: &str = "lxc.namespace.clone and lxc.namespace.keep exclude each other";

pub(super) fn ns_clone(s: &mut Setting<'_>) -> Done {
    let found = namespaces(s)?;
    if found.is_some() && s.config.namespace.keep.is_some() {
        return Err(BOTH.into());
    }
    s.config.namespace.clone = found;
    Ok(())
}

pub(super) fn print_ns_clone(c: &Config) -> Lines {
    names("lxc.namespace.clone", &c.namespace.clone)
}

pub(super) fn ns_keep(s: &mut Setting<'_>) -> Done {
    let found = namespaces(s)?;
    if found.is_some() && s.config.namespace.clone.is_some() {
        return Err(BOTH.into());
    }
    s.config.namespace.keep = found;
    Ok(())
}

pub(super) fn print_ns_keep(c: &Config) -> Lines {
    names("lxc.namespace.keep", &c.namespace.keep)
}

pub(super) fn ns_share(s: &mut Setting<'_>) -> Done {
    if s.rest.is_empty() && s.value.is_empty() {
        s.config.namespace.share.clear();
        return Ok(());
    }
    let flag = namespace(s.rest)?;
    s.config.namespace.share.retain(|share| share.value.0 != flag);
    if !s.value.is_empty() {
        s.config.namespace.share.push(at((flag, s.value.to_string()), s.origin));
    }
    Ok(())
}

pub(super) fn print_ns_share(c: &Config) -> Lines {
    let name = |flag: u32| Namespaces::NAMES.iter().find(|(_, f)| *f == flag).map_or("", |(name, _)| name);
    let shares = c.namespace.share.iter().map(|s| &s.value);
    shares.map(|(flag, of)| (format!("lxc.namespace.share.{}", name(*flag)), of.clone())).collect()
}
