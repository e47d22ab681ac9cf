//! Configuration and facts → the list of steps.
//!
//! `container` is the start of a container, `boot` is keel as /init. Pure: what depends on the system is a field of
//! `Facts`. What can't be planned is a sentence before anything is touched.

mod boot;
mod cgroup;
mod container;
mod dev;
mod devices;
mod mounts;
mod translate;

pub use boot::{BootCgroups, BootParams, DataDisk, boot, early};
pub use container::{Request, container};

use crate::config::Origin;
use crate::facts::Namespaces;
use crate::failure::{Errno, Failure};
use crate::step::{Place, Step};
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

/// All steps of a start, in order: those of the parent, then those of the child.
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
}

impl Plan {
    /// Number of steps. The clone counts as none.
    pub fn len(&self) -> usize {
        self.outside.len() + self.inside.len()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A step by its number, from 1.
    pub fn step(&self, number: usize) -> Option<&Planned> {
        let index = number.checked_sub(1)?;
        self.outside.get(index).or_else(|| self.inside.get(index.checked_sub(self.outside.len())?))
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
        let outside = self.outside.len();
        let slot = match number.checked_sub(1) {
            Some(i) if i < outside => self.outside.get_mut(i),
            Some(i) => self.inside.get_mut(i - outside),
            None => None,
        };
        slot.is_some_and(|p| {
            p.step = Step::Fail { instead_of: Box::new(p.step.clone()), errno: errno.0 };
            true
        })
    }
}

/// One step a line, as a person would type it.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.notes.iter().try_for_each(|note| writeln!(f, "# {note}"))?;
        let mut number = 0;
        let mut list = |f: &mut fmt::Formatter<'_>, steps: &[Planned]| {
            steps.iter().try_for_each(|p| {
                number += 1;
                writeln!(f, "{number:3} {} {}", if p.must { "must" } else { "may " }, p.step)
            })
        };
        list(f, &self.outside)?;
        if self.clone != Namespaces::default() {
            f.write_str("    clone")?;
            let names = Namespaces::NAMES.iter().filter(|n| self.clone.has(n.1));
            names.map(|n| n.0).try_for_each(|n| write!(f, " {n}"))?;
            f.write_str("\n")?;
        }
        list(f, &self.inside)
    }
}

/// A text that becomes an operand. A NUL byte ends it, as it would for the kernel; the parsers refuse such values.
fn operand(text: &str) -> CString {
    let upto = text.split('\0').next().unwrap_or("");
    CString::new(upto).unwrap_or_default()
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
