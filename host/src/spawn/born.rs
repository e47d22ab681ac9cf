//! A child that is made in namespaces of somebody else.
//!
//! Who enters a pid namespace stays outside of it and only its children are in it, and who enters a user namespace cannot
//! come back: so a process between enters them, makes the child as its own sibling (CLONE_PARENT), and ends.

use super::{Child, Next, Phase, Starting, child, clone_failed};
use crate::sys::errno;
use crate::sys::process::{Cloned, clone, clone_sibling, exit_now, join_namespace};
use keel_core::failure::{Errno, Failure};
use keel_core::plan::Position;
use keel_core::step::Step;
use rustix::fd::{AsFd, OwnedFd};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};

/// What the process between tells: the child's number; or which namespace it could not enter, or -1 for the clone, and why.
type Told = [i32; 2];

impl Starting {
    pub(super) fn child_born_in(&mut self, namespaces: &[(u32, OwnedFd)]) -> Result<Next, Failure> {
        let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
        let (told, tell) = pipe.map_err(|e| Failure::errno("pipe", errno(e)))?;
        match clone(0, None).map_err(clone_failed)? {
            Cloned::Child { .. } => {
                let mut said: Told = [0, 0];
                for (index, (kind, file)) in namespaces.iter().enumerate() {
                    if let Err(e) = join_namespace(file.as_fd(), *kind) {
                        said = [-2 - index as i32, e.0];
                        break;
                    }
                }
                if said == [0, 0] {
                    match clone_sibling(self.plan.clone.0) {
                        Ok(0) => {
                            drop((told, tell));
                            let mut stage = std::mem::take(&mut self.stage);
                            child(&mut stage, &self.plan.inside)
                        }
                        Ok(pid) => said = [pid, 0],
                        Err(e) => said = [-1, e.0],
                    }
                }
                let [a, b] = said.map(i32::to_ne_bytes);
                let mut bytes = [0; 8];
                bytes[..4].copy_from_slice(&a);
                bytes[4..].copy_from_slice(&b);
                // Nobody reads it when the parent is gone.
                let _ = rustix::io::write(&tell, &bytes);
                exit_now(0)
            }
            Cloned::Parent { pid: between, .. } => {
                drop(tell);
                let mut bytes = [0; 8];
                let read = rustix::io::retry_on_intr(|| rustix::io::read(&told, &mut bytes));
                // ECHILD: reaped by a caller that reaps everything.
                let _ = rustix::io::retry_on_intr(|| waitpid(Pid::from_raw(between), WaitOptions::empty()));
                let number = |at: usize| i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
                match (read, number(0), Errno(number(4))) {
                    (Ok(8), pid @ 1.., _) => {
                        // COMPAT(linux<5.3): no pidfd.
                        let pidfd = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
                        self.stage.close_child_side(self.plan.rounds.is_empty());
                        self.stage.set_child(pid);
                        self.child = Some(Child { pid, pidfd });
                        Ok(Next::Phase(Phase::Inside))
                    }
                    (Ok(8), -1, e) => Err(clone_failed(e)),
                    (Ok(8), which, e) => Err(self.not_born(-2 - which, e)),
                    _ => Err(Failure::new("clone: the process between was killed")),
                }
            }
        }
    }

    /// The sentence for the namespace that could not be entered.
    fn not_born(&self, which: i32, e: Errno) -> Failure {
        let steps = self.plan.outside.iter().enumerate().filter(|(_, p)| matches!(p.step, Step::BornIn { .. }));
        let index = steps.map(|(index, _)| index).nth(which as usize).unwrap_or_default();
        self.plan.failure_at(Position::Outside(index), e)
    }
}
