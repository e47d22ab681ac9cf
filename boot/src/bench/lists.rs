//! What is asked of keel and of its peers about containers: one that runs, and a list.

use super::room::{Room, View};
use super::runs::{Contender, How, measure, once};
use super::starts::{COLUMNS, With, compare, define};
use super::table::Table;
use crate::fault::{Fault, Result};
use std::process::Command;

/// `info` and `ls` beside `/bin/true`.
pub fn table(room: &Room, how: How) -> Result<Table> {
    let mut table = Table::new("lists", "info of a container that runs, and a list of one", &COLUMNS);
    define(room, With::Plain, &["/bin/sleep", "1000"])?;
    room.look(View::Bare)?;
    once(room, &mut room.keel(&["start"])).map_err(|why| Fault::new(format!("keel start: {why}")))?;
    let lxcpath = room.base().join("lxc");
    let keel = |words: &'static [&'static str], name: &'static str| Contender {
        name: name.into(),
        view: View::Bare,
        command: Box::new(move || {
            let mut command = Command::new(&room.keel);
            command.args(words).arg("-P").arg(room.base().join("lxc")).env("KEEL_RUN", room.base().join("run"));
            command
        }),
    };
    let lxc = |program: &'static str, words: &'static [&'static str], named: bool| {
        let (lxcpath, name) = (lxcpath.clone(), room.name.clone());
        Contender {
            name: [&[program], words].concat().join(" "),
            view: View::Cgroups,
            command: Box::new(move || {
                let mut command = Command::new(program);
                command.arg("-P").arg(&lxcpath).args(named.then_some(["-n", &name]).into_iter().flatten()).args(words);
                command
            }),
        }
    };
    let mut info = keel(&["info"], "keel info");
    info.command = Box::new(|| room.keel(&["info"]));
    let busybox = room.root().join("bin/busybox");
    let all = vec![
        Contender {
            name: "busybox true".into(),
            view: View::Bare,
            command: Box::new(move || {
                let mut command = Command::new(&busybox);
                command.arg("true");
                command
            }),
        },
        Contender { name: "/bin/true".into(), view: View::Bare, command: Box::new(|| Command::new("/bin/true")) },
        Contender {
            name: "keel version".into(),
            view: View::Bare,
            command: Box::new(|| {
                let mut command = Command::new(&room.keel);
                command.arg("version");
                command
            }),
        },
        keel(&["ls"], "keel ls"),
        info,
        lxc("lxc-ls", &[], false),
        lxc("lxc-info", &[], true),
        Contender {
            name: "crun list".into(),
            view: View::Cgroups,
            command: Box::new(|| {
                let mut command = Command::new("crun");
                command.args(["--root", "/run/crun", "list"]);
                command
            }),
        },
        Contender {
            name: "runc list".into(),
            view: View::Cgroups,
            command: Box::new(|| {
                let mut command = Command::new("runc");
                command.args(["--root", "/run/runc", "list"]);
                command
            }),
        },
    ];
    let outcomes = measure(room, &all, how);
    room.look(View::Bare)?;
    let stopped = once(room, &mut room.keel(&["stop", "-k"]));
    compare(&mut table, outcomes?);
    stopped.map_err(|why| Fault::new(format!("keel stop: {why}")))?;
    table
        .notes
        .push("the floor of this table is a static busybox's true; crun and runc have no container to list".into());
    Ok(table)
}
