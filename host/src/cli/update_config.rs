//! `keel update-config`, `lxc-update-config`: gives the keys of a file from before LXC 2.1 their present names.
//!
//! What an old file leaves unsaid meant something else then than under present names (reference of LXC: autodev, the
//! network); that is written down, so that the container stays what it was. Files that it includes are not touched.
use super::{Answer, Call};
use crate::fault::at;
use crate::load::Files;
use crate::rewrite;
use keel_core::commands::{self, Opt, UsageError};
use keel_core::config::Dialect;
use keel_core::config::lxc::{edit, parse};
use std::path::Path;

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    let file = match call.args.value(Opt::File).map(String::from) {
        Some(file) => file,
        None if call.args.operands.is_empty() => {
            if call.called.starts_with("lxc-") {
                super::out::print(&commands::help(call.command, &call.called))?;
                return Ok(0);
            }
            return Err(UsageError("no file given".into()).into());
        }
        None => String::from_utf8_lossy(&call.args.operands.remove(0)).into_owned(),
    };
    call.args.no_more()?;
    let path = Path::new(&file);
    let (real, old) = rewrite::read(path)?;
    let (config, _) = parse(&file, old.as_bytes(), &mut Files);
    let mut updated = edit::update(&old);
    let say = |line: u32, text: String| match line {
        0 => call.messages.print(&format!("{file}: {text}")),
        line => call.messages.print(&format!("{file}:{line}: {text}")),
    };
    for (line, text) in updated.notes.drain(..) {
        say(line, text);
    }
    if config.dialect != Dialect::Current && updated.text != old {
        let unsaid = [
            (config.autodev.is_none(), "lxc.autodev = 0"),
            (config.net.is_empty() && !config.net_cleared && config.dialect.host_network(), "lxc.net.0.type = none"),
        ];
        for (_, line) in unsaid.into_iter().filter(|(unsaid, _)| *unsaid) {
            say(0, format!("'{line}' is added: in a file of that age this went without saying"));
            updated.text += &format!("{line}\n");
        }
    }
    let meta = std::fs::metadata(&real).map_err(|e| at("stat", path, e))?;
    let backup = format!("{file}.backup");
    rewrite::create(Path::new(&backup), &old, &meta)?;
    rewrite::replace(&real, &updated.text)?;
    Ok(0)
}
