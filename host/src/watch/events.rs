//! The descriptors that the loop waits for, each with what it stands for, and the deadlines.
//!
//! Tokens are never used twice, so an event of a descriptor that was dropped earlier in the same round finds nothing.
//! Deadlines are epoll_wait(2)'s own timeout: no timerfd, no sleep.
use keel_core::sorted::Map;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Names one registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(u64);

/// A set of descriptors and deadlines, each with a value `T` that says what it is.
pub struct Events<T> {
    epoll: OwnedFd,
    next: u64,
    sources: Map<Token, T>,
    deadlines: Map<(Instant, u64), T>,
    /// Room for what the kernel tells, and for what it means: asked for once, not at each wake-up.
    told: Vec<epoll::Event>,
    happened: Vec<(Option<Token>, T)>,
}

/// What can be reported of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Readable, or its other end is gone; as long as it is so.
    Readable,
    /// Readable or writable, once for each change: for terminals, whose hangup would be reported for ever.
    Changes,
}

impl<T: Copy> Events<T> {
    /// Nothing to wait for yet.
    pub fn new() -> Result<Events<T>, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let (sources, deadlines) = (Map::new(), Map::new());
        Ok(Events { epoll, next: 1, sources, deadlines, told: Vec::with_capacity(32), happened: Vec::new() })
    }

    /// Wait for a descriptor too. EPERM: it is a file that is always readable (epoll_ctl(2)).
    pub fn add(&mut self, fd: impl AsFd, interest: Interest, what: T) -> Result<Token, Errno> {
        let token = Token(self.next);
        let flags = match interest {
            Interest::Readable => EventFlags::IN | EventFlags::RDHUP,
            Interest::Changes => EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET,
        };
        epoll::add(&self.epoll, fd, EventData::new_u64(token.0), flags)?;
        self.next += 1;
        self.sources.insert(token, what);
        Ok(token)
    }

    /// No longer wait for a descriptor. To be called before it is closed: what a fork or a client still holds open would
    /// be reported on.
    pub fn remove(&mut self, token: Token, fd: impl AsFd) {
        // ENOENT is as good: it is not waited for.
        let _ = epoll::delete(&self.epoll, fd);
        self.sources.remove(&token);
    }

    /// No longer wait for a descriptor that is closed already, in all its copies.
    pub fn forget(&mut self, token: Token) {
        self.sources.remove(&token);
    }

    /// Report `what` after a while.
    pub fn after(&mut self, wait: Duration, what: T) {
        self.next += 1;
        self.deadlines.insert((Instant::now() + wait, self.next), what);
    }

    /// Drop the deadlines for which `which` says so.
    pub fn cancel(&mut self, which: impl Fn(&T) -> bool) {
        self.deadlines.retain(|_, what| !which(what));
    }

    /// Wait until something happens; what happened, with the token of a descriptor or none for a deadline. The list comes back by
    /// [`Events::reuse`].
    pub fn wait(&mut self) -> Result<Vec<(Option<Token>, T)>, Errno> {
        let timeout = self.deadlines.keys().next().map(|(at, _)| {
            let left = at.saturating_duration_since(Instant::now());
            rustix::event::Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ }
        });
        self.told.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.told), timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        let mut happened = std::mem::take(&mut self.happened);
        for event in &self.told {
            let token = Token(event.data.u64());
            if let Some(what) = self.sources.get(&token) {
                happened.push((Some(token), *what));
            }
        }
        if timeout.is_some() {
            let now = Instant::now();
            while let Some(what) = self.deadlines.take_first(|(at, _)| *at <= now) {
                happened.push((None, what));
            }
        }
        Ok(happened)
    }

    /// Gives a list back for the next wake-up.
    pub fn reuse(&mut self, mut happened: Vec<(Option<Token>, T)>) {
        happened.clear();
        self.happened = happened;
    }

    /// Whether that registration is still there: an earlier event of the same round may have ended it.
    pub fn knows(&self, token: Token) -> bool {
        self.sources.contains_key(&token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_in_order_and_can_be_cancelled() {
        let mut events = Events::new().unwrap();
        events.after(Duration::from_millis(2), 'b');
        events.after(Duration::from_millis(1), 'a');
        events.after(Duration::from_millis(1), 'x');
        events.cancel(|what| *what == 'x');
        let mut seen = Vec::new();
        while seen.len() < 2 {
            seen.extend(events.wait().unwrap().into_iter().map(|(_, what)| what));
        }
        assert_eq!(seen, ['a', 'b']);
    }

    #[test]
    fn a_removed_descriptor_is_not_reported_again() {
        let mut events = Events::new().unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        let token = events.add(&read, Interest::Readable, 'p').unwrap();
        rustix::io::write(&write, b"x").unwrap();
        assert_eq!(events.wait().unwrap(), [(Some(token), 'p')]);
        events.remove(token, &read);
        events.after(Duration::from_millis(1), 'd');
        assert_eq!(events.wait().unwrap().last().unwrap().1, 'd');
        assert!(!events.knows(token));
    }
}
