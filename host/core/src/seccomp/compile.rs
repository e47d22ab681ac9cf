//! A filter as a program of the classic BPF machine, shaped as a binary search over the numbers of calls: the kernel runs
//! it once for each call that is made, and once for each number there is when it is loaded (Linux 5.11), so that a list of
//! 250 comparisons costs ten times as much.

use super::{Action, Arch, Compare, Condition, Filter, Rule};
use crate::sorted::Map;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// `struct sock_filter` (include/uapi/linux/filter.h).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Insn {
    pub code: u16,
    pub jt: u8,
    pub jf: u8,
    pub k: u32,
}

impl Insn {
    /// Sixteen digits, for the state file.
    pub fn to_hex(self) -> String {
        format!("{:04x}{:02x}{:02x}{:08x}", self.code, self.jt, self.jf, self.k)
    }

    /// A program of instructions written so, one behind the other.
    pub fn of_hex(text: &str) -> Option<Vec<Insn>> {
        let one = |digits: &[u8]| {
            let digits = core::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            let part = |range| u32::from_str_radix(digits.get(range)?, 16).ok();
            let (code, jt, jf) = (part(0..4)? as u16, part(4..6)? as u8, part(6..8)? as u8);
            Some(Insn { code, jt, jf, k: part(8..16)? })
        };
        text.as_bytes().chunks(16).map(one).collect()
    }
}

/// The longest program that the kernel takes, BPF_MAXINSNS.
pub const LONGEST: usize = 4096;

/// BPF_LD | BPF_W | BPF_ABS.
const LOAD: u16 = 0x20;
/// BPF_JMP | BPF_JA.
const GO: u16 = 0x05;
/// BPF_JMP | BPF_K with BPF_JEQ, BPF_JGT, BPF_JGE.
const EQUAL: u16 = 0x15;
const ABOVE: u16 = 0x25;
const NOT_BELOW: u16 = 0x35;
/// BPF_ALU | BPF_AND | BPF_K.
const AND: u16 = 0x54;
/// BPF_RET | BPF_K.
const RETURN: u16 = 0x06;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const AUDIT: u32 = 4;
const ARGUMENTS: u32 = 16;

/// A jump to the end of a rule, whose distance is not known yet.
const OUT: u8 = 255;

fn insn(code: u16, jt: u8, jf: u8, k: u32) -> Insn {
    Insn { code, jt, jf, k }
}

/// Makes the program. The caller checks its length.
pub fn compile(filter: &Filter) -> Vec<Insn> {
    let mut program = vec![insn(LOAD, 0, 0, AUDIT)];
    let audits: Map<u32, ()> = filter.arches.iter().map(|arch| (arch.audit(), ())).collect();
    for (audit, ()) in audits {
        let tree = tree(filter, audit);
        // Past this processor's part, and on to the next question.
        program.push(insn(EQUAL, 1, 0, audit));
        program.push(insn(GO, 0, 0, tree.len() as u32 + 1));
        program.push(insn(LOAD, 0, 0, NUMBER));
        program.extend(tree);
    }
    program.push(insn(RETURN, 0, 0, Action::Kill.code()));
    program
}

/// The part for one processor; the call's number is loaded.
fn tree(filter: &Filter, audit: u32) -> Vec<Insn> {
    let mut bodies: Map<u32, Vec<&Rule>> = Map::new();
    for rule in filter.rules.iter().filter(|rule| rule.arch.audit() == audit) {
        bodies.or_insert_with(rule.call, Vec::new).push(rule);
    }
    let default = vec![insn(RETURN, 0, 0, filter.default.code())];
    let mut leaves: Vec<(u32, Vec<Insn>)> = vec![(0, default.clone())];
    let mut leaf = |first: u32, code: Vec<Insn>| match leaves.last_mut() {
        Some((start, last)) if *start == first => *last = code,
        Some((_, last)) if *last == code => (),
        _ => leaves.push((first, code)),
    };
    for (call, rules) in bodies {
        leaf(call, body(&rules, filter.default));
        leaf(call.saturating_add(1), default.clone());
    }
    // A tracer that skips a call makes it number -1; so does nobody else.
    leaf(u32::MAX, vec![insn(RETURN, 0, 0, Action::Allow.code())]);
    // What was replaced may now equal its neighbour.
    leaves.dedup_by(|after, before| after.1 == before.1);
    search(&leaves)
}

/// The code for the leaf that a number belongs to; each begins at its number.
fn search(leaves: &[(u32, Vec<Insn>)]) -> Vec<Insn> {
    let [(_, only)] = leaves else {
        let (low, high) = leaves.split_at(leaves.len() / 2);
        let (first, left) = (high[0].0, search(low));
        // A jump by condition reaches 255 instructions, a plain one all.
        let mut code = match u8::try_from(left.len()) {
            Ok(len) => vec![insn(NOT_BELOW, len, 0, first)],
            Err(_) => vec![insn(NOT_BELOW, 0, 1, first), insn(GO, 0, 0, left.len() as u32)],
        };
        code.extend(left);
        code.extend(search(high));
        return code;
    };
    only.clone()
}

/// What becomes of one call.
fn body(rules: &[&Rule], default: Action) -> Vec<Insn> {
    let mut code = Vec::new();
    for rule in rules.iter().filter(|rule| !rule.conditions.is_empty()) {
        let mut part: Vec<Insn> = rule.conditions.iter().flat_map(|c| condition(c, rule.arch)).collect();
        part.push(insn(RETURN, 0, 0, rule.action.code()));
        let end = part.len();
        for (at, insn) in part.iter_mut().enumerate() {
            // At most six conditions of eight instructions.
            let out = (end - at - 1) as u8;
            insn.jt = if insn.jt == OUT { out } else { insn.jt };
            insn.jf = if insn.jf == OUT { out } else { insn.jf };
        }
        code.extend(part);
    }
    let last = rules.iter().rfind(|rule| rule.conditions.is_empty()).map_or(default, |rule| rule.action);
    code.push(insn(RETURN, 0, 0, last.code()));
    code
}

/// Goes on when it holds, else out. Two halves: the machine has 32 bits, little end first on all processors here.
fn condition(condition: &Condition, arch: Arch) -> Vec<Insn> {
    let low = ARGUMENTS + 8 * u32::from(condition.index);
    let (load_low, load_high) = (insn(LOAD, 0, 0, low), insn(LOAD, 0, 0, low + 4));
    let (value, top) = (condition.value as u32, (condition.value >> 32) as u32);
    let narrow = arch.narrow();
    match condition.compare {
        Compare::Masked(mask) => {
            let mut code = Vec::new();
            if !narrow {
                code.extend([load_high, insn(AND, 0, 0, (mask >> 32) as u32), insn(EQUAL, 0, OUT, top)]);
            }
            code.extend([load_low, insn(AND, 0, 0, mask as u32), insn(EQUAL, 0, OUT, value)]);
            code
        }
        Compare::Equal if narrow => vec![load_low, insn(EQUAL, 0, OUT, value)],
        Compare::NotEqual if narrow => vec![load_low, insn(EQUAL, OUT, 0, value)],
        Compare::Equal => vec![load_high, insn(EQUAL, 0, OUT, top), load_low, insn(EQUAL, 0, OUT, value)],
        Compare::NotEqual => vec![load_high, insn(EQUAL, 0, 2, top), load_low, insn(EQUAL, OUT, 0, value)],
        order => {
            // Greater and its opposite, or greater-or-equal and its opposite, ask the same of the low half.
            let ask = if matches!(order, Compare::Greater | Compare::LessEqual) { ABOVE } else { NOT_BELOW };
            let up = matches!(order, Compare::Greater | Compare::GreaterEqual);
            let (yes, no) = if up { (0, OUT) } else { (OUT, 0) };
            let last = insn(ask, yes, no, value);
            if narrow {
                return vec![load_low, last];
            }
            // Above: decided upwards. Equal: the low half decides. Else: decided downwards.
            let (above, below) = if up { (3, OUT) } else { (OUT, 2) };
            vec![load_high, insn(ABOVE, above, 0, top), insn(EQUAL, 0, below, top), load_low, last]
        }
    }
}

/// A filter in a few words, as a plan has it.
pub struct Text<'a>(pub &'a Filter);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.0.rules.iter().filter(|r| Some(&r.arch) == self.0.arches.first());
        let calls: Map<u32, ()> = rules.map(|r| (r.call, ())).collect();
        match self.0.default {
            Action::Kill => f.write_str("kill")?,
            Action::Trap => f.write_str("trap")?,
            Action::Errno(errno) => write!(f, "errno {errno}")?,
            Action::Notify => f.write_str("notify")?,
            Action::Allow => f.write_str("allow")?,
        }
        write!(f, " all calls but {}", calls.len())
    }
}
