//! A configuration file as text that is changed in one place: every line that is not meant stays as it is, comments,
//! blank lines, indentation and `lxc.include` among them.
//!
//! Knows keys under all their names, so that `lxc.uts.name` changes a line that says `lxc.utsname`. Does not judge values:
//! the caller reads the new text before it writes it. What an included file says is not seen here.

use super::keys::{self, Key, Spelling};
use super::print::{UnknownKey, shown};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A line that sets a key.
struct Set<'a> {
    /// The present name, with numbers filled in.
    name: String,
    key: &'static Key,
    /// As it is written.
    written: &'a str,
    /// Unquoted.
    value: &'a str,
}

/// The sections that `lxc.network.type` opens, for the old names without a number.
#[derive(Default)]
struct Sections(Option<u32>);

impl Sections {
    /// What a line sets, if it does.
    fn read<'a>(&mut self, line: &'a str) -> Option<Set<'a>> {
        let line = line.trim_matches([' ', '\t', '\r']);
        if line.starts_with('#') {
            return None;
        }
        let (written, value) = line.split_once('=')?;
        let (written, value) =
            (written.trim_matches([' ', '\t']), super::lines::unquote(value.trim_matches([' ', '\t'])));
        let found = keys::find(written)?;
        let old = found.key.name.starts_with("lxc.net.N") && found.index.is_none();
        if old && written == "lxc.network.type" {
            self.0 = Some(self.0.map_or(0, |last| last.saturating_add(1)));
        }
        let index = if old { self.0.or(Some(0)) } else { found.index };
        Some(Set { name: name(found.key, index, found.rest), key: found.key, written, value })
    }
}

fn name(key: &Key, index: Option<u32>, rest: &str) -> String {
    match index {
        Some(index) => key.name.replace(".N", &format!(".{index}")),
        None => format!("{}{rest}", key.name),
    }
}

/// A key as a person names it: the present name and its row.
fn wanted(key: &str) -> Result<(String, &'static Key), UnknownKey> {
    match keys::find(key) {
        // A family is no key.
        Some(found) if !(found.key.name.ends_with('.') && found.rest.is_empty()) => {
            Ok((name(found.key, found.index, found.rest), found.key))
        }
        _ => Err(UnknownKey(key.to_string())),
    }
}

/// The values that the lines of a text give a key: of a list those since it was last cleared, else the last one.
///
/// # Errors
/// There is no such key.
pub fn values(text: &str, key: &str) -> Result<Vec<String>, UnknownKey> {
    let (name, key) = wanted(key)?;
    let mut sections = Sections::default();
    let mut values: Vec<String> = Vec::new();
    for set in text.lines().filter_map(|line| sections.read(line)).filter(|set| set.name == name) {
        if set.value.is_empty() || !key.list {
            values.clear();
        }
        if !set.value.is_empty() {
            values.push(set.value.to_string());
        }
    }
    Ok(values)
}

/// The text with the key set to this value: in the place of the line that sets it last, else at the end. Of a list all
/// other lines go.
///
/// # Errors
/// There is no such key.
pub fn set(text: &str, key: &str, value: &str) -> Result<String, UnknownKey> {
    let (name, row) = wanted(key)?;
    let mut sections = Sections::default();
    let at: Vec<usize> = (text.lines().enumerate())
        .filter(|(_, line)| sections.read(line).is_some_and(|set| set.name == name))
        .map(|(at, _)| at)
        .collect();
    let Some(last) = at.last() else { return add(text, key, value) };
    let keep = |number: &usize| number == last || !row.list || !at.contains(number);
    let lines = text.lines().enumerate().filter(|(number, _)| keep(number));
    Ok(lines
        .map(|(number, line)| if number == *last { rewritten(line, None, Some(value)) } else { terminated(line) })
        .collect())
}

/// The text with one more line at its end, under the name of its other lines' era.
///
/// # Errors
/// There is no such key.
pub fn add(text: &str, key: &str, value: &str) -> Result<String, UnknownKey> {
    let (name, row) = wanted(key)?;
    let mut sections = Sections::default();
    let old = |line| {
        sections.read(line).is_some_and(|set| keys::find(set.written).is_some_and(|f| f.spelling == Spelling::Old))
    };
    let era = text.lines().any(old);
    // `lxc.cgroup` without a dot is a name of its own.
    let spelled = match row.old.first().filter(|(old, _)| old.ends_with('.') == row.name.ends_with('.')) {
        // Old names of networks depend on what stands above them: those with a number do not.
        Some((old, _)) if era && row.name.contains(".N") => {
            let number = name.split('.').nth(2).unwrap_or("0");
            old.replacen("lxc.network.", &format!("lxc.network.{number}."), 1)
        }
        Some((old, _)) if era => format!("{old}{}", &name[row.name.len().min(name.len())..]),
        _ => name,
    };
    let mut out: String = text.lines().map(terminated).collect();
    out += &format!("{spelled} = {}\n", shown(value));
    Ok(out)
}

/// The text without the lines that set a key.
///
/// # Errors
/// There is no such key.
pub fn unset(text: &str, key: &str) -> Result<String, UnknownKey> {
    let (name, _) = wanted(key)?;
    let mut sections = Sections::default();
    Ok(text.lines().filter(|line| sections.read(line).is_none_or(|set| set.name != name)).map(terminated).collect())
}

/// The text with other values: `change` is asked for each line that sets a key, with the key's present name and the
/// value; what it returns takes the value's place, and a line for which it says so goes.
pub fn map(text: &str, mut change: impl FnMut(&str, &str) -> Change) -> String {
    let mut sections = Sections::default();
    let one = |line| match sections.read(line).map(|set| change(&set.name, set.value)) {
        None | Some(Change::Keep) => terminated(line),
        Some(Change::Drop) => String::new(),
        Some(Change::To(value)) => rewritten(line, None, Some(&value)),
    };
    text.lines().map(one).collect()
}

/// What becomes of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It stays.
    Keep,
    /// It goes.
    Drop,
    /// It gets this value.
    To(String),
}

/// A text with present names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The new text.
    pub text: String,
    /// What was taken out and what could not be renamed: line and sentence.
    pub notes: Vec<(u32, String)>,
}

/// Gives the lines of a text the present names of their keys, those that are commented out as well.
pub fn update(text: &str) -> Updated {
    let mut sections = Sections::default();
    let backend: Option<String> = text
        .lines()
        .filter_map(|line| sections.read(line))
        .filter(|set| set.written == "lxc.rootfs.backend")
        .map(|set| set.value.to_string())
        .last();
    let backend = backend.filter(|b| !b.is_empty());
    let mut updated = Updated { text: String::new(), notes: Vec::new() };
    let (mut real, mut dead) = (Sections::default(), Sections::default());
    for (number, line) in (1..).zip(text.lines()) {
        // A line that is commented out is one in sections of its own: it opens none that counts.
        let start = line.len() - line.trim_start_matches(['#', ' ', '\t']).len();
        let (mark, rest) = line.split_at(if line.trim_start().starts_with('#') { start } else { 0 });
        let set = match mark.is_empty() {
            true => real.read(rest),
            false => {
                dead.0 = dead.0.max(real.0);
                dead.read(rest)
            }
        };
        let Some(set) = set else {
            updated.text += &terminated(line);
            continue;
        };
        if set.key.dropped {
            if mark.is_empty() {
                updated.notes.push((number, format!("'{}' is taken out: no LXC since 3.0 has it", set.written)));
            }
            continue;
        }
        let value = match set.key.name {
            "lxc.rootfs.path" if set.written == "lxc.rootfs" => Some(rootfs(set.value, backend.as_deref())),
            _ => None,
        };
        updated.text += mark;
        if set.written == set.name {
            updated.text += &terminated(rest);
        } else {
            updated.text += &rewritten(rest, Some(&set.name), value.as_deref());
        }
    }
    updated
}

/// A path with its type in front. A device's is found out at the start.
fn rootfs(path: &str, backend: Option<&str>) -> String {
    let typed = |kind: &str| match kind {
        "overlayfs" => "overlay".to_string(),
        kind => kind.to_string(),
    };
    match (path.split_once(':').filter(|_| !path.starts_with('/')), backend) {
        _ if path.is_empty() => String::new(),
        (Some((kind, rest)), _) => format!("{}:{rest}", typed(kind)),
        (None, Some(kind)) => format!("{}:{path}", typed(kind)),
        (None, None) if path.starts_with("/dev/") => path.to_string(),
        (None, None) => format!("dir:{path}"),
    }
}

/// A line with another key or value: blanks around both stay.
fn rewritten(line: &str, key: Option<&str>, value: Option<&str>) -> String {
    let (left, right) = line.split_once('=').unwrap_or((line, ""));
    let (old, bare) = (left.trim_matches([' ', '\t']), right.trim_start_matches([' ', '\t']));
    let left = match key {
        Some(key) => left.replacen(old, key, 1),
        None => left.to_string(),
    };
    match value {
        None => format!("{left}={right}\n"),
        Some(value) => format!("{left}={}{}\n", &right[..right.len() - bare.len()], shown(value)),
    }
}

fn terminated(line: &str) -> String {
    format!("{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\n\n  lxc.uts.name=bb\nlxc.group = a\n\tlxc.tty.max  =  4\nlxc.group = b\nfoo\n";

    #[test]
    fn only_the_line_that_is_meant_changes() {
        assert_eq!(set(TEXT, "lxc.tty.max", "5").unwrap(), TEXT.replace("  =  4", "  =  5"));
        assert_eq!(set(TEXT, "lxc.utsname", "c d # e").unwrap(), TEXT.replace("=bb", "=\"c d # e\""));
        assert_eq!(set(TEXT, "lxc.pty.max", "1").unwrap(), format!("{TEXT}lxc.pty.max = 1\n"));
        let one = set(TEXT, "lxc.group", "c").unwrap();
        assert_eq!(one, TEXT.replace("lxc.group = a\n", "").replace("group = b", "group = c"));
        assert_eq!(add(TEXT, "lxc.group", "c").unwrap(), format!("{TEXT}lxc.group = c\n"));
        assert_eq!(
            unset(TEXT, "lxc.group").unwrap(),
            TEXT.replace("lxc.group = a\n", "").replace("lxc.group = b\n", "")
        );
        assert_eq!(values(TEXT, "lxc.group").unwrap(), ["a", "b"]);
        assert_eq!(values(TEXT, "lxc.utsname").unwrap(), ["bb"]);
        assert_eq!(values("lxc.group = a\nlxc.group =\nlxc.group = 'b '", "lxc.group").unwrap(), ["b "]);
        assert_eq!(
            set("", "lxc.uts.nam", "x").unwrap_err().to_string(),
            "unknown key 'lxc.uts.nam', nearest is 'lxc.uts.name'"
        );
        assert!(set("", "lxc.cgroup.", "x").is_err());
        assert_eq!(set("lxc.arch = x86", "lxc.arch", "").unwrap(), "lxc.arch = \n");
    }

    #[test]
    fn an_old_file_gets_old_names() {
        let old = "lxc.utsname = x\n";
        assert_eq!(add(old, "lxc.tty.max", "1").unwrap(), format!("{old}lxc.tty = 1\n"));
        assert_eq!(add(old, "lxc.prlimit.nofile", "1").unwrap(), format!("{old}lxc.limit.nofile = 1\n"));
        assert_eq!(add(old, "lxc.net.1.mtu", "1").unwrap(), format!("{old}lxc.network.1.mtu = 1\n"));
        assert_eq!(add(old, "lxc.cgroup2.memory.max", "1").unwrap(), format!("{old}lxc.cgroup2.memory.max = 1\n"));
    }

    #[test]
    fn old_names_become_present_ones() {
        let old = "# lxc.tty counts\n#lxc.tty = 1\nlxc.utsname=x\n  lxc.network.type = veth\nlxc.network.ipv4 = 10.0.0.1/8\nlxc.network.type=empty\nlxc.network.name = e\nlxc.network.7.mtu = 9\nlxc.pivotdir = mnt\nlxc.rootfs = overlayfs:/l:/u\nlxc.cgroup.memory.limit_in_bytes = 1M\nfoo\nlxc.nosuch = 1\nlxc.limit.core = 0\nlxc.logfile = /l\n";
        let new = update(old);
        assert_eq!(
            new.text,
            "# lxc.tty counts\n#lxc.tty.max = 1\nlxc.uts.name=x\n  lxc.net.0.type = veth\nlxc.net.0.ipv4.address = 10.0.0.1/8\nlxc.net.1.type=empty\nlxc.net.1.name = e\nlxc.net.7.mtu = 9\nlxc.rootfs.path = overlay:/l:/u\nlxc.cgroup.memory.limit_in_bytes = 1M\nfoo\nlxc.nosuch = 1\nlxc.prlimit.core = 0\nlxc.log.file = /l\n"
        );
        assert_eq!(new.notes.len(), 1);
        assert_eq!(new.notes[0].0, 9);
        assert_eq!(update(&new.text).text, new.text);
    }

    #[test]
    fn the_type_of_a_rootfs() {
        for (line, new) in [
            ("lxc.rootfs = /r", "lxc.rootfs.path = dir:/r"),
            ("lxc.rootfs = /r:x", "lxc.rootfs.path = dir:/r:x"),
            ("lxc.rootfs = loop:/f", "lxc.rootfs.path = loop:/f"),
            ("lxc.rootfs = /dev/vg/x", "lxc.rootfs.path = /dev/vg/x"),
            ("lxc.rootfs =", "lxc.rootfs.path ="),
            ("lxc.rootfs.path = dir:/r", "lxc.rootfs.path = dir:/r"),
            ("lxc.rootfs.backend = lvm\nlxc.rootfs = /dev/vg/x", "lxc.rootfs.path = lvm:/dev/vg/x"),
        ] {
            assert_eq!(update(line).text, format!("{new}\n"), "{line}");
        }
    }

    /// Text of any kind is changed or refused, and never panics.
    #[test]
    fn odd_lines_are_left_alone() {
        for text in [
            "=",
            "lxc.=",
            "#=",
            "####",
            "lxc.network.type",
            "\u{e4}=\u{e4}\n#\u{e4}",
            "lxc.net.9999999999.type = x",
            "# # lxc.tty= 1",
        ] {
            for result in [set(text, "lxc.tty.max", "1"), add(text, "lxc.tty.max", "1"), unset(text, "lxc.tty.max")] {
                assert!(result.is_ok());
            }
            let _ = update(text);
        }
    }
}
