//! The front end for LXC's configuration files, from 0.6 to 7.x: bytes in, a `Config` and all that is wrong out.
//!
//! Opens no file: what `lxc.include` names is read by an `Includer` of the caller. Refuses nothing by itself: a mistake
//! is a `Problem`, and the caller decides what to do with a configuration that has some.

mod android;
mod answer;
mod apply;
mod caps;
mod cgroup;
pub mod edit;
mod keys;
mod lines;
mod mount_auto;
mod namespace;
mod net;
mod print;
mod process;
mod rights;
mod supervisor;
mod table;
mod values;

pub use answer::answer;
pub use keys::{Key, Release};
pub use print::{UnknownKey, get, print};
pub use table::KEYS;

use super::{At, Config, Dialect, Origin, fstab};
use crate::failure::Errno;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};
use keys::{Found, Means, Setting, Spelling};
use lines::Line;

/// Deepest nesting of `lxc.include`; a file that includes itself ends here.
const DEEPEST: usize = 16;
/// Most files of one configuration.
const MOST_FILES: usize = 1024;

/// Reads the files that a configuration names.
pub trait Includer {
    /// The files behind a path, each with its name and bytes: the file itself; for a directory, or a path that ends in
    /// a slash, every `*.conf` in it, sorted by name (LXC takes them as readdir(3) gives them). A directory that does
    /// not exist has none.
    ///
    /// # Errors
    /// What open(2) or read(2) said.
    fn read(&mut self, path: &str) -> Result<Vec<(String, Vec<u8>)>, Errno>;
}

/// An includer without any file.
pub struct NoFiles;

impl Includer for NoFiles {
    fn read(&mut self, _: &str) -> Result<Vec<(String, Vec<u8>)>, Errno> {
        Err(Errno::NOENT)
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The container can start; something in the file does not do what it says.
    Warning,
    /// The file says what cannot be done.
    Error,
}

/// One thing that is wrong with a file; its `Display` is the whole sentence: `FILE:LINE: what`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file; empty: the command line.
    pub file: String,
    /// The line, from 1; 0 is the command line.
    pub line: u32,
    /// What is wrong: one line, lower case, no full stop.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str("command line: ")?,
            line => write!(f, "{}:{line}: ", self.file)?,
        }
        // What stands in a file must not move the cursor of a terminal or begin a line of its own.
        self.text
            .chars()
            .try_for_each(|c| if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
    }
}

/// Reads one file and all that it includes.
pub fn parse(name: &str, bytes: &[u8], includer: &mut dyn Includer) -> (Config, Vec<Problem>) {
    let mut reader = Reader::default();
    reader.file(name, bytes, includer);
    reader.finish()
}

/// Reads files and single lines into one `Config`.
#[derive(Default)]
pub struct Reader {
    config: Config,
    problems: Vec<Problem>,
    /// Those of them that are about unknown keys.
    unknown: Vec<usize>,
    depth: usize,
    /// What the spelling of the main file says, and that of the first included one which says anything.
    main: Option<Spelling>,
    included: Option<Spelling>,
    /// The youngest key in files with old names: they are at least of that release.
    newest: Release,
    /// `keel.dialect`.
    told: Option<Dialect>,
}

/// What is known of the file that is being read.
struct Reading {
    file: u16,
    /// The first key that tells the era, and its line.
    first: Option<(Spelling, String, u32)>,
    /// The file mixes eras, and that has been said.
    mixed: bool,
}

impl Reader {
    /// Reads a file after what was read before.
    pub fn file(&mut self, name: &str, bytes: &[u8], includer: &mut dyn Includer) {
        let file = self.config.files.len() as u16;
        self.config.files.push(name.to_string());
        let (lines, mistakes) = lines::split(bytes);
        let mut mistakes = mistakes.into_iter().peekable();
        let first = lines.iter().find_map(|line| match keys::find(line.key) {
            Some(found) if found.spelling != Spelling::Both => {
                Some((found.spelling, line.key.to_string(), line.number))
            }
            _ => None,
        });
        let place = if self.depth == 0 { &mut self.main } else { &mut self.included };
        *place = place.or(first.as_ref().map(|(spelling, ..)| *spelling));
        let mut reading = Reading { file, first, mixed: false };
        for line in &lines {
            while let Some((number, severity, text)) = mistakes.next_if(|(number, ..)| *number <= line.number) {
                self.say(Origin { file, line: number }, severity, text);
            }
            self.line(line, &mut reading, includer);
        }
        for (number, severity, text) in mistakes {
            self.say(Origin { file, line: number }, severity, text);
        }
    }

    /// Reads `KEY=VALUE` of the command line (`-s`). Its spelling does not change the file's era.
    pub fn define(&mut self, text: &str, includer: &mut dyn Includer) {
        let (lines, mistakes) = lines::split(text.as_bytes());
        let origin = Origin::default();
        let plain = !text.contains(['\n', '\0']);
        let before = self.problems.len();
        for (_, severity, text) in mistakes {
            self.say(origin, severity, text);
        }
        match lines.as_slice() {
            [line] if plain => {
                let mut reading = Reading { file: 0, first: None, mixed: true };
                self.line(&Line { number: 0, ..line.clone() }, &mut reading, includer);
            }
            _ if self.problems.len() > before => {}
            _ => self.say(origin, Severity::Error, format!("'{}' is not a key with a value", text.escape_debug())),
        }
    }

    /// All that was read, and all that is wrong with it, in order.
    pub fn finish(mut self) -> (Config, Vec<Problem>) {
        self.config.dialect = self.told.unwrap_or(match self.main.or(self.included) {
            Some(Spelling::Old) if self.newest < (1, 0) => Dialect::Legacy,
            Some(Spelling::Old) if self.newest < (1, 1) => Dialect::One,
            _ => Dialect::Current,
        });
        for index in self.unknown.iter().filter(|_| self.config.strict) {
            self.problems[*index].severity = Severity::Error;
        }
        (self.config, self.problems)
    }

    fn say(&mut self, origin: Origin, severity: Severity, text: String) {
        let file = match origin.line {
            0 => String::new(),
            _ => self.config.files.get(usize::from(origin.file)).cloned().unwrap_or_default(),
        };
        self.problems.push(Problem { severity, file, line: origin.line, text });
    }

    fn line(&mut self, line: &Line<'_>, reading: &mut Reading, includer: &mut dyn Includer) {
        let origin = Origin { file: reading.file, line: line.number };
        let key = line.key;
        let old_file = reading.first.as_ref().is_none_or(|(spelling, ..)| *spelling == Spelling::Old);
        let found = match keys::find(key) {
            Some(found) => found,
            None => match keys::find_by_prefix(key).filter(|_| old_file && line.number > 0) {
                Some((found, name)) => {
                    self.say(origin, Severity::Warning, format!("'{key}' is read as '{name}', as LXC before 2.1 did"));
                    found
                }
                None => {
                    let text = format!("unknown key '{key}'{}", keys::hint(key));
                    self.unknown.push(self.problems.len());
                    return self.say(origin, Severity::Warning, text);
                }
            },
        };
        self.date(&found, key, origin, reading);
        if line.comment {
            let text = format!("{key}: a comment needs a line of its own: all of '{}' is the value", line.value);
            self.say(origin, Severity::Warning, text);
        }
        let (key_row, value) = (found.key, line.value);
        let result = match &key_row.means {
            Means::Gone(_) if value.is_empty() => Ok(()),
            Means::Gone(why) => {
                self.say(origin, Severity::Warning, format!("'{key}' has no effect: {why}"));
                Ok(())
            }
            Means::Include => self.include(value, includer),
            Means::Dialect => dialect(value).map(|told| self.told = told),
            means => {
                let mut setting = Setting {
                    config: &mut self.config,
                    value,
                    rest: found.rest,
                    index: found.index,
                    origin,
                    old: found.spelling == Spelling::Old,
                    warnings: Vec::new(),
                };
                let result = set(means, &mut setting);
                for warning in setting.warnings {
                    self.say(origin, Severity::Warning, format!("{key}: {warning}"));
                }
                result
            }
        };
        if let Err(text) = result {
            self.say(origin, Severity::Error, format!("{key}: {text}"));
        }
    }

    /// Takes a key's spelling as evidence of the file's era, and says when a file mixes two.
    fn date(&mut self, found: &Found<'_>, key: &str, origin: Origin, reading: &mut Reading) {
        if origin.line == 0 {
            return;
        }
        let (began, first, number) = match &reading.first {
            Some((began, first, number)) => (*began, first.as_str(), *number),
            None => (Spelling::Both, "", 0),
        };
        if began != Spelling::New && found.spelling != Spelling::New {
            self.newest = self.newest.max(found.since);
        }
        let other = matches!((began, found.spelling), (Spelling::Old, Spelling::New) | (Spelling::New, Spelling::Old));
        if other && !core::mem::replace(&mut reading.mixed, true) {
            let text = match found.spelling {
                Spelling::New => {
                    format!("'{key}' came with LXC 2.1, but '{first}' in line {number} is older: old defaults hold")
                }
                _ => format!(
                    "'{key}' ended with LXC 2, but '{first}' in line {number} is newer: the present defaults hold"
                ),
            };
            self.say(origin, Severity::Warning, text);
        }
    }

    fn include(&mut self, path: &str, includer: &mut dyn Includer) -> Result<(), String> {
        if path.is_empty() {
            return Ok(());
        }
        if self.depth >= DEEPEST {
            return Err(format!("'{path}' is included more than {DEEPEST} deep"));
        }
        let full = || format!("'{path}': more than {MOST_FILES} files");
        if self.config.files.len() >= MOST_FILES {
            return Err(full());
        }
        let files = includer.read(path).map_err(|errno| format!("'{path}': {errno}"))?;
        self.depth += 1;
        let mut result = Ok(());
        for (name, bytes) in files {
            if self.config.files.len() >= MOST_FILES {
                result = Err(full());
                break;
            }
            self.file(&name, &bytes, includer);
        }
        self.depth -= 1;
        result
    }
}

/// Reads the file that `lxc.mount.fstab` names and puts its mounts in front of the others. To be called once, when the
/// container is about to start.
pub fn read_fstab(config: &mut Config, includer: &mut dyn Includer) -> Vec<Problem> {
    let mut problems = Vec::new();
    let Some(named) = config.mount_fstab.clone() else { return problems };
    let mut say = |file: &str, line, severity, text| {
        problems.push(Problem { severity, file: file.to_string(), line, text });
    };
    let files = match includer.read(&named.value) {
        Ok(files) => files,
        Err(errno) => {
            let file = config.files.get(usize::from(named.origin.file)).map_or("", String::as_str);
            say(file, named.origin.line, Severity::Error, format!("lxc.mount.fstab: '{}': {errno}", named.value));
            return problems;
        }
    };
    let mut entries = Vec::new();
    for (name, bytes) in files {
        let file = config.files.len() as u16;
        for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
            let number = i as u32 + 1;
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let mut warnings = Vec::new();
            let text = core::str::from_utf8(line).map_err(|_| "the line is not UTF-8".to_string());
            match text.and_then(|text| fstab::entry(text, &mut warnings)) {
                Ok(value) => entries.push(At { value, origin: Origin { file, line: number } }),
                Err(text) => say(&name, number, Severity::Error, text),
            }
            for warning in warnings {
                say(&name, number, Severity::Warning, warning);
            }
        }
        config.files.push(name);
    }
    config.mount_entry.splice(0..0, entries);
    problems
}

/// Puts a value into its place.
fn set(means: &Means, setting: &mut Setting<'_>) -> Result<(), String> {
    let (value, empty) = (setting.value, setting.value.is_empty());
    match means {
        Means::Text((_, field)) => *field(setting.config) = (!empty).then(|| value.to_string()),
        Means::Count((_, field)) => {
            let number = if empty { 0 } else { values::count(value)? };
            *field(setting.config) = number;
            if values::octal(value) {
                setting.warnings.push(format!("'{value}' is octal, as LXC reads it: {number}"));
            }
        }
        Means::Flag((_, field)) => *field(setting.config) = !empty && values::flag(value)?,
        Means::Choice((_, field)) => {
            *field(setting.config) = if empty { None } else { Some(values::flag(value)?) };
        }
        Means::Signal((_, field)) => {
            *field(setting.config) = if empty { None } else { Some(values::signal(value)?) };
        }
        Means::Own(read, _) => read(setting)?,
        Means::Include | Means::Dialect | Means::Gone(_) => {}
    }
    Ok(())
}

fn dialect(value: &str) -> Result<Option<Dialect>, String> {
    Ok(Some(match value {
        "" => return Ok(None),
        "legacy" => Dialect::Legacy,
        "1.0" => Dialect::One,
        "current" => Dialect::Current,
        _ => return Err(format!("'{value}' is not one of legacy, 1.0, current")),
    }))
}
