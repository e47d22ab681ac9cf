//! Filters of system calls that a container's programs are under: the first one's, and those that come later get, too.

use keel_core::plan::Plan;
use keel_core::seccomp::Insn;
use keel_core::step::Step;
use serde_json::{Value, json};

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

    /// In the state file.
    pub fn written(&self) -> Value {
        let hex = |program: &Vec<Insn>| program.iter().map(|insn| insn.to_hex()).collect::<String>();
        json!({ "plain": self.plain.iter().map(hex).collect::<Vec<_>>(), "asking": hex(&self.asking) })
    }

    /// As they were written; none: what is there can't be read. A file without them is one of a container without filters.
    pub fn read(value: Option<&Value>) -> Option<Filters> {
        let Some(value) = value else { return Some(Filters::default()) };
        let program = |value: &Value| Insn::of_hex(value.as_str()?);
        let plain = value.get("plain")?.as_array()?.iter().map(program).collect::<Option<_>>()?;
        Some(Filters { plain, asking: program(value.get("asking")?)? })
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
            assert_eq!(Filters::read(Some(&filters.written())), Some(filters));
        }
        assert_eq!(Filters::read(None), Some(Filters::default()));
        // A program that is lost must not become none.
        for odd in [json!("ff"), json!({}), json!({ "plain": ["x"], "asking": "" }), json!({ "plain": [] })] {
            assert_eq!(Filters::read(Some(&odd)), None, "{odd}");
        }
    }
}
