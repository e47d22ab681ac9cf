//! What concerns the supervisor: consoles, logs, its own place, clocks.

use super::apply::{Done, Lines, at, line};
use super::keys::Setting;
use super::values;
use crate::config::{At, CgroupDirs, Config};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};

/// A number of bytes: `auto` for 128 KiB, or digits with KB, MB or GB.
fn bytes(value: &str) -> Result<u64, String> {
    if matches!(value, "" | "auto") {
        return Ok(if value.is_empty() { 0 } else { 128 << 10 });
    }
    let digits = value.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match value[digits.len()..].trim() {
        "" | "B" => 0,
        "KB" | "kB" => 10,
        "MB" => 20,
        "GB" => 30,
        _ => return Err(format!("'{value}' is not 'auto' and not a number with B, KB, MB or GB")),
    };
    let number = digits.parse::<u64>().ok().filter(|n| *n < 1 << 32);
    number.map(|n| n << shift).ok_or_else(|| format!("'{value}' is no number of bytes"))
}

/// The same, rounded as LXC does: at least a page, a power of two.
fn rounded(s: &mut Setting<'_>) -> Result<u64, String> {
    let read = bytes(s.value)?;
    if read == 0 {
        return Ok(0);
    }
    let size = read.max(4096).next_power_of_two();
    if size != read {
        s.warnings.push(format!("'{}' becomes {size} bytes: at least a page, and a power of two", s.value));
    }
    Ok(size)
}

pub(super) fn console_size(s: &mut Setting<'_>) -> Done {
    s.config.console.size = rounded(s)?;
    Ok(())
}

pub(super) fn print_console_size(c: &Config) -> Lines {
    line("lxc.console.size", (c.console.size > 0).then(|| c.console.size.to_string()))
}

pub(super) fn console_buffer(s: &mut Setting<'_>) -> Done {
    s.config.console.buffer_size = rounded(s)?;
    Ok(())
}

pub(super) fn print_console_buffer(c: &Config) -> Lines {
    line("lxc.console.buffer.size", (c.console.buffer_size > 0).then(|| c.console.buffer_size.to_string()))
}

/// Names of syslog(3) and their numbers (sys/syslog.h).
#[rustfmt::skip]
const FACILITIES: [(&str, u8); 19] = [
    ("kern", 0), ("user", 1), ("mail", 2), ("daemon", 3), ("auth", 4), ("syslog", 5), ("lpr", 6), ("news", 7), ("uucp", 8),
    ("cron", 9), ("authpriv", 10), ("local0", 16), ("local1", 17), ("local2", 18), ("local3", 19), ("local4", 20),
    ("local5", 21), ("local6", 22), ("local7", 23),
];

pub(super) fn syslog(s: &mut Setting<'_>) -> Done {
    s.config.log.syslog = None;
    if s.value.is_empty() {
        return Ok(());
    }
    let found = FACILITIES.iter().find(|(name, _)| *name == s.value);
    let hint = || nearest::hint(s.value, FACILITIES.map(|(name, _)| name));
    s.config.log.syslog = Some(found.ok_or_else(|| format!("unknown facility '{}'{}", s.value, hint()))?.1);
    Ok(())
}

pub(super) fn print_syslog(c: &Config) -> Lines {
    let name = |number: u8| FACILITIES.iter().find(|(_, n)| *n == number).map(|(name, _)| *name);
    line("lxc.log.syslog", c.log.syslog.and_then(name))
}

pub(super) fn pdeath(s: &mut Setting<'_>) -> Done {
    s.config.monitor.pdeath = match s.value {
        "" => None,
        "0" => Some(0),
        name => Some(values::signal(name)?),
    };
    Ok(())
}

pub(super) fn print_pdeath(c: &Config) -> Lines {
    let name = |signal: i32| if signal == 0 { "0".to_string() } else { values::signal_name(signal) };
    line("lxc.monitor.signal.pdeath", c.monitor.pdeath.map(name))
}

/// Units of an offset, in nanoseconds.
const UNITS: [(&str, i64); 6] = [
    ("h", 3_600_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
];

fn offset(value: &str) -> Result<i64, String> {
    if value.is_empty() {
        return Ok(0);
    }
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS.iter().find(|(name, _)| *name == &value[digits.len()..]);
    let number = digits.trim().parse::<i64>().ok();
    let all = number.zip(unit).and_then(|(number, (_, unit))| number.checked_mul(*unit));
    all.ok_or_else(|| format!("'{value}' is no number with h, m, s, ms, us or ns"))
}

/// An offset as it is read, in its largest unit.
fn print_offset(key: &str, ns: i64) -> Lines {
    let largest = UNITS.iter().filter(|(_, unit)| ns % unit == 0).max_by_key(|(_, unit)| *unit);
    line(key, largest.filter(|_| ns != 0).map(|(name, unit)| format!("{}{name}", ns / unit)))
}

pub(super) fn time_boot(s: &mut Setting<'_>) -> Done {
    s.config.time.boot = offset(s.value)?;
    Ok(())
}

pub(super) fn print_time_boot(c: &Config) -> Lines {
    print_offset("lxc.time.offset.boot", c.time.boot)
}

pub(super) fn time_monotonic(s: &mut Setting<'_>) -> Done {
    s.config.time.monotonic = offset(s.value)?;
    Ok(())
}

pub(super) fn print_time_monotonic(c: &Config) -> Lines {
    print_offset("lxc.time.offset.monotonic", c.time.monotonic)
}

/// Names and fields of `lxc.cgroup.dir*`.
type Dir = (&'static str, fn(&CgroupDirs) -> &Option<At<String>>, fn(&mut CgroupDirs) -> &mut Option<At<String>>);
const DIRS: [Dir; 5] = [
    ("lxc.cgroup.dir", |d| &d.parent, |d| &mut d.parent),
    ("lxc.cgroup.dir.container", |d| &d.container, |d| &mut d.container),
    ("lxc.cgroup.dir.container.inner", |d| &d.inner, |d| &mut d.inner),
    ("lxc.cgroup.dir.monitor", |d| &d.monitor, |d| &mut d.monitor),
    ("lxc.cgroup.dir.monitor.pivot", |d| &d.pivot, |d| &mut d.pivot),
];

/// One of them; `WHICH` is a place in `DIRS`.
pub(super) fn cgroup_dir<const WHICH: usize>(s: &mut Setting<'_>) -> Done {
    let dir = s.value.trim_matches('/');
    if dir.split('/').any(|part| matches!(part, ".." | ".") || (part.is_empty() && !dir.is_empty())) {
        return Err(format!("'{}' is no path below a cgroup", s.value));
    }
    *DIRS[WHICH].2(&mut s.config.cgroup_dir) = (!dir.is_empty()).then(|| at(dir.to_string(), s.origin));
    Ok(())
}

pub(super) fn print_cgroup_dir<const WHICH: usize>(c: &Config) -> Lines {
    let (key, field, _) = DIRS[WHICH];
    line(key, field(&c.cgroup_dir).as_ref().map(|dir| dir.value.clone()))
}
