//! `keel start`, `lxc-start`: starts a container, in the background or here.
//!
//! Where PID 1 is keel, that is asked to start it; else this process, or its child, becomes the supervisor.
use super::out::Messages;
use super::{Answer, Call};
use crate::control::client::Connection;
use crate::control::protocol::{Reply, Request};
use crate::fault::{at, say};
use crate::place::agent_socket;
use crate::sys::descriptors::close_from;
use crate::watch::{launch, solo};
use keel_core::commands::{Opt, UsageError};
use serde_json::Value;

/// Returns when it runs; with -F when it has ended.
pub fn run(call: &mut Call) -> Answer {
    // What the caller left open is none of the container's or the supervisor's business (and a pipe among it would keep
    // somebody waiting as long as the container runs).
    close_from(3);
    let name = call.take_name()?;
    let store = call.store()?;
    let lxcpath = store.lxcpath().display().to_string();
    let command = words(call.args.take_command())?;
    let define: Vec<String> = define(call)?;
    let foreground = call.args.has(Opt::Foreground) && !call.args.has(Opt::Daemon);
    let file = call.args.value(Opt::RcFile).map(std::path::absolute);
    let file = file.transpose().map_err(|e| at("getcwd for", "--rcfile", e))?.map(|p| p.display().to_string());
    let fail_at = call.args.value(Opt::FailAt).map(String::from);
    let asked = launch::Asked { name: name.to_string(), lxcpath, file, define, command, fail_at };

    let pidfile = call.args.value(Opt::PidFile);
    match foreground {
        true => self::foreground(&call.messages, asked, pidfile),
        false => background(&call.messages, asked, pidfile),
    }
}

/// Starts it and stays until it ends.
pub fn foreground(messages: &Messages, asked: launch::Asked, pidfile: Option<&str>) -> Answer {
    // First what is wrong with the file, then whether it runs: a typo is said even if an older version of it is running.
    let definition = launch::define(&asked)?;
    for warning in &definition.warnings {
        messages.print(warning);
    }
    let Some(lock) = launch::take(&asked.name, &asked.lxcpath)? else {
        messages.print("already running");
        return Ok(0);
    };
    if let Some(path) = pidfile {
        std::fs::write(path, std::process::id().to_string()).map_err(|e| at("write", path, e))?;
    }
    solo::foreground(definition, lock)?;
    Ok(0)
}

/// Starts it in the background, by process 1 where that is keel.
pub fn background(messages: &Messages, asked: launch::Asked, pidfile: Option<&str>) -> Answer {
    if let Ok(agent) = Connection::open(&agent_socket(&asked.lxcpath)) {
        return match agent.ask(&Request::Start(asked), None) {
            Ok(Reply::Done(info)) => {
                for field in ["warnings", "notes"] {
                    let lines = info.get(field).and_then(Value::as_array).into_iter().flatten();
                    lines.filter_map(Value::as_str).for_each(|line| messages.print(line));
                }
                Ok(0)
            }
            Ok(Reply::Refused { why, rc }) => {
                messages.print(&why);
                Ok(rc)
            }
            Err(errno) => {
                Ok(say(format!("the agent of process 1 gave no answer: {}", crate::fault::symbol(&errno.into())))?)
            }
        };
    }

    // First what is wrong with the file, then whether it runs: a typo is said even if an older version of it is running.
    let definition = launch::define(&asked)?;
    for warning in &definition.warnings {
        messages.print(warning);
    }
    let Some(lock) = launch::take(&asked.name, &asked.lxcpath)? else {
        messages.print("already running");
        return Ok(0);
    };
    let notes = solo::background(definition, lock, pidfile)?;
    notes.iter().for_each(|note| messages.print(note));
    Ok(0)
}

/// `-s KEY=VALUE`, and the options that are keys of the configuration.
pub fn define(call: &Call) -> Result<Vec<String>, UsageError> {
    let mut lines: Vec<String> = Vec::new();
    for value in call.args.values(Opt::Define) {
        if !value.contains('=') {
            return Err(UsageError(format!("--define: '{value}' is not KEY=VALUE")));
        }
        lines.push(value.into());
    }
    if call.args.has(Opt::Strict) {
        lines.push("keel.strict = 1".into());
    }
    for (opt, key) in [
        (Opt::Dialect, "keel.dialect"),
        (Opt::ConsolePath, "lxc.console.path"),
        (Opt::ConsoleLog, "lxc.console.logfile"),
        (Opt::ShareNet, "lxc.namespace.share.net"),
        (Opt::ShareIpc, "lxc.namespace.share.ipc"),
        (Opt::ShareUts, "lxc.namespace.share.uts"),
        (Opt::SharePid, "lxc.namespace.share.pid"),
    ] {
        if let Some(value) = call.args.value(opt) {
            lines.push(format!("{key} = {value}"));
        }
    }
    Ok(lines)
}

/// Arguments as text.
pub fn words(words: Vec<Vec<u8>>) -> Result<Vec<String>, UsageError> {
    let utf8 = |word: Vec<u8>| {
        String::from_utf8(word)
            .map_err(|e| UsageError(format!("'{}' is not UTF-8", String::from_utf8_lossy(e.as_bytes()))))
    };
    words.into_iter().map(utf8).collect()
}
