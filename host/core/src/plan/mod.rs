//! Configuration and facts → the list of steps.
//!
//! `container` is the start of a container, `boot` is keel as /init. Pure: what depends on the system is a field of
//! `Facts`. What can't be planned is a sentence before anything is touched.

mod android;
mod apart;
mod apparmor;
mod boot;
mod cgroup;
mod container;
mod dev;
mod devices;
mod elsewhere;
mod hooks;
mod ids;
mod mounts;
pub mod net;
mod rights;
mod rootfs;
mod translate;

pub use apparmor::DEFAULT_PROFILE;
pub use boot::{BootCgroups, BootParams, DataDisk, boot, early};
pub use container::{Request, container};
pub use devices::Rules as DeviceRules;
pub use hooks::{SHELLS, hooks, stop_hooks};
pub use rootfs::Found;

use crate::config::Origin;
use crate::facts::Namespaces;
use crate::failure::{Errno, Failure};
use crate::step::{Place, Slot, Step};
use alloc::boxed::Box;
use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A step and what its failure means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What is done.
    pub step: Step,
    /// A failure ends the plan; otherwise it is noted and the plan goes on.
    pub must: bool,
    /// The line of the configuration that asked for it.
    pub origin: Option<Origin>,
}

impl Planned {
    /// A step whose failure ends the plan.
    pub fn must(step: Step) -> Self {
        Planned { step, must: true, origin: None }
    }

    /// A step that may fail.
    pub fn may(step: Step) -> Self {
        Planned { step, must: false, origin: None }
    }

    /// The same, asked for by a line.
    pub fn from(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }
}

/// All steps of a start, in order: those of the parent, then those of the child, with rounds of the parent between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Names of the configuration's files, for messages.
    pub files: Vec<String>,
    /// What was left out or read differently, and why; for the user, before the start.
    pub notes: Vec<String>,
    /// Steps before the clone, in the parent. What they leave in the system is undone when the container ends.
    pub outside: Vec<Planned>,
    /// Namespaces of the clone.
    pub clone: Namespaces,
    /// Steps between the clone and the exec, in the child.
    pub inside: Vec<Planned>,
    /// Why the rootfs is taken in a copy of the host's mount namespace although there is an empty one.
    pub in_hosts_tree: Option<String>,
    /// What the parent does for the child while that waits in `Step::Await`, by its number.
    pub rounds: Vec<Vec<Planned>>,
}

/// Where a step stands in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// In `outside`.
    Outside(usize),
    /// In `inside`.
    Inside(usize),
    /// In a round: which, and where in it.
    Round(usize, usize),
}

impl Plan {
    /// Number of steps. The clone counts as none.
    pub fn len(&self) -> usize {
        self.outside.len() + self.inside.len() + self.rounds.iter().map(Vec::len).sum::<usize>()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All steps in the order in which they are performed; a step's number is its place here, from 1.
    pub fn sequence(&self) -> impl Iterator<Item = (Position, &Planned)> {
        let outside = self.outside.iter().enumerate().map(|(i, p)| (Position::Outside(i), p));
        let inside = self.inside.iter().enumerate().flat_map(|(i, p)| {
            let round = match p.step {
                Step::Await { round } => usize::from(round),
                _ => usize::MAX,
            };
            let steps = self.rounds.get(round).map_or(&[][..], Vec::as_slice);
            let of_round = steps.iter().enumerate().map(move |(k, p)| (Position::Round(round, k), p));
            core::iter::once((Position::Inside(i), p)).chain(of_round)
        });
        outside.chain(inside)
    }

    /// The number of a step, from 1.
    pub fn number(&self, position: Position) -> usize {
        self.sequence().position(|(p, _)| p == position).map_or(0, |i| i + 1)
    }

    /// A step by its number, from 1.
    pub fn step(&self, number: usize) -> Option<&Planned> {
        self.sequence().nth(number.checked_sub(1)?).map(|(_, planned)| planned)
    }

    /// The sentence for a step that failed, by its number.
    pub fn failure(&self, number: usize, errno: Errno) -> Failure {
        match self.step(number) {
            Some(p) => {
                let origin = p.origin.and_then(|o| self.place_of(o));
                Failure::step(number, self.len(), &p.step, origin.as_deref(), errno)
            }
            None => Failure::errno(format!("step {number} of {}", self.len()), errno),
        }
    }

    /// The sentence for a step that failed, by its position.
    pub fn failure_at(&self, position: Position, errno: Errno) -> Failure {
        self.failure(self.number(position), errno)
    }

    /// `FILE:LINE` of an origin; nothing for a value that stands in no file.
    pub fn place_of(&self, origin: Origin) -> Option<String> {
        let file = self.files.get(usize::from(origin.file)).filter(|_| origin.line > 0)?;
        Some(format!("{file}:{}", origin.line))
    }

    /// `fail_at` as it is written on a command line: `STEP` (EIO) or `STEP:ERRNO`.
    ///
    /// # Errors
    /// The sentence to print: it is not of that form, or there is no such step.
    pub fn fail_at_text(&mut self, text: &str) -> Result<(), String> {
        let (number, errno) = text.split_once(':').unwrap_or((text, "EIO"));
        let errno = Errno::from_name(errno).ok_or_else(|| format!("'{errno}' is no error number's symbol"))?;
        let number = number.parse().map_err(|_| format!("'{number}' is no step's number"))?;
        match self.fail_at(number, errno) {
            true => Ok(()),
            false => Err(format!("there is no step {number}: the plan has {}", self.len())),
        }
    }

    /// Puts a failure in the place of a step, by its number: how tests see what each failure does.
    /// Returns whether there is such a step.
    pub fn fail_at(&mut self, number: usize, errno: Errno) -> bool {
        let found = number.checked_sub(1).and_then(|i| self.sequence().nth(i)).map(|(position, _)| position);
        let slot = match found {
            Some(Position::Outside(i)) => self.outside.get_mut(i),
            Some(Position::Inside(i)) => self.inside.get_mut(i),
            Some(Position::Round(round, i)) => self.rounds.get_mut(round).and_then(|r| r.get_mut(i)),
            None => None,
        };
        slot.is_some_and(|p| {
            p.step = Step::Fail { instead_of: Box::new(p.step.clone()), errno: errno.0 };
            true
        })
    }
}

/// One step a line, as a person would type it. What the parent does while the child waits is set in.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notes.iter().try_for_each(|note| writeln!(f, "# {note}"))?;
        self.in_hosts_tree.iter().try_for_each(|why| writeln!(f, "# in a copy of the host's mounts: {why}"))?;
        for (i, (position, planned)) in self.sequence().enumerate() {
            if i == self.outside.len() && position == Position::Inside(0) {
                f.write_str("    clone")?;
                let names = Namespaces::NAMES.iter().filter(|n| self.clone.has(n.1));
                names.map(|n| n.0).try_for_each(|n| write!(f, " {n}"))?;
                f.write_str("\n")?;
            }
            let set_in = if matches!(position, Position::Round(..)) { "    " } else { "" };
            writeln!(f, "{:3} {} {set_in}{}", i + 1, if planned.must { "must" } else { "may " }, planned.step)?;
        }
        Ok(())
    }
}

/// A text that becomes an operand. A NUL byte ends it, as it would for the kernel; the parsers refuse such values.
fn operand(text: &str) -> CString {
    let upto = text.bytes().position(|byte| byte == 0).unwrap_or(text.len());
    // With room for what ends it, so that nothing is moved.
    let mut bytes = Vec::with_capacity(upto + 1);
    bytes.extend_from_slice(&text.as_bytes()[..upto]);
    bytes.push(0);
    CString::from_vec_with_nul(bytes).unwrap_or_default()
}

/// Where programs are looked for when nobody says.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The next of the descriptors that steps leave for later ones.
fn next_slot(plan: &Plan) -> Slot {
    let leaves = |p: &&Planned| {
        matches!(
            p.step,
            Step::OpenSlot { .. }
                | Step::OpenCgroup { .. }
                | Step::OpenLabel { .. }
                | Step::OpenMappedTree { .. }
                | Step::OpenTree { .. }
        )
    };
    Slot(plan.outside.iter().chain(&plan.inside).filter(leaves).count() as u16)
}

/// The child waits here, and the parent does this meanwhile.
fn round(plan: &mut Plan, steps: Vec<Planned>) {
    plan.inside.push(Planned::must(Step::Await { round: plan.rounds.len() as u16 }));
    plan.rounds.push(steps);
}

/// A path beneath the rootfs.
fn inside(path: &str) -> Place {
    Place::Root(operand(path.trim_start_matches('/')))
}

/// A path of the host.
fn outside(path: &str) -> Place {
    Place::Host(operand(path))
}

/// Mounts a file system.
fn mount(fstype: &str, at: Place, flags: u64, data: &str) -> Step {
    Step::Mount { source: operand(fstype), at, fstype: operand(fstype), flags, data: operand(data) }
}
