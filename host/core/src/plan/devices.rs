//! Rules for devices (`lxc.cgroup.devices.allow` and `.deny`) as a program for version 2, which has no such controller.
//!
//! The meaning is version 1's (kernel: security/device_cgroup.c): a default, and exceptions to it. `a` sets the default and
//! forgets the exceptions; a rule against the default adds an exception, one with it takes an exactly equal one back.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Bits of `access` in the program's context (include/uapi/linux/bpf.h, BPF_DEVCG_ACC_*).
const MKNOD: u32 = 1;
const READ: u32 = 2;
const WRITE: u32 = 4;

/// What devices a container may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    deny: bool,
    exceptions: Vec<Exception>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Exception {
    /// BPF_DEVCG_DEV_BLOCK or _CHAR.
    kind: u32,
    major: Option<u32>,
    minor: Option<u32>,
    access: u32,
}

impl Rules {
    /// Adds a rule: `a`, or `{b|c} MAJOR:MINOR ACCESS` with `*` for any number and ACCESS of `r`, `w`, `m`.
    ///
    /// # Errors
    /// The sentence for one that is not of that form.
    pub fn add(&mut self, allow: bool, rule: &str) -> Result<(), String> {
        let rule = rule.trim();
        if rule == "a" || rule.starts_with("a ") {
            *self = Rules { deny: !allow, exceptions: Vec::new() };
            return Ok(());
        }
        let exception =
            parse(rule).ok_or_else(|| format!("'{rule}' is no rule for devices ('a', or as in 'c 1:3 rwm')"))?;
        let same =
            |e: &&mut Exception| (e.kind, e.major, e.minor) == (exception.kind, exception.major, exception.minor);
        let known = self.exceptions.iter_mut().find(same);
        match (allow == self.deny, known) {
            (true, Some(known)) => known.access |= exception.access,
            (true, None) => self.exceptions.push(exception),
            (false, Some(known)) => {
                known.access &= !exception.access;
                self.exceptions.retain(|e| e.access != 0);
            }
            (false, None) => (),
        }
        Ok(())
    }

    /// The program: instructions of eight bytes, in the machine's byte order. It returns 1 to allow and 0 to deny.
    pub fn program(&self) -> Vec<u64> {
        let mut code = alloc::vec![
            // r2 = kind, r3 = access, r4 = major, r5 = minor, of struct bpf_cgroup_dev_ctx.
            load_word(2, 0),
            alu(0x54, 2, 0xffff),
            load_word(3, 0),
            alu(0x74, 3, 16),
            load_word(4, 4),
            load_word(5, 8),
        ];
        for exception in &self.exceptions {
            // Each comparison that fails jumps to the next exception; how far is known when the block is whole.
            let mut block = alloc::vec![jump_unless_equal(2, exception.kind)];
            block.extend(exception.major.map(|major| jump_unless_equal(4, major)));
            block.extend(exception.minor.map(|minor| jump_unless_equal(5, minor)));
            block.push(move_register(1, 3));
            if self.deny {
                // Nothing is wanted beyond what is excepted.
                block.push(alu(0x54, 1, !exception.access & 7));
                block.push(jump_unless_equal(1, 0));
            } else {
                // Something of what is excepted is wanted.
                block.push(alu(0x54, 1, exception.access));
                block.push(jump_if_equal(1, 0));
            }
            block.push(move_number(0, u32::from(self.deny)));
            block.push(EXIT);
            let len = block.len();
            for (i, instruction) in block.iter_mut().enumerate() {
                if is_jump(*instruction) {
                    *instruction = to(*instruction, (len - i - 1) as u16);
                }
            }
            code.extend(block);
        }
        code.extend([move_number(0, u32::from(!self.deny)), EXIT]);
        code
    }

    /// What the program answers, said without it: the reference for its test.
    #[cfg(test)]
    fn allows(&self, kind: u32, access: u32, major: u32, minor: u32) -> bool {
        let fits =
            |e: &&Exception| e.kind == kind && e.major.is_none_or(|m| m == major) && e.minor.is_none_or(|m| m == minor);
        let mut fitting = self.exceptions.iter().filter(fits);
        match self.deny {
            true => fitting.any(|e| access & !e.access == 0),
            false => !fitting.any(|e| access & e.access != 0),
        }
    }
}

/// As a plan writes them: `deny a, allow c 1:3 rwm`.
impl core::str::FromStr for Rules {
    type Err = String;

    fn from_str(text: &str) -> Result<Rules, String> {
        let mut rules = Rules::default();
        for rule in text.split(", ") {
            match rule.split_once(' ') {
                Some(("allow", rule)) => rules.add(true, rule)?,
                Some(("deny", rule)) => rules.add(false, rule)?,
                _ => return Err(format!("'{rule}' neither allows nor denies")),
            }
        }
        Ok(rules)
    }
}

fn parse(rule: &str) -> Option<Exception> {
    let mut words = rule.split_whitespace();
    let kind = match words.next()? {
        "b" => 1,
        "c" => 2,
        _ => return None,
    };
    let (major, minor) = words.next()?.split_once(':')?;
    let number = |text: &str| if text == "*" { Some(None) } else { text.parse().ok().map(Some) };
    let access = words.next()?.chars().try_fold(0, |all, c| {
        Some(
            all | match c {
                'r' => READ,
                'w' => WRITE,
                'm' => MKNOD,
                _ => return None,
            },
        )
    })?;
    (words.next().is_none()).then_some(())?;
    Some(Exception { kind, major: number(major)?, minor: number(minor)?, access })
}

/// An instruction: operation, destination and source register, offset, number (kernel: Documentation/bpf/instruction-set.rst).
fn instruction(op: u8, dst: u8, src: u8, offset: u16, number: u32) -> u64 {
    let [o0, o1] = offset.to_ne_bytes();
    let [n0, n1, n2, n3] = number.to_ne_bytes();
    // The two registers share a byte, the destination in its low half on a little-endian machine.
    let registers = if cfg!(target_endian = "little") { dst | src << 4 } else { dst << 4 | src };
    u64::from_ne_bytes([op, registers, o0, o1, n0, n1, n2, n3])
}

const EXIT: u64 = u64::from_ne_bytes([0x95, 0, 0, 0, 0, 0, 0, 0]);

fn load_word(dst: u8, offset: u16) -> u64 {
    instruction(0x61, dst, 1, offset, 0)
}
fn alu(op: u8, dst: u8, number: u32) -> u64 {
    instruction(op, dst, 0, 0, number)
}
fn move_number(dst: u8, number: u32) -> u64 {
    instruction(0xb7, dst, 0, 0, number)
}
fn move_register(dst: u8, src: u8) -> u64 {
    instruction(0xbf, dst, src, 0, 0)
}
fn jump_unless_equal(dst: u8, number: u32) -> u64 {
    instruction(0x55, dst, 0, 0, number)
}
fn jump_if_equal(dst: u8, number: u32) -> u64 {
    instruction(0x15, dst, 0, 0, number)
}
fn is_jump(instruction: u64) -> bool {
    matches!(instruction.to_ne_bytes()[0], 0x55 | 0x15)
}
fn to(jump: u64, offset: u16) -> u64 {
    let mut bytes = jump.to_ne_bytes();
    bytes[2..4].copy_from_slice(&offset.to_ne_bytes());
    u64::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine for the few instructions that are used.
    fn run(code: &[u64], context: [u32; 3]) -> u64 {
        let mut r = [0u64; 11];
        let mut at = 0;
        loop {
            let b = code[at].to_ne_bytes();
            let (dst, src) = (usize::from(b[1] & 15), usize::from(b[1] >> 4));
            let offset = usize::from(u16::from_ne_bytes([b[2], b[3]]));
            let number = u32::from_ne_bytes([b[4], b[5], b[6], b[7]]);
            at += 1;
            match b[0] {
                0x61 => r[dst] = context[offset / 4].into(),
                0x54 => r[dst] = u64::from(r[dst] as u32 & number),
                0x74 => r[dst] = u64::from(r[dst] as u32 >> number),
                0xb7 => r[dst] = number.into(),
                0xbf => r[dst] = r[src],
                0x55 if r[dst] != u64::from(number) => at += offset,
                0x15 if r[dst] == u64::from(number) => at += offset,
                0x55 | 0x15 => (),
                0x95 => return r[0],
                op => panic!("{op:#x}"),
            }
        }
    }

    fn rules(list: &[(bool, &str)]) -> Rules {
        let mut rules = Rules::default();
        list.iter().for_each(|(allow, rule)| rules.add(*allow, rule).unwrap());
        rules
    }

    #[test]
    fn the_program_answers_as_the_rules_say() {
        let sets: [&[(bool, &str)]; 6] = [
            &[],
            &[(false, "a")],
            &[(false, "a"), (true, "c 1:3 rwm"), (true, "c 1:* m"), (true, "b *:* m"), (true, "c 136:* rw")],
            &[(false, "a"), (true, "c 1:3 rwm"), (false, "c 1:3 w"), (false, "c 1:5 r")],
            &[(true, "a"), (false, "b 8:* rw"), (false, "c 5:1 r")],
            &[(false, "a"), (true, "c *:* r"), (true, "a *:* rwm"), (false, "c 1:3 w")],
        ];
        for set in sets {
            let rules = rules(set);
            let code = rules.program();
            for kind in [1, 2] {
                for access in 1..8 {
                    for major in [1, 5, 8, 136, 4_294_967_295] {
                        for minor in [0, 1, 3, 5] {
                            let context = [kind | access << 16, major, minor];
                            let expected = u64::from(rules.allows(kind, access, major, minor));
                            assert_eq!(run(&code, context), expected, "{set:?} {context:?}");
                        }
                    }
                }
            }
        }
    }

    /// The reference above is ours; these are version 1's answers.
    #[test]
    fn rules_mean_what_version_1_means() {
        let strict = rules(&[(false, "a"), (true, "c 1:3 rw"), (true, "b 8:* m")]);
        assert!(strict.allows(2, READ | WRITE, 1, 3) && strict.allows(1, MKNOD, 8, 99));
        assert!(!strict.allows(2, MKNOD, 1, 3) && !strict.allows(1, READ, 8, 0) && !strict.allows(1, READ, 1, 3));
        let mild = rules(&[(false, "b 8:0 w")]);
        assert!(mild.allows(1, READ, 8, 0) && !mild.allows(1, READ | WRITE, 8, 0) && mild.allows(2, WRITE, 8, 0));
    }

    #[test]
    fn a_list_is_read_as_a_plan_writes_it() {
        let list = [(false, "a"), (true, "c 1:3 rwm"), (false, "c 1:3 w")];
        assert_eq!("deny a, allow c 1:3 rwm, deny c 1:3 w".parse(), Ok(rules(&list)));
        assert!("deny a, c 1:3 rwm".parse::<Rules>().is_err());
    }

    #[test]
    fn what_is_no_rule() {
        for rule in [
            "",
            "x 1:3 rwm",
            "c 1 rwm",
            "c 1:3",
            "c 1:3 rx",
            "c 1:3 rwm more",
            "c a:3 r",
            "c -1:3 r",
            "c 4294967296:0 r",
        ] {
            assert!(Rules::default().add(true, rule).is_err(), "{rule}");
        }
    }
}
