//! What a process gets: limits, ids, values below /proc, and the programs that are run on the way (hooks).

use super::apply::{Done, Lines, at};
use super::keys::Setting;
use crate::config::{At, Config, Hook, IdKind, IdMap, Limit};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};

/// RLIMIT_* by their place (include/uapi/asm-generic/resource.h).
const LIMITS: [&str; 16] = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
];

pub(super) fn limit(s: &mut Setting<'_>) -> Done {
    let by_number = || s.rest.parse().ok().filter(|n: &u32| *n < LIMITS.len() as u32);
    if s.rest.is_empty() {
        return match s.value {
            "" => {
                s.config.limits.clear();
                Ok(())
            }
            _ => Err("the name of a limit is missing behind the key".into()),
        };
    }
    let resource = LIMITS.iter().position(|name| *name == s.rest).map(|n| n as u32).or_else(by_number);
    let Some(resource) = resource else {
        return Err(format!("unknown limit '{}'{}", s.rest, nearest::hint(s.rest, LIMITS)));
    };
    s.config.limits.retain(|l| l.value.resource != resource);
    if s.value.is_empty() {
        return Ok(());
    }
    let number = |text: &str| match text.trim() {
        "unlimited" => Ok(u64::MAX),
        text => text.parse().map_err(|_| format!("'{text}' is no number and not 'unlimited'")),
    };
    let (soft, hard) = s.value.split_once(':').unwrap_or((s.value, s.value));
    let limit = Limit { resource, soft: number(soft)?, hard: number(hard)? };
    if limit.soft > limit.hard {
        return Err(format!("'{}': the soft limit is above the hard one", s.value));
    }
    s.config.limits.push(at(limit, s.origin));
    Ok(())
}

pub(super) fn print_limit(c: &Config) -> Lines {
    let number = |n: u64| if n == u64::MAX { "unlimited".to_string() } else { n.to_string() };
    let line = |l: &At<Limit>| {
        let Limit { resource, soft, hard } = l.value;
        (
            format!("lxc.prlimit.{}", LIMITS[resource as usize % LIMITS.len()]),
            format!("{}:{}", number(soft), number(hard)),
        )
    };
    c.limits.iter().map(line).collect()
}

/// Files and what is written to them.
type Files = alloc::vec::Vec<At<(String, String)>>;

/// A file below a directory, named with dots for slashes.
fn file(s: &mut Setting<'_>, list: fn(&mut Config) -> &mut Files) -> Done {
    let name = s.rest.replace('.', "/");
    if s.rest.is_empty() && s.value.is_empty() {
        list(s.config).clear();
        return Ok(());
    }
    if name.split('/').any(str::is_empty) {
        return Err(format!("'{}' names no file", s.rest));
    }
    let list = list(s.config);
    list.retain(|f| f.value.0 != name);
    if !s.value.is_empty() {
        list.push(at((name, s.value.to_string()), s.origin));
    }
    Ok(())
}

fn print_files(start: &str, list: &[At<(String, String)>]) -> Lines {
    list.iter().map(|f| (format!("{start}{}", f.value.0.replace('/', ".")), f.value.1.clone())).collect()
}

pub(super) fn sysctl(s: &mut Setting<'_>) -> Done {
    file(s, |c| &mut c.sysctl)
}

pub(super) fn print_sysctl(c: &Config) -> Lines {
    print_files("lxc.sysctl.", &c.sysctl)
}

pub(super) fn proc(s: &mut Setting<'_>) -> Done {
    file(s, |c| &mut c.proc)
}

pub(super) fn print_proc(c: &Config) -> Lines {
    print_files("lxc.proc.", &c.proc)
}

pub(super) fn groups(s: &mut Setting<'_>) -> Done {
    if s.value.is_empty() {
        s.config.init.groups.clear();
        return Ok(());
    }
    for word in s.value.split(',') {
        let id = word.trim().parse().map_err(|_| format!("'{}' is no group id", word.trim()))?;
        s.config.init.groups.push(id);
    }
    Ok(())
}

pub(super) fn print_groups(c: &Config) -> Lines {
    let ids: alloc::vec::Vec<String> = c.init.groups.iter().map(u32::to_string).collect();
    super::apply::line("lxc.init.groups", (!ids.is_empty()).then(|| ids.join(",")))
}

pub(super) fn idmap(s: &mut Setting<'_>) -> Done {
    if s.value.is_empty() {
        s.config.idmap.clear();
        return Ok(());
    }
    let mut words = s.value.split_whitespace();
    let kind = match words.next() {
        Some("u") => IdKind::User,
        Some("g") => IdKind::Group,
        _ => return Err(format!("'{}' begins with neither 'u' nor 'g'", s.value)),
    };
    let mut number = || words.next().and_then(|w| w.parse::<u32>().ok());
    let (inside, outside, count) = match (number(), number(), number()) {
        (Some(inside), Some(outside), Some(count)) => (inside, outside, count),
        _ => return Err(format!("'{}' is not '{{u|g}} INSIDE OUTSIDE COUNT'", s.value)),
    };
    if words.next().is_some() {
        return Err(format!("'{}' has more than a kind and three numbers", s.value));
    }
    let map = IdMap { kind, inside, outside, count };
    // 4294967295 is no id: it means "unchanged" to the kernel.
    let end = |first: u32| u64::from(first) + u64::from(count);
    if count == 0 || end(inside) > u64::from(u32::MAX) || end(outside) > u64::from(u32::MAX) {
        return Err(format!("'{}': no ids, or ids beyond the last one", s.value));
    }
    let meets = |a: u32, b: u32, n: u32| u64::from(a) < u64::from(b) + u64::from(n) && u64::from(b) < end(a);
    let other = (s.config.idmap.iter().map(|m| &m.value))
        .find(|m| m.kind == kind && (meets(inside, m.inside, m.count) || meets(outside, m.outside, m.count)));
    if other.is_some() {
        return Err(format!("'{}' maps ids that another line maps already", s.value));
    }
    s.config.idmap.push(at(map, s.origin));
    Ok(())
}

pub(super) fn print_idmap(c: &Config) -> Lines {
    let line = |m: &At<IdMap>| {
        let IdMap { kind, inside, outside, count } = m.value;
        let kind = if kind == IdKind::User { 'u' } else { 'g' };
        ("lxc.idmap".to_string(), format!("{kind} {inside} {outside} {count}"))
    };
    c.idmap.iter().map(line).collect()
}

/// One hook's key; `KIND` is a place in `Hook::NAMES`.
pub(super) fn hook<const KIND: usize>(s: &mut Setting<'_>) -> Done {
    let kind = Hook::NAMES[KIND].0;
    if s.value.is_empty() {
        s.config.hooks.retain(|h| h.value.0 != kind);
    } else {
        s.config.hooks.push(at((kind, s.value.to_string()), s.origin));
    }
    Ok(())
}

pub(super) fn print_hook<const KIND: usize>(c: &Config) -> Lines {
    let (kind, name) = Hook::NAMES[KIND];
    let mine = c.hooks.iter().filter(|h| h.value.0 == kind);
    mine.map(|h| (format!("lxc.hook.{name}"), h.value.1.clone())).collect()
}

pub(super) fn hooks(s: &mut Setting<'_>) -> Done {
    if !s.value.is_empty() {
        return Err("takes no value: it forgets all hooks".into());
    }
    s.config.hooks.clear();
    Ok(())
}
