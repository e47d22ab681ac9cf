//! The parent's ear: what the child says on its way to the exec.

use super::{Next, Phase, Starting};
use crate::perform::{self, Message, Report};
use crate::sys::errno;
use keel_core::failure::{Errno, Failure};
use keel_core::plan::{Plan, Position};
use keel_core::step::Step;
use rustix::event::epoll;
use rustix::fd::AsFd;

impl Starting {
    /// The connection by which the child reports.
    pub(super) fn connect(&mut self) -> Result<(), Failure> {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
        let (ours, childs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|e| Failure::errno("socketpair", errno(e)))?;
        if let Some(events) = &self.events {
            epoll::add(events, &ours, epoll::EventData::new_u64(0), epoll::EventFlags::IN)
                .map_err(|e| Failure::errno("epoll_ctl", errno(e)))?;
        }
        self.stage.report = Report::Socket(childs);
        self.report = Some(ours);
        Ok(())
    }

    /// Takes what the child has said.
    pub(super) fn listen(&mut self) -> Result<Next, Failure> {
        if let Report::Memory(said) = std::mem::take(&mut self.stage.report) {
            for message in said {
                if let Some(next) = self.heard(message)? {
                    return Ok(next);
                }
            }
            return self.end_of_report();
        }
        loop {
            let Some(report) = &self.report else { return self.end_of_report() };
            match perform::receive(report.as_fd(), &mut self.terminals) {
                Ok(Some(message)) => {
                    if let Some(next) = self.heard(message)? {
                        return Ok(next);
                    }
                }
                Ok(None) => return self.end_of_report(),
                // Its end of the connection is closed a moment after our memory is ours again (fs/exec.c, begin_new_exec); what it
                // had to say is here, and there is no way back from there.
                Err(Errno(libc::EAGAIN)) if self.shared && self.exec => return Ok(Next::Runs),
                Err(Errno(libc::EAGAIN)) => return Ok(Next::Wait),
                Err(e) => return Err(Failure::errno("report of the child", e)),
            }
        }
    }

    /// One message; what comes next, if it decides that.
    fn heard(&mut self, message: Message) -> Result<Option<Next>, Failure> {
        let failed = |plan: &Plan, index: u32, e| plan.failure_at(Position::Inside(index as usize), e);
        match message {
            Message::Noted(index, e) => self.notes.push(failed(&self.plan, index, e)),
            Message::Terminals(_) => (),
            Message::Exec => self.exec = true,
            Message::Await(round) => return Ok(Some(Next::Phase(Phase::Round(round as usize)))),
            Message::Failed(index, e) => return Err(failed(&self.plan, index, e)),
        }
        Ok(None)
    }

    /// There is no more to come: it was executed, or it is dead.
    fn end_of_report(&self) -> Result<Next, Failure> {
        if self.exec {
            return Ok(Next::Runs);
        }
        let filtered = self.plan.inside.iter().any(|p| matches!(p.step, Step::LoadSeccomp { .. }));
        let hint = if filtered { " (its profile may kill for system calls that a start needs)" } else { "" };
        Err(Failure::new(format!("the child was killed before it became a program{hint}")))
    }
}
