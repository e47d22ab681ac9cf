//! `keel config`, `lxc-config`: settings of /etc/lxc/lxc.conf; with `-n` the keys of a container, read and changed.
//!
//! A change that would make a mistake of the file is refused, and the file stays as it was.
use super::out::print;
use super::{Answer, Call};
use crate::fault::Result;
use crate::load::{self, Files};
use crate::rewrite;
use crate::store::{DEFAULT_CONF, DEFAULT_LXCPATH, default_lxcpath, system_setting};
use keel_core::commands::{self, Opt, UsageError};
use keel_core::config::lxc::{self, KEYS, Severity, UnknownKey, edit};
use keel_core::failure::Failure;
use keel_core::nearest;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Settings of lxc.system.conf(5), in LXC's order, with their defaults.
const SYSTEM: [(&str, Option<&str>); 7] = [
    ("lxc.default_config", Some(DEFAULT_CONF)),
    ("lxc.lxcpath", Some(DEFAULT_LXCPATH)),
    ("lxc.bdev.lvm.vg", Some("lxc")),
    ("lxc.bdev.lvm.thin_pool", Some("lxc")),
    ("lxc.bdev.zfs.root", Some("lxc")),
    ("lxc.cgroup.use", None),
    ("lxc.cgroup.pattern", None),
];

/// Prints or changes.
pub fn run(call: &mut Call) -> Answer {
    let json = call.args.has(Opt::Json);
    if call.args.has(Opt::Keys) {
        call.args.no_more()?;
        print(&keys(json))?;
        return Ok(0);
    }
    if call.args.has(Opt::List) {
        call.args.no_more()?;
        print(&SYSTEM.iter().map(|(name, _)| format!("{name}\n")).collect::<String>())?;
        return Ok(0);
    }
    if call.args.has(Opt::Name) {
        return container(call, json);
    }
    for opt in [Opt::Add, Opt::Unset] {
        if call.args.has(opt) {
            return Err(UsageError("changing a key needs -n NAME".into()).into());
        }
    }
    let mut words = words(call);
    if words.is_empty() {
        print(&commands::help(call.command, &call.called))?;
        return Ok(0);
    }
    let key = words.remove(0);
    if let Some(more) = words.first() {
        return Err(UsageError(format!("unexpected argument '{more}'")).into());
    }
    let Some((name, default)) = SYSTEM.iter().find(|(name, _)| *name == key) else {
        let hint = nearest::hint(&key, SYSTEM.iter().map(|(name, _)| *name));
        call.messages.print(&format!("unknown configuration item: {key}{hint}"));
        return Ok(1);
    };
    let value = match (*name, call.args.value(Opt::LxcPath)) {
        ("lxc.lxcpath", Some(path)) => Some(path.to_owned()),
        ("lxc.lxcpath", None) => Some(system_setting(name)?.unwrap_or_else(|| default_lxcpath().into())),
        _ => system_setting(name)?.or(default.map(String::from)),
    };
    print(&match (json, value) {
        (true, value) => format!("{}\n", json!({ *name: value })),
        (false, Some(value)) => format!("{value}\n"),
        (false, None) => format!("{name} is not set.\n"),
    })?;
    Ok(0)
}

fn words(call: &mut Call) -> Vec<String> {
    let words = call.args.take_command();
    words.into_iter().map(|word| String::from_utf8_lossy(&word).into_owned()).collect()
}

/// `-n NAME [KEY [VALUE]]`
fn container(call: &mut Call, json: bool) -> Answer {
    let name = call.take_name()?;
    let words = words(call);
    let file = call.store()?.config(&name);
    let (add, unset) = (call.args.has(Opt::Add), call.args.has(Opt::Unset));
    let unknown = |e: UnknownKey| Failure::new(e.to_string());
    let strs: Vec<&str> = words.iter().map(String::as_str).collect();
    match (strs.as_slice(), add, unset) {
        ([], false, false) => whole(&file, json),
        ([key], false, false) => {
            let (_, text) = rewrite::read(&file)?;
            let mut values = edit::values(&text, key).map_err(unknown)?;
            if values.is_empty() {
                // What an included file says, or a default that shows.
                values = lxc::get(&load::config(&file, &[])?.0, key).map_err(unknown)?;
            }
            print(&match (json, values.is_empty()) {
                (true, _) => format!("{}\n", json!({ *key: values })),
                (false, true) => format!("{key} is not set.\n"),
                (false, false) => values.iter().map(|value| format!("{value}\n")).collect(),
            })?;
            Ok(0)
        }
        ([key], false, true) => change(&file, |text| edit::unset(text, key).map_err(unknown)),
        ([key, value], false, false) => change(&file, |text| edit::set(text, key, value).map_err(unknown)),
        ([key, value], true, false) => change(&file, |text| edit::add(text, key, value).map_err(unknown)),
        (_, true, true) => Err(UsageError("either --add or --unset, not both".into()).into()),
        (_, _, true) => Err(UsageError("--unset takes one KEY".into()).into()),
        _ => Err(UsageError("KEY or KEY VALUE, and a value with blanks in quotes".into()).into()),
    }
}

fn whole(file: &Path, json: bool) -> Answer {
    let (config, _) = load::config(file, &[])?;
    let text = lxc::print(&config);
    if !json {
        print(&text)?;
        return Ok(0);
    }
    // Each key once, with all of its values: in this text a line is a key and a value.
    let mut map: Map<String, Value> = Map::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once(" = ")) {
        if let Value::Array(values) = map.entry(key).or_insert_with(|| json!([])) {
            values.push(value.into());
        }
    }
    print(&format!("{:#}\n", Value::Object(map)))?;
    Ok(0)
}

/// Reads, changes, looks what is wrong now, writes.
fn change(file: &Path, how: impl Fn(&str) -> Result<String>) -> Answer {
    let (real, old): (PathBuf, String) = rewrite::read(file)?;
    let new = how(&old)?;
    if new.contains('\0') || new.lines().count() > old.lines().count() + 1 {
        return Err(Failure::new("a value is one line without a zero byte").into());
    }
    let wrong = |text: &str| -> Vec<String> {
        let (_, problems) = lxc::parse(&file.display().to_string(), text.as_bytes(), &mut Files);
        problems.into_iter().filter(|p| p.severity == Severity::Error).map(|p| p.to_string()).collect()
    };
    let (before, after) = (wrong(&old), wrong(&new));
    // What was wrong before must not keep anybody from mending it line by line.
    let fresh: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    if after.len() > before.len() || after.len() == before.len() && !fresh.is_empty() {
        let lines: Vec<&str> = fresh.into_iter().map(String::as_str).collect();
        return Err(Failure::new(lines.join("\n")).into());
    }
    if new != old {
        rewrite::replace(&real, &new)?;
    }
    Ok(0)
}

/// All keys of a container, from the table.
fn keys(json: bool) -> String {
    let old = |key: &lxc::Key| key.old.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    if json {
        let rows = KEYS.iter().map(|key| {
            let since = format!("{}.{}", key.since.0, key.since.1);
            json!({"key": key.name, "old": old(key), "since": since, "list": key.list, "in_force": key.in_force(), "help": key.help})
        });
        return format!("{:#}\n", Value::Array(rows.collect()));
    }
    let mut text = String::new();
    for key in KEYS {
        let once = match old(key).as_slice() {
            [] => String::new(),
            names => format!("; once {}", names.join(", ")),
        };
        text += &format!("{:<32} {}{once}\n", key.name, key.help);
    }
    text
}
