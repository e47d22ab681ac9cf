//! `keel ls`, `lxc-ls`: which containers there are.
//!
//! A configuration with mistakes is no reason to leave a container out: what can be read of it is shown.

mod nested;
mod net;
mod table;

use std::io::{IsTerminal, stdout};

use keel_core::commands::{Opt, Parsed, UsageError};

use super::out::print;
use super::state::{Live, live};
use super::{Answer, Call, Refusal};
use crate::load;
use crate::store::{Name, Store};
use crate::usage::addresses;
use table::Row;

/// LXC's default depth of --nesting.
const NESTING: u32 = 5;

/// Prints the listing.
pub fn run(call: &mut Call) -> Answer {
    let choice = Choice::new(&call.args)?;
    let columns = match call.args.value(Opt::FancyFormat) {
        Some(text) => Some(table::columns(text).map_err(UsageError)?),
        None => call.args.has(Opt::Fancy).then(table::usual),
    };
    let depth = match call.args.has(Opt::Nesting) {
        true => call.args.number(Opt::Nesting)?.unwrap_or(NESTING),
        false => 0,
    };
    let store = call.store()?;
    let mut rows = Vec::new();
    for name in store.names()? {
        if choice.name.as_ref().is_none_or(|regex| regex.is_match(name.as_str())) {
            let row = look(&store, &name);
            let below = match depth {
                0 => Vec::new(),
                depth => nested::inside(&store, &name, row.pid.is_some(), depth),
            };
            rows.extend([row].into_iter().chain(below).filter(|row| choice.takes(row)));
        }
    }
    let text = match columns {
        _ if call.args.has(Opt::Json) => table::json(&rows),
        Some(columns) => table::table(&rows, &columns),
        None if call.args.has(Opt::Line) => rows.iter().map(|row| format!("{}\n", row.name)).collect(),
        None => table::names(&rows, terminal_width()),
    };
    print(&text)?;
    Ok(0)
}

/// Whether a state is one that was asked for.
type Holds = fn(&str) -> bool;

/// Which of them are shown. All that is asked for must hold.
struct Choice {
    name: Option<regex_lite::Regex>,
    groups: Vec<String>,
    states: Vec<Holds>,
}

impl Choice {
    fn new(args: &Parsed) -> Result<Choice, Refusal> {
        let mut args = args.clone();
        // lxc-ls takes the expression as its operand, too.
        let operand =
            (!args.operands.is_empty()).then(|| String::from_utf8_lossy(&args.operands.remove(0)).into_owned());
        args.no_more()?;
        let name = match args.value(Opt::Filter).or(operand.as_deref()) {
            None => None,
            Some(text) => match regex_lite::Regex::new(text) {
                Ok(regex) => Some(regex),
                Err(why) => {
                    return Err(UsageError(format!("'{}' is no regular expression: {why}", text.escape_debug())).into());
                }
            },
        };
        let groups = args.value(Opt::Groups).unwrap_or("");
        let asked: [(Opt, Holds); 4] = [
            (Opt::Active, |state| state != "STOPPED"),
            // LXC counts the frozen among them.
            (Opt::Running, |state| state != "STOPPED"),
            (Opt::Frozen, |state| state == "FROZEN"),
            (Opt::Stopped, |state| state == "STOPPED"),
        ];
        Ok(Choice {
            name,
            groups: groups.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned).collect(),
            states: asked.into_iter().filter(|(opt, _)| args.has(*opt)).map(|(_, holds)| holds).collect(),
        })
    }

    fn takes(&self, row: &Row) -> bool {
        self.groups.iter().all(|group| row.groups.contains(group)) && self.states.iter().all(|holds| holds(row.state))
    }
}

fn look(store: &Store, name: &Name) -> Row {
    let config = load::config(&store.config(name), &[]).map(|(config, _)| config).unwrap_or_default();
    let Live { state, pid, cgroups } = live(store, name);
    let (ipv4, ipv6) = pid.map(addresses).unwrap_or_default();
    Row {
        name: name.as_str().to_owned(),
        state: state.name(),
        pid,
        ram: cgroups.memory(),
        swap: cgroups.swap(),
        autostart: config.start.auto,
        groups: config.start.groups,
        interface: pid.map(net::interfaces).unwrap_or_default(),
        ipv4: ipv4.iter().map(ToString::to_string).collect(),
        ipv6: ipv6.iter().map(ToString::to_string).collect(),
        unprivileged: !config.idmap.is_empty(),
    }
}

/// Letters across the terminal that is written to.
fn terminal_width() -> Option<usize> {
    let stdout = stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    // A serial console says 0: it does not know.
    Some(if size.ws_col == 0 { 80 } else { size.ws_col.into() })
}
