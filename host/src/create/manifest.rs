//! The manifest of a template: one line for each thing that a root file system is made of.
//!
//! Pure: text in, entries out, every mistake with its file and line. A mode with a set-user-ID or set-group-ID bit is
//! refused, and so is a path that is not absolute or has `.` or `..` in it.

/// One line that says to make something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Line number in the manifest, from 1.
    pub line: u32,
    /// What to make.
    pub make: Make,
    /// `if KEY=VALUE`: only when the choice KEY has this value.
    pub when: Option<(String, String)>,
}

/// What to make. Paths are within the new root, without a leading `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Make {
    /// `dir MODE PATH`
    Dir {
        /// Permission bits.
        mode: u32,
        /// Where.
        path: String,
    },
    /// `file MODE PATH SOURCE`
    File {
        /// Permission bits.
        mode: u32,
        /// Where.
        path: String,
        /// Name of a file beside the manifest.
        source: String,
    },
    /// `link PATH TARGET`
    Link {
        /// Where.
        path: String,
        /// What the link says.
        target: String,
    },
    /// `program MODE PATH NAME`
    Program {
        /// Permission bits.
        mode: u32,
        /// Where.
        path: String,
        /// Which program.
        name: String,
    },
    /// `applets PATH`
    Applets {
        /// The multi-call program that the links lead to.
        path: String,
    },
    /// `node MODE PATH c|b MAJOR MINOR`
    Node {
        /// Permission bits.
        mode: u32,
        /// Where.
        path: String,
        /// A block device; else a character device.
        block: bool,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
}

/// All entries, or all mistakes as `FILE:LINE: …`.
pub fn parse(file: &str, text: &str) -> Result<Vec<Entry>, Vec<String>> {
    let mut entries = Vec::new();
    let mut mistakes = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let mut words: Vec<&str> = content.split_ascii_whitespace().collect();
        if words.first().is_none_or(|word| word.starts_with('#')) {
            continue;
        }
        match condition(&mut words).and_then(|when| Ok(Entry { line, make: make(&words)?, when })) {
            Ok(entry) => entries.push(entry),
            Err(why) => mistakes.push(format!("{file}:{line}: {why}")),
        }
    }
    if mistakes.is_empty() { Ok(entries) } else { Err(mistakes) }
}

/// Takes `if KEY=VALUE` off the end.
fn condition(words: &mut Vec<&str>) -> Result<Option<(String, String)>, String> {
    let Some(at) = words.iter().position(|word| *word == "if") else { return Ok(None) };
    let rest = words.split_off(at);
    match rest[1..] {
        [only] => match only.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Some((key.to_owned(), value.to_owned()))),
            _ => Err(format!("'{only}' is no condition (KEY=VALUE)")),
        },
        _ => Err("one condition is expected after 'if'".to_owned()),
    }
}

/// Each kind of line and the words that follow it.
const KINDS: &[(&str, &str)] = &[
    ("dir", "MODE PATH"),
    ("file", "MODE PATH SOURCE"),
    ("link", "PATH TARGET"),
    ("program", "MODE PATH NAME"),
    ("applets", "PATH"),
    ("node", "MODE PATH c|b MAJOR MINOR"),
];

fn make(words: &[&str]) -> Result<Make, String> {
    Ok(match *words {
        ["dir", m, p] => Make::Dir { mode: mode(m)?, path: path(p)? },
        ["file", m, p, source] => Make::File { mode: mode(m)?, path: path(p)?, source: beside(source)? },
        ["link", p, target] => Make::Link { path: path(p)?, target: target.to_owned() },
        ["program", m, p, name] => Make::Program { mode: mode(m)?, path: path(p)?, name: name.to_owned() },
        ["applets", p] => Make::Applets { path: path(p)? },
        ["node", m, p, kind @ ("c" | "b"), major, minor] => Make::Node {
            mode: mode(m)?,
            path: path(p)?,
            block: kind == "b",
            major: number(major)?,
            minor: number(minor)?,
        },
        _ => {
            let kind = words.first().copied().unwrap_or("if");
            return Err(match KINDS.iter().find(|(known, _)| *known == kind) {
                Some((_, rest)) => format!("expected '{kind} {rest}'"),
                None => {
                    let known: Vec<&str> = KINDS.iter().map(|(known, _)| *known).collect();
                    format!("'{kind}' is none of {}", known.join(", "))
                }
            });
        }
    })
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o1777 => Ok(mode),
        Ok(mode) if mode <= 0o7777 => Err(format!("mode '{text}' has a set-user-ID or set-group-ID bit")),
        _ => Err(format!("'{text}' is not an octal mode")),
    }
}

fn path(text: &str) -> Result<String, String> {
    let inside = text.strip_prefix('/').ok_or_else(|| format!("'{text}' is not an absolute path"))?;
    check_components(inside).map_err(|()| format!("'{text}' is not a plain path"))?;
    Ok(inside.to_owned())
}

/// Whether a relative path has nothing but names in it: no empty one, no `.`, no `..`, nothing that acts on a terminal.
pub fn check_components(path: &str) -> Result<(), ()> {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.chars().any(char::is_control);
    if path.split('/').all(plain) { Ok(()) } else { Err(()) }
}

fn beside(name: &str) -> Result<String, String> {
    if name.contains('/') || check_components(name).is_err() {
        return Err(format!("'{name}' is not the name of a file beside the manifest"));
    }
    Ok(name.to_owned())
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("'{text}' is not a device number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Entry, String> {
        parse("m", text).map(|entries| entries[0].clone()).map_err(|all| all.join("; "))
    }

    #[test]
    fn reads_each_kind() {
        let text = "# made of\n\n dir 1777 /tmp\nfile 0600 /etc/shadow shadow if init=pid1\nlink /bin/sh busybox\n\
                    program 755 /sbin/init pid1\napplets /bin/busybox\nnode 0666 /dev/null c 1 3\n";
        let entries = parse("m", text).unwrap();
        assert_eq!(entries.len(), 6);
        assert_eq!(entries[0], Entry { line: 3, make: Make::Dir { mode: 0o1777, path: "tmp".into() }, when: None });
        assert_eq!(entries[1].when, Some(("init".into(), "pid1".into())));
        assert_eq!(entries[2].make, Make::Link { path: "bin/sh".into(), target: "busybox".into() });
        assert!(matches!(entries[5].make, Make::Node { block: false, major: 1, minor: 3, .. }));
    }

    #[test]
    fn says_where_and_what_is_wrong() {
        for (text, why) in [
            ("dirr 0755 /x", "m:1: 'dirr' is none of dir, file, link, program, applets, node"),
            ("dir 0755", "m:1: expected 'dir MODE PATH'"),
            ("dir 0755 x", "m:1: 'x' is not an absolute path"),
            ("dir 0755 /", "m:1: '/' is not a plain path"),
            ("dir 0755 /a/../b", "m:1: '/a/../b' is not a plain path"),
            ("dir 0955 /x", "m:1: '0955' is not an octal mode"),
            ("dir 77777 /x", "m:1: '77777' is not an octal mode"),
            ("program 4755 /bin/su busybox", "m:1: mode '4755' has a set-user-ID or set-group-ID bit"),
            (
                "\nfile 0644 /x ../../etc/shadow",
                "m:2: '../../etc/shadow' is not the name of a file beside the manifest",
            ),
            ("node 0666 /dev/null p 1 3", "m:1: expected 'node MODE PATH c|b MAJOR MINOR'"),
            ("node 0666 /dev/null c one 3", "m:1: 'one' is not a device number"),
            ("dir 0755 /x if", "m:1: one condition is expected after 'if'"),
            ("dir 0755 /x if init", "m:1: 'init' is no condition (KEY=VALUE)"),
            ("if a=b", "m:1: 'if' is none of dir, file, link, program, applets, node"),
        ] {
            assert_eq!(one(text), Err(why.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn reports_every_mistake() {
        assert_eq!(parse("m", "x\ndir 0755 /ok\ny\n").unwrap_err().len(), 2);
    }

    #[test]
    fn never_panics_on_small_alphabets() {
        let words = ["", "dir", "file", "node", "link", "if", "a=b", "=", "0755", "/x", "/..", "c", "1", "#", "\u{9b}"];
        for a in words {
            for b in words {
                for c in words {
                    for d in words {
                        let _ = parse("m", &format!("{a} {b} {c} {d}"));
                        let _ = parse("m", &format!("{a} {b} {c} {d} 1 1"));
                    }
                }
            }
        }
    }
}
