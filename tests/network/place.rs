//! A network namespace for one test: that of its thread, and of all that it starts.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, netlink};
use std::process::Command;
use std::time::{Duration, Instant};
use tests::container::Container;
use tests::ran::{PATIENCE, run, timespec};
use tests::skip;

/// The namespace. It ends with the thread.
pub struct Place;

impl Place {
    /// A new one, or a skip: without root, or without ip(8) to look from outside of Keel.
    pub fn make() -> Option<Place> {
        if !skip::root() {
            return None;
        }
        if Command::new("ip").arg("-V").output().is_err() {
            skip::skip("needs ip(8) of iproute2");
            return None;
        }
        own_namespace();
        let place = Place;
        place.ip("link set lo up");
        Some(place)
    }

    /// `ip WORDS`, which must succeed.
    #[track_caller]
    pub fn ip(&self, words: &str) -> String {
        run(Command::new("ip").args(words.split_whitespace())).ok()
    }

    /// Names of all interfaces but lo.
    pub fn links(&self) -> Vec<String> {
        let said = self.ip("-o link show");
        let name = |line: &str| line.split(": ").nth(1).map(|n| n.split('@').next().unwrap_or(n).to_string());
        said.lines().filter_map(name).filter(|n| n != "lo").collect()
    }

    /// Waits until there are these interfaces and no others. The kernel takes a namespace apart by itself, and tells by
    /// netlink, which ip(8) listens to.
    #[track_caller]
    pub fn until_links(&self, names: &[&str]) {
        let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
        names.sort();
        let same = |place: &Place| {
            let mut links = place.links();
            links.sort();
            (links == names).then_some(())
        };
        until(&format!("the interfaces are {names:?}"), || same(self));
    }
}

/// Only the network namespace of this thread changes: nothing that threads share.
#[allow(deprecated)]
fn own_namespace() {
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).expect("a network namespace");
}

/// Waits until `look` finds something; it is asked again at every change of an interface (RTMGRP_LINK), and once a second.
#[track_caller]
pub fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let changes = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::NONBLOCK, None);
    let changes = changes.expect("a netlink socket");
    rustix::net::bind(&changes, &netlink::SocketAddrNetlink::new(0, 1)).expect("told of interfaces");
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        let _ = poll(&mut [PollFd::new(&changes, PollFlags::IN)], Some(&timespec(Duration::from_secs(1))));
        while rustix::net::recv(&changes, [0; 8192].as_mut_slice(), RecvFlags::empty()).is_ok_and(|(n, _)| n > 0) {}
    }
}

/// One made from busybox, with these interfaces only.
pub fn busybox(config: &str) -> Container {
    let container = Container::busybox(&["--init", "busybox"]);
    let old = std::fs::read_to_string(container.config_file()).expect("a configuration");
    let kept: Vec<&str> = old.lines().filter(|l| !l.starts_with("lxc.net")).collect();
    container.set_config(&format!("{}\n{config}\n", kept.join("\n")));
    container
}

/// What a program inside says.
#[track_caller]
pub fn inside(container: &Container, line: &str) -> String {
    container.keel(&format!("attach -- {line}")).ok()
}
