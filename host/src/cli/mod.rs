//! The commands: one file for each, called by one table.
//!
//! Here alone messages and exit codes are made of what the rest returns: 0 done, 1 failed, 2 wrong usage; the tools of
//! LXC say 1 for wrong usage too.

mod agent;
mod android;
mod attach;
mod autostart;
mod cgroup;
mod checkconfig;
mod config;
mod console;
mod copy;
mod create;
mod destroy;
mod device;
mod early;
mod execute;
mod freeze;
mod help;
mod info;
mod install_links;
mod kernel;
mod log;
mod ls;
mod monitor;
mod net;
pub mod out;
mod plan;
mod power;
mod ps;
mod snapshot;
mod start;
mod state;
mod stop;
mod top;
mod unshare;
mod update_config;
mod wait;

use std::os::unix::ffi::OsStringExt;

use keel_core::commands::{self, Command, Opt, Parsed, UsageError, Verb};
use keel_core::failure::Failure;

use crate::fault::Result;
use crate::store::{Name, Store};
use out::Messages;

/// A command as it was called.
#[derive(Debug)]
pub struct Call {
    /// Its row.
    pub command: &'static Command,
    /// `keel start` or `lxc-start`, for texts.
    pub called: String,
    /// Its arguments.
    pub args: Parsed,
    /// How it speaks.
    pub messages: Messages,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Refusal {
    /// The arguments make no sense.
    Usage(UsageError),
    /// It failed.
    Failed(Failure),
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Refusal {
        Refusal::Usage(error)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Failed(failure)
    }
}

/// What a command returns: its exit code.
pub type Answer = std::result::Result<u8, Refusal>;

/// Called by its address: in one function with the others, each would have a stack of all of them.
fn run(call: &mut Call) -> Answer {
    let run: fn(&mut Call) -> Answer = match call.command.verb {
        Verb::Create => create::run,
        Verb::Ls => ls::run,
        Verb::Plan => plan::run,
        Verb::Start => start::run,
        Verb::Stop => stop::run,
        Verb::Console => console::run,
        Verb::CheckConfig => checkconfig::run,
        Verb::Destroy => destroy::run,
        Verb::Info => info::run,
        Verb::Attach => attach::run,
        Verb::Agent => agent::run,
        Verb::PowerOff | Verb::Reboot | Verb::Halt => power::run,
        Verb::Freeze | Verb::Unfreeze => freeze::run,
        Verb::Wait => wait::run,
        Verb::Monitor => monitor::run,
        Verb::Cgroup => cgroup::run,
        Verb::Execute => execute::run,
        Verb::Autostart => autostart::run,
        Verb::Kill => early::kill,
        Verb::Shutdown => early::shutdown,
        Verb::Restart => early::restart,
        Verb::Config => config::run,
        Verb::UpdateConfig => update_config::run,
        Verb::Copy | Verb::Clone => copy::run,
        Verb::Snapshot => snapshot::run,
        Verb::Top => top::run,
        Verb::Device => device::run,
        Verb::Unshare => unshare::unshare,
        Verb::UsernsExec => unshare::usernsexec,
        Verb::Ps => ps::ps,
        Verb::GetProp | Verb::WatchProps | Verb::SetProp | Verb::Service => android::run,
        Verb::Log | Verb::Logcat => log::run,
        Verb::Netstat => ps::netstat,
        Verb::Help => help::help,
        Verb::Man => help::man,
        Verb::Completions => help::completions,
        Verb::Version => help::tool_version,
        Verb::InstallLinks => install_links::run,
        Verb::Net => net::run,
        _ => return Err(Failure::new(format!("'{}' is not available yet", call.command.name)).into()),
    };
    run(call)
}

/// Runs the command that the arguments name; argv\[0\] is among them. Returns the exit code.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>) -> u8 {
    let mut args = args.into_iter().map(OsStringExt::into_vec);
    let argv0 = args.next().unwrap_or_default();
    let argv0 = String::from_utf8_lossy(&argv0).into_owned();
    let mut messages = Messages { speaker: "keel".to_owned(), ..Messages::default() };

    let by_name = match commands::by_argv0(&argv0) {
        Ok(found) => found,
        Err(error) => return wrong(&messages, &error.0, None, 1),
    };
    let as_lxc = by_name.is_some();
    let (command, called) = match by_name {
        Some(command) => {
            let base = argv0.rsplit('/').next().unwrap_or(&argv0);
            (command, base.to_owned())
        }
        None => {
            let word = args.next().unwrap_or_else(|| b"help".to_vec());
            let word = String::from_utf8_lossy(&word).into_owned();
            let word = match word.as_str() {
                "--help" | "-h" | "-?" => "help",
                "--version" | "-V" => "version",
                other => other,
            };
            match commands::by_name(word) {
                Ok(command) => (command, format!("keel {}", command.name)),
                Err(error) => return wrong(&messages, &error.0, Some("'keel help' lists the commands"), 2),
            }
        }
    };
    if as_lxc {
        messages.speaker.clone_from(&called);
    }
    let wrong_usage = if as_lxc { 1 } else { 2 };
    let usage = |messages: &Messages, error: &UsageError| {
        let line = commands::usage(command, &called);
        wrong(messages, &error.0, Some(line.trim_end()), wrong_usage)
    };
    let args = match commands::parse(command, args) {
        Ok(args) => args,
        Err(error) => return usage(&messages, &error),
    };
    messages.quiet = args.has(Opt::Quiet);
    messages.logfile = args.value(Opt::LogFile).map(Into::into);
    let mut call = Call { command, called: called.clone(), args, messages };
    let answer = match help::common(&call) {
        Some(answer) => answer,
        None => run(&mut call),
    };
    match answer {
        Ok(code) => code,
        Err(Refusal::Usage(error)) => usage(&call.messages, &error),
        Err(Refusal::Failed(failure)) => {
            call.messages.print(&failure.message);
            1
        }
    }
}

fn wrong(messages: &Messages, why: &str, then: Option<&str>, code: u8) -> u8 {
    messages.print(why);
    if let Some(then) = then {
        messages.print(then);
    }
    code
}

impl Call {
    /// The lxcpath that this call is about.
    pub fn store(&self) -> Result<Store> {
        Store::open(self.args.value(Opt::LxcPath))
    }

    /// The container's name, checked; from here on messages begin with it.
    pub fn take_name(&mut self) -> std::result::Result<Name, Refusal> {
        let name = Name::new(&self.args.take_name()?)?;
        self.messages.speaker = format!("{}: {name}", self.messages.speaker);
        Ok(name)
    }
}
