//! LXC's profile files (lxc.container.conf(5), SECCOMP CONFIGURATION): version 1, a list of numbers that are allowed, and
//! version 2, a list of names with actions and conditions, in sections for processors.

use super::{Action, Arch, Compare, Condition, Filter, Rule, calls};
use crate::failure::Errno;
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What is wrong with a line, counted from 1.
pub type Mistake = (u32, String);

/// A profile that was read, and what of it does not do what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// The filter.
    pub filter: Filter,
    /// Lines that have no effect here.
    pub notes: Vec<Mistake>,
}

/// The flag of umount2(2) that `reject_force_umount` is about.
const MNT_FORCE: u64 = 1;

/// Reads a profile for a machine whose tables of calls are these, its own first.
///
/// # Errors
/// All that is wrong with it.
pub fn read(bytes: &[u8], arches: &[Arch]) -> Result<Read, Vec<Mistake>> {
    let text = core::str::from_utf8(bytes).map_err(|_| Vec::from([(1, "the profile is not UTF-8".to_string())]))?;
    let mut lines = text.lines().enumerate().map(|(i, line)| (i as u32 + 1, line.trim()));
    let version = lines.next().map_or("", |(_, line)| line);
    let policy = lines.next().map_or("", |(_, line)| line);
    let (word, rest) = policy.split_once([' ', '\t']).unwrap_or((policy, ""));
    let deny = match word {
        "allowlist" | "whitelist" => false,
        "denylist" | "blacklist" => true,
        _ => {
            let hint = nearest::hint(word, ["allowlist", "denylist"]);
            let mut all = Vec::from([(2, format!("'{word}' is neither allowlist nor denylist{hint}"))]);
            if !matches!(version, "1" | "2") {
                all.insert(0, (1, format!("'{version}' is not the number of a version (1 or 2)")));
            }
            return Err(all);
        }
    };
    let mut reading = Reading {
        filter: Filter { arches: arches.to_vec(), default: Action::Kill, rules: Vec::new() },
        rule: if deny { Action::Kill } else { Action::Allow },
        section: Vec::from([arches[0]]),
        notes: Vec::new(),
    };
    let mut mistakes = Vec::new();
    match version {
        "1" if deny => mistakes.push((2, "version 1 has no denylist".to_string())),
        "1" => {
            for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
                match line.parse() {
                    Ok(call) => reading.allow_number(call),
                    Err(_) => mistakes.push((number, format!("'{line}' is no number of a system call"))),
                }
            }
        }
        "2" => {
            match rest.trim() {
                "" => reading.filter.default = if deny { Action::Allow } else { Action::Kill },
                words => match action(words) {
                    Ok((action, "")) => reading.filter.default = action,
                    Ok((_, more)) => mistakes.push((2, format!("'{more}' is too much behind the default action"))),
                    Err(why) => mistakes.push((2, why)),
                },
            }
            for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
                let done = match line.starts_with('[') {
                    true => reading.section(line),
                    false => reading.line(number, line),
                };
                mistakes.extend(done.err().map(|why| (number, why)));
            }
        }
        _ => mistakes.push((1, format!("'{version}' is not the number of a version (1 or 2)"))),
    }
    if mistakes.is_empty() { Ok(Read { filter: reading.filter, notes: reading.notes }) } else { Err(mistakes) }
}

struct Reading {
    filter: Filter,
    /// The action of a line that names none.
    rule: Action,
    /// What the lines are about now.
    section: Vec<Arch>,
    notes: Vec<Mistake>,
}

/// Sections and what they are about; those of other processors are read over.
#[rustfmt::skip]
const SECTIONS: [(&str, Option<Arch>); 20] = [
    ("x86", Some(Arch::I386)), ("x86_64", Some(Arch::X86_64)), ("x32", Some(Arch::X32)), ("arm", Some(Arch::Arm)),
    ("arm64", Some(Arch::Aarch64)), ("aarch64", Some(Arch::Aarch64)), ("mips64", None), ("mips64n32", None),
    ("mips", None), ("mipsel", None), ("mipsel64", None), ("mipsel64n32", None), ("ppc64", None), ("ppc64le", None),
    ("ppc", None), ("s390x", None), ("s390", None), ("riscv64", None), ("loongarch64", None), ("all", None),
];

impl Reading {
    fn allow_number(&mut self, call: u32) {
        let arch = self.filter.arches[0];
        self.filter.rules.push(Rule { arch, call, action: Action::Allow, conditions: Vec::new() });
    }

    fn section(&mut self, line: &str) -> Result<(), String> {
        let name = line.trim_start_matches('[').split(']').next().unwrap_or("").to_ascii_lowercase();
        let Some((_, arch)) = SECTIONS.iter().find(|(n, _)| *n == name) else {
            return Err(format!("unknown section '{line}'{}", nearest::hint(&name, SECTIONS.map(|(n, _)| n))));
        };
        self.section = match (name.as_str(), arch) {
            ("all", _) => self.filter.arches.clone(),
            (_, Some(arch)) => self.filter.arches.iter().copied().filter(|a| a == arch).collect(),
            (_, None) => Vec::new(),
        };
        Ok(())
    }

    fn line(&mut self, number: u32, line: &str) -> Result<(), String> {
        let line = line.split(" #").next().unwrap_or("").trim();
        let (name, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim();
        if name == "reject_force_umount" {
            let forced = Condition { index: 1, compare: Compare::Masked(MNT_FORCE), value: MNT_FORCE };
            self.add(number, "umount2", Action::Errno(13), &[forced]);
            return Ok(());
        }
        let (action, rest) = match rest.is_empty() || rest.starts_with('[') {
            true => (self.rule, rest),
            false => action(rest)?,
        };
        let conditions = conditions(rest)?;
        if !calls::known(name) {
            // LXC only warns: a newer profile than the library is no reason not to start.
            let hint = nearest::hint(name, calls::names());
            self.notes.push((number, format!("unknown system call '{name}' is read over{hint}")));
            return Ok(());
        }
        self.add(number, name, action, &conditions);
        Ok(())
    }

    /// Adds a rule for every table of the section that has the call.
    fn add(&mut self, number: u32, name: &str, action: Action, conditions: &[Condition]) {
        for &arch in &self.section {
            let calls = calls::number(arch, name).into_iter().chain(calls::second(arch, name));
            let rule = |call| Rule { arch, call, action, conditions: conditions.to_vec() };
            self.filter.rules.extend(calls.map(rule));
            let Some((call, value)) = calls::through(arch, name) else { continue };
            let Some(call) = calls::number(arch, call) else { continue };
            if conditions.is_empty() {
                let conditions = Vec::from([Condition { index: 0, compare: Compare::Equal, value }]);
                self.filter.rules.push(Rule { arch, call, action, conditions });
            } else {
                let text = format!("the arguments of '{name}' can't be seen when i386 makes it through another call");
                self.notes.push((number, text));
            }
        }
    }
}

/// An action, and what follows it.
fn action(text: &str) -> Result<(Action, &str), String> {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim();
    Ok(match word {
        "kill" => (Action::Kill, rest),
        "trap" => (Action::Trap, rest),
        "allow" => (Action::Allow, rest),
        "errno" => {
            let (number, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            let read = number.parse().ok().or_else(|| Errno::from_name(number).and_then(|e| u16::try_from(e.0).ok()));
            // MAX_ERRNO: what is above is no error to a C library.
            let Some(errno) = read.filter(|errno| *errno < 4096) else {
                return Err(format!("'errno {number}' has no error number between 0 and 4095"));
            };
            (Action::Errno(errno), rest.trim())
        }
        "notify" => (Action::Notify, rest),
        _ => {
            let hint = nearest::hint(word, ["kill", "trap", "allow", "errno", "notify"]);
            return Err(format!("unknown action '{word}' (kill, errno N, allow, trap and notify are known){hint}"));
        }
    })
}

/// `[INDEX,VALUE,OP]` or `[INDEX,VALUE,OP,MASK]`, any number of them.
fn conditions(text: &str) -> Result<Vec<Condition>, String> {
    let mut all = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let Some((inner, more)) = inner else {
            return Err(format!("'{rest}' is not '[INDEX,VALUE,OP]' or '[INDEX,VALUE,OP,MASK]'"));
        };
        all.push(condition(inner).ok_or_else(|| {
            format!("'[{inner}]' is not '[INDEX,VALUE,OP]' with an index from 0 to 5 and one of == != < <= > >=, or '[INDEX,VALUE,&=,MASK]'")
        })?);
        rest = more.trim_start_matches([' ', '\t', ',']);
    }
    if all.len() > 6 {
        return Err(format!("{} conditions, where a call has six arguments", all.len()));
    }
    Ok(all)
}

fn condition(inner: &str) -> Option<Condition> {
    let mut words = inner.split(',').map(str::trim);
    let index = words.next()?.parse().ok().filter(|index| *index < 6)?;
    let value = number(words.next()?)?;
    let op = words.next()?;
    let mask = match words.next() {
        Some(mask) => Some(number(mask)?),
        None => None,
    };
    let compare = match op {
        "==" | "SCMP_CMP_EQ" => Compare::Equal,
        "!=" | "SCMP_CMP_NE" => Compare::NotEqual,
        "<" | "SCMP_CMP_LT" => Compare::Less,
        "<=" | "SCMP_CMP_LE" => Compare::LessEqual,
        ">" | "SCMP_CMP_GT" => Compare::Greater,
        ">=" | "SCMP_CMP_GE" => Compare::GreaterEqual,
        "&=" | "SCMP_CMP_MASKED_EQ" => Compare::Masked(mask?),
        _ => return None,
    };
    words.next().is_none().then_some(Condition { index, compare, value })
}

/// A number as scanf(3) reads it with `%lli`: decimal, 0x.. or 0..; negative ones are their bits.
fn number(text: &str) -> Option<u64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (base, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    let plain = digits.starts_with(|c: char| c.is_ascii_alphanumeric());
    let value = u64::from_str_radix(digits, base).ok().filter(|_| plain)?;
    Some(if negative { value.wrapping_neg() } else { value })
}
