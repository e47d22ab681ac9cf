//! Lines of fstab(5): fields, octal escapes, options; read and written back.
//!
//! Matches options exactly: LXC 5 takes any word that begins with an option's name for it. getmntent(3) differs between
//! C libraries (musl splits otherwise than glibc) and so is not used.

use super::{Create, MountEntry, MountOptions};
use crate::nearest;
use crate::step::ms;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// MS_SILENT-free words that clear a flag, with the flag.
const CLEARING: [(&str, u64); 9] = [
    ("rw", ms::RDONLY),
    ("suid", ms::NOSUID),
    ("dev", ms::NODEV),
    ("exec", ms::NOEXEC),
    ("async", ms::SYNCHRONOUS),
    ("nomand", ms::MANDLOCK),
    ("atime", ms::NOATIME),
    ("diratime", ms::NODIRATIME),
    ("norelatime", ms::RELATIME),
];

/// Words for more than flags of a file system.
const MOVING: [(&str, u64); 3] = [("bind", ms::BIND), ("rbind", ms::BIND | ms::REC), ("move", ms::MOVE)];

/// Words without an effect here.
const IDLE: [&str; 5] = ["defaults", "lazytime", "nolazytime", "nostrictatime", "loud"];

/// Propagation: each is a call of its own.
const PROPAGATION: [(&str, u64); 8] = [
    ("private", ms::PRIVATE),
    ("rprivate", ms::PRIVATE | ms::REC),
    ("shared", ms::SHARED),
    ("rshared", ms::SHARED | ms::REC),
    ("slave", ms::SLAVE),
    ("rslave", ms::SLAVE | ms::REC),
    ("unbindable", ms::UNBINDABLE),
    ("runbindable", ms::UNBINDABLE | ms::REC),
];

/// Reads one line. Sentences about what is odd but no error go to `warnings`.
///
/// # Errors
/// The sentence: a field or an option is wrong.
pub fn entry(line: &str, warnings: &mut Vec<String>) -> Result<MountEntry, String> {
    let fields: Vec<&str> = line.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
    let [source, target, fstype, rest @ ..] = fields.as_slice() else {
        return Err(format!("a mount entry has at least source, target and type: '{line}'"));
    };
    let numbers = rest.iter().skip(1);
    if rest.len() > 3 || numbers.clone().any(|n| n.parse::<u32>().is_err()) {
        warnings
            .push("more than source, target, type, options and two numbers; a blank in a path is written \\040".into());
    }
    // Resolved before it is split, so an escaped comma separates as a plain one does.
    let options = options(&unescape(rest.first().copied().unwrap_or("defaults"))?, warnings)?;
    Ok(MountEntry { source: unescape(source)?, target: unescape(target)?, fstype: unescape(fstype)?, options })
}

/// Reads the options of a mount, separated by commas.
///
/// # Errors
/// The sentence: `create=` has a value that is unknown.
pub fn options(list: &str, warnings: &mut Vec<String>) -> Result<MountOptions, String> {
    let mut out = MountOptions::default();
    let mut data: Vec<String> = Vec::new();
    for word in list.split(',').filter(|word| !word.is_empty()) {
        if let Some((_, flag)) = ms::WORDS.iter().chain(&MOVING).find(|(name, _)| *name == word) {
            out.flags |= flag;
        } else if let Some((_, flag)) = CLEARING.iter().find(|(name, _)| *name == word) {
            out.flags &= !flag;
        } else if let Some((_, flag)) = PROPAGATION.iter().find(|(name, _)| *name == word) {
            out.propagation.push(*flag);
        } else if let Some(what) = word.strip_prefix("create=") {
            out.create = Some(match what {
                "dir" => Create::Dir,
                "file" => Create::File,
                _ => return Err(format!("option 'create={what}': only create=dir and create=file are known")),
            });
        } else if word == "optional" {
            out.optional = true;
        } else if word == "relative" {
            out.relative = true;
        } else if let Some(whose) = word.strip_prefix("idmap=") {
            if whose != "container" && !whose.starts_with('/') {
                return Err(format!("option '{word}': 'container' or the path of a user namespace is meant"));
            }
            out.idmap = Some(whose.to_string());
        } else if !IDLE.contains(&word) {
            data.push(word.to_string());
        }
    }
    // The kernel ignores data for a bind, so a slip there would pass in silence.
    if out.flags & ms::BIND != 0 {
        for word in &data {
            warnings.push(format!("option '{word}' has no meaning for a bind{}", nearest::hint(word, names())));
        }
    }
    out.data = data.join(",");
    Ok(out)
}

fn names() -> impl Iterator<Item = &'static str> {
    let pairs = ms::WORDS.into_iter().chain(CLEARING).chain(MOVING).chain(PROPAGATION);
    pairs.map(|(name, _)| name).chain(["optional", "relative", "create=dir", "create=file", "defaults"])
}

/// Resolves `\040` (any three octal digits up to `\377`) and `\\`; any other backslash stays.
fn unescape(field: &str) -> Result<String, String> {
    if !field.contains('\\') {
        return Ok(field.to_string());
    }
    let mut out: Vec<u8> = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'\\', [b'\\', ..]) => {
                out.push(b'\\');
                rest = &tail[1..];
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = &tail[3..];
            }
            _ => out.push(first),
        }
    }
    if out.contains(&0) {
        return Err(format!("'{field}' contains a zero byte"));
    }
    String::from_utf8(out).map_err(|_| format!("'{field}' is not UTF-8"))
}

/// Writes an entry as a line that `entry` reads as the same.
pub fn line(entry: &MountEntry) -> String {
    let field = |text: &str| text.chars().fold(String::new(), escape);
    let options = written(&entry.options);
    format!("{} {} {} {options} 0 0", field(&entry.source), field(&entry.target), field(&entry.fstype))
}

/// Writes options as a list that `options` reads as the same.
pub fn written(options: &MountOptions) -> String {
    let mut words: Vec<String> = Vec::new();
    for (name, flag) in ms::WORDS {
        if options.flags & flag != 0 {
            words.push(name.to_string());
        }
    }
    match options.flags & (ms::BIND | ms::REC) {
        0 => {}
        both if both & ms::REC != 0 => words.push("rbind".into()),
        _ => words.push("bind".into()),
    }
    if options.flags & ms::MOVE != 0 {
        words.push("move".into());
    }
    for flag in &options.propagation {
        words.extend(PROPAGATION.iter().filter(|(_, f)| f == flag).map(|(name, _)| name.to_string()));
    }
    match options.create {
        Some(Create::Dir) => words.push("create=dir".into()),
        Some(Create::File) => words.push("create=file".into()),
        None => {}
    }
    words.extend(options.optional.then(|| "optional".to_string()));
    words.extend(options.relative.then(|| "relative".to_string()));
    words.extend(options.idmap.iter().map(|whose| format!("idmap={whose}").chars().fold(String::new(), escape)));
    if !options.data.is_empty() {
        words.push(options.data.chars().fold(String::new(), escape));
    }
    if words.is_empty() { "defaults".into() } else { words.join(",") }
}

fn escape(mut out: String, c: char) -> String {
    match c {
        ' ' | '\t' | '\n' | '\\' | '#' | '"' | '\'' => out += &format!("\\{:03o}", c as u32),
        _ => out.push(c),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn read(text: &str) -> (MountEntry, Vec<String>) {
        let mut warnings = Vec::new();
        let read = entry(text, &mut warnings).unwrap();
        (read, warnings)
    }

    fn opts(list: &str) -> MountOptions {
        options(list, &mut Vec::new()).unwrap()
    }

    #[test]
    fn fields_and_escapes() {
        let (read, warnings) = read("/a\\040b  c\\134d\tnone ro,bind 0 0");
        assert_eq!((read.source.as_str(), read.target.as_str(), read.fstype.as_str()), ("/a b", "c\\d", "none"));
        assert_eq!(read.options.flags, ms::RDONLY | ms::BIND);
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(self::read("a b c").0.options, MountOptions::default());
        assert_eq!(
            entry("a b", &mut Vec::new()),
            Err("a mount entry has at least source, target and type: 'a b'".into())
        );
        assert_eq!(entry("a \\000 none bind", &mut Vec::new()), Err("'\\000' contains a zero byte".into()));
        assert_eq!(entry("a \\377 none bind", &mut Vec::new()), Err("'\\377' is not UTF-8".into()));
    }

    #[test]
    fn a_blank_in_a_path_is_said() {
        let (_, warnings) = read("/my dir mnt none bind 0 0");
        assert_eq!(
            warnings,
            ["more than source, target, type, options and two numbers; a blank in a path is written \\040"]
        );
    }

    #[test]
    fn options_are_matched_exactly() {
        assert_eq!(opts("rootcontext=x").data, "rootcontext=x");
        assert_eq!(opts("rootcontext=x").flags, 0);
        assert_eq!(opts("size=1m,mode=700,nosuid,create=dir").data, "size=1m,mode=700");
        assert_eq!(opts("ro,rw").flags, 0);
        assert_eq!(opts("rslave,shared").propagation, vec![ms::SLAVE | ms::REC, ms::SHARED]);
        assert_eq!(opts("nooptional").data, "nooptional");
        assert!(!opts("nooptional").optional);
        let both = opts("bind,optional,relative,create=file");
        assert!(both.optional && both.relative && both.create == Some(Create::File) && both.data.is_empty());
    }

    #[test]
    fn slips_are_said() {
        let mut warnings = Vec::new();
        let read = options("bind,optinal,idmap=container", &mut warnings);
        assert_eq!(read.unwrap().idmap.as_deref(), Some("container"));
        assert_eq!(warnings, ["option 'optinal' has no meaning for a bind, nearest is 'optional'"]);
        let wrong = options("idmap=x", &mut warnings);
        assert_eq!(wrong, Err("option 'idmap=x': 'container' or the path of a user namespace is meant".into()));
        let wrong = options("create=fiel", &mut warnings);
        assert_eq!(wrong, Err("option 'create=fiel': only create=dir and create=file are known".into()));
    }

    #[test]
    fn small_lines_never_panic_and_survive_the_way_back() {
        let words = ["a", "\\", "\\040", "\\0", "#", "ro", "rbind", ",", " ", "\t", "create=dir", "\\134", "\\\\"];
        let mut lines = vec![String::new()];
        let mut start = 0;
        for _ in 0..4 {
            let end = lines.len();
            for i in start..end {
                for word in words {
                    lines.push(lines[i].clone() + word);
                }
            }
            start = end;
        }
        for text in &lines {
            for text in [text.clone(), format!("s t f {text}")] {
                if let Ok(first) = entry(&text, &mut Vec::new()) {
                    assert_eq!(entry(&line(&first), &mut Vec::new()), Ok(first), "{text}");
                }
            }
        }
    }
}
