//! The same start on a machine that has much: 3,000 mounts in the mount namespace that it comes from, and thousands of tasks.
//! pivot_root(2) looks at every task of the machine, and a new mount namespace is a copy of the caller's.

use super::room::{Room, View};
use super::runs::{How, measure};
use super::starts::{COLUMNS, TRUE, With, compare, contenders, define};
use super::table::Table;
use crate::fault::{Fault, Result};
use nix::mount::{MsFlags, mount};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

const MOUNTS: usize = 3000;
/// Half a gigabyte of the kernel's memory.
const TASKS: usize = 20_000;
/// The same in a title.
pub const MUCH: &str = "with 3000 mounts and 20000 tasks more on the machine";

/// Tasks that sleep, until it is dropped.
pub struct Crowd(Child);

impl Crowd {
    fn gather(room: &Room, count: usize) -> Result<Crowd> {
        let mut command = Command::new(&room.payload);
        command.args(["crowd", &count.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| Fault::at("exec", &room.payload, &e))?;
        let mut line = String::new();
        let read = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let crowd = Crowd(child);
        match read {
            Some(Ok(1..)) => Ok(crowd),
            _ => Err(Fault::new(format!("{count} tasks could not be made"))),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // All are one process: they end with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One of the two tables: the machine as it is, or with all that.
pub fn table(room: &Room, name: &'static str, crowded: bool, how: How) -> Result<Table> {
    let title = match crowded {
        false => "start → exit, pid mnt uts ipc, on the machine as it is".to_owned(),
        true => format!("start → exit, pid mnt uts ipc, {MUCH}"),
    };
    let mut table = Table::new(name, title, &COLUMNS);
    define(room, With::Plain, &TRUE)?;
    let _crowd = match crowded {
        false => None,
        true => Some(crowd(room)?),
    };
    let own = ["floor", "floor, supervised", "keel start -F", "bwrap"];
    let mut all = contenders(room, With::Plain, &TRUE)?;
    all.retain(|c| own.contains(&c.name.as_str()));
    if crowded {
        all.iter_mut().for_each(|c| c.view = View::Full);
    }
    compare(&mut table, measure(room, &all, how)?);
    Ok(table)
}

/// The tasks; the mounts are in `View::Full`.
pub fn crowd(room: &Room) -> Result<Crowd> {
    if room.look(View::Full).is_err() {
        room.fill(|| many_mounts(room))?;
    }
    Crowd::gather(room, TASKS)
}

fn many_mounts(room: &Room) -> Result<()> {
    let none = None::<&str>;
    let dir = room.base().join("many");
    for n in 0..MOUNTS {
        let at = dir.join(n.to_string());
        fs::create_dir_all(&at).map_err(|e| Fault::at("mkdir", &at, &e))?;
        mount(Some(&at), &at, none, MsFlags::MS_BIND, none)
            .map_err(|e| Fault::new(format!("mount '{}': {e:?}", at.display())))?;
    }
    Ok(())
}
