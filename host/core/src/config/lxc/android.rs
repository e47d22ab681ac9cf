//! The keys `keel.android.*` that are more than a text or a number.

use super::apply::{Done, Lines, at, line};
use super::keys::Setting;
use crate::config::android::{Android, Wish};
use crate::config::{At, Config};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};

/// Longest command line that JellyBean's init reads of /proc/cmdline.
const LONGEST_CMDLINE: usize = 1023;

pub(super) fn android_cmdline(s: &mut Setting<'_>) -> Done {
    if s.value.len() > LONGEST_CMDLINE {
        return Err(format!("{} bytes: Android's init reads {LONGEST_CMDLINE}", s.value.len()));
    }
    s.config.android.cmdline = (!s.value.is_empty()).then(|| s.value.to_string());
    Ok(())
}

pub(super) fn print_android_cmdline(c: &Config) -> Lines {
    line("keel.android.cmdline", c.android.cmdline.clone())
}

pub(super) fn android_hardware(s: &mut Setting<'_>) -> Done {
    // It becomes part of a file's name: /init.NAME.rc.
    if s.value.bytes().any(|b| b == b'/' || b.is_ascii_whitespace()) {
        return Err(format!("'{}' is no name (a blank or a slash is in it)", s.value));
    }
    s.config.android.hardware = (!s.value.is_empty()).then(|| s.value.to_string());
    Ok(())
}

pub(super) fn print_android_hardware(c: &Config) -> Lines {
    line("keel.android.hardware", c.android.hardware.clone())
}

/// A line, or a file.
pub(super) fn android_cpuinfo(s: &mut Setting<'_>) -> Done {
    let android = &mut s.config.android;
    match s.value.split_once(':') {
        _ if s.value.starts_with('/') => android.cpuinfo_file = Some(at(s.value.to_string(), s.origin)),
        Some((name, _)) if !name.trim().is_empty() => android.cpuinfo.push(s.value.to_string()),
        None if s.value.is_empty() => (android.cpuinfo, android.cpuinfo_file) = Default::default(),
        _ => return Err(format!("'{}' is neither a line ('Hardware: NAME') nor a file's absolute path", s.value)),
    }
    Ok(())
}

pub(super) fn print_android_cpuinfo(c: &Config) -> Lines {
    let file = c.android.cpuinfo_file.iter().map(|file| &file.value);
    file.chain(&c.android.cpuinfo).map(|value| ("keel.android.cpuinfo".into(), value.clone())).collect()
}

/// An image, a device or a directory of the host.
fn source(s: &mut Setting<'_>, field: fn(&mut Android) -> &mut Option<At<String>>) -> Done {
    if !s.value.is_empty() && !s.value.starts_with('/') {
        return Err(format!("'{}' is no absolute path", s.value));
    }
    *field(&mut s.config.android) = (!s.value.is_empty()).then(|| at(s.value.to_string(), s.origin));
    Ok(())
}

fn print_source(key: &str, source: &Option<At<String>>) -> Lines {
    line(key, source.as_ref().map(|s| s.value.clone()))
}

pub(super) fn android_system(s: &mut Setting<'_>) -> Done {
    source(s, |a| &mut a.system)
}

pub(super) fn print_android_system(c: &Config) -> Lines {
    print_source("keel.android.system", &c.android.system)
}

pub(super) fn android_data(s: &mut Setting<'_>) -> Done {
    source(s, |a| &mut a.data)
}

pub(super) fn print_android_data(c: &Config) -> Lines {
    print_source("keel.android.data", &c.android.data)
}

pub(super) fn android_cache(s: &mut Setting<'_>) -> Done {
    source(s, |a| &mut a.cache)
}

pub(super) fn print_android_cache(c: &Config) -> Lines {
    print_source("keel.android.cache", &c.android.cache)
}

/// auto, require or none.
fn wish(s: &mut Setting<'_>, field: fn(&mut Android) -> &mut Wish) -> Done {
    let word = if s.value.is_empty() { "auto" } else { s.value };
    match Wish::WORDS.iter().find(|(name, _)| *name == word) {
        Some((_, wish)) => *field(&mut s.config.android) = *wish,
        None => {
            let hint = nearest::hint(word, Wish::WORDS.iter().map(|(name, _)| *name));
            return Err(format!("'{word}' is none of auto, require, none{hint}"));
        }
    }
    Ok(())
}

fn print_wish(key: &str, wish: Wish) -> Lines {
    let said = Wish::WORDS.iter().find(|(_, w)| *w == wish && *w != Wish::Auto);
    line(key, said.map(|(name, _)| *name))
}

pub(super) fn android_binder(s: &mut Setting<'_>) -> Done {
    wish(s, |a| &mut a.binder)
}

pub(super) fn print_android_binder(c: &Config) -> Lines {
    print_wish("keel.android.binder", c.android.binder)
}

pub(super) fn android_supervise(s: &mut Setting<'_>) -> Done {
    wish(s, |a| &mut a.supervise)
}

pub(super) fn print_android_supervise(c: &Config) -> Lines {
    print_wish("keel.android.supervise", c.android.supervise)
}
