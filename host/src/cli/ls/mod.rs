//! `keel ls`, `lxc-ls`: which containers there are.

use keel_core::commands::Opt;

use super::out::print;
use super::{Answer, Call};
use crate::fault::say;

/// Prints the names.
pub fn run(call: &mut Call) -> Answer {
    call.args.no_more()?;
    if let Some((opt, _)) = call.args.options.iter().find(|(opt, _)| !matches!(opt, Opt::Line | Opt::LxcPath)) {
        return Ok(say(format!("option {opt:?} is not available yet"))?);
    }
    let text: String = call.store()?.names()?.iter().map(|name| format!("{name}\n")).collect();
    print(&text)?;
    Ok(0)
}
