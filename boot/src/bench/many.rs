//! Many containers at once: how long until all run, what everything but the payload takes, how long until all are gone.
//! The payload is busybox's sleep; one after the other is started, in the background.

use super::room::{Room, View};
use super::runs::{once, rest};
use super::starts::{With, define};
use super::table::{Cell, Table};
use crate::fault::{At, Fault, Result};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

const COLUMNS: [&str; 6] =
    ["all run ms", "each ms", "all gone ms", "helpers", "helper PSS KiB each", "anonymous KiB each"];

/// Processes but for the payload that carry our name: number of all, PSS and private KiB.
pub fn helpers(names: &[String], others: &BTreeSet<String>) -> (f64, f64, f64) {
    let (mut count, mut pss, mut private) = (0.0, 0.0, 0.0);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        let Ok(comm) = fs::read_to_string(format!("/proc/{pid}/comm")) else { continue };
        if others.contains(&pid) || !names.iter().any(|n| comm.starts_with(n.as_str())) {
            continue;
        }
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let kib = |name: &str| -> f64 {
            let line = text.lines().find_map(|l| l.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
            line.unwrap_or(0.0)
        };
        count += 1.0;
        pss += kib("Pss:");
        private += kib("Anonymous:");
    }
    (count, pss, private)
}

/// Processes that are there.
pub fn pids() -> BTreeSet<String> {
    let names =
        fs::read_dir("/proc").into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    names.filter(|n| n.bytes().all(|b| b.is_ascii_digit())).collect()
}

/// What of the time passed and what is held is one contender's.
pub struct Seen {
    /// All run.
    pub up_ms: f64,
    /// All are gone.
    pub gone_ms: f64,
    /// Number, PSS and anonymous KiB.
    pub helpers: (f64, f64, f64),
}

fn cells(seen: &Seen, count: f64) -> Vec<Cell> {
    vec![
        Cell::Whole(seen.up_ms),
        Cell::Part(seen.up_ms / count),
        Cell::Whole(seen.gone_ms),
        Cell::Whole(seen.helpers.0),
        Cell::Whole(seen.helpers.1 / count),
        Cell::Whole(seen.helpers.2 / count),
    ]
}

/// A command for each of `count` containers to start them, another to end them.
fn commands(
    room: &Room,
    view: View,
    count: usize,
    names: &[&str],
    start: impl Fn(usize) -> Command,
    stop: impl Fn(usize) -> Command,
) -> Result<Seen> {
    room.look(view)?;
    let others = pids();
    let began = Instant::now();
    let mut up = 0;
    let started = (0..count).try_for_each(|n| {
        once(room, &mut start(n))?;
        up = n + 1;
        Ok::<(), Fault>(())
    });
    let up_ms = began.elapsed().as_secs_f64() * 1e3;
    rest(200);
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let helpers = helpers(&names, &others);
    let began = Instant::now();
    let stopped = (0..up).map(|n| once(room, &mut stop(n))).filter_map(|r| r.err()).next();
    let gone_ms = began.elapsed().as_secs_f64() * 1e3;
    started?;
    stopped.map_or(Ok(Seen { up_ms, gone_ms, helpers }), Err)
}

/// The floor of an agent: one process that makes all of them.
pub fn floor(room: &Room, with: With, count: usize) -> Result<Seen> {
    room.look(View::Bare)?;
    let others = pids();
    let mut command = Command::new(&room.floor[0]);
    command.args(["many", &count.to_string()]).args((with == With::Net).then_some("net"));
    command.arg(room.root()).args(["/bin/sleep", "1000"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().at("exec", &room.floor[0])?;
    let began = Instant::now();
    // Asked for one after the other, and each answered when it runs, as keel's agent is.
    let mut byte = [0];
    let read = match (&mut child.stdin, &mut child.stdout) {
        (Some(asked), Some(said)) => {
            Some((0..count).try_for_each(|_| asked.write_all(b"x").and_then(|()| said.read_exact(&mut byte))))
        }
        _ => None,
    };
    let up_ms = began.elapsed().as_secs_f64() * 1e3;
    let helpers = helpers(&["floor".into()], &others);
    let began = Instant::now();
    let told = child.stdin.take().map(|mut stdin| stdin.write_all(b"x"));
    let status = child.wait().at("wait for", &room.floor[0])?;
    let gone_ms = began.elapsed().as_secs_f64() * 1e3;
    match (read, told) {
        (Some(Ok(())), Some(Ok(()))) if status.success() => Ok(Seen { up_ms, gone_ms, helpers }),
        _ => Err(Fault::new(format!("the floor: {}", crate::apt::ending(status)))),
    }
}

/// The table for so many containers. LXC is left out beyond a hundred: it takes 15 s for a thousand, and 350 MiB.
pub fn table(room: &Room, name: &'static str, count: usize) -> Result<Table> {
    let mut table = Table::new(name, format!("{count} containers that stay, pid mnt uts ipc"), &COLUMNS);
    define(room, With::Plain, &["/bin/sleep", "1000"])?;
    let lxc = room.base().join("lxc");
    let config = lxc.join(&room.name).join("config");
    let of = |n: usize| format!("{}-{n}", room.name);
    for n in 0..count {
        let dir = lxc.join(of(n));
        fs::create_dir_all(&dir).at("mkdir", &dir)?;
        fs::copy(&config, dir.join("config")).at("copy", &config)?;
    }
    let run = room.base().join("run");
    let keel = |words: &'static [&'static str], n: usize| {
        let mut command = Command::new(&room.keel);
        command.args(words).arg("-P").arg(&lxc).args(["-n", &of(n)]).env("KEEL_RUN", &run).env_remove("CONFIG");
        command
    };
    let old = |program: &'static str, words: &'static [&'static str], n: usize| {
        let mut command = Command::new(program);
        command.args(words).arg("-P").arg(&lxc).args(["-n", &of(n)]);
        command
    };
    let mut add = |of: &str, seen: Result<Seen>| match seen {
        Ok(seen) => table.row(of, cells(&seen, count as f64)),
        Err(why) => table.notes.push(format!("{of}: {why}")),
    };
    add("floor, one agent", floor(room, With::Plain, count));
    let start = |n| keel(&["start"], n);
    add("keel start", commands(room, View::Bare, count, &["keel"], start, |n| keel(&["stop", "-k"], n)));
    if count <= 100 {
        let start = |n| old("lxc-start", &[], n);
        add(
            "lxc-start",
            commands(room, View::Cgroups, count, &["[lxc monitor]", "lxc-start"], start, |n| {
                old("lxc-stop", &["-k"], n)
            }),
        );
    }
    for n in 0..count {
        let dir = lxc.join(of(n));
        fs::remove_dir_all(&dir).at("remove", &dir)?;
    }
    table.notes.push(
        "one command after the other for each; PSS and anonymous pages of the processes that are not the payload"
            .into(),
    );
    Ok(table)
}
