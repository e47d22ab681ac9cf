//! Reads an argument vector by the table, with the habits of getopt_long(3): `-nbb`, `-n bb`, `-dn bb`, `--name=bb`,
//! `--name bb`, `--na bb` where that is unambiguous, operands anywhere, and `--`, after which nothing is an option.
//!
//! Refuses unknown and ambiguous options (with the nearest one), missing and surplus values, and values that are not
//! UTF-8; operands and what follows `--` may be any bytes.

use super::{Command, Opt, OptionRow, Value};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

/// What an argument vector says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The options, in order, with their values.
    pub options: Vec<(Opt, Option<String>)>,
    /// What is neither an option nor a value, in order.
    pub operands: Vec<Vec<u8>>,
    /// What follows `--`; none when there is no `--`.
    pub trailing: Option<Vec<Vec<u8>>>,
}

/// The sentence to print before the usage line; the exit code is 2, and 1 for the tools of LXC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A word of the command line must not move the cursor of a terminal or begin a line of its own.
        self.0
            .chars()
            .try_for_each(|c| if c.is_control() { write!(f, "{}", c.escape_default()) } else { f.write_char(c) })
    }
}

impl core::error::Error for UsageError {}

impl Parsed {
    /// Whether the option was given.
    pub fn has(&self, opt: Opt) -> bool {
        self.options.iter().any(|(found, _)| *found == opt)
    }

    /// The option's value; the last one wins.
    pub fn value(&self, opt: Opt) -> Option<&str> {
        self.values(opt).last()
    }

    /// All values of an option, in order.
    pub fn values(&self, opt: Opt) -> impl DoubleEndedIterator<Item = &str> {
        self.options.iter().filter(move |(found, _)| *found == opt).filter_map(|(_, value)| value.as_deref())
    }

    /// The option's value as a number.
    ///
    /// # Errors
    /// The sentence to print: it is no number or too big.
    pub fn number(&self, opt: Opt) -> Result<Option<u32>, UsageError> {
        let Some(text) = self.value(opt) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(UsageError(format!("{}: '{text}' is not a number", long(opt)))),
        }
    }

    /// The container's name: the value of `-n`, else the first operand, which is taken out.
    ///
    /// # Errors
    /// The sentence to print: there is none, or it cannot be a name.
    pub fn take_name(&mut self) -> Result<String, UsageError> {
        let name = match self.value(Opt::Name) {
            Some(name) => name.to_string(),
            None if self.operands.is_empty() => {
                return Err(UsageError("no container name given".into()));
            }
            None => text(&self.operands.remove(0), "container name")?,
        };
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(UsageError(format!("'{name}' cannot be a container's name")));
        }
        Ok(name)
    }

    /// Fails when operands are left that nobody asked for.
    ///
    /// # Errors
    /// The sentence to print.
    pub fn no_more(&self) -> Result<(), UsageError> {
        match self.operands.first().or_else(|| self.trailing.as_ref()?.first()) {
            None => Ok(()),
            Some(word) => Err(UsageError(format!("unexpected argument '{}'", String::from_utf8_lossy(word)))),
        }
    }

    /// The operands left and what follows `--`: the command to run, for the verbs that take one.
    pub fn take_command(&mut self) -> Vec<Vec<u8>> {
        let mut words = core::mem::take(&mut self.operands);
        words.extend(self.trailing.take().unwrap_or_default());
        words
    }
}

/// Reads the arguments of `command` (without argv\[0\] and without the verb).
///
/// # Errors
/// The sentence to print: what is wrong with which argument.
pub fn parse(command: &Command, args: impl IntoIterator<Item = Vec<u8>>) -> Result<Parsed, UsageError> {
    let mut parsed = Parsed::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        if arg == b"--" {
            parsed.trailing = Some(args.collect());
            break;
        } else if let Some(word) = arg.strip_prefix(b"--") {
            let word = text(word, "option")?;
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (word.as_str(), None),
            };
            let (row, name) = find_long(command, name)?;
            let shown = format!("--{name}");
            let value = match (row.value, value) {
                (Value::None, Some(_)) => {
                    return Err(UsageError(format!("option '{shown}' takes no value")));
                }
                (Value::Needed(what, _), None) => Some(next(&mut args, &shown, what)?),
                (_, value) => value,
            };
            push(&mut parsed, row, &shown, value)?;
        } else if arg.len() > 1 && arg[0] == b'-' {
            let word = text(&arg[1..], "option")?;
            let mut letters = word.chars();
            while let Some(letter) = letters.next() {
                let row = find_short(command, letter, &word)?;
                let shown = format!("-{letter}");
                let rest = letters.as_str();
                let value = match row.value {
                    Value::None => None,
                    Value::Needed(what, _) if rest.is_empty() => Some(next(&mut args, &shown, what)?),
                    Value::Maybe(..) if rest.is_empty() => None,
                    // `-n=bb` is the name '=bb' to getopt(3), which no one means.
                    _ => Some(rest.strip_prefix('=').unwrap_or(rest).to_string()),
                };
                let ended = row.value != Value::None;
                push(&mut parsed, row, &shown, value)?;
                if ended {
                    break;
                }
            }
        } else {
            parsed.operands.push(arg);
        }
    }
    Ok(parsed)
}

fn push(parsed: &mut Parsed, row: &OptionRow, shown: &str, value: Option<String>) -> Result<(), UsageError> {
    if !row.ready {
        return Err(UsageError(format!("option '{shown}' of LXC is known, but not available yet")));
    }
    parsed.options.push((row.opt, value));
    Ok(())
}

fn next(args: &mut impl Iterator<Item = Vec<u8>>, shown: &str, what: &str) -> Result<String, UsageError> {
    match args.next() {
        Some(value) => text(&value, "value"),
        None => Err(UsageError(format!("option '{shown}' needs a value: {what}"))),
    }
}

fn text(bytes: &[u8], what: &str) -> Result<String, UsageError> {
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_string()),
        Err(_) => Err(UsageError(format!("{what} '{}' is not UTF-8", String::from_utf8_lossy(bytes)))),
    }
}

fn find_long(command: &Command, name: &str) -> Result<(&'static OptionRow, &'static str), UsageError> {
    let all = || command.options().flat_map(|row| row.long.iter().map(move |long| (row, *long)));
    if let Some(found) = all().find(|(_, long)| *long == name) {
        return Ok(found);
    }
    // Two spellings of one option are no ambiguity: the first is taken.
    let mut starts = all().filter(|(_, long)| !name.is_empty() && long.starts_with(name));
    let first = starts.next();
    let other = starts.find(|(row, _)| first.is_some_and(|(one, _)| one.opt != row.opt));
    match (first, other) {
        (Some(found), None) => Ok(found),
        (Some((_, one)), Some((_, other))) => {
            Err(UsageError(format!("option '--{name}' is ambiguous: '--{one}' or '--{other}'")))
        }
        (None, _) => {
            let hint = match nearest::nearest(name, all().map(|(_, long)| long)) {
                Some(near) => format!(", nearest is '--{near}'"),
                None => String::new(),
            };
            Err(UsageError(format!("unknown option '--{name}'{hint}")))
        }
    }
}

fn find_short(command: &Command, letter: char, word: &str) -> Result<&'static OptionRow, UsageError> {
    if let Some(row) = command.options().find(|row| row.short.contains(letter)) {
        return Ok(row);
    }
    // A long option with one dash is the usual slip.
    let meant = command.options().flat_map(|row| row.long.iter()).find(|long| word.len() > 2 && **long == word);
    Err(UsageError(match meant {
        Some(long) => format!("unknown option '-{letter}', did you mean '--{long}'"),
        None => format!("unknown option '-{letter}'"),
    }))
}

fn long(opt: Opt) -> String {
    let row = super::OPTIONS.iter().find(|row| row.opt == opt);
    match row.and_then(|row| row.long.first()) {
        Some(long) => format!("option '--{long}'"),
        None => "option".into(),
    }
}
