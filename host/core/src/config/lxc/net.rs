//! `lxc.net.N.type` and the sections of `lxc.network.type`.
//!
//! Which types can be made is not known here: all that LXC has are taken, and the start says what it cannot make.

use super::apply::{Done, Lines, at, line};
use super::keys::Setting;
use crate::config::{Config, Net, NetKind};
use crate::nearest;
use alloc::format;
use alloc::string::ToString;

const NET_KINDS: [&str; 7] = ["none", "empty", "veth", "vlan", "macvlan", "ipvlan", "phys"];

pub(super) fn net_type(s: &mut Setting<'_>) -> Done {
    let nets = &mut s.config.net;
    // The old name begins a section of its own each time, unless it carries a number.
    let index = s.index.unwrap_or_else(|| nets.last().map_or(0, |net| net.index.saturating_add(1)));
    let kind = match s.value {
        "" => {
            nets.retain(|net| net.index != index);
            return Ok(());
        }
        "none" => NetKind::None,
        "empty" => NetKind::Empty,
        other if NET_KINDS.contains(&other) => NetKind::Other(other.to_string()),
        other => {
            return Err(format!("unknown type '{other}'{}", nearest::hint(other, NET_KINDS)));
        }
    };
    let net = Net { index, kind: at(kind, s.origin) };
    match nets.binary_search_by_key(&index, |net| net.index) {
        Ok(place) => nets[place] = net,
        Err(place) => nets.insert(place, net),
    }
    s.config.net_cleared = false;
    Ok(())
}

pub(super) fn print_net_type(c: &Config) -> Lines {
    let named = |kind: &NetKind| match kind {
        NetKind::None => "none".to_string(),
        NetKind::Empty => "empty".to_string(),
        NetKind::Other(name) => name.clone(),
    };
    c.net.iter().map(|n| (format!("lxc.net.{}.type", n.index), named(&n.kind.value))).collect()
}

pub(super) fn net_clear(s: &mut Setting<'_>) -> Done {
    if !s.value.is_empty() {
        return Err(format!("takes no value but an empty one, not '{}'", s.value));
    }
    match s.index {
        Some(index) => s.config.net.retain(|net| net.index != index),
        None => {
            s.config.net.clear();
            s.config.net_cleared = true;
        }
    }
    Ok(())
}

pub(super) fn print_net_clear(c: &Config) -> Lines {
    line("lxc.net", c.net_cleared.then_some(""))
}
