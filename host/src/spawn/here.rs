//! A plan without a child: the boot.

use crate::perform::{self, Stage};
use keel_core::failure::Failure;
use keel_core::plan::{Plan, Position};

/// Performs the outside of a plan in this process: all of it for a boot. Sentences of steps that were allowed to fail go to
/// `notes`; the first that was not ends it.
pub fn perform_here(plan: &Plan, stage: &mut Stage, notes: &mut Vec<Failure>) -> Result<(), Failure> {
    let umask = rustix::process::umask(rustix::fs::Mode::empty());
    let result = perform_all(plan, stage, notes);
    rustix::process::umask(umask);
    result
}

fn perform_all(plan: &Plan, stage: &mut Stage, notes: &mut Vec<Failure>) -> Result<(), Failure> {
    for (index, planned) in plan.outside.iter().enumerate() {
        if let Err(e) = perform::step(stage, &planned.step) {
            let failure = plan.failure_at(Position::Outside(index), e);
            if planned.must {
                return Err(failure);
            }
            notes.push(failure);
        }
    }
    Ok(())
}
