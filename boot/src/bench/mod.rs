//! `cargo boot bench`: keel beside its peers and beside the floor, the least that the kernel allows.
//!
//! Prints tables and writes them as JSON, Markdown and SVG. Works in mount namespaces of its own with packages that are
//! unpacked and not installed; the only things it makes outside are cgroups, which it removes. Needs root.

mod agent;
mod attach;
mod boots;
mod flat;
mod inits;
mod lists;
mod login;
mod many;
mod numbers;
mod peers;
mod pid1;
mod plot;
mod room;
mod runs;
mod starts;
mod table;

use crate::artifacts;
use crate::build::Binaries;
use crate::fault::{At, Fault, Result};
use room::Room;
use runs::How;
use starts::With;
use std::fs;
use std::path::{Path, PathBuf};
use table::Table;

/// How much.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Names of tables; empty: all.
    pub only: Vec<String>,
    /// Runs of each contender.
    pub rounds: usize,
    /// Where results go.
    pub out: PathBuf,
}

type Make = fn(&Room, usize) -> Result<Table>;

const fn how(rounds: usize, rest_ms: u16, trace: bool) -> How {
    How { rounds, rest_ms, trace }
}

/// The tables: name, and what makes it of so many rounds.
const TABLES: [(&str, Make); 24] = [
    ("start", |room, n| starts::table(room, "start", With::Plain, how(n, 0, true))),
    ("start-net", |room, n| starts::table(room, "start-net", With::Net, how(n, 0, true))),
    ("start-cgroup", |room, n| starts::table(room, "start-cgroup", With::Cgroup, how(n, 0, true))),
    ("cold", |room, n| starts::table(room, "cold", With::Plain, how(n.div_ceil(3), 100, false))),
    ("cold-cgroup", |room, n| starts::table(room, "cold-cgroup", With::Cgroup, how(n.div_ceil(3), 100, false))),
    ("attach", |room, n| attach::table(room, "attach", how(n, 0, true))),
    ("cold-attach", |room, n| attach::table(room, "cold-attach", how(n.div_ceil(3), 100, false))),
    ("lists", |room, n| lists::table(room, how(n, 0, true))),
    ("many-1", |room, _| many::table(room, "many-1", 1)),
    ("many-100", |room, _| many::table(room, "many-100", 100)),
    ("many-1000", |room, _| many::table(room, "many-1000", 1000)),
    ("request", |room, n| agent::requests(room, "request", With::Plain, false, n)),
    ("request-net", |room, n| agent::requests(room, "request-net", With::Net, false, n)),
    ("request-full", |room, n| agent::requests(room, "request-full", With::Plain, true, n)),
    ("agent-100-net", |room, _| agent::many(room, "agent-100-net", With::Net, 100)),
    ("agent-1000", |room, _| agent::many(room, "agent-1000", With::Plain, 1000)),
    ("idle-host", |room, n| flat::table(room, "idle-host", false, how(n, 0, false))),
    ("full-host", |room, n| flat::table(room, "full-host", true, how(n, 0, false))),
    ("pid1", |room, _| pid1::costs(room)),
    ("pid1-signal", |room, n| pid1::signals(room, n)),
    ("pid1-exec", |room, n| pid1::wrapping(room, "pid1-exec", how(n * 2, 0, true))),
    ("pid1-exec-busybox", |room, n| pid1::wrapping(room, "pid1-exec-busybox", how(n * 2, 0, true))),
    ("pid1-login", |room, n| login::table(room, "pid1-login", n)),
    ("boots", |room, n| boots::table(room, "boots", n.div_ceil(6))),
];

/// Names of all tables.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(name, _)| *name)
}

/// Measures, prints and writes.
pub fn run(wanted: &Wanted, binaries: &Binaries) -> Result<()> {
    let peers = peers::obtain()?;
    let busybox = artifacts::busybox(crate::target::Arch::X86_64)?;
    fs::create_dir_all(&wanted.out).at("mkdir", &wanted.out)?;
    // From here on the machine's /usr and /run are hidden.
    let out = fs::canonicalize(&wanted.out).at("resolve", &wanted.out)?;
    let room = Room::make(binaries, &peers, &busybox)?;
    let about = about();
    println!("{about}\n{METHOD}\n");
    peers.missing.iter().for_each(|why| println!("missing: {why}"));
    let mut tables = Vec::new();
    let chosen = TABLES.iter().filter(|(name, _)| wanted.only.is_empty() || wanted.only.iter().any(|o| o == name));
    for (_, make) in chosen {
        let table = make(&room, wanted.rounds);
        let left = room.sweep()?;
        let mut table = table?;
        if !left.is_empty() {
            table.notes.push(format!("{} cgroups were left behind by one of them, and removed", left.len()));
        }
        println!("{}", table.text());
        write(&out, &table, &about)?;
        tables.push(table);
    }
    let versions: serde_json::Map<_, _> = peers.versions.into_iter().map(|(p, v)| (p, v.into())).collect();
    let all = serde_json::json!({
        "about": about,
        "method": METHOD,
        "packages": versions,
        "tables": tables.iter().map(Table::json).collect::<Vec<_>>(),
    });
    let path = out.join("bench.json");
    fs::write(&path, format!("{all:#}\n")).at("write", &path)?;
    println!("written to {}", out.display());
    Ok(())
}

const METHOD: &str = "Runs are interleaved, in another order each round; the first two rounds are dropped. Wall clock from before the spawn to after the wait; \
processor time, page faults: getrusage; calls: strace -f -c of one run. The machine may be shared: p10 is what it does when left alone.";

fn write(out: &Path, table: &Table, about: &str) -> Result<()> {
    let path = out.join(format!("{}.md", table.name));
    fs::write(&path, table.markdown()).at("write", &path)?;
    if let Some(svg) = plot::bars(table, 0, about) {
        let path = out.join(format!("{}.svg", table.name));
        fs::write(&path, svg).at("write", &path)?;
    }
    Ok(())
}

/// Date, kernel and machine.
fn about() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu =
        cpu.lines().find_map(|l| l.strip_prefix("model name")).map_or("", |l| l.trim_start_matches([' ', '\t', ':']));
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let date = crate::apt::quiet(std::process::Command::new("date").args(["-u", "+%Y-%m-%d"])).unwrap_or_default();
    format!("{}, Linux {}, {count} × {cpu}", date.trim(), read("/proc/sys/kernel/osrelease").trim())
}

/// Those of `only` that are no tables.
pub fn unknown(only: &[String]) -> Option<Fault> {
    let word = only.iter().find(|w| !names().any(|name| name == *w))?;
    let hint = keel_core::nearest::hint(word, names());
    Some(Fault::new(format!("no table '{word}'{hint}")))
}
