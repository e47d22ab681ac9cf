//! keel as an agent, one process for all containers, beside the floor's: from a request to the payload's first instruction,
//! and many containers under one agent. The client is the bench itself: a frame to the agent's socket, no command.

use super::many::{helpers, pids};
use super::numbers::Sample;
use super::room::{Room, View};
use super::runs::rest;
use super::starts::{With, define};
use super::table::{Cell, Table};
use crate::fault::{At, Fault, Result};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket};
use nix::sys::stat::Mode;
use serde_json::json;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

fn said(what: &str) -> impl Fn(nix::errno::Errno) -> Fault + '_ {
    move |e| Fault::new(format!("{what}: {e:?}"))
}

/// One frame out and one back.
fn ask(path: &Path, request: &serde_json::Value) -> Result<()> {
    let fd = open(path)?;
    send(fd.as_raw_fd(), request.to_string().as_bytes(), MsgFlags::empty()).map_err(said("send"))?;
    let mut answer = [0; 1 << 14];
    let length = recv(fd.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(said("recv"))?;
    let text = String::from_utf8_lossy(&answer[..length]);
    if text.contains("\"error\"") { Err(Fault::new(text.into_owned())) } else { Ok(()) }
}

fn open(path: &Path) -> Result<OwnedFd> {
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).map_err(said("socket"))?;
    let address = UnixAddr::new(path).map_err(said("a socket's path"))?;
    connect(fd.as_raw_fd(), &address).map_err(said("connect"))?;
    Ok(fd)
}

/// A running agent of keel's.
struct Agent<'a> {
    room: &'a Room,
    child: Child,
    run: PathBuf,
    lxcpath: PathBuf,
}

impl<'a> Agent<'a> {
    fn start(room: &'a Room) -> Result<Agent<'a>> {
        let (run, lxcpath) = (room.base().join("agent-run"), room.base().join("lxc"));
        let mut command = Command::new(&room.keel);
        command.arg("agent").arg("-P").arg(&lxcpath).env("KEEL_RUN", &run).env_remove("CONFIG");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().at("exec", &room.keel)?;
        let agent = Agent { room, child, run, lxcpath };
        for _ in 0..1000 {
            if open(&agent.socket()).is_ok() {
                return Ok(agent);
            }
            rest(10);
        }
        Err(Fault::new("keel agent: its socket is not there after ten seconds"))
    }

    fn socket(&self) -> PathBuf {
        self.run.join("agent")
    }

    fn begin(&self, name: &str) -> Result<()> {
        let request = json!({ "do": "start", "name": name, "lxcpath": self.lxcpath, "define": [], "command": [] });
        ask(&self.socket(), &request).map_err(|why| Fault::new(format!("start {name}: {why}")))
    }

    /// The socket of a container: below the directory of its lxcpath, of which there is one.
    fn control(&self, name: &str) -> Result<PathBuf> {
        let dirs = fs::read_dir(&self.run).at("read", &self.run)?.flatten();
        let found = dirs.map(|dir| dir.path().join(name).join("control")).find(|path| path.exists());
        found.ok_or_else(|| Fault::new(format!("'{name}' has no control socket")))
    }

    fn end(&self, name: &str) -> Result<()> {
        ask(&self.control(name)?, &json!({ "do": "stop", "how": "kill", "wait": true, "kill": true }))
    }
}

impl Drop for Agent<'_> {
    fn drop(&mut self) {
        // ESRCH: it has ended by itself.
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(self.room.base().join("agent-run"));
    }
}

/// The floor's agent.
struct Floor {
    child: Child,
}

impl Floor {
    fn start(room: &Room, with: With, argv: &[&str]) -> Result<Floor> {
        let mut command = Command::new(&room.floor[0]);
        command.arg("agent").args((with == With::Net).then_some("net")).arg(room.root()).args(argv);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(Floor { child: command.spawn().at("exec", &room.floor[0])? })
    }

    fn tell(&mut self) -> Result<()> {
        let written = self.child.stdin.as_mut().map(|pipe| pipe.write_all(b"x"));
        written.filter(|w| w.is_ok()).map(drop).ok_or_else(|| Fault::new("the floor's agent has ended"))
    }

    fn gone(&mut self) -> Result<()> {
        let read = self.child.stdout.as_mut().map(|pipe| pipe.read_exact(&mut [0]));
        read.filter(|r| r.is_ok()).map(drop).ok_or_else(|| Fault::new("the floor's agent has ended"))
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // The end of its input is the end of it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

const KNOCK: [&str; 3] = ["/payload", "knock", "/knocked"];

/// The FIFO that the payload knocks at, in the rootfs.
fn knocked(room: &Room) -> Result<File> {
    let path = room.root().join("knocked");
    if !path.exists() {
        nix::unistd::mkfifo(&path, Mode::S_IRWXU).map_err(said("mkfifo"))?;
    }
    let to = room.root().join("payload");
    fs::copy(&room.payload, &to).at("copy", &room.payload)?;
    // For writing, too: it never ends.
    let options = OFlag::O_NONBLOCK.bits();
    OpenOptions::new().read(true).write(true).custom_flags(options).open(&path).at("open", &path)
}

fn wait(fifo: &mut File) -> Result<()> {
    let ready = poll(&mut [PollFd::new(fifo.as_fd(), PollFlags::POLLIN)], PollTimeout::from(30_000u16));
    match ready {
        Ok(1..) => fifo.read_exact(&mut [0]).map_err(|_| Fault::new("the payload's byte is not there")),
        _ => Err(Fault::new("the payload says nothing")),
    }
}

/// From the request to the payload's first instruction; `crowded`: on a machine that has much.
pub fn requests(room: &Room, name: &'static str, with: With, crowded: bool, rounds: usize) -> Result<Table> {
    let net = if with == With::Net { " net" } else { "" };
    let much = if crowded { format!(", {}", super::flat::MUCH) } else { String::new() };
    let title = format!("a request to a running agent → the payload's first instruction, pid mnt uts ipc{net}{much}");
    let mut table = Table::new(name, title, &["median µs", "p10 µs", "× floor", "× floor, p10"]);
    let _crowd = crowded.then(|| super::flat::crowd(room)).transpose()?;
    room.look(if crowded { View::Full } else { View::Bare })?;
    define(room, with, &KNOCK)?;
    let mut fifo = knocked(room)?;
    let agent = Agent::start(room)?;
    let mut floor = Floor::start(room, with, &KNOCK)?;
    let (mut floors, mut keels) = (Sample::default(), Sample::default());
    for round in 0..rounds + 2 {
        let began = Instant::now();
        floor.tell()?;
        wait(&mut fifo)?;
        let floor_us = began.elapsed().as_secs_f64() * 1e6;
        floor.tell()?;
        floor.gone()?;
        let began = Instant::now();
        let fd = open(&agent.socket())?;
        let request =
            json!({ "do": "start", "name": room.name, "lxcpath": agent.lxcpath, "define": [], "command": [] });
        send(fd.as_raw_fd(), request.to_string().as_bytes(), MsgFlags::empty()).map_err(said("send"))?;
        wait(&mut fifo)?;
        let keel_us = began.elapsed().as_secs_f64() * 1e6;
        // The answer: that it runs.
        recv(fd.as_raw_fd(), &mut [0; 1 << 14], MsgFlags::empty()).map_err(said("recv"))?;
        agent.end(&room.name)?;
        if round >= 2 {
            floors.add(floor_us);
            keels.add(keel_us);
        }
    }
    for (of, sample) in [("floor, one agent", &floors), ("keel agent", &keels)] {
        let (median, p10) = (sample.median(), sample.p10());
        let ratios = [Cell::Part(median / floors.median()), Cell::Part(p10 / floors.p10())];
        table.row(of, [vec![Cell::Whole(median), Cell::Whole(p10)], ratios.to_vec()].concat());
    }
    table.notes.push(
        "the payload knocks at a FIFO with its first two system calls; keel connects, reads and plans the container's \
         configuration, and takes its lock, the floor reads a byte"
            .into(),
    );
    Ok(table)
}

const COLUMNS: [&str; 8] = [
    "all run ms",
    "each µs",
    "first tenth, each µs",
    "last tenth, each µs",
    "all gone ms",
    "each gone µs",
    "agent PSS KiB each",
    "anonymous KiB each",
];

/// How often all of them are started, by one and by the other in turn.
const ROUNDS: usize = 5;

/// What one round took: the columns, NaN for what is not looked at.
type Row = [f64; COLUMNS.len()];

/// Many containers under one agent, asked for one after the other.
pub fn many(room: &Room, name: &'static str, with: With, count: usize) -> Result<Table> {
    let net = if with == With::Net { " net" } else { "" };
    let title = format!("{count} containers under one agent, pid mnt uts ipc{net}");
    let mut table = Table::new(name, title, &COLUMNS);
    room.look(View::Bare)?;
    define(room, with, &["/bin/sleep", "1000"])?;
    let lxc = room.base().join("lxc");
    let config = lxc.join(&room.name).join("config");
    let names: Vec<String> = (0..count).map(|n| format!("{}-{n}", room.name)).collect();
    for name in &names {
        let dir = lxc.join(name);
        fs::create_dir_all(&dir).at("mkdir", &dir)?;
        fs::copy(&config, dir.join("config")).at("copy", &config)?;
    }
    let (mut floors, mut keels) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floors.push(floor_round(room, with, count)?);
        keels.push(keel_round(room, &names)?);
    }
    for (of, rounds) in [("floor, one agent", &floors), ("keel agent", &keels)] {
        table.row(of, (0..COLUMNS.len()).map(|at| median(rounds, at)).collect());
    }
    for name in &names {
        let dir = lxc.join(name);
        fs::remove_dir_all(&dir).at("remove", &dir)?;
    }
    table.notes.push(format!(
        "medians of {ROUNDS} rounds, one after the other; one request after the other, each answered when the container runs; all are \
         stopped by the agent's end"
    ));
    Ok(table)
}

/// The median of a column; memory has a fraction.
fn median(rounds: &[Row], at: usize) -> Cell {
    let mut sample = Sample::default();
    rounds.iter().for_each(|row| sample.add(row[at]));
    match sample.median() {
        none if none.is_nan() => Cell::None,
        kib if COLUMNS[at].contains("KiB") => Cell::Part(kib),
        whole => Cell::Whole(whole),
    }
}

fn floor_round(room: &Room, with: With, count: usize) -> Result<Row> {
    let seen = super::many::floor(room, with, count)?;
    let (n, (_, pss, private)) = (count as f64, seen.helpers);
    let each = |ms: f64| ms * 1e3 / n;
    let tenths = [f64::NAN; 2];
    Ok([seen.up_ms, each(seen.up_ms), tenths[0], tenths[1], seen.gone_ms, each(seen.gone_ms), pss / n, private / n])
}

fn keel_round(room: &Room, names: &[String]) -> Result<Row> {
    let count = names.len();
    let others = pids();
    let agent = Agent::start(room)?;
    let mut marks = Vec::new();
    let began = Instant::now();
    for name in names {
        agent.begin(name)?;
        marks.push(began.elapsed().as_secs_f64() * 1e6);
    }
    let tenth = (count / 10).max(1);
    let first = marks.get(tenth - 1).copied().unwrap_or(f64::NAN) / tenth as f64;
    let all = marks.last().copied().unwrap_or(f64::NAN);
    let before = marks.get(count.saturating_sub(tenth + 1)).copied().unwrap_or(0.0);
    let last = (all - before) / tenth as f64;
    let (_, pss, private) = helpers(&["keel".to_owned()], &others);
    // All at once, as at the machine's end: the agent stops them side by side.
    let began = Instant::now();
    drop(agent);
    let gone = began.elapsed().as_secs_f64() * 1e6;
    let n = count as f64;
    Ok([all / 1e3, all / n, first, last, gone / 1e3, gone / n, pss / n, private / n])
}
