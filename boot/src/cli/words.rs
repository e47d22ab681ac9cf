//! Reads a command line by the table, and prints the table as help. Refuses unknown commands and options by name, with the
//! nearest one; a repeated option counts each time for those who ask for all of its values, else the last one.

use super::{COMMANDS, Command, Opt};
use crate::fault::{Fault, Result};
use std::ffi::OsString;

/// A command line, taken apart.
pub struct Words {
    /// Its row.
    pub command: &'static Command,
    /// Help was asked for.
    pub help: bool,
    given: Vec<(&'static str, String)>,
}

impl Words {
    /// Reads the arguments after the program's name.
    pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<Words> {
        use lexopt::Arg;
        let mut parser = lexopt::Parser::from_args(args);
        let mut words = Words { command: &COMMANDS[0], help: false, given: Vec::new() };
        let mut first = true;
        let said = |e: lexopt::Error| Fault::new(e.to_string());
        while let Some(arg) = parser.next().map_err(said)? {
            let name = match &arg {
                Arg::Value(word) if first => {
                    words.command = command(&word.to_string_lossy())?;
                    words.help |= word == "help";
                    first = false;
                    continue;
                }
                Arg::Value(word) => {
                    return Err(Fault::new(format!("surplus word '{}'", word.to_string_lossy())));
                }
                Arg::Short('h') | Arg::Short('?') | Arg::Long("help") => {
                    words.help = true;
                    continue;
                }
                Arg::Short(letter) => letter.to_string(),
                Arg::Long(name) => (*name).to_owned(),
            };
            first = false;
            let row = option(words.command, &name)?;
            let value = match row.value {
                None => String::new(),
                Some(_) => {
                    let value = parser.value().map_err(said)?;
                    value
                        .into_string()
                        .map_err(|v| Fault::new(format!("option '{name}': '{}' is not UTF-8", v.to_string_lossy())))?
                }
            };
            words.given.push((row.name, value));
        }
        Ok(words)
    }

    /// Whether the option was given.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(n, _)| *n == name)
    }

    /// The option's last value.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().rfind(|(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// All of its values.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |(n, _)| *n == name).map(|(_, v)| v.as_str())
    }

    /// The option's values, split at commas; `otherwise` when it was not given.
    pub fn list(&self, name: &str, otherwise: &str) -> Vec<String> {
        let text = self.value(name).unwrap_or(otherwise);
        text.split(',').map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned).collect()
    }
}

fn command(word: &str) -> Result<&'static Command> {
    if word == "help" {
        return Ok(&COMMANDS[0]);
    }
    COMMANDS.iter().find(|c| c.name == word && !word.is_empty()).ok_or_else(|| {
        let hint = keel_core::nearest::hint(word, COMMANDS.iter().map(|c| c.name));
        Fault::new(format!("no command '{word}'{hint}"))
    })
}

fn option(command: &'static Command, name: &str) -> Result<&'static Opt> {
    command.options.iter().find(|o| o.name == name).ok_or_else(|| {
        let hint = keel_core::nearest::hint(name, command.options.iter().map(|o| o.name));
        let of = if command.name.is_empty() { String::new() } else { format!(" of '{}'", command.name) };
        Fault::new(format!("no option '{name}'{of}{hint}"))
    })
}

/// A command's help; of `cargo boot` itself, the overview as well.
pub fn help(command: &Command) -> String {
    let gap = if command.name.is_empty() { "" } else { " " };
    let mut text = format!("cargo boot{gap}{}: {}\n\n{}", command.name, command.about, command.more);
    text += "\noptions:\n";
    for o in command.options {
        let dashes = if o.name.len() == 1 { "-" } else { "--" };
        let left = format!("{dashes}{} {}", o.name, o.value.unwrap_or(""));
        text += &format!("  {left:22} {}\n", o.help);
    }
    if command.name.is_empty() {
        text += "\ncommands (each has --help):\n";
        for c in COMMANDS.iter().filter(|c| !c.name.is_empty()) {
            text += &format!("  {:10} {}\n", c.name, c.about);
        }
        text += "\nenvironment:\n  KEEL_CACHE    where downloads are kept (else ~/.cache/keel)\n  \
                 KEEL_ACCEL    kvm or tcg (else KVM where it really works)\n  \
                 KEEL_KERNEL, KEEL_BUSYBOX   use these files\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Words> {
        Words::read(line.split(' ').filter(|w| !w.is_empty()).map(OsString::from))
    }

    #[test]
    fn options_and_values_are_found() {
        let words = read("ramdisk -o x --add a --add=b:c --containers bb,,jb").unwrap();
        assert_eq!(words.command.name, "ramdisk");
        assert_eq!(words.value("o"), Some("x"));
        assert_eq!(words.all("add").collect::<Vec<_>>(), ["a", "b:c"]);
        assert_eq!(words.list("containers", ""), ["bb", "jb"]);
        assert_eq!(read("").unwrap().command.name, "");
        assert!(read("test --help").unwrap().help);
    }

    #[test]
    fn mistakes_are_named_with_the_nearest() {
        let said = |line| read(line).err().unwrap().0;
        assert_eq!(said("ramdsk"), "no command 'ramdsk', nearest is 'ramdisk'");
        assert_eq!(said("--kernl x"), "no option 'kernl', nearest is 'kernel'");
        assert_eq!(said("build --ach x"), "no option 'ach' of 'build', nearest is 'arch'");
        assert_eq!(said("build x"), "surplus word 'x'");
        assert!(said("build --arch").contains("--arch"));
        assert!(said("--dry-run=1").contains("dry-run"));
    }

    #[test]
    fn every_command_has_its_help() {
        for c in COMMANDS {
            let text = help(c);
            assert!(c.options.iter().all(|o| text.contains(o.help)), "{}", c.name);
        }
    }
}
