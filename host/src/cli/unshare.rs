//! `keel unshare`, `keel usernsexec`, `lxc-unshare`, `lxc-usernsexec`: runs a program in new namespaces, without a
//! container.
//!
//! lxc-unshare returns 1 whatever the program returned but 0, as LXC does. Ids are mapped by this process where it may: root
//! maps all, everybody maps the own one; what else is wanted, newuidmap(1) and newgidmap(1) map.
use super::{Answer, Call, Refusal};
use crate::fault::{at, say};
use crate::net::moving::take_in;
use crate::sys::process::{Cloned, clone, exit_now};
use crate::sys::signal;
use keel_core::commands::{Opt, Parsed, UsageError};
use keel_core::facts::Namespaces;
use keel_core::failure::Failure;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use std::ffi::{CString, OsString};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What is done in the child before the program.
#[derive(Default)]
struct Before {
    hostname: Option<String>,
    /// A slave of the host's mounts.
    slave: bool,
    /// Fresh /proc, /dev/shm and /dev/mqueue.
    remount: bool,
    /// The ids to take.
    ids: Option<(u32, u32)>,
}

/// Lines for uid_map and gid_map (user_namespaces(7)).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Maps {
    uid: String,
    gid: String,
}

/// `lxc-unshare -s NAMESPACES [OPTIONS] COMMAND`
pub fn unshare(call: &mut Call) -> Answer {
    let Some(text) = call.args.value(Opt::Namespaces).map(String::from) else {
        return Err(UsageError("no namespaces given: -s NAMESPACES".into()).into());
    };
    let namespaces = super::attach::namespaces(&text)?;
    let command = command(&mut call.args)?;
    if command.is_empty() {
        return Err(UsageError("no command given".into()).into());
    }
    let has = |flag| namespaces & flag != 0;
    let uid = call.args.number(Opt::Uid)?;
    let own = rustix::process::geteuid().as_raw();
    let maps = uid.filter(|_| has(Namespaces::USER)).map(|inside| Maps {
        uid: format!("{inside} {own} 1"),
        gid: format!("{inside} {} 1", rustix::process::getegid().as_raw()),
    });
    let before = Before {
        hostname: call.args.value(Opt::Hostname).filter(|_| has(Namespaces::UTS)).map(String::from),
        slave: has(Namespaces::MNT),
        remount: call.args.has(Opt::RemountOwn) && has(Namespaces::MNT),
        ids: maps.is_some().then(|| (uid.unwrap_or(0), uid.unwrap_or(0))),
    };
    let interface = call.args.value(Opt::Interface).filter(|_| has(Namespaces::NET)).map(CString::new).transpose();
    let interface = interface.map_err(|_| UsageError("an argument has a NUL in it".into()))?;
    let child = begin(namespaces, maps, interface, before, command)?;
    if call.args.has(Opt::Daemon) {
        return Ok(0);
    }
    Ok(u8::from(end(child)? != 0))
}

/// `lxc-usernsexec [-m MAP..] [COMMAND]`
pub fn usernsexec(call: &mut Call) -> Answer {
    let mut maps = Maps::default();
    for text in call.args.values(Opt::Map) {
        maps.add(text)?;
    }
    if maps == Maps::default() {
        maps = ranges()?;
    }
    let mut command = command(&mut call.args)?;
    if command.is_empty() {
        command.push("/bin/sh".into());
    }
    let before = Before { slave: true, ids: Some((0, 0)), ..Before::default() };
    let child = begin(Namespaces::USER | Namespaces::MNT, Some(maps), None, before, command)?;
    end(child)
}

fn command(args: &mut Parsed) -> Result<Vec<OsString>, Refusal> {
    Ok(args.take_command().into_iter().map(OsString::from_vec).collect())
}

/// Makes the child; returns when it has been told to go on.
fn begin(
    namespaces: u32,
    maps: Option<Maps>,
    interface: Option<CString>,
    before: Before,
    command: Vec<OsString>,
) -> Result<i32, Failure> {
    let (mut wait, mut go) = std::io::pipe().map_err(|e| at("pipe", "", e))?;
    match clone(namespaces, None).map_err(|e| Failure::errno("clone", e))? {
        Cloned::Child { .. } => {
            drop(go);
            let mut byte = [0u8; 1];
            // The end without a byte: the maps could not be written.
            if wait.read(&mut byte).unwrap_or(0) == 0 {
                exit_now(1);
            }
            let Err(cause) = become_it(&before, &command);
            eprintln!("keel: {cause}");
            exit_now(1);
        }
        Cloned::Parent { pid, .. } => {
            drop(wait);
            if let Some(maps) = maps {
                maps.write(pid)?;
            }
            if let Some(name) = interface {
                let fault = |e| Failure::errno(format_args!("move interface '{}'", name.to_string_lossy()), e);
                take_in(&name, pid, &name).map_err(fault)?;
            }
            // EPIPE: it was killed meanwhile, which is seen when it is waited for.
            let _ = go.write_all(b".");
            Ok(pid)
        }
    }
}

fn become_it(before: &Before, command: &[OsString]) -> Result<std::convert::Infallible, Failure> {
    let call = |what: &'static str| move |e: rustix::io::Errno| Failure::errno(what, crate::sys::errno(e));
    if let Some((uid, gid)) = before.ids {
        // EPERM: setgroups(2) is denied to those who mapped themselves.
        let _ = set_thread_groups(&[]);
        let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
        set_thread_res_gid(gid, gid, gid).map_err(call("setresgid"))?;
        set_thread_res_uid(uid, uid, uid).map_err(call("setresuid"))?;
    }
    if let Some(name) = &before.hostname {
        rustix::system::sethostname(name.as_bytes()).map_err(call("sethostname"))?;
    }
    if before.slave {
        let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        mount_change("/", flags).map_err(call("make '/' a slave"))?;
    }
    if before.remount {
        // EINVAL: it is no mount point.
        let _ = unmount("/proc", UnmountFlags::DETACH);
        let safe = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("proc", "/proc", "proc", safe, None).map_err(call("mount '/proc'"))?;
        mount("tmpfs", "/dev/shm", "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, None)
            .map_err(call("mount '/dev/shm'"))?;
        // ENODEV: the kernel has no message queues.
        let _ = mount("mqueue", "/dev/mqueue", "mqueue", safe, None);
    }
    signal::reset();
    let error = Command::new(&command[0]).args(&command[1..]).exec();
    Err(at("exec", &command[0], error))
}

/// Waits; the exit code as a shell has it.
fn end(child: i32) -> Answer {
    let pid = Pid::from_raw(child);
    let waited = rustix::io::retry_on_intr(|| waitpid(pid, WaitOptions::empty()));
    let status: Option<WaitStatus> =
        waited.map_err(|e| Failure::errno("wait", crate::sys::errno(e)))?.map(|(_, status)| status);
    Ok(status.map_or(1, |status| match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code as u8,
        (None, signal) => 128 + signal.unwrap_or(0) as u8,
    }))
}

impl Maps {
    /// `b:0:100000:65536`.
    fn add(&mut self, text: &str) -> Result<(), UsageError> {
        let fields: Vec<&str> = text.split(':').collect();
        let [kind @ ("u" | "g" | "b"), rest @ ..] = fields.as_slice() else {
            return Err(UsageError(format!("--map: '{text}' is not KIND:INSIDE:OUTSIDE:COUNT, KIND one of u, g, b")));
        };
        if rest.len() != 3 || !rest.iter().all(|n| n.parse::<u32>().is_ok()) {
            return Err(UsageError(format!("--map: '{text}' is not KIND:INSIDE:OUTSIDE:COUNT")));
        }
        let line = format!("{}\n", rest.join(" "));
        if *kind != "g" {
            self.uid += &line;
        }
        if *kind != "u" {
            self.gid += &line;
        }
        Ok(())
    }
}

impl Maps {
    fn write(&self, pid: i32) -> Result<(), Failure> {
        let write = |file: &str, text: &str| {
            let path = format!("/proc/{pid}/{file}");
            std::fs::write(&path, text).map_err(|e| at("write", path, e))
        };
        let own = |map: &str, id: u32| {
            let fields: Vec<&str> = map.split_whitespace().collect();
            map.is_empty() || matches!(fields[..], [_, outside, "1"] if outside.parse() == Ok(id))
        };
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let alone = own(&self.uid, uid) && own(&self.gid, gid);
        if uid != 0 && alone {
            // user_namespaces(7): without CAP_SETGID gid_map takes nothing before this. Missing before 3.19.
            let _ = write("setgroups", "deny");
        }
        for (map, file, program) in [(&self.uid, "uid_map", "newuidmap"), (&self.gid, "gid_map", "newgidmap")] {
            match map.is_empty() {
                true => (),
                false if uid == 0 || alone => write(file, map)?,
                false => {
                    let status = Command::new(program).arg(pid.to_string()).args(map.split_whitespace()).status();
                    let status = status.map_err(|e| at("run", program, e))?;
                    if !status.success() {
                        return say(format!("{program} refuses the map '{}'", map.trim_end().replace('\n', ", ")));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The caller's ranges in /etc/subuid and /etc/subgid (subuid(5)), from 0 on.
fn ranges() -> Result<Maps, Failure> {
    let uid = rustix::process::geteuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let row = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|row| row.get(2).and_then(|id| id.parse().ok()) == Some(uid));
    let name = row.and_then(|row| row.first().map(|name| (*name).to_owned())).unwrap_or_default();
    let number = uid.to_string();
    let read = |file: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let mut next = 0u64;
        let mut lines = String::new();
        for fields in text.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
            if let [user, start, count] = fields[..]
                && (user == name && !name.is_empty() || user == number)
                && let (Ok(start), Ok(count)) = (start.parse::<u32>(), count.parse::<u32>())
            {
                lines += &format!("{next} {start} {count}\n");
                next += u64::from(count);
            }
        }
        lines
    };
    let maps = Maps { uid: read("/etc/subuid"), gid: read("/etc/subgid") };
    if maps.uid.is_empty() || maps.gid.is_empty() {
        return say("no ids for this user in /etc/subuid and /etc/subgid [-m names some]");
    }
    Ok(maps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read_as_lxc_reads_them() {
        let mut maps = Maps::default();
        maps.add("b:0:100000:65536").unwrap();
        maps.add("u:65536:1000:1").unwrap();
        assert_eq!(maps, Maps { uid: "0 100000 65536\n65536 1000 1\n".into(), gid: "0 100000 65536\n".into() });
        for wrong in ["", "b", "b:0", "x:0:0:1", "b:0:0:1:2", "b:a:0:1", "b:0:-1:1"] {
            assert!(maps.add(wrong).is_err(), "{wrong}");
        }
    }
}
