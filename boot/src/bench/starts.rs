//! The tables of starts: one container from the command to its end, the same work for all. Each peer's own way to say it is
//! here; what one can't do, or does besides, is said in the notes.

use super::room::{Room, View, mounts};
use super::runs::{Contender, How, Outcome, measure};
use super::table::{Cell, Table};
use crate::fault::{At, Result};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a start has besides pid, mnt, uts and ipc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// Nothing.
    Plain,
    /// A network namespace.
    Net,
    /// That, and a cgroup in every hierarchy.
    Cgroup,
}

impl With {
    fn net(self) -> bool {
        self != With::Plain
    }
}

/// The payload of a start, and of a container that stays.
pub const TRUE: [&str; 1] = ["/bin/true"];

/// Writes the configuration for LXC and keel, and the bundle for crun and runc.
pub fn define(room: &Room, with: With, argv: &[&str]) -> Result<()> {
    let dir = room.base().join("lxc").join(&room.name);
    let net = if with.net() { " net\nlxc.net.0.type = empty" } else { "" };
    let text = format!(
        "lxc.rootfs.path = dir:{}\nlxc.uts.name = bb\nlxc.namespace.clone = pid mnt uts ipc{net}\n\
         lxc.mount.auto = proc:rw sys:rw\n\
         lxc.mount.entry = shm dev/shm tmpfs nosuid,nodev,mode=1777,create=dir 0 0\n\
         lxc.tty.max = 0\nlxc.console.path = none\nlxc.signal.halt = SIGKILL\nlxc.init.cmd = {}\n",
        room.root().display(),
        argv.join(" "),
    );
    let path = dir.join("config");
    fs::write(&path, text).at("write", &path)?;
    let bundle = room.base().join("bundle");
    fs::create_dir_all(&bundle).at("mkdir", &bundle)?;
    let path = bundle.join("config.json");
    fs::write(&path, oci(room, with, argv).to_string()).at("write", &path)
}

fn oci(room: &Room, with: With, argv: &[&str]) -> Value {
    let mut spaces: Vec<Value> = ["pid", "mount", "uts", "ipc"].iter().map(|t| json!({ "type": t })).collect();
    if with.net() {
        spaces.push(json!({ "type": "network" }));
    }
    let mount = |to: &str, kind: &str, options: &[&str]| json!({ "destination": to, "type": kind, "source": kind, "options": options });
    json!({
        "ociVersion": "1.0.2",
        "process": { "args": argv, "cwd": "/", "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 } },
        "root": { "path": room.root() },
        "hostname": "bb",
        "mounts": [
            mount("/proc", "proc", &[]),
            mount("/sys", "sysfs", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", &["nosuid", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777"]),
        ],
        "linux": { "namespaces": spaces, "cgroupsPath": format!("/{}", room.name) },
    })
}

/// The floor's words for the cgroups of this machine.
fn floor_cgroups(room: &Room) -> Result<Vec<String>> {
    room.look(View::Cgroups)?;
    let mut words = Vec::new();
    for (at, fstype) in mounts()?.into_iter().filter(|(_, t)| t.starts_with("cgroup")) {
        let dir = format!("{at}/{}", room.name);
        if fstype == "cgroup2" {
            words.extend(["into".into(), dir]);
            continue;
        }
        words.extend(["cgroup".into(), dir.clone()]);
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if PathBuf::from(&at).join(file).exists() {
                words.extend(["copy".into(), format!("{at}/{file}"), format!("{dir}/{file}")]);
            }
        }
    }
    Ok(words)
}

/// Who starts a container of `argv`. `define` comes before.
pub fn contenders<'a>(room: &'a Room, with: With, argv: &'a [&'a str]) -> Result<Vec<Contender<'a>>> {
    let own = if with == With::Cgroup { View::Cgroups } else { View::Bare };
    let groups = if with == With::Cgroup { floor_cgroups(room)? } else { Vec::new() };
    let mut all = Vec::new();
    let mut add = |name: &str, view: View, command: Box<dyn Fn() -> Command + 'a>| {
        all.push(Contender { name: name.into(), view, command });
    };
    let config = room.base().join("lxc").join(&room.name).join("config");
    let kept = [OsString::from("keep"), room.base().join("floor-kept").into(), config.into()];
    let plain = |of: &'static str, program: &'a Path| (of, program, Vec::new());
    let [bare, libc] = &room.floor;
    for (name, program, more) in
        [plain("floor", bare), plain("floor, libc", libc), ("floor, supervised", bare.as_path(), kept.to_vec())]
    {
        let groups = groups.clone();
        add(
            name,
            own,
            Box::new(move || {
                let mut command = Command::new(program);
                command.arg("start").args(with.net().then_some("net")).args(&more).args(&groups);
                command.arg(room.root()).args(argv);
                command
            }),
        );
    }
    add("keel start -F", own, Box::new(|| room.keel(&["start", "-F"])));
    // The peers below can't do without cgroups, or do with them what they always do.
    let lxc = move |program: &'static str, option: Option<&'static str>| {
        move || {
            let mut command = Command::new(program);
            command.arg("-P").arg(room.base().join("lxc")).args(["-n", &room.name]).args(option);
            command
        }
    };
    add("lxc-start -F", View::Cgroups, Box::new(lxc("lxc-start", Some("-F"))));
    add(
        "lxc-execute",
        View::Cgroups,
        Box::new(move || {
            let mut command = lxc("lxc-execute", None)();
            command.arg("--").args(argv);
            command
        }),
    );
    add(
        "crun run",
        // It refuses a machine that has both versions, even when it shall make no cgroups.
        if with == With::Cgroup { View::Cgroups } else { View::Unified },
        Box::new(move || {
            let mut command = Command::new("crun");
            command.arg("--root").arg("/run/crun");
            command.args((with != With::Cgroup).then_some("--cgroup-manager=disabled"));
            command.arg("run").arg("-b").arg(room.base().join("bundle")).arg(&room.name);
            command
        }),
    );
    add(
        "runc run",
        View::Cgroups,
        Box::new(move || {
            let mut command = Command::new("runc");
            command.args(["--root", "/run/runc", "run", "-b"]).arg(room.base().join("bundle")).arg(&room.name);
            command
        }),
    );
    add(
        "bwrap",
        own,
        Box::new(move || {
            let mut command = Command::new("bwrap");
            command.args(["--unshare-pid", "--unshare-uts", "--unshare-ipc", "--hostname", "bb"]);
            command.args(with.net().then_some("--unshare-net"));
            command.arg("--bind").arg(room.root()).arg("/");
            command
                .args(["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/dev/shm", "--bind", "/sys", "/sys"])
                .args(argv);
            command
        }),
    );
    add(
        "systemd-nspawn",
        View::Cgroups,
        Box::new(move || {
            let mut command = Command::new("systemd-nspawn");
            command.args(["-q", "--register=no", "--keep-unit", "-D"]).arg(room.root());
            command.args(with.net().then_some("--private-network")).args(argv);
            command
        }),
    );
    Ok(all)
}

/// Columns of tables that compare with the floor.
pub const COLUMNS: [&str; 7] = ["median µs", "p10 µs", "× floor", "× floor, p10", "cpu µs", "faults", "calls"];

/// Rows with their ratios to the first outcome.
pub fn compare(table: &mut Table, outcomes: Vec<Outcome>) {
    let first = outcomes.first().map(|o| (o.wall.median(), o.wall.p10())).unwrap_or((f64::NAN, f64::NAN));
    for o in outcomes {
        if let Some(why) = o.failed {
            table.notes.push(format!("{}: {why}", o.name));
            continue;
        }
        let (median, p10) = (o.wall.median(), o.wall.p10());
        table.row(
            o.name,
            vec![
                Cell::Whole(median),
                Cell::Whole(p10),
                Cell::Part(median / first.0),
                Cell::Part(p10 / first.1),
                Cell::Whole(o.cpu.median()),
                Cell::Whole(o.faults.median()),
                o.calls.map_or(Cell::None, |n| Cell::Whole(n.into())),
            ],
        );
    }
}

/// One of the tables.
pub fn table(room: &Room, name: &'static str, with: With, how: How) -> Result<Table> {
    let spaces = match with {
        With::Plain => "pid mnt uts ipc",
        With::Net => "pid mnt uts ipc net",
        With::Cgroup => "pid mnt uts ipc net, cgroups",
    };
    let rest = if how.rest_ms > 0 { format!(", {} ms of rest before each", how.rest_ms) } else { String::new() };
    let mut table = Table::new(name, format!("start → exit, {spaces}{rest}"), &COLUMNS);
    define(room, with, &TRUE)?;
    let outcomes = measure(room, &contenders(room, with, &TRUE)?, how)?;
    compare(&mut table, outcomes);
    if with != With::Cgroup {
        table
            .notes
            .push("lxc, runc and systemd-nspawn make or move cgroups all the same: they do not start without".into());
    }
    table.notes.push(
        "floor, supervised: with the calls that any supervisor makes, in the fewest (files read, lock, socket, state); it understands \
         nothing of what it reads"
            .into(),
    );
    table
        .notes
        .push("bwrap binds the host's /sys and makes no cgroup; systemd-nspawn mounts more than the others".into());
    Ok(table)
}
