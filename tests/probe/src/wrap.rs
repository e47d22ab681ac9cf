//! Conditions for a command, which is then executed in this process's place.

use crate::errno::word;
use crate::sys;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// `[--ro PATH].. -- CMD`: a mount namespace of its own, from which nothing goes back; what is named is read-only in it.
pub fn private(words: &[&str]) -> ExitCode {
    let Some(at) = words.iter().position(|w| *w == "--") else { return usage("private [--ro PATH].. -- CMD") };
    if let Err(e) = sys::private_mounts() {
        return failed("unshare", e);
    }
    for pair in words[..at].chunks(2) {
        let [option, path] = pair else { return usage("private [--ro PATH].. -- CMD") };
        let done = match *option {
            "--ro" => sys::mount(path, path, "", libc::MS_BIND)
                .and_then(|()| sys::mount("none", path, "", libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY)),
            "--tmpfs" => sys::mount("tmpfs", path, "tmpfs", 0),
            "--hide" => sys::unmount(path),
            // FROM:AT.
            "--bind" => path.split_once(':').map_or(Ok(()), |(from, at)| sys::mount(from, at, "", libc::MS_BIND)),
            _ => return usage("private [--ro PATH | --tmpfs PATH | --hide PATH | --bind FROM:AT].. -- CMD"),
        };
        if let Err(e) = done {
            return failed(option, e);
        }
    }
    execute(&words[at + 1..])
}

/// System calls that this kernel is not to have, by name: they answer ENOSYS from now on, as an older one would.
pub fn enosys(list: &str, command: &[&str]) -> ExitCode {
    let mut numbers = Vec::new();
    for name in list.split(',').filter(|n| !n.is_empty()) {
        match sys::NEWER.iter().find(|(n, _)| *n == name) {
            Some((_, number)) => numbers.push(*number),
            None => return usage(&format!("enosys: unknown system call '{name}'")),
        }
    }
    match sys::answer_enosys(&numbers) {
        Ok(()) => execute(command),
        Err(e) => failed("seccomp", e),
    }
}

/// As careless a caller as can be: a hundred descriptors open across exec, all signals ignored and blocked, no umask.
pub fn careless(command: &[&str]) -> ExitCode {
    sys::be_careless();
    execute(command)
}

/// A resource limit (getrlimit(2)) for the command.
pub fn limit(what: &str, n: &str, command: &[&str]) -> ExitCode {
    let Ok(n) = n.parse() else { return usage("limit WHAT N -- CMD") };
    match sys::limit(what, n) {
        Ok(()) => execute(command),
        Err(e) => failed("setrlimit", e),
    }
}

fn execute(command: &[&str]) -> ExitCode {
    let [program, args @ ..] = command else { return usage("a command is missing") };
    failed(program, Command::new(program).args(args).exec())
}

fn failed(what: &str, e: std::io::Error) -> ExitCode {
    eprintln!("probe: {what}: {}", word::<()>(Err(e)));
    ExitCode::from(125)
}

fn usage(text: &str) -> ExitCode {
    eprintln!("probe: {text}");
    ExitCode::from(2)
}
