//! `keel checkconfig`, `lxc-checkconfig`: what the kernel was built with, and what is lost without the rest.
//!
//! 1 when something is missing without which no container runs (LXC's script says 0 even then).

use keel_core::commands::{Opt, UsageError};
use keel_core::kconfig::{self, Row, Version};
use serde_json::{Value, json};

use super::out::print;
use super::{Answer, Call, kernel};

/// Prints the table.
pub fn run(call: &mut Call) -> Answer {
    call.args.no_more()?;
    let variable = std::env::var("CONFIG").ok().filter(|path| !path.is_empty());
    let (path, text) = kernel::config(call.args.value(Opt::KernelConfig).or(variable.as_deref()))?;
    let version = match call.args.value(Opt::KernelVersion) {
        Some(given) => match kconfig::version(given) {
            Some(version) => version,
            None => return Err(UsageError(format!("'{given}' is not a kernel's version (6.1.0)")).into()),
        },
        // A file made by hand has no head; then the kernel that runs is meant.
        None => match kconfig::version_of(&text).or_else(|| kconfig::version(&kernel::release())) {
            Some(version) => version,
            None => return Err(UsageError("the kernel's version is not known: --kernel VERSION".to_owned()).into()),
        },
    };
    let rows = kconfig::check(&text, Some(version));
    let fatal = rows.iter().any(Row::fatal);
    let (major, minor, patch) = version;
    if call.args.has(Opt::Json) {
        print(&json(&path.display().to_string(), version, &rows))?;
    } else {
        print(&format!("Linux {major}.{minor}.{patch}, {}\n\n{}", path.display(), kconfig::text(&rows)))?;
    }
    Ok(u8::from(fatal))
}

fn json(path: &str, (major, minor, patch): Version, rows: &[Row]) -> String {
    let options: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "option": row.option, "state": row.state.word(), "required": row.needed.required,
                "group": row.needed.group, "needed_by": row.needed.by, "lost_without": row.needed.lost,
            })
        })
        .collect();
    let whole = json!({
        "config": path, "kernel": format!("{major}.{minor}.{patch}"), "usable": !rows.iter().any(Row::fatal),
        "options": options,
    });
    format!("{whole:#}\n")
}
