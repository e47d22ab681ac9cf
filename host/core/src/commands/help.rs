//! `--help`, `--usage` and the overview, made from the tables.

use super::{COMMANDS, Command, spelled};
use alloc::format;
use alloc::string::String;

/// Where the help of an option begins.
const COLUMN: usize = 32;
/// Widest line.
const WIDTH: usize = 100;

/// The usage line: `usage: keel start [OPTIONS] NAME ..`; `called` is how the command was called (`keel start`,
/// `lxc-start`).
pub fn usage(command: &Command, called: &str) -> String {
    let gap = if command.operands.is_empty() { "" } else { " " };
    format!("usage: {called} [OPTIONS]{gap}{}\n", command.operands)
}

/// The text of `--help`.
pub fn help(command: &Command, called: &str) -> String {
    let mut out = format!("{called}: {}\n\n{}", command.summary, usage(command, called));
    if !command.about.is_empty() {
        out.push('\n');
    }
    for paragraph in command.about {
        fold(&mut out, 0, paragraph);
    }
    out += "\noptions:\n";
    for row in command.options().filter(|row| row.ready) {
        entry(&mut out, &spelled(row), row.help);
    }
    if command.options().any(|row| !row.ready) {
        out += "\nknown to LXC, not available yet:\n";
        for row in command.options().filter(|row| !row.ready) {
            entry(&mut out, &spelled(row), row.help);
        }
    }
    if !command.exits.is_empty() {
        out += "\nexit codes:\n";
        for (code, meaning) in command.exits {
            entry(&mut out, code, meaning);
        }
    }
    if !command.examples.is_empty() {
        out += "\nexamples:\n";
        for (line, what) in command.examples {
            out += &format!("  {line}\n        {what}\n");
        }
    }
    out
}

/// The text of `keel help`: what there is.
pub fn overview() -> String {
    let mut out = String::from(
        "keel: boots from the ramdisk and runs containers from init\n\nusage: keel COMMAND [OPTIONS] ..\n\ncommands:\n",
    );
    for command in COMMANDS.iter().filter(|c| !c.hidden) {
        entry(&mut out, command.name, command.summary);
    }
    out += "\nalso:\n";
    for command in COMMANDS.iter().filter(|c| c.hidden && !c.is_template()) {
        entry(&mut out, command.name, command.summary);
    }
    out += "\n'keel help COMMAND' says more. Called as lxc-start, lxc-stop .. it is that tool.\n";
    out
}

fn entry(out: &mut String, left: &str, right: &str) {
    let line = format!("  {left}");
    *out += &line;
    if line.len() + 2 > COLUMN {
        out.push('\n');
    } else {
        pad(out, COLUMN - line.len());
        fold_from(out, COLUMN, COLUMN, right);
        return;
    }
    pad(out, COLUMN);
    fold_from(out, COLUMN, COLUMN, right);
}

fn fold(out: &mut String, indent: usize, text: &str) {
    pad(out, indent);
    fold_from(out, indent, indent, text);
}

fn fold_from(out: &mut String, mut at: usize, indent: usize, text: &str) {
    let mut first = true;
    for word in text.split(' ') {
        if !first && at + 1 + word.len() > WIDTH {
            out.push('\n');
            pad(out, indent);
            at = indent;
        } else if !first {
            out.push(' ');
            at += 1;
        }
        *out += word;
        at += word.len();
        first = false;
    }
    out.push('\n');
}

fn pad(out: &mut String, count: usize) {
    for _ in 0..count {
        out.push(' ');
    }
}
