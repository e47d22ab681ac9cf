//! Entries as lines: the formats of logcat that need no process id (a pipe does not say who wrote), and kernel lines.

use super::filter::LETTERS;
use super::{Entry, Log};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// How a message is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `I/TAG: TEXT`.
    #[default]
    Brief,
    /// The same with the time in front.
    Time,
    /// `I/TAG: TEXT` in logcat's own way, the same as brief here.
    Tag,
    /// The text alone.
    Raw,
    /// A line with everything about it, the text, an empty line.
    Long,
}

impl Format {
    /// Their names.
    pub const NAMES: [(&'static str, Format); 5] = [
        ("brief", Format::Brief),
        ("time", Format::Time),
        ("tag", Format::Tag),
        ("raw", Format::Raw),
        ("long", Format::Long),
    ];

    /// The message as lines. `time` is when it was read, as text.
    pub fn show(self, entry: &Entry, time: &str) -> String {
        let letter = match entry.priority {
            n @ 2..=8 => LETTERS[usize::from(n) - 2] as char,
            _ => 'I',
        };
        let head = format!("{letter}/{:<8}", entry.tag);
        let lines = |head: &str| entry.text.split('\n').map(|line| format!("{head}{line}\n")).collect::<String>();
        match self {
            Format::Brief | Format::Tag => lines(&format!("{head}: ")),
            Format::Time => lines(&format!("{time} {head}: ")),
            Format::Raw => lines(""),
            Format::Long => format!("[ {time} {head}]\n{}\n", lines("")),
        }
    }
}

/// A line of the kernel log, as dmesg has it but for the clock.
pub fn kernel_line(entry: &Entry, time: &str) -> String {
    format!("[{time}] {}\n", entry.text)
}

/// Names of events, out of `/system/etc/event-log-tags`: `NUMBER NAME (..)` a line.
#[derive(Debug, Default)]
pub struct Names(Vec<(String, String)>);

impl Names {
    /// Reads the file.
    pub fn read(text: &str) -> Names {
        let line = |line: &str| {
            let mut words = line.split_ascii_whitespace();
            let number = words.next()?.parse::<i32>().ok()?;
            Some((number.to_string(), words.next()?.to_string()))
        };
        Names(text.lines().filter_map(line).collect())
    }

    /// The entry with its event's name, where it has one.
    pub fn name(&self, log: Log, mut entry: Entry) -> Entry {
        let found = self.0.iter().find(|(number, _)| log == Log::Events && *number == entry.tag);
        if let Some((_, name)) = found {
            entry.tag.clone_from(name);
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let entry = Entry { priority: 5, tag: "vold".into(), text: "one\ntwo".into() };
        let shown = |format: Format| format.show(&entry, "11-24 18:00:00.007");
        assert_eq!(shown(Format::Brief), "W/vold    : one\nW/vold    : two\n");
        assert_eq!(shown(Format::Raw), "one\ntwo\n");
        assert!(shown(Format::Time).starts_with("11-24 18:00:00.007 W/vold    : one\n"));
        assert_eq!(shown(Format::Long), "[ 11-24 18:00:00.007 W/vold    ]\none\ntwo\n\n");
    }

    #[test]
    fn names_of_events() {
        let names = Names::read("# comment\n2722 battery_level (level|1|6)\nbroken\n");
        let entry = |tag: &str| Entry { priority: 4, tag: tag.into(), text: "7".into() };
        assert_eq!(names.name(Log::Events, entry("2722")).tag, "battery_level");
        assert_eq!(names.name(Log::Main, entry("2722")).tag, "2722");
        assert_eq!(names.name(Log::Events, entry("1")).tag, "1");
    }
}
