//! What the first program may no longer do: capabilities, new privileges, system calls.

use super::{Planned, Request, operand};
use crate::config::{At, Caps, Config};
use crate::facts::{Facts, Seccomp};
use crate::failure::Failure;
use crate::seccomp::{self, Arch};
use crate::step::Step;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The steps, in LXC's order. Hooks that are run inside come after them.
pub(super) fn give_up(
    config: &Config,
    request: &Request,
    facts: &Facts,
    steps: &mut Vec<Planned>,
    notes: &mut Vec<String>,
    errors: &mut Vec<Failure>,
) {
    let mask = capabilities(&config.caps, facts.last_cap);
    if mask != 0 {
        steps.push(Planned::must(Step::DropCapabilities { mask }));
    }
    if config.no_new_privs {
        steps.push(Planned::must(Step::NoNewPrivs));
    }
    if let Some(profile) = &config.seccomp.profile {
        steps.extend(filter(config, profile, request, facts, notes, errors));
    }
}

/// The capabilities to drop, of those that the kernel knows.
fn capabilities(caps: &Caps, last: u8) -> u64 {
    let all = match last {
        63.. => u64::MAX,
        last => (1u64 << (last + 1)) - 1,
    };
    let bits = |list: &[u8]| list.iter().filter(|c| **c < 64).fold(0u64, |m, c| m | 1 << c);
    match caps {
        Caps::Drop(list) => bits(list) & all,
        Caps::Keep(list) => all & !bits(list),
    }
}

/// `lxc.seccomp.profile`.
fn filter(
    config: &Config,
    profile: &At<String>,
    request: &Request,
    facts: &Facts,
    notes: &mut Vec<String>,
    errors: &mut Vec<Failure>,
) -> Option<Planned> {
    let file = config.files.get(usize::from(profile.origin.file)).filter(|_| profile.origin.line > 0);
    let at = file.map(|file| format!("{file}:{}: ", profile.origin.line)).unwrap_or_default();
    // As LXC: the container starts without it.
    match facts.seccomp {
        Seccomp::Missing => {
            notes.push(format!(
                "{at}'lxc.seccomp.profile' is not in force: the kernel has no filters of system calls \
                 (CONFIG_SECCOMP_FILTER)"
            ));
            return None;
        }
        Seccomp::Confined if !config.seccomp.allow_nesting => {
            notes.push(format!(
                "{at}'lxc.seccomp.profile' is not in force: a filter is already \
                 (lxc.seccomp.allow_nesting = 1 loads both)"
            ));
            return None;
        }
        _ => (),
    }
    let Some(arches) = Arch::of_machine(&facts.machine) else {
        let machine = &facts.machine;
        errors
            .push(Failure::new(format!("{at}filters of system calls are not there for '{machine}' (x86 and arm are)")));
        return None;
    };
    let path = &profile.value;
    let read = match seccomp::read(&request.seccomp, arches) {
        Ok(read) => read,
        Err(mistakes) => {
            errors.extend(mistakes.iter().map(|(line, why)| Failure::new(format!("{path}:{line}: {why}"))));
            return None;
        }
    };
    notes.extend(read.notes.iter().map(|(line, what)| format!("{path}:{line}: {what}")));
    let program = seccomp::compile(&read.filter);
    if program.len() > seccomp::LONGEST {
        let len = program.len();
        errors.push(Failure::new(format!(
            "{path}: the filter has {len} instructions, and the kernel takes {}",
            seccomp::LONGEST
        )));
        return None;
    }
    let text = operand(&seccomp::Text(&read.filter).to_string());
    Some(Planned::must(Step::LoadSeccomp { program, text }).from(profile.origin))
}
