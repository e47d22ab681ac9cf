//! All commands and options of Keel, as two tables: the parser, the help texts, the manual pages and the shells'
//! completions are made from them, so that none can lag behind the others.
//!
//! Refuses to do anything but read the tables: what a command does is `host/src/cli`'s part. An option of LXC that is
//! known but not available yet has a row too, and using it is an error that says so.

mod completions;
mod help;
mod man;
mod options;
mod parse;
mod table;
mod tools;

pub use completions::{Shell, completions};
pub use help::{help, overview, usage};
pub use man::{man, man_config, man_overview};
pub use options::{OPTIONS, Opt};
pub use parse::{Parsed, UsageError, parse};
pub use table::COMMANDS;

use crate::nearest;
use alloc::format;
use alloc::string::String;

/// What a command is called inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Makes a container from a template.
    Create,
    /// Starts a container.
    Start,
    /// Stops a container.
    Stop,
    /// Runs a program inside a running container.
    Attach,
    /// Connects the terminal to a container's console or tty.
    Console,
    /// Says what state a container is in.
    Info,
    /// Lists containers.
    Ls,
    /// Removes a container and its files.
    Destroy,
    /// Halts all tasks of a container.
    Freeze,
    /// Lets a frozen container go on.
    Unfreeze,
    /// Waits for a state.
    Wait,
    /// Prints what states containers come into.
    Monitor,
    /// Reads or writes a file of a container's cgroup.
    Cgroup,
    /// Runs one program as a container.
    Execute,
    /// Starts or stops the containers that start by themselves.
    Autostart,
    /// Reads or writes configuration values.
    Config,
    /// Gives old keys their present names.
    UpdateConfig,
    /// Copies or renames a container.
    Copy,
    /// The same with the options of lxc-clone.
    Clone,
    /// Keeps states of a container and goes back to them.
    Snapshot,
    /// Gives a running container a device or takes it away.
    Device,
    /// Shows what running containers use.
    Top,
    /// Runs a program in new namespaces.
    Unshare,
    /// Runs a program in a new user namespace.
    UsernsExec,
    /// Sends a signal to a container's first program.
    Kill,
    /// Lists processes of containers.
    Ps,
    /// `keel getprop`
    GetProp,
    /// `watchprops`.
    WatchProps,
    /// `keel setprop`
    SetProp,
    /// `keel service`
    Service,
    /// `keel log`
    Log,
    /// `keel logcat`
    Logcat,
    /// Asks a container to halt.
    Shutdown,
    /// Lists sockets of a container.
    Netstat,
    /// Stops and starts a container.
    Restart,
    /// Prints what a start or a boot would do.
    Plan,
    /// Says what the kernel offers.
    CheckConfig,
    /// Supervises containers beside another init.
    Agent,
    /// Switches the machine off.
    PowerOff,
    /// Restarts the machine.
    Reboot,
    /// Stops the machine.
    Halt,
    /// Prints help.
    Help,
    /// Prints a manual page.
    Man,
    /// Prints a completion script.
    Completions,
    /// Makes, removes and lists bridges.
    Net,
    /// Makes the `lxc-*` links.
    InstallLinks,
    /// Prints the version.
    Version,
    /// Not a command of its own: the arguments after `--` of `create -t busybox`.
    TemplateBusybox,
    /// The same of `create -t android`.
    TemplateAndroid,
}

/// One command: a row of `COMMANDS`.
#[derive(Debug)]
pub struct Command {
    /// Its name inside the program.
    pub verb: Verb,
    /// Its name after `keel`.
    pub name: &'static str,
    /// Its names by argv\[0\], LXC's.
    pub lxc: &'static [&'static str],
    /// One line, no full stop.
    pub summary: &'static str,
    /// What stands after the options in the usage line.
    pub operands: &'static str,
    /// Paragraphs for the help and the manual, each one line.
    pub about: &'static [&'static str],
    /// Exit codes and what they mean.
    pub exits: &'static [(&'static str, &'static str)],
    /// Commands to try and what they do.
    pub examples: &'static [(&'static str, &'static str)],
    /// Not in the overview.
    pub hidden: bool,
}

/// One option: a row of `OPTIONS`.
#[derive(Debug)]
pub struct OptionRow {
    /// Its name inside the program.
    pub opt: Opt,
    /// Its letters; the first is shown.
    pub short: &'static str,
    /// Its long names; the first is shown.
    pub long: &'static [&'static str],
    /// What it takes.
    pub value: Value,
    /// One line, no full stop.
    pub help: &'static str,
    /// The commands that have it.
    pub of: &'static [Verb],
    /// False: LXC has it, Keel knows it and refuses it for now.
    pub ready: bool,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    None,
    /// A word in the same or the next argument: its name in texts, and what a shell can offer.
    Needed(&'static str, Offer),
    /// A word in the same argument only (`-eCAP`, `--elevated-privileges=CAP`), or none.
    Maybe(&'static str, Offer),
}

/// What a shell's completion can offer for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Nothing.
    Nothing,
    /// Names of containers.
    Containers,
    /// Files.
    Files,
    /// Directories.
    Dirs,
    /// These words.
    Words(&'static [&'static str]),
}

impl Command {
    /// Whether it is not a command of its own, but the options of a template.
    pub fn is_template(&self) -> bool {
        matches!(self.verb, Verb::TemplateBusybox | Verb::TemplateAndroid)
    }

    /// The rows of the options that it has, in the order of the table.
    pub fn options(&self) -> impl Iterator<Item = &'static OptionRow> + use<> {
        let verb = self.verb;
        OPTIONS.iter().filter(move |row| row.of.contains(&verb))
    }
}

/// The row of a verb.
pub fn command(verb: Verb) -> &'static Command {
    // Every verb has a row: a test walks them all.
    COMMANDS.iter().find(|c| c.verb == verb).unwrap_or(&COMMANDS[0])
}

/// The command named `name` after `keel`; an `lxc-` name is taken as well (`keel lxc-start`).
///
/// # Errors
/// The sentence to print: the name is unknown, with its nearest neighbour.
pub fn by_name(name: &str) -> Result<&'static Command, UsageError> {
    if let Some(found) = COMMANDS.iter().find(|c| c.name == name || c.lxc.contains(&name)) {
        return Ok(found);
    }
    let names = COMMANDS.iter().filter(|c| !c.hidden).map(|c| c.name);
    Err(UsageError(format!("unknown command '{name}'{}", nearest::hint(name, names))))
}

/// The command that argv\[0\] names (`lxc-start`, `/usr/bin/lxc-start`); none when it is not one of LXC's names, and so
/// the command is the next argument.
///
/// # Errors
/// The sentence to print: it begins with `lxc-` but is no tool that Keel has.
pub fn by_argv0(argv0: &str) -> Result<Option<&'static Command>, UsageError> {
    let base = argv0.rsplit('/').next().unwrap_or(argv0);
    if let Some(found) = COMMANDS.iter().find(|c| c.lxc.contains(&base)) {
        return Ok(Some(found));
    }
    if !base.starts_with("lxc-") {
        return Ok(None);
    }
    let names = COMMANDS.iter().flat_map(|c| c.lxc.iter().copied());
    Err(UsageError(format!("no tool '{base}' here yet{}", nearest::hint(base, names))))
}

/// `-n, --name=NAME`, as help texts show an option.
pub(crate) fn spelled(row: &OptionRow) -> String {
    let mut text = match (row.short.chars().next(), row.long.first()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, Some(long)) => format!("    --{long}"),
        (None, None) => String::new(),
    };
    match (row.value, row.long.is_empty()) {
        (Value::None, _) => {}
        (Value::Needed(name, _), false) => text += &format!("={name}"),
        (Value::Needed(name, _), true) => text += &format!(" {name}"),
        (Value::Maybe(name, _), false) => text += &format!("[={name}]"),
        (Value::Maybe(name, _), true) => text += &format!("[{name}]"),
    }
    text
}

#[cfg(test)]
mod tests;
