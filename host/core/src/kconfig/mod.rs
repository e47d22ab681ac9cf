//! What a kernel was built with, read from its configuration, against what Keel's steps need: `keel checkconfig`.
//!
//! Opens nothing: the text comes from /proc/config.gz or a file. Refuses to guess what was loaded later: a module is
//! said to be one.

mod table;

pub use table::OPTIONS;

use crate::sorted::Map;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A kernel's version: the first three numbers.
pub type Version = (u16, u16, u16);

/// One kernel option: a row of `OPTIONS`.
#[derive(Debug)]
pub struct Needed {
    /// The heading that it stands under.
    pub group: &'static str,
    /// Its name without `CONFIG_`; then names that mean the same elsewhere.
    pub names: &'static [&'static str],
    /// Nothing works without it.
    pub required: bool,
    /// The first kernel that has it.
    pub since: Version,
    /// The first kernel that has it no more.
    pub until: Version,
    /// The step or feature that needs it.
    pub by: &'static str,
    /// What is lost without it.
    pub lost: &'static str,
}

/// How a kernel has an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Built in.
    Enabled,
    /// A module, which has to be loaded.
    Module,
    /// Not there.
    Missing,
}

impl State {
    /// The word for people and for JSON.
    pub fn word(self) -> &'static str {
        match self {
            State::Enabled => "enabled",
            State::Module => "module",
            State::Missing => "missing",
        }
    }
}

/// What was found for one option.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The option that was found, or the first name of one that is missing.
    pub option: &'static str,
    /// How the kernel has it.
    pub state: State,
    /// What it is for.
    pub needed: &'static Needed,
}

impl Row {
    /// Whether nothing works with this kernel because of it.
    pub fn fatal(&self) -> bool {
        self.needed.required && self.state == State::Missing
    }
}

/// The rows that apply to a kernel of this version (all of them when it is not known), in the table's order.
pub fn check(config: &str, kernel: Option<Version>) -> Vec<Row> {
    let built = built(config);
    let applies = |needed: &&Needed| kernel.is_none_or(|version| needed.since <= version && version < needed.until);
    let look = |needed: &'static Needed| {
        let found = needed.names.iter().find_map(|name| built.get(name).map(|state| (*name, *state)));
        let (option, state) = found.unwrap_or((needed.names[0], State::Missing));
        Row { option, state, needed }
    };
    OPTIONS.iter().filter(applies).map(look).collect()
}

/// The options of a configuration that are built in or modules.
fn built(config: &str) -> Map<&str, State> {
    let set = config.lines().filter_map(|line| {
        let (name, value) = line.trim().strip_prefix("CONFIG_")?.split_once('=')?;
        match value {
            "y" => Some((name, State::Enabled)),
            "m" => Some((name, State::Module)),
            _ => None,
        }
    });
    set.collect()
}

/// The version in a configuration's head: `# Linux/arm 3.4.0 Kernel Configuration`.
pub fn version_of(config: &str) -> Option<Version> {
    let head = config.lines().take(8).find(|line| line.contains("Kernel Configuration"))?;
    head.split([' ', '/']).find_map(version)
}

/// The first three numbers of a release as uname(2) gives it: `6.1.0-28-amd64`; a third that is missing is 0.
pub fn version(release: &str) -> Option<Version> {
    let mut parts = release.splitn(3, '.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    });
    Some((parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)))
}

/// All rows as text, each group under its heading; what is lost stands beside what is missing.
pub fn text(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.option.len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut group = "";
    for row in rows {
        if row.needed.group != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = row.needed.group;
            out += &format!("{gap}{group}\n");
        }
        let (option, state) = (row.option, row.state.word());
        out += &match row.state {
            State::Missing => {
                let mark = if row.needed.required { "required" } else { "optional" };
                format!("  {option:width$}  {state}, {mark}: {}\n", row.needed.lost)
            }
            State::Module => format!("  {option:width$}  {state}, for {}\n", row.needed.by),
            State::Enabled => format!("  {option:width$}  {state}\n"),
        };
    }
    let fatal = rows.iter().filter(|row| row.fatal()).count();
    let missing = rows.iter().filter(|row| row.state == State::Missing).count();
    out += &match (missing, fatal) {
        (0, _) => "\nnothing is missing\n".into(),
        (_, 0) => format!("\n{missing} missing, none of them required\n"),
        _ => format!("\n{missing} missing, {fatal} of them required\n"),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn state(rows: &[Row], name: &str) -> Option<State> {
        rows.iter().find(|row| row.needed.names.contains(&name)).map(|row| row.state)
    }

    #[test]
    fn set_and_not_set() {
        let config =
            "# CONFIG_USER_NS is not set\nCONFIG_NAMESPACES=y\r\nCONFIG_VETH=m\nCONFIG_TMPFS=\"y\"\n CONFIG_PID_NS=y\n";
        let rows = check(config, None);
        assert_eq!(state(&rows, "NAMESPACES"), Some(State::Enabled));
        assert_eq!(state(&rows, "PID_NS"), Some(State::Enabled));
        assert_eq!(state(&rows, "VETH"), Some(State::Module));
        assert_eq!(state(&rows, "USER_NS"), Some(State::Missing));
        assert_eq!(state(&rows, "TMPFS"), Some(State::Missing));
        assert!(rows.iter().any(Row::fatal));
    }

    #[test]
    fn the_version_says_what_applies() {
        let old = check("", Some((2, 6, 32)));
        let jellybean = check("CONFIG_CGROUP_MEM_RES_CTLR=y\nCONFIG_NF_NAT=y\n", Some((3, 4, 0)));
        let present = check("CONFIG_NF_NAT=m\n", Some((6, 12, 0)));
        assert!(state(&old, "SECURITY_FILE_CAPABILITIES").is_some());
        assert!(state(&check("", Some((2, 6, 33))), "SECURITY_FILE_CAPABILITIES").is_none());
        assert_eq!(state(&jellybean, "CGROUP_MEM_RES_CTLR"), Some(State::Enabled));
        assert!(state(&jellybean, "MEMCG").is_none() && state(&present, "CGROUP_MEM_RES_CTLR").is_none());
        assert!(state(&jellybean, "DEVPTS_MULTIPLE_INSTANCES").is_some());
        assert!(state(&present, "DEVPTS_MULTIPLE_INSTANCES").is_none());
        assert!(state(&jellybean, "ASHMEM").is_some() && state(&present, "ASHMEM").is_none());
        assert_eq!(state(&present, "NF_NAT"), Some(State::Module));
        let between = check("CONFIG_NF_NAT_IPV4=y\n", Some((4, 9, 3)));
        assert_eq!(state(&between, "NF_NAT_IPV4"), Some(State::Enabled));
        assert!(state(&between, "NF_NAT").is_none());
        assert!(state(&present, "CPUSETS_V1").is_some() && state(&between, "CPUSETS_V1").is_none());
    }

    #[test]
    fn versions() {
        assert_eq!(version("6.1.0-28-amd64"), Some((6, 1, 0)));
        assert_eq!(version("2.6.32.71"), Some((2, 6, 32)));
        assert_eq!(version("3.4"), Some((3, 4, 0)));
        assert_eq!(version("7.0-rc1"), Some((7, 0, 0)));
        for odd in ["", "6", "x.1", "6.", "6.x", "99999.1", "\u{e4}.\u{e4}"] {
            assert_eq!(version(odd), None, "{odd}");
        }
        let head = "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.119 Kernel Configuration\n#\n";
        assert_eq!(version_of(head), Some((6, 1, 119)));
        assert_eq!(version_of("# Linux/arm 3.4.0 Kernel Configuration"), Some((3, 4, 0)));
        assert_eq!(version_of("CONFIG_X=y"), None);
    }

    #[test]
    fn what_is_printed() {
        let all: String =
            OPTIONS.iter().filter(|n| n.names[0] != "VETH").map(|n| format!("CONFIG_{}=y\n", n.names[0])).collect();
        let printed = text(&check(&all, None));
        assert!(printed.starts_with("namespaces\n  NAMESPACES "), "{printed}");
        let veth = printed.lines().find(|line| line.contains("VETH")).unwrap().split_whitespace().collect::<Vec<_>>();
        assert_eq!(veth.join(" "), "VETH missing, optional: no virtual cable between host and container");
        assert!(printed.ends_with("\n1 missing, none of them required\n"), "{printed}");
        let nothing = text(&check("", None));
        assert!(nothing.contains("NAMESPACES") && nothing.contains("missing, required: "), "{nothing}");
        assert!(text(&check(&(all + "CONFIG_VETH=y\n"), None)).ends_with("\nnothing is missing\n"));
    }

    #[test]
    fn rows_are_whole() {
        for (i, needed) in OPTIONS.iter().enumerate() {
            let name = needed.names[0].to_string();
            assert!(!needed.lost.is_empty() && !needed.by.is_empty() && !needed.lost.ends_with('.'), "{name}");
            assert!(needed.since < needed.until, "{name}");
            for other in &OPTIONS[i + 1..] {
                let both = other.since < needed.until && needed.since < other.until;
                assert!(!both || !other.names.contains(&needed.names[0]), "{name} twice");
            }
        }
    }
}
