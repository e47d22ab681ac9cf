//! `help`, `man`, `completions` and `version`, and `--help`, `--usage`, `--version` of every command: all of them print
//! what the tables say.

use keel_core::commands::{self, Command, Opt, Shell, UsageError, Verb};
use keel_core::nearest;

use super::out::print;
use super::{Answer, Call, Refusal};

/// The options that every command has; none when the command itself is to run.
pub fn common(call: &Call) -> Option<Answer> {
    let said = |text: String| Some(print(&text).map(|()| 0).map_err(Refusal::from));
    if call.args.has(Opt::Help) {
        said(commands::help(call.command, &call.called))
    } else if call.args.has(Opt::Usage) {
        said(commands::usage(call.command, &call.called))
    } else if call.args.has(Opt::Version) {
        Some(version())
    } else {
        None
    }
}

/// `keel help [COMMAND]`
pub fn help(call: &mut Call) -> Answer {
    let text = match operand(call)? {
        None => commands::overview(),
        Some(word) => {
            let command = find(&word)?;
            commands::help(command, &format!("keel {}", command.name))
        }
    };
    print(&text)?;
    Ok(0)
}

/// `keel man [COMMAND|config]`
pub fn man(call: &mut Call) -> Answer {
    let text = match operand(call)? {
        None => {
            let row = |p: &crate::boot::Param| (named(p), format!("{} (default: {})", p.help, p.default));
            let rows: Vec<(String, String)> = crate::boot::PARAMS.iter().map(row).collect();
            let rows: Vec<(&str, &str)> = rows.iter().map(|(name, help)| (name.as_str(), help.as_str())).collect();
            commands::man_overview(&rows)
        }
        Some(word) if word == "config" => commands::man_config(),
        Some(word) => commands::man(find(&word)?),
    };
    print(&text)?;
    Ok(0)
}

/// A word of the kernel command line with its value.
fn named(param: &crate::boot::Param) -> String {
    match param.form {
        "" => param.name.into(),
        form => format!("{}={form}", param.name),
    }
}

/// `keel completions SHELL`
pub fn completions(call: &mut Call) -> Answer {
    let Some(word) = operand(call)? else {
        return Err(UsageError(format!("no shell given: {}", Shell::NAMES.join(", "))).into());
    };
    match Shell::by_name(&word) {
        Some(shell) => print(&commands::completions(shell))?,
        None => {
            let hint = nearest::hint(&word, Shell::NAMES);
            return Err(UsageError(format!("no completions for '{word}'{hint}")).into());
        }
    }
    Ok(0)
}

/// `keel version`: the number alone, as LXC's tools print theirs.
pub fn version() -> Answer {
    print(concat!(env!("CARGO_PKG_VERSION"), "\n"))?;
    Ok(0)
}

/// `keel version`; as lxc-version (0.7 to 1.0) with words in front.
pub fn tool_version(call: &mut Call) -> Answer {
    if call.called != "lxc-version" {
        return version();
    }
    print(concat!("lxc version: ", env!("CARGO_PKG_VERSION"), "\n"))?;
    Ok(0)
}

fn operand(call: &mut Call) -> Result<Option<String>, UsageError> {
    let words = &mut call.args.operands;
    let word = (!words.is_empty()).then(|| String::from_utf8_lossy(&words.remove(0)).into_owned());
    call.args.no_more()?;
    Ok(word)
}

fn find(word: &str) -> Result<&'static Command, UsageError> {
    match word {
        "android" | "android-jellybean" => Ok(commands::command(Verb::TemplateAndroid)),
        "busybox" => Ok(commands::command(Verb::TemplateBusybox)),
        _ => commands::by_name(word),
    }
}
