//! The grammar of LXC's files: bytes → lines with a key and a value. One key a line, no continuation, no variables.
//!
//! Lines that begin with neither `lxc.` nor `keel.` are read over, as LXC does; one that looks like a slip of a key is
//! said. Bytes that are not UTF-8 are no matter in lines that are read over.

use super::Severity;
use super::table::KEYS;
use crate::nearest;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A line that sets a key.
#[derive(Clone)]
pub(super) struct Line<'a> {
    pub number: u32,
    pub key: &'a str,
    /// Without blanks around it and without one pair of quotes.
    pub value: &'a str,
    /// What follows a blank and `#` may have been meant as a comment; it is part of the value.
    pub comment: bool,
}

/// A mistake of the grammar: line, severity, sentence.
pub(super) type Mistake = (u32, Severity, String);

/// All lines that set a key, and all that is wrong with the others, in order.
pub(super) fn split(bytes: &[u8]) -> (Vec<Line<'_>>, Vec<Mistake>) {
    let mut lines = Vec::new();
    let mut mistakes = Vec::new();
    let mut carriage = false;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let number = u32::try_from(i + 1).unwrap_or(u32::MAX);
        let line = match line.strip_suffix(b"\r") {
            Some(line) => {
                if !core::mem::replace(&mut carriage, true) {
                    let text = "lines end in CR LF: the CR is left out";
                    mistakes.push((number, Severity::Warning, text.into()));
                }
                line
            }
            None => line,
        };
        match one(line) {
            Ok(None) => {}
            Ok(Some((key, value, comment))) => lines.push(Line { number, key, value, comment }),
            Err((severity, text)) => mistakes.push((number, severity, text)),
        }
    }
    (lines, mistakes)
}

type Parts<'a> = (&'a str, &'a str, bool);

fn one(line: &[u8]) -> Result<Option<Parts<'_>>, (Severity, String)> {
    let (start, end) = within_blanks(line);
    let line = &line[start..end];
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(None);
    }
    if !line.starts_with(b"lxc.") && !line.starts_with(b"keel.") {
        return foreign(line).map(|()| None);
    }
    let error = |text: String| (Severity::Error, text);
    let Ok(text) = core::str::from_utf8(line) else {
        return Err(error("the line is not UTF-8".into()));
    };
    if line.contains(&0) {
        return Err(error("the line contains a zero byte".into()));
    }
    let Some(equals) = line.iter().position(|b| *b == b'=') else {
        return Err(error(format!("'{text}' has no '='")));
    };
    let (key, value) = (trim(&text[..equals]), trim(&text[equals + 1..]));
    let bare = unquote(value);
    let comment = bare.len() == value.len() && value.as_bytes().windows(2).any(|two| blank(&two[0]) && two[1] == b'#');
    Ok(Some((key, bare, comment)))
}

/// Without blanks at both ends.
fn trim(text: &str) -> &str {
    let (start, end) = within_blanks(text.as_bytes());
    &text[start..end]
}

/// Where a line begins and ends but for blanks.
fn within_blanks(line: &[u8]) -> (usize, usize) {
    let start = line.iter().position(|b| !blank(b)).unwrap_or(line.len());
    (start, line.iter().rposition(|b| !blank(b)).map_or(start, |last| last + 1))
}

fn blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Takes off one pair of equal quotes around the whole value.
pub(super) fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// A line that LXC reads over: a slip of a key, if it looks like one.
fn foreign(line: &[u8]) -> Result<(), (Severity, String)> {
    let key = line.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii();
    let Ok(key) = core::str::from_utf8(key) else { return Ok(()) };
    let names = KEYS.iter().flat_map(|row| row.old.iter().map(|(name, _)| *name).chain([row.name]));
    match nearest::nearest(key, names) {
        Some(near) if line.contains(&b'=') => {
            let text = format!("'{key}' is no key and is read over, nearest is '{near}'");
            Err((Severity::Warning, text))
        }
        _ => Ok(()),
    }
}
