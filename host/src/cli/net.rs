//! `keel net`: bridges for containers, made, removed and listed.

use keel_core::commands::{Opt, UsageError};
use keel_core::config::net::{Address, interface_name};
use keel_core::nearest;
use serde_json::json;

use super::out::print;
use super::{Answer, Call};
use crate::net::bridge;

const BRIDGE: &str = "keelbr0";
const ADDRESS: &str = "10.0.3.1/24";

/// Does it.
pub fn run(call: &mut Call) -> Answer {
    let mut words = std::mem::take(&mut call.args.operands).into_iter();
    let mut word = || words.next().map(|w| String::from_utf8_lossy(&w).into_owned());
    let (what, name) = (word(), word());
    call.args.operands = words.collect();
    call.args.no_more()?;
    let named = interface_name(name.as_deref().unwrap_or(BRIDGE)).map_err(UsageError)?;
    match what.as_deref() {
        Some("up") => up(call, &named),
        Some("down") => bridge::down(&named).map(|()| 0).map_err(Into::into),
        Some("ls") => ls(call, name.as_deref()),
        None => Err(UsageError("say 'up', 'down' or 'ls'".into()).into()),
        Some(other) => {
            let hint = nearest::hint(other, ["up", "down", "ls"]);
            Err(UsageError(format!("'{other}' is none of up, down, ls{hint}")).into())
        }
    }
}

fn up(call: &Call, name: &str) -> Answer {
    let written: Vec<&str> = call.args.values(Opt::Address).collect();
    let read = |text: &&str| if text.contains(':') { Address::v6(text) } else { Address::v4(text) };
    let written = if written.is_empty() { vec![ADDRESS] } else { written };
    let addresses: Vec<Address> = written.iter().map(read).collect::<Result<_, _>>().map_err(UsageError)?;
    for lost in bridge::up(name, &addresses, !call.args.has(Opt::NoNat))? {
        call.messages.print(&lost);
    }
    Ok(0)
}

fn ls(call: &Call, name: Option<&str>) -> Answer {
    let mut bridges = bridge::list()?;
    bridges.retain(|b| name.is_none_or(|name| b.link.name == name));
    let addresses = |b: &bridge::Bridge| -> Vec<String> {
        // Those that the kernel has made up begin with fe80.
        let own = b.link.addresses.iter().map(ToString::to_string);
        own.filter(|a| !a.starts_with("fe80:")).collect()
    };
    if call.args.has(Opt::Json) {
        let all: Vec<_> = bridges
            .iter()
            .map(|b| json!({ "name": b.link.name, "addresses": addresses(b), "nat": b.nat, "ports": b.ports }))
            .collect();
        print(&format!("{}\n", serde_json::Value::from(all)))?;
        return Ok(0);
    }
    for b in &bridges {
        let nat = if b.nat { "nat" } else { "-" };
        let ports = if b.ports.is_empty() { "-".into() } else { b.ports.join(" ") };
        print(&format!("{} {} {nat} {ports}\n", b.link.name, addresses(b).join(",")))?;
    }
    Ok(0)
}
