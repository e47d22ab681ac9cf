//! The descriptors that a child hands over, by the steps that left them.

use keel_core::logger::Log;
use keel_core::plan::Plan;
use keel_core::seccomp::Proxy;
use keel_core::step::{Step, Terminal};
use rustix::fd::OwnedFd;

/// Where a container's system calls that wait for an answer come from.
#[derive(Debug)]
pub struct Asked {
    /// The filter's listener.
    pub listener: OwnedFd,
    /// Who answers, where it is not the supervisor.
    pub proxy: Option<Proxy>,
}

/// Each at its place.
#[derive(Default)]
pub(super) struct Handed {
    pub console: Option<OwnedFd>,
    pub ttys: Vec<OwnedFd>,
    pub logs: Vec<(Log, OwnedFd)>,
    pub listener: Option<Asked>,
}

impl Handed {
    /// Descriptors come in the order in which steps left them.
    pub(super) fn new(plan: &Plan, fds: Vec<OwnedFd>) -> Handed {
        let (mut fds, mut handed) = (fds.into_iter(), Handed::default());
        for planned in &plan.inside {
            match &planned.step {
                Step::OpenTerminal { terminal: Terminal::Console, .. } => handed.console = fds.next(),
                Step::OpenTerminal { .. } => handed.ttys.extend(fds.next()),
                Step::OpenLog { log, .. } => handed.logs.extend(fds.next().map(|fd| (*log, fd))),
                Step::Supervise { proxy, .. } => {
                    handed.listener = fds.next().map(|listener| Asked { listener, proxy: proxy.clone() });
                }
                _ => (),
            }
        }
        handed
    }
}
