//! `keel execute`, `lxc-execute`: runs one program as a container and returns its exit code.
//!
//! The first program is Keel's pid1 where it can be brought in without leaving a file behind: without a rootfs it is a
//! path of the host, with one it is bound into the fresh /dev. Else the command itself is the first program, and
//! signals that it does not handle pass it by (pid_namespaces(7)).
//!
//! Where none of descriptors 0 to 2 is a terminal they are the command's own; else it has the container's console.
use super::start::{define, words};
use super::{Answer, Call};
use crate::create::pid1_nearby;
use crate::fault::{at, say};
use crate::sys::descriptors::close_from;
use crate::watch::container::Definition;
use crate::watch::end::End;
use crate::watch::{launch, solo};
use keel_core::commands::{Opt, UsageError};
use keel_core::config::Dialect;
use rustix::termios::isatty;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Where pid1 is inside, in a /dev that goes with the container.
const INSIDE: &str = "dev/.keel-pid1";

/// Runs it to its end, or with -d until it runs.
pub fn run(call: &mut Call) -> Answer {
    close_from(3);
    let name = call.take_name()?;
    let store = call.store()?;
    let command = words(call.args.take_command())?;
    let mut lines = define(call)?;
    for (opt, key) in [(Opt::Uid, "lxc.init.uid"), (Opt::Gid, "lxc.init.gid")] {
        if let Some(id) = call.args.number(opt)? {
            lines.push(format!("{key} = {id}"));
        }
    }
    let file = call.args.value(Opt::RcFile).map(std::path::absolute).transpose();
    let file = file.map_err(|e| at("getcwd for", "--rcfile", e))?.map(|p| p.display().to_string());
    if file.is_none() && !store.is_defined(&name) {
        // What no file says would be the host's own root file system and devices.
        return Ok(say(format!(
            "there is no '{}' [-f FILE names another configuration]",
            store.config(&name).display()
        ))?);
    }
    let mut asked = launch::Asked {
        name: name.to_string(),
        lxcpath: store.lxcpath().display().to_string(),
        file,
        define: lines,
        command,
        fail_at: call.args.value(Opt::FailAt).map(String::from),
    };
    let mut definition = launch::define(&asked)?;
    if asked.command.is_empty() {
        asked.command = definition.config.init.execute.clone();
        definition.command = asked.command.clone();
    }
    if asked.command.is_empty() {
        return Err(UsageError("no command given, and no lxc.execute.cmd".into()).into());
    }
    if let Some(more) = with_pid1(&definition, &mut asked.command) {
        asked.define.extend(more);
        definition = launch::define(&asked)?;
    }
    for warning in &definition.warnings {
        call.messages.print(warning);
    }
    let Some(lock) = launch::take(&asked.name, &asked.lxcpath)? else {
        return Ok(say("already running")?);
    };
    if call.args.has(Opt::Daemon) {
        let notes = solo::background(definition, lock, None)?;
        notes.iter().for_each(|note| call.messages.print(note));
        return Ok(0);
    }
    let (stdin, stdout, stderr) = (rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr());
    definition.inherit = !isatty(stdin) && !isatty(stdout) && !isatty(stderr);
    Ok(match solo::foreground(definition, lock)? {
        Some(End::Exited(code)) => code as u8,
        Some(End::Killed(signal)) => 128 + signal as u8,
        Some(End::Reboot) => 128 + libc::SIGHUP as u8,
        Some(End::Halt) => 128 + libc::SIGINT as u8,
        None => 1,
    })
}

/// Whether any user may execute a program where it is.
fn reachable(path: &Path) -> bool {
    path.ancestors().all(|at| std::fs::metadata(at).is_ok_and(|meta| meta.permissions().mode() & 0o001 != 0))
}

/// Puts pid1 in front of the command, if it can be; lines of configuration that this takes.
fn with_pid1(definition: &Definition, command: &mut Vec<String>) -> Option<Vec<String>> {
    let path = pid1_nearby().ok()?;
    let path = path.to_str().filter(|path| !path.contains(char::is_control))?;
    let config = &definition.config;
    if config.init.uid != 0 && config.rootfs.path.is_none() && !reachable(Path::new(path)) {
        return None;
    }
    let (program, lines) = match &config.rootfs.path {
        None => (path.to_owned(), Vec::new()),
        Some(_) if config.autodev.unwrap_or(config.dialect == Dialect::Current) => {
            let from = path.replace('\\', "\\134").replace(' ', "\\040");
            (format!("/{INSIDE}"), vec![format!("lxc.mount.entry = {from} {INSIDE} none bind,ro,create=file")])
        }
        // A directory of the image would keep the file.
        Some(_) => return None,
    };
    command.splice(0..0, [program, "--".to_owned()]);
    Some(lines)
}
