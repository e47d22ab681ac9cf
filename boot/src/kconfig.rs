//! Fragments of a kernel configuration: read, merged, and compared with what the kernel's own tools made of them.
//! Kconfig drops an option silently when something it depends on is missing; here that is an error that names it.

use crate::fault::{Fault, Result};

/// One option that a fragment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// With its `CONFIG_`.
    pub option: String,
    /// As written: `y`, a number, a string with its quotes; `n` for what shall be off.
    pub value: String,
    /// The first kernel that knows it; `(0, 0)` for all.
    pub since: (u32, u32),
}

/// Reads a fragment: `CONFIG_X=value # the step that needs it`. `file` is for the message.
pub fn read(file: &str, text: &str) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for (n, raw) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#')) {
        let wrong = |why: &str| Fault::new(format!("{file}:{}: {why}", n + 1));
        let (setting, why) = raw.split_once(" #").ok_or_else(|| wrong("no comment that names the step"))?;
        let (option, value) = setting.trim().split_once('=').ok_or_else(|| wrong("no CONFIG_X=value"))?;
        if !option.starts_with("CONFIG_") || value.is_empty() || why.trim().is_empty() {
            return Err(wrong("no CONFIG_X=value # step"));
        }
        let since = match why.trim().strip_prefix("since ").and_then(|w| w.split_once(':')) {
            None => (0, 0),
            Some((version, _)) => release(version).ok_or_else(|| wrong("no version after 'since'"))?,
        };
        lines.push(Line { option: option.to_owned(), value: value.to_owned(), since });
    }
    Ok(lines)
}

/// The first two numbers of a kernel's version.
pub fn release(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What goes into KCONFIG_ALLCONFIG.
pub fn merged(lines: &[Line], version: (u32, u32)) -> String {
    let known = lines.iter().filter(|l| l.since <= version);
    known.map(|l| format!("{}={}\n", l.option, l.value)).collect()
}

/// The requested options that `config` (the kernel's `.config`) does not have so, as `OPTION (VALUE)`.
pub fn missing(lines: &[Line], version: (u32, u32), config: &str) -> Vec<String> {
    let set = |l: &Line| config.lines().find_map(|c| c.strip_prefix(&l.option)?.strip_prefix('='));
    let wanted = lines.iter().filter(|l| l.since <= version);
    wanted
        // What is off stands there as a comment, or not at all when nothing that it depends on is on.
        .filter(|l| set(l).unwrap_or("n") != l.value)
        .map(|l| format!("{} ({})", l.option, set(l).unwrap_or("not set")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kind;

    #[test]
    fn a_dropped_option_is_named() {
        let text = "# head\n\nCONFIG_A=y # MountProc\nCONFIG_B=\"x,y\" # MakeNode\nCONFIG_C=y # since 6.11: cpuset\n";
        let lines = read("f", text).unwrap();
        assert_eq!(merged(&lines, (6, 1)), "CONFIG_A=y\nCONFIG_B=\"x,y\"\n");
        assert!(missing(&lines, (6, 1), "CONFIG_A=y\nCONFIG_B=\"x,y\"\n").is_empty());
        let config = "CONFIG_AA=y\n# CONFIG_A is not set\nCONFIG_B=\"x\"\n";
        assert_eq!(missing(&lines, (6, 12), config), ["CONFIG_A (not set)", "CONFIG_B (\"x\")", "CONFIG_C (not set)"]);
    }

    #[test]
    fn what_shall_be_off_and_is_on_is_named() {
        let lines = read("f", "CONFIG_A=n # lost: names\nCONFIG_B=n # lost: pids\nCONFIG_C=n # lost: ids\n").unwrap();
        assert_eq!(missing(&lines, (5, 10), "# CONFIG_A is not set\nCONFIG_B=y\n"), ["CONFIG_B (y)"]);
    }

    #[test]
    fn a_line_without_its_step_is_refused() {
        assert_eq!(read("f", "\nCONFIG_A=y\n").unwrap_err().0, "f:2: no comment that names the step");
        assert!(read("f", "CONFIG_A # x").unwrap_err().0.starts_with("f:1: "));
        assert!(read("f", "CONFIG_A=y # since six: x").is_err());
    }

    #[test]
    fn the_fragments_are_well_formed_and_ask_once() {
        let mut seen = std::collections::BTreeMap::new();
        for (file, text) in Kind::Whole.fragments() {
            for line in read(file, text).unwrap() {
                assert!(seen.insert(line.option.clone(), line.value).is_none(), "{file}: {} stands twice", line.option);
            }
        }
        assert!(seen.len() > 100);
        // The stock kernel's own fragment changes what the others say, and repeats nothing.
        let (file, text) = Kind::Stock.fragments().last().unwrap();
        let before: Vec<_> = Kind::Stock.fragments().iter().filter(|(f, _)| f != file).map(|(f, _)| *f).collect();
        assert_eq!(before, ["base.config", "guest.config"]);
        let mut own = std::collections::BTreeSet::new();
        for line in read(file, text).unwrap() {
            assert!(own.insert(line.option.clone()), "{file}: {} stands twice", line.option);
        }
    }
}
