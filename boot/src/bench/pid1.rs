//! pid1 beside the inits of containers: memory while a payload sleeps, processor time for each orphan, the way of a signal to
//! the payload, and what wrapping a program costs. Each init is PID 1 of a pid namespace, without mounts of its own.

use super::numbers::Sample;
use super::room::{Room, View};
use super::runs::{Contender, How, measure, rest};
use super::table::{Cell, Table};
use crate::fault::{At, Fault, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

const ORPHANS: u32 = 2000;

/// An init, and the words between its name and the payload's.
struct Init {
    name: &'static str,
    program: PathBuf,
    words: &'static [&'static str],
}

fn inits(room: &Room) -> Vec<Init> {
    let peer = |name: &'static str, words: &'static [&'static str]| Init {
        name,
        program: PathBuf::from("/usr/bin").join(name),
        words,
    };
    vec![
        Init { name: "pid1", program: room.pid1.clone(), words: &["--"] },
        peer("tini", &["--"]),
        peer("tini-static", &["--"]),
        peer("dumb-init", &["--"]),
        peer("catatonit", &["--"]),
    ]
}

/// A running init with its payload; killed when dropped.
struct Running {
    child: Child,
    _stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    init: Pid,
}

impl Drop for Running {
    fn drop(&mut self) {
        // ESRCH: it has ended by itself.
        let _ = kill(self.init, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

impl Running {
    /// Starts the words as PID 1 and waits for the payload's first byte.
    fn start(room: &Room, program: &Path, words: &[&str], payload: &[&str]) -> Result<Running> {
        let mut command = Command::new(&room.payload);
        command.arg("pid").arg(program).args(words).arg(&room.payload).args(payload);
        Running::of(command)
    }

    fn of(mut command: Command) -> Result<Running> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().at("exec", Path::new(command.get_program()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(|| Fault::new("no pipe"))?;
        let mut running = Running { init: Pid::from_raw(child.id() as i32), child, _stdin: stdin, stdout };
        running.byte()?;
        let list = format!("/proc/{0}/task/{0}/children", running.child.id());
        let text = fs::read_to_string(&list).at("read", Path::new(&list))?;
        let pid = text.split_whitespace().next().and_then(|w| w.parse().ok());
        running.init = Pid::from_raw(pid.ok_or_else(|| Fault::new("the init has ended"))?);
        Ok(running)
    }

    /// The payload's next byte; after ten seconds it is not believed in.
    fn byte(&mut self) -> Result<()> {
        let mut byte = [0];
        let ready = poll(&mut [PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN)], PollTimeout::from(10_000u16));
        match ready {
            Ok(1..) if self.stdout.read(&mut byte).is_ok_and(|n| n == 1) => Ok(()),
            _ => Err(Fault::new("its payload says nothing")),
        }
    }

    /// A line's number in a file below /proc/PID, in KiB.
    fn kib(&self, name: &str) -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.init)).ok()?;
        let line = text.lines().find_map(|l| l.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Nanoseconds on a processor so far.
    fn on_cpu(&self) -> Option<f64> {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.init)).ok()?;
        text.split(' ').next()?.parse().ok()
    }
}

/// Files, memory and orphans.
pub fn costs(room: &Room) -> Result<Table> {
    let columns = ["file bytes", "RSS KiB", "anonymous KiB", "orphan ns"];
    let mut table = Table::new("pid1", "PID 1 of a container: file, memory, processor time for each orphan", &columns);
    room.look(View::Bare)?;
    for init in inits(room) {
        let row = || -> Result<Vec<Cell>> {
            let bytes = fs::metadata(&init.program).at("stat", &init.program)?.len() as f64;
            let idle = Running::start(room, &init.program, init.words, &["echo"])?;
            // What it has when nothing happens.
            rest(200);
            let private = idle.kib("Anonymous:").unwrap_or(f64::NAN);
            let rss = idle.kib("Rss:").unwrap_or(f64::NAN);
            let mut least = f64::INFINITY;
            for _ in 0..3 {
                let count = ORPHANS.to_string();
                // Its first byte comes when all orphans are made.
                let busy = Running::start(room, &init.program, init.words, &["orphans", &count])?;
                rest(200);
                let few = Running::start(room, &init.program, init.words, &["orphans", "0"])?;
                rest(50);
                let spent = busy.on_cpu().unwrap_or(f64::NAN) - few.on_cpu().unwrap_or(f64::NAN);
                least = least.min((spent / f64::from(ORPHANS)).max(0.0));
            }
            Ok(vec![Cell::Whole(bytes), Cell::Whole(rss), Cell::Whole(private), Cell::Whole(least)])
        };
        match row() {
            Ok(cells) => table.row(init.name, cells),
            Err(why) => table.notes.push(format!("{}: {why}", init.name)),
        }
    }
    table.notes.push(format!(
        "orphans: {ORPHANS} one after the other, the least of three runs, less what a start without any takes"
    ));
    Ok(table)
}

/// This process and those that it starts from now on are on one processor, until this is dropped.
struct OneProcessor(CpuSet);

impl OneProcessor {
    fn get() -> Result<OneProcessor> {
        let failed = |e| Fault::new(format!("sched_setaffinity: {e:?}"));
        let before = sched_getaffinity(Pid::this()).map_err(failed)?;
        let mut one = CpuSet::new();
        let first = (0..CpuSet::count()).find(|cpu| before.is_set(*cpu).unwrap_or(false)).unwrap_or(0);
        one.set(first).and_then(|()| sched_setaffinity(Pid::this(), &one)).map_err(failed)?;
        Ok(OneProcessor(before))
    }
}

impl Drop for OneProcessor {
    fn drop(&mut self) {
        // It was allowed before.
        let _ = sched_setaffinity(Pid::this(), &self.0);
    }
}

/// The way of a signal. All are on one processor: to wake another one takes five times as long as the rest, and who is where is luck.
pub fn signals(room: &Room, rounds: usize) -> Result<Table> {
    let columns = ["median µs", "p10 µs"];
    let mut table =
        Table::new("pid1-signal", "a signal to PID 1 until the payload says so, on one processor", &columns);
    let _one = OneProcessor::get()?;
    room.look(View::Bare)?;
    let mut all: Vec<(&str, Running, Sample)> = Vec::new();
    // Not through an init: the payload is PID 1 itself, and a signal that it blocks reaches it.
    let mut bare = Command::new(&room.payload);
    bare.arg("pid").arg(&room.payload).arg("echo");
    all.push(("direct", Running::of(bare)?, Sample::default()));
    for init in inits(room) {
        match Running::start(room, &init.program, init.words, &["echo"]) {
            Ok(running) => all.push((init.name, running, Sample::default())),
            Err(why) => table.notes.push(format!("{}: {why}", init.name)),
        }
    }
    for _ in 0..rounds * 10 {
        for (name, running, sample) in &mut all {
            let began = Instant::now();
            kill(running.init, Signal::SIGUSR1).map_err(|e| Fault::new(format!("kill {name}: {e:?}")))?;
            running.byte().map_err(|why| Fault::new(format!("{name}: {why}")))?;
            sample.add(began.elapsed().as_secs_f64() * 1e6);
        }
    }
    for (name, _, sample) in &all {
        table.row(*name, vec![Cell::Part(sample.median()), Cell::Part(sample.p10())]);
    }
    table.notes.push("the payload's byte comes through a pipe: 'direct' has that, too".into());
    Ok(table)
}

/// What wrapping costs: a program of some instructions, or a static busybox's true.
pub fn wrapping(room: &Room, name: &'static str, how: How) -> Result<Table> {
    let title = "a program under an init in a new pid namespace, start → exit";
    let busybox = room.root().join("bin/busybox");
    let (title, words) = match name {
        "pid1-exec-busybox" => (format!("{title}: a static busybox"), [busybox.as_os_str(), "true".as_ref()]),
        _ => (title.to_owned(), [room.payload.as_os_str(), "exit".as_ref()]),
    };
    let mut table = Table::new(name, title, &super::starts::COLUMNS);
    let contender = |name: &str, before: Vec<OsString>| Contender {
        name: name.into(),
        view: View::Bare,
        command: Box::new(move || {
            let mut command = Command::new(&room.payload);
            command.arg("pid").args(&before).args(words);
            command
        }),
    };
    let mut all =
        vec![contender("direct", Vec::new()), contender("floor", vec![(&room.floor[0]).into(), "exec".into()])];
    for init in inits(room) {
        let mut before = vec![init.program.into_os_string()];
        before.extend(init.words.iter().map(OsString::from));
        all.push(contender(init.name, before));
    }
    super::starts::compare(&mut table, measure(room, &all, how)?);
    table.notes.push("'direct': the program itself as PID 1; 'floor': a PID 1 that makes a child, waits for it and ends, and nothing else".into());
    Ok(table)
}
