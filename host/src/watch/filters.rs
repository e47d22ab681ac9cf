//! Filters of system calls that a container's programs are under: the first one's, and those that come later get, too.

use keel_core::plan::Plan;
use keel_core::seccomp::Insn;
use keel_core::step::Step;

/// Those of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters {
    /// Those that decide by themselves, in the order in which they are loaded.
    pub plain: Vec<Vec<Insn>>,
    /// The one that asks the supervisor; empty: there is none.
    pub asking: Vec<Insn>,
}

impl Filters {
    /// Those that a plan loads.
    pub fn of_plan(plan: &Plan) -> Filters {
        let mut filters = Filters::default();
        for planned in &plan.inside {
            match &planned.step {
                Step::LoadSeccomp { program, .. } => filters.plain.push(program.clone()),
                Step::Supervise { program, .. } => filters.asking.clone_from(program),
                _ => {}
            }
        }
        filters
    }

    /// In the state file: a word for each, with `?` in front of the one that asks.
    pub fn written(&self) -> String {
        let mut text = String::new();
        for program in &self.plain {
            program.iter().for_each(|insn| text.push_str(&insn.to_hex()));
            text.push(' ');
        }
        text.push('?');
        self.asking.iter().for_each(|insn| text.push_str(&insn.to_hex()));
        text
    }

    /// As they were written; none: what is there can't be read.
    pub fn read(text: &str) -> Option<Filters> {
        let (plain, asking) = text.rsplit_once('?')?;
        let plain = plain.split_terminator(' ').map(Insn::of_hex).collect::<Option<_>>()?;
        Some(Filters { plain, asking: Insn::of_hex(asking)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_were_written() {
        let program = |byte: u8| Insn::of_hex(&format!("{byte:02x}").repeat(16)).unwrap();
        let filters = Filters { plain: vec![program(1), program(2)], asking: program(3) };
        for filters in [filters, Filters::default()] {
            assert_eq!(Filters::read(&filters.written()), Some(filters));
        }
        // A program that is lost must not become none.
        for odd in ["", "ff", "x ?", "00112233445566 ?", "?x"] {
            assert_eq!(Filters::read(odd), None, "{odd}");
        }
    }
}
