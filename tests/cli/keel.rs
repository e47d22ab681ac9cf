//! Runs the built `keel`, and a place to run it in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The program under test: KEEL_BIN, else built once by the cargo that runs the tests.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("KEEL_BIN") {
            return given.into();
        }
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "host", "--message-format=json-render-diagnostics"])
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(built.status.success(), "keel does not build");
        // One line of it says where the program is: {… "executable":"/path/keel" …}.
        let text = String::from_utf8(built.stdout).expect("cargo prints UTF-8");
        let found =
            text.lines().rev().find_map(|line| Some(line.split_once(r#""executable":""#)?.1.split_once('"')?.0));
        found.expect("cargo names the program").into()
    })
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Fails the test unless it succeeded and said nothing on standard error.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.code == 0 && self.err.is_empty(), "{self:?}");
        self.out
    }
}

/// `keel ARGS`.
pub fn keel<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    Ran::of(Command::new(program()).args(args).env_remove("CONFIG").output().expect("keel runs"))
}

/// A directory for containers, removed with all that is in it.
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Place {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("keel-cli-{}-{count}", std::process::id()));
        std::fs::create_dir(&path).expect("a directory");
        Place(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `keel VERB -P HERE ARGS`. What is created does not begin with this machine's /etc/lxc/default.conf.
    pub fn keel(&self, line: &str) -> Ran {
        let mut words: Vec<&OsStr> = line.split_whitespace().map(OsStr::new).collect();
        words.splice(1..1, [OsStr::new("-P"), self.0.as_os_str()]);
        if words[0] == "create" && !words.iter().any(|word| *word == "-f") {
            words.splice(1..1, ["-f", "/dev/null"].map(OsStr::new));
        }
        keel(words)
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// Everything in it: path, mode, link target, sorted.
    pub fn listing(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![self.0.clone()];
        while let Some(dir) = left.pop() {
            for entry in std::fs::read_dir(&dir).expect("readable").map(|entry| entry.expect("readable").path()) {
                let meta = entry.symlink_metadata().expect("there");
                let shown = entry.strip_prefix(&self.0).expect("below").display().to_string();
                let mode = std::os::unix::fs::MetadataExt::mode(&meta);
                match std::fs::read_link(&entry) {
                    Ok(target) => found.push(format!("{shown} -> {}", target.display())),
                    Err(_) => found.push(format!("{shown} {mode:06o}")),
                }
                if meta.is_dir() {
                    left.push(entry);
                }
            }
        }
        found.sort();
        found
    }

    /// A static program for tests that need any: the tests' own busybox.
    pub fn copy_of(&self, program: &Path, name: &str) -> PathBuf {
        let to = self.0.join(name);
        std::fs::copy(program, &to).expect("copied");
        to
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The static busybox of this machine; none is a skip, and with MUST=1 a failure.
pub fn busybox() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join("busybox")).find(|file| file.is_file());
    if found.is_none() {
        skip("no busybox in PATH (package busybox-static)");
    }
    found
}

/// Says why a test does nothing; with MUST=1 it fails instead.
pub fn skip(why: &str) {
    assert!(std::env::var_os("MUST").is_none_or(|value| value != "1"), "skipped with MUST=1: {why}");
    eprintln!("skipped: {why}");
}
