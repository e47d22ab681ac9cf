//! Runs test programs built by Cargo and reads what libtest prints: each test's line as it ends, what failed and why, what
//! was skipped. A program that says nothing for too long is ended and counts as a failure.
//! A skip is a line that begins with `skipped:`, printed by the test itself; libtest knows none.

use crate::apt;
use crate::fault::{Fault, Result, symbol};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// What came of a run.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: u32,
    /// Names of what failed.
    pub failed: Vec<String>,
    /// Why something was skipped.
    pub skipped: Vec<String>,
}

impl Tally {
    /// Adds another run's.
    pub fn add(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed.extend(other.failed);
        self.skipped.extend(other.skipped);
    }
}

/// A program with tests in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The source it was made from, as Cargo prints it: `tests/boots.rs`, `unittests src/lib.rs`.
    pub source: String,
    /// The program.
    pub path: PathBuf,
    /// The directory of its package, where Cargo would run it.
    pub dir: PathBuf,
}

impl Program {
    /// The target's name in its Cargo.toml, which Cargo puts before a hash; the package's directory for unit tests.
    pub fn name(&self) -> String {
        let file = if self.source.starts_with("unittests ") { self.dir.as_path() } else { self.path.as_path() };
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match name.rsplit_once('-') {
            Some((target, _)) if file == self.path => target.to_owned(),
            _ => name,
        }
    }
}

/// Reads the `Executable SOURCE (PATH)` lines of `cargo test --no-run`, for the package in `dir`; paths are relative to
/// the workspace.
pub fn programs(said: &str, workspace: &Path, dir: &Path) -> Vec<Program> {
    let line = |l: &str| {
        let (source, path) = l.trim().strip_prefix("Executable ")?.rsplit_once(" (")?;
        let path = workspace.join(path.strip_suffix(')')?);
        Some(Program { source: source.to_owned(), path, dir: dir.to_path_buf() })
    };
    said.lines().filter_map(line).collect()
}

/// Longest silence between two lines of a test program.
const SILENCE: Duration = Duration::from_secs(600);

/// Runs a test program; prints each test's line, and on failure what libtest says about it.
pub fn run(name: &str, command: &mut Command) -> Result<Tally> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| Fault::new(format!("exec '{name}': {}", symbol(&e))))?;
    let (sender, lines) = channel();
    let readers = [
        child.stdout.take().map(|out| forward(out, sender.clone())),
        child.stderr.take().map(|err| forward(err, sender)),
    ];
    let mut reading = Reading::default();
    let silent = loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => {
                if reading.line(&line) {
                    println!("  {line}");
                }
            }
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break false,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => break true,
        }
    };
    if silent {
        // What it started itself may hold its pipes: those readers end with it.
        let _ = child.kill();
    } else {
        for reader in readers.into_iter().flatten() {
            let _ = reader.join();
        }
    }
    let status = child.wait().map_err(|e| Fault::new(format!("wait for '{name}': {}", symbol(&e))))?;
    let mut tally = reading.tally(name);
    if silent {
        tally.failed.push(format!("{name}: silent for {} s, ended", SILENCE.as_secs()));
    } else if !status.success() && tally.failed.is_empty() {
        tally.failed.push(format!("{name}: {}", apt::ending(status)));
    }
    if !tally.failed.is_empty() {
        println!("{}", reading.details.join("\n"));
    }
    Ok(tally)
}

fn forward(from: impl Read + Send + 'static, to: Sender<String>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        // A guest's console may print anything: bytes that are no UTF-8 are replaced.
        while from.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if to.send(text).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// libtest's output, as far as it was read.
#[derive(Debug, Default)]
struct Reading {
    passed: u32,
    failed: Vec<String>,
    skipped: Vec<String>,
    details: Vec<String>,
}

impl Reading {
    /// Takes a line; true when it is worth showing at once.
    fn line(&mut self, line: &str) -> bool {
        if let Some(why) = line.strip_prefix("skipped:") {
            self.skipped.push(why.trim().to_owned());
            return false;
        }
        let test = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "));
        match test {
            Some((_, "ok")) => self.passed += 1,
            Some((name, "FAILED")) => self.failed.push(name.to_owned()),
            Some((name, rest)) if rest.starts_with("ignored") => self.skipped.push(format!("{name}: {rest}")),
            _ => {
                self.details.push(line.to_owned());
                return false;
            }
        }
        true
    }

    fn tally(&self, program: &str) -> Tally {
        let under = |names: &[String]| names.iter().map(|n| format!("{program}: {n}")).collect();
        Tally { passed: self.passed, failed: under(&self.failed), skipped: under(&self.skipped) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Tally {
        run("p", Command::new("sh").arg("-c").arg(script)).unwrap()
    }

    #[test]
    fn libtests_lines_are_counted() {
        let said = "echo 'test a::b ... ok'; echo 'test c ... FAILED'; echo 'skipped: no root'; echo 'test d ... ok'; exit 101";
        let tally = sh(said);
        assert_eq!(tally.passed, 2);
        assert_eq!(tally.failed, ["p: c"]);
        assert_eq!(tally.skipped, ["p: no root"]);
    }

    #[test]
    fn an_end_without_a_reason_is_a_failure() {
        assert_eq!(sh("echo 'test a ... ok'; kill -9 $$").failed, ["p: signal 9"]);
        assert_eq!(sh("exit 3").failed, ["p: exit 3"]);
        assert_eq!(sh("true"), Tally::default());
    }

    #[test]
    fn cargos_list_of_programs_is_read() {
        let said = "   Compiling x\n  Executable unittests src/lib.rs (target/debug/deps/boot-1)\n  Executable tidy/main.rs (/t/tidy-2)\n";
        let found = programs(said, Path::new("/w"), Path::new("/w/boot"));
        let names: Vec<_> = found.iter().map(Program::name).collect();
        assert_eq!(names, ["boot", "tidy"]);
        assert_eq!(found[0].path, Path::new("/w/target/debug/deps/boot-1"));
        assert_eq!(found[1].path, Path::new("/t/tidy-2"));
    }
}
