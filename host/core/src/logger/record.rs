//! Records as liblog of 4.1 to 4.3 writes them with one writev(2): of text a priority, a tag and a message, the last two with a
//! zero behind them; of events a number and a value with its type. Of the kernel log lines with `<LEVEL>` in front.
//!
//! A pipe has no borders between records; what is not complete yet stays. What is no record becomes a text of tag `?`.

use super::{Entry, LONGEST, Log, text};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Priority of what has none: information.
const INFO: u8 = 4;
/// A record's most bytes with its tag; what has more and no end is none.
const MOST: usize = 2 * LONGEST;
/// How deep lists of events are read.
const DEEPEST: u32 = 4;

/// Takes all complete records out of what was read.
pub fn take(log: Log, buffer: &mut Vec<u8>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = buffer.as_slice();
    while !rest.is_empty() {
        let found = match log {
            Log::Kernel => line(rest),
            Log::Events => event(rest),
            _ => message(rest),
        };
        let (entry, len) = match found {
            Found::Record(entry, len) => (Some(entry), len),
            Found::Incomplete if rest.len() < MOST => break,
            Found::Incomplete | Found::None => none(rest),
        };
        entries.extend(entry.filter(|e| !e.text.is_empty() || !e.tag.is_empty()));
        rest = &rest[len.clamp(1, rest.len())..];
    }
    let left = rest.len();
    buffer.drain(..buffer.len() - left);
    entries
}

enum Found {
    Record(Entry, usize),
    Incomplete,
    None,
}

/// What is no record, up to its line's end or a zero.
fn none(bytes: &[u8]) -> (Option<Entry>, usize) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let end = bytes.iter().position(|b| matches!(b, 0 | b'\n'));
    let entry = Entry { priority: INFO, tag: "?".into(), text: text(&bytes[..end.unwrap_or(bytes.len())]) };
    (Some(entry).filter(|e| !e.text.is_empty()), end.map_or(bytes.len(), |end| end + 1))
}

fn line(bytes: &[u8]) -> Found {
    let Some(end) = bytes.iter().position(|b| *b == b'\n').or((bytes.len() > 1024).then_some(1024)) else {
        return Found::Incomplete;
    };
    let (priority, said) = match &bytes[..end] {
        [b'<', level @ b'0'..=b'7', b'>', said @ ..] => (level - b'0', said),
        // As the kernel has it (CONFIG_MESSAGE_LOGLEVEL_DEFAULT).
        said => (4, said),
    };
    let entry = Entry { priority, tag: String::new(), text: text(said) };
    Found::Record(entry, (end + 1).min(bytes.len()))
}

fn message(bytes: &[u8]) -> Found {
    // ANDROID_LOG_UNKNOWN to ANDROID_LOG_SILENT.
    let Some((priority @ 0..=8, rest)) = bytes.split_first() else { return Found::None };
    let zero = |bytes: &[u8]| bytes.iter().position(|b| *b == 0);
    let Some(tag) = zero(rest) else { return Found::Incomplete };
    let Some(said) = zero(&rest[tag + 1..]) else { return Found::Incomplete };
    let message = &rest[tag + 1..tag + 1 + said];
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    let entry = Entry { priority: *priority, tag: text(&rest[..tag]), text: text(message) };
    Found::Record(entry, tag + said + 3)
}

fn event(bytes: &[u8]) -> Found {
    let Some((tag, rest)) = bytes.split_first_chunk() else { return Found::Incomplete };
    match value(rest, 0) {
        Ok((said, len)) => {
            // The Java side ends texts and lists with a line break, which belongs to no value.
            let ends = matches!(rest[0], STRING | LIST) && rest.get(len) == Some(&b'\n');
            let entry = Entry { priority: INFO, tag: i32::from_le_bytes(*tag).to_string(), text: said };
            Found::Record(entry, 4 + len + usize::from(ends))
        }
        Err(incomplete) if incomplete => Found::Incomplete,
        Err(_) => Found::None,
    }
}

/// Types of values (AndroidEventLogType).
const INT: u8 = 0;
const LONG: u8 = 1;
const STRING: u8 = 2;
const LIST: u8 = 3;

/// A value as text, and its length; an error says whether more bytes could make one of it.
fn value(bytes: &[u8], depth: u32) -> Result<(String, usize), bool> {
    let (kind, rest) = bytes.split_first().ok_or(true)?;
    match *kind {
        INT => rest.first_chunk().map(|n| (i32::from_le_bytes(*n).to_string(), 5)).ok_or(true),
        LONG => rest.first_chunk().map(|n| (i64::from_le_bytes(*n).to_string(), 9)).ok_or(true),
        STRING => {
            let len = u32::from_le_bytes(*rest.first_chunk().ok_or(true)?) as usize;
            if len > LONGEST {
                return Err(false);
            }
            rest.get(4..4 + len).map(|said| (text(said), 5 + len)).ok_or(true)
        }
        LIST if depth < DEEPEST => {
            let count = *rest.first().ok_or(true)?;
            let (mut said, mut at) = (String::from("["), 2);
            for i in 0..count {
                let (item, len) = value(bytes.get(at..).ok_or(true)?, depth + 1)?;
                said += &format!("{}{item}", if i == 0 { "" } else { "," });
                at += len;
                if at > MOST {
                    return Err(false);
                }
            }
            said.push(']');
            Ok((said, at))
        }
        _ => Err(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(log: Log, bytes: &[u8]) -> (Vec<(u8, String, String)>, usize) {
        let mut buffer = bytes.to_vec();
        let entries = take(log, &mut buffer);
        (entries.into_iter().map(|e| (e.priority, e.tag, e.text)).collect(), buffer.len())
    }

    fn e(priority: u8, tag: &str, text: &str) -> (u8, String, String) {
        (priority, tag.into(), text.into())
    }

    #[test]
    fn messages_are_found_wherever_a_read_ends() {
        let bytes = b"\x04Zygote\0Preloading\n\0\x06DEBUG\0two\nlines\0";
        let both = [e(4, "Zygote", "Preloading"), e(6, "DEBUG", "two\nlines")];
        assert_eq!(all(Log::Main, bytes), (both.to_vec(), 0));
        for cut in 0..bytes.len() {
            let mut buffer = bytes[..cut].to_vec();
            let mut found = take(Log::Main, &mut buffer);
            buffer.extend(&bytes[cut..]);
            found.extend(take(Log::Main, &mut buffer));
            let found: Vec<_> = found.into_iter().map(|e| (e.priority, e.tag, e.text)).collect();
            assert_eq!((found, buffer.len()), (both.to_vec(), 0), "cut at {cut}");
        }
        assert_eq!(all(Log::Main, b"echo\n\x03t\0m\0").0, [e(4, "?", "echo"), e(3, "t", "m")]);
    }

    #[test]
    fn events_are_decoded() {
        let mut bytes = Vec::new();
        bytes.extend(2722i32.to_le_bytes());
        bytes.extend([INT, 255, 255, 255, 255]);
        bytes.extend(30014i32.to_le_bytes());
        bytes.extend([LIST, 3, INT, 7, 0, 0, 0, LONG, 0, 0, 0, 0, 1, 0, 0, 0, STRING, 2, 0, 0, 0, b'o', b'k', b'\n']);
        bytes.extend(3000i32.to_le_bytes());
        bytes.extend([STRING, 1, 0, 0, 0, b'x', b'\n']);
        let wanted = [e(4, "2722", "-1"), e(4, "30014", "[7,4294967296,ok]"), e(4, "3000", "x")];
        assert_eq!(all(Log::Events, &bytes), (wanted.to_vec(), 0));
        assert_eq!(all(Log::Events, &bytes[..20]), (wanted[..1].to_vec(), 11));
    }

    #[test]
    fn lines_of_the_kernel_log() {
        let found = all(Log::Kernel, b"<3>init: cannot find '/x'\nplain\n<6>half");
        assert_eq!(found, ([e(3, "", "init: cannot find '/x'"), e(4, "", "plain")].to_vec(), 7));
    }

    #[test]
    fn whatever_is_written_nothing_stays_for_ever() {
        for log in Log::ALL {
            for byte in 0..=255u8 {
                let (entries, left) = all(log, &[byte; 20_000]);
                assert!(left <= MOST && entries.iter().all(|e| e.2.len() <= MOST), "{log:?} {byte}");
            }
            for seed in 0..2000u32 {
                let mut n = seed;
                let bytes: Vec<u8> = (0..64)
                    .map(|_| {
                        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        (n >> 24) as u8 & if seed % 2 == 0 { 3 } else { 255 }
                    })
                    .collect();
                all(log, &bytes);
            }
        }
    }
}
