//! The canaries: a picture of the host around every start of an Android, on this machine and on those that are booted.
//!
//! The probe takes it (`tests/probe/src/picture`): settings of the kernel, modes and owners in /proc, /dev and of what rules power,
//! mounts and their flags, first groups of hierarchies, clock and time zone, and the uevents that somebody has asked for. That it
//! sees each of these is tried where an Android is started that nothing holds back (`plain`).

use ::boot::scratch::Scratch;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tests::built::built;
use tests::dialog::Dialog;
use tests::proc::until;

/// What an Android would change of a host that it shares.
#[derive(Debug, PartialEq, Eq)]
pub struct Picture(BTreeMap<String, String>);

impl Picture {
    fn parse(text: &str) -> Picture {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let picture = Picture(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect());
        for key in ["sysctl.kernel/hostname", "proc.kmsg", "dev./dev/null", "clock.booted", "clock.zone", "uevents"] {
            assert!(picture.0.contains_key(key), "no '{key}' in a picture of the host:\n{text}");
        }
        picture
    }

    /// Of a machine at whose shell we are; the first one begins to observe it.
    #[track_caller]
    pub fn of(shell: &mut Dialog) -> Picture {
        // Android's init has no /bin; there the stand-in is the probe.
        let probe = "$([ -x /bin/probe ] && echo /bin/probe || echo /init)";
        let at = "/dev/.observer";
        shell.ok(&format!("[ -S {at} ] || ({probe} watch {at} < /dev/null &); until [ -S {at} ]; do :; done"));
        Picture::parse(&shell.ok(&format!("{probe} picture {at}")))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// What is other in a later one: `KEY: VALUE, was VALUE`.
    pub fn changes(&self, later: &Picture) -> Vec<String> {
        let keys = self.0.keys().chain(later.0.keys().filter(|key| !self.0.contains_key(*key)));
        let other = keys.filter(|key| self.get(key) != later.get(key));
        let say = |value: Option<&str>| value.unwrap_or("absent").to_owned();
        other.map(|key| format!("{key}: {}, was {}", say(later.get(key)), say(self.get(key)))).collect()
    }

    /// The machine is as it was.
    #[track_caller]
    pub fn is_still_that_of(&self, shell: &mut Dialog) {
        let changes = self.changes(&Picture::of(shell));
        assert!(changes.is_empty(), "changes of the host: {changes:#?}");
    }
}

/// This machine, observed. Dropped, it must be as it was.
#[derive(Debug)]
pub struct Host {
    observer: Child,
    socket: PathBuf,
    before: Picture,
    _scratch: Scratch,
}

impl Host {
    /// Observed from now on.
    pub fn observed() -> Host {
        let scratch = Scratch::new().expect("a directory");
        let socket = scratch.path().join("observer");
        let mut command = Command::new(&built().probe);
        // It ends with us, however we end.
        let observer = command.arg("watch").arg(&socket).stdin(Stdio::piped()).spawn().expect("the probe");
        let before = until("the host is observed", scratch.path(), || picture(&socket));
        Host { observer, socket, before, _scratch: scratch }
    }

    /// What is other than it was.
    #[track_caller]
    pub fn changes(&self) -> Vec<String> {
        self.before.changes(&picture(&self.socket).expect("the observer runs"))
    }

    /// It is as it was.
    #[track_caller]
    pub fn assert_unharmed(&self) {
        let changes = self.changes();
        assert!(changes.is_empty(), "changes of the host: {changes:#?}");
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let changes = if std::thread::panicking() { Vec::new() } else { self.changes() };
        drop(self.observer.stdin.take());
        let ended = self.observer.wait();
        if !std::thread::panicking() {
            assert!(changes.is_empty(), "changes of the host: {changes:#?}");
            assert!(ended.is_ok_and(|status| status.success()), "the observer has failed");
        }
    }
}

/// None: nobody is there yet.
fn picture(socket: &PathBuf) -> Option<Picture> {
    let mut text = String::new();
    UnixStream::connect(socket).ok()?.read_to_string(&mut text).ok()?;
    let mut picture = Picture::parse(&text);
    // Disks and loop devices of other tests come and go; of an Android there are none.
    picture.0.retain(|key, _| !key.starts_with("dev./dev/loop"));
    Some(picture)
}
