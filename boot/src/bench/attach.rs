//! A program in a container that runs: from the command to the program's end. Each one's container is its own.

use super::room::{Room, View};
use super::runs::{Contender, How, measure, once};
use super::starts::{COLUMNS, With, compare, define};
use super::table::Table;
use crate::fault::{Fault, Result};
use std::process::{Child, Command, Stdio};

const STAYS: [&str; 2] = ["/bin/sleep", "1000"];

/// A container of one of them, stopped when dropped.
struct Stays<'a> {
    room: &'a Room,
    view: View,
    stop: Command,
    child: Option<Child>,
}

impl Drop for Stays<'_> {
    fn drop(&mut self) {
        // What can't be stopped is seen by the sweep of the cgroups.
        let _ = self.room.look(self.view).and_then(|()| once(self.room, &mut self.stop));
        if let Some(child) = &mut self.child {
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

/// The table; its containers are stopped afterwards.
pub fn table(room: &Room, name: &'static str, how: How) -> Result<Table> {
    let rest = if how.rest_ms > 0 { format!(", {} ms of rest before each", how.rest_ms) } else { String::new() };
    let mut table = Table::new(name, format!("attach: /bin/true in a running container{rest}"), &COLUMNS);
    define(room, With::Plain, &STAYS)?;
    let lxcpath = room.base().join("lxc");
    let mut held = Vec::new();
    let mut all: Vec<Contender<'_>> = Vec::new();

    room.look(View::Bare)?;
    once(room, &mut room.keel(&["start"])).map_err(|why| Fault::new(format!("keel start: {why}")))?;
    held.push(Stays { room, view: View::Bare, stop: room.keel(&["stop", "-k"]), child: None });
    let pid = {
        let out = room.keel(&["info", "-pH"]).output().map_err(|e| Fault::new(format!("keel info: {e}")))?;
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    };
    let [bare, libc] = &room.floor;
    for (of, program, again) in
        [("floor", bare, None), ("floor, libc", libc, None), ("floor, executed twice", bare, Some("again"))]
    {
        let pid = pid.clone();
        all.push(Contender {
            name: of.into(),
            view: View::Bare,
            command: Box::new(move || {
                let mut command = Command::new(program);
                command.args(again).args(["attach", &pid, "/bin/true"]);
                command
            }),
        });
    }
    all.push(Contender {
        name: "keel attach".into(),
        view: View::Bare,
        command: Box::new(|| {
            let mut command = room.keel(&["attach"]);
            command.args(["--", "/bin/true"]);
            command
        }),
    });
    all.push(Contender {
        name: "nsenter".into(),
        view: View::Bare,
        command: Box::new(move || {
            let mut command = Command::new("nsenter");
            command.args(["-t", &pid, "-m", "-u", "-i", "-p", "/bin/true"]);
            command
        }),
    });
    room.look(View::Cgroups)?;
    let mut start = Command::new("lxc-start");
    start.arg("-P").arg(&lxcpath).args(["-n", &room.name]);
    let mut stop = Command::new("lxc-stop");
    stop.arg("-k").arg("-P").arg(&lxcpath).args(["-n", &room.name]);
    match once(room, &mut start) {
        Ok(_) => {
            held.push(Stays { room, view: View::Cgroups, stop, child: None });
            all.push(Contender {
                name: "lxc-attach".into(),
                view: View::Cgroups,
                command: Box::new(move || {
                    let mut command = Command::new("lxc-attach");
                    command.arg("-P").arg(&lxcpath).args(["-n", &room.name, "--", "/bin/true"]);
                    command
                }),
            });
        }
        Err(why) => table.notes.push(format!("lxc-start: {why}")),
    }
    // crun refuses a machine that has both versions of cgroups.
    for (program, view, options) in
        [("crun", View::Unified, &["--cgroup-manager=disabled"][..]), ("runc", View::Cgroups, &[])]
    {
        room.look(view)?;
        let id = format!("{}-{program}", room.name);
        let state = format!("/run/{program}");
        let mut command = Command::new(program);
        command.args(["--root", &state]).args(options).args(["run", "-b"]).arg(room.base().join("bundle")).arg(&id);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|e| Fault::new(format!("{program}: {e}")))?;
        let mut stop = Command::new(program);
        stop.args(["--root", &state, "delete", "-f", &id]);
        held.push(Stays { room, view, stop, child: Some(child) });
        if !runs(program, &state, &id) {
            table.notes.push(format!("{program}: its container did not start"));
            continue;
        }
        all.push(Contender {
            name: format!("{program} exec"),
            view,
            command: Box::new(move || {
                let mut command = Command::new(program);
                command.args(["--root", &state]).args(options).args(["exec", &id, "/bin/true"]);
                command
            }),
        });
    }
    compare(&mut table, measure(room, &all, how)?);
    table.notes.push(
        "the floor: pidfd_open, two setns, vfork, exec; executed twice: as keel is, so that nothing inside can write to it; keel joins the \
         container's cgroups and sets up its environment"
            .into(),
    );
    Ok(table)
}

/// Waits until an OCI runtime calls its container running.
fn runs(program: &str, state: &str, id: &str) -> bool {
    (0..200).any(|_| {
        super::runs::rest(20);
        let said = Command::new(program).args(["--root", state, "state", id]).output();
        said.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).contains("\"running\""))
    })
}
