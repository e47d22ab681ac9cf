//! A `Config` back into LXC's text, in present names: single values for scripts, or the whole.

use super::keys::{self, Key, Means};
use super::table::KEYS;
use super::values;
use crate::config::{Config, Dialect};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A key that does not exist; its `Display` is the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey(pub(super) String);

impl fmt::Display for UnknownKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown key '{}'{}", self.0, keys::hint(&self.0))
    }
}

impl core::error::Error for UnknownKey {}

/// The values of a key, under any of its names; none: it is not set. A list has one for each.
///
/// # Errors
/// There is no such key.
pub fn get(config: &Config, key: &str) -> Result<Vec<String>, UnknownKey> {
    let found = keys::find(key).ok_or_else(|| UnknownKey(key.to_string()))?;
    let wanted = match (found.index, found.rest) {
        (Some(index), _) => found.key.name.replace(".N", &format!(".{index}")),
        (None, rest) => format!("{}{rest}", found.key.name),
    };
    // A name that ends in a dot, or has its N, is asked for as a whole.
    let all = found.rest.is_empty() && (wanted.ends_with('.') || wanted.contains(".N"));
    Ok(lines(config, found.key).into_iter().filter(|(key, _)| all || *key == wanted).map(|(_, value)| value).collect())
}

/// The whole configuration: reading it again gives the same.
pub fn print(config: &Config) -> String {
    let mut out = String::new();
    for (key, value) in KEYS.iter().flat_map(|key| lines(config, key)) {
        out += &format!("{key} = {}\n", shown(&value));
    }
    out
}

/// A value as a line has it: in quotes where it would be read as something else without.
pub(super) fn shown(value: &str) -> Cow<'_, str> {
    let quoted = value != value.trim_matches([' ', '\t'])
        // Without quotes this is told from a comment, with a warning.
        || [" #", "\t#"].iter().any(|start| value.contains(start))
        || ['"', '\''].iter().any(|q| value.len() > 1 && value.starts_with(*q) && value.ends_with(*q));
    if quoted { Cow::Owned(format!("\"{value}\"")) } else { Cow::Borrowed(value) }
}

/// The lines of one row.
pub(super) fn lines(config: &Config, key: &Key) -> Vec<(String, String)> {
    let one = |value: String| [(key.name.to_string(), value)].into();
    let flag = |on: bool| if on { "1" } else { "0" }.to_string();
    match &key.means {
        Means::Text((field, _)) => field(config).clone().map_or_else(Vec::new, one),
        Means::Count((field, _)) => match *field(config) {
            0 => Vec::new(),
            number => one(number.to_string()),
        },
        Means::Flag((field, _)) => {
            if *field(config) {
                one(flag(true))
            } else {
                Vec::new()
            }
        }
        Means::Choice((field, _)) => field(config).map_or_else(Vec::new, |on| one(flag(on))),
        Means::Signal((field, _)) => field(config).map_or_else(Vec::new, |s| one(values::signal_name(s))),
        Means::Own(_, print) => print(config),
        Means::Dialect => match config.dialect {
            Dialect::Legacy => one("legacy".into()),
            Dialect::One => one("1.0".into()),
            Dialect::Current => Vec::new(),
        },
        Means::Include | Means::Gone(_) => Vec::new(),
    }
}
