//! News of containers for whoever wants to hear it, without a daemon: each listener binds a socket in a directory of the
//! lxcpath's run directory, and whoever changes a container's state sends a datagram to all that are there.
//!
//! A listener that is gone is swept by the next news. One that does not read misses what its queue has no room for;
//! nobody ever waits for it.
use crate::control::protocol::State;
use crate::fault::{Result, at};
use crate::place::{make_private, monitors};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A container came into a state.
    State(State),
    /// Its first program ended with this status; 0 for a signal, as LXC has it.
    Exit(i32),
}

/// Tell all who listen in that directory ([`crate::place::Place::monitors`]), one after the other.
pub fn tell(name: &str, listeners: &Path, news: &[News]) {
    // Most of the time nobody listens, and the directory is not there.
    let Ok(entries) = std::fs::read_dir(listeners) else { return };
    let text = |news: &News| match news {
        News::State(state) => format!("S {} {name}", state.name()),
        News::Exit(code) => format!("E {code} {name}"),
    };
    let texts: Vec<String> = news.iter().map(text).collect();
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let Ok(socket) = net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let Ok(to) = SocketAddrUnix::new(&path) else { continue };
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        if texts.iter().any(|text| net::sendto(&socket, text.as_bytes(), flags, &to) == Err(Errno::CONNREFUSED)) {
            // Its process was killed.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A listener; its name goes with it.
#[derive(Debug)]
pub struct Ear {
    socket: OwnedFd,
    path: PathBuf,
}

impl Ear {
    /// Hear everything from now on.
    pub fn open(lxcpath: &str) -> Result<Ear> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let dir = monitors(lxcpath);
        make_private(&dir)?;
        let path = dir.join(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        // One of a dead process that had this pid.
        let _ = std::fs::remove_file(&path);
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None);
        let socket = socket.map_err(|e| at("socket for", &path, e))?;
        let address = SocketAddrUnix::new(&path).map_err(|e| at("bind", &path, e))?;
        net::bind(&socket, &address).map_err(|e| at("bind", &path, e))?;
        Ok(Ear { socket, path })
    }

    /// The next news and whose; none when there is none waiting, or nonsense.
    pub fn next(&self) -> Option<(String, News)> {
        let mut frame = [0u8; 512];
        let (_, length) = net::recv(&self.socket, &mut frame[..], RecvFlags::DONTWAIT).ok()?;
        let text = std::str::from_utf8(frame.get(..length)?).ok()?;
        let mut parts = text.splitn(3, ' ');
        let (kind, word, name) = (parts.next()?, parts.next()?, parts.next()?);
        let news = match kind {
            "S" => News::State(State::parse(word)?),
            _ => News::Exit(word.parse().ok()?),
        };
        Some((name.to_owned(), news))
    }

    /// Wait until there is news, `other` is readable, or the time is over; which of the two descriptors has something.
    pub fn wait(&self, other: Option<BorrowedFd<'_>>, end: Option<Instant>) -> (bool, bool) {
        let mut fds = vec![PollFd::new(&self.socket, PollFlags::IN)];
        fds.extend(other.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let left = end.map(|end| {
            let left = end.saturating_duration_since(Instant::now());
            // Rounded up: a poll that ends a nanosecond early would be one for nothing.
            let left = left.saturating_add(Duration::from_micros(1));
            Timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ }
        });
        // EINTR is a look too many.
        let _ = poll(&mut fds, left.as_ref());
        (!fds[0].revents().is_empty(), fds.get(1).is_some_and(|fd| !fd.revents().is_empty()))
    }
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(dir) = self.path.parent() {
            // Fails while others listen.
            let _ = std::fs::remove_dir(dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_listeners_hear_and_dead_ones_are_swept() {
        let lxcpath = format!("/no/such/path-{}", std::process::id());
        let Ok(one) = Ear::open(&lxcpath) else { return crate::scratch::skip("no run directory to write to") };
        let two = Ear::open(&lxcpath).unwrap();
        let dir = two.path.parent().unwrap().to_owned();
        // What a container's supervisor derives from its own place.
        assert_eq!(crate::place::Place::of("a b", &lxcpath).monitors(), dir);
        let dead = two.path.with_file_name("0-dead");
        std::mem::forget(Ear { socket: two.socket.try_clone().unwrap(), path: dead.clone() });
        let gone = net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).unwrap();
        net::bind(&gone, &SocketAddrUnix::new(&dead).unwrap()).unwrap();
        drop(gone);
        tell("a b", &dir, &[News::State(State::Frozen), News::Exit(7)]);
        for ear in [&one, &two] {
            assert_eq!(ear.wait(None, Some(Instant::now())), (true, false));
            assert_eq!(ear.next(), Some(("a b".into(), News::State(State::Frozen))));
            assert_eq!(ear.next(), Some(("a b".into(), News::Exit(7))));
            assert_eq!(ear.next(), None);
        }
        assert!(!dead.exists());
        drop((one, two));
        assert!(!dir.exists());
        tell("a b", &dir, &[News::Exit(0)]);
        let _ = std::fs::remove_dir(dir.parent().unwrap());
    }
}
