//! For tests: a directory that is removed again, and the way to skip one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A new directory, removed with all that is in it when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("keel-unit-{}-{count}", std::process::id()));
        std::fs::create_dir(&path).expect("a scratch directory");
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Says why a test does nothing; with MUST=1 it fails instead.
pub fn skip(why: &str) {
    assert!(std::env::var_os("MUST").is_none_or(|value| value != "1"), "skipped with MUST=1: {why}");
    eprintln!("skipped: {why}");
}

/// Runs a test as the only one of a program, in a process of one thread: what it does is done to the process, and every signal and
/// every child of that is its own.
#[track_caller]
pub fn alone(test: fn()) {
    use crate::sys::process::{Cloned, clone, exit_now};
    const ALONE: &str = "KEEL_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = std::thread::current().name().expect("a test has a name").to_owned();
        let own = std::env::current_exe().expect("a test program has a path");
        let words = ["--exact", &name, "--nocapture"];
        let ran = std::process::Command::new(own).args(words).env(ALONE, "1").output().expect("it runs");
        let said = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
        return;
    }
    // The other thread of this program waits for this one, and holds nothing.
    match clone(0, None).expect("a process") {
        Cloned::Child { .. } => exit_now(i32::from(std::panic::catch_unwind(test).is_err())),
        Cloned::Parent { pid, .. } => {
            let pid = rustix::process::Pid::from_raw(pid);
            let (_, status) = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0));
        }
    }
}
