//! The keys of `lxc.net.N` and of the sections of `lxc.network.type`.
//!
//! Which types can be made is not known here: all that LXC has are taken, and the start says what it cannot make.

use super::apply::{Done, Lines, at, line};
use super::keys::Setting;
use super::values;
use crate::config::net::{Address, Gateway, HwAddr, Ipvlan, Isolation, Macvlan, VethMode, VlanId, interface_name};
use crate::config::{At, Config, Net, NetKind, Origin};
use crate::nearest;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

pub(super) fn net_type(s: &mut Setting<'_>) -> Done {
    let nets = &mut s.config.net;
    // The old name begins a section of its own each time, unless it carries a number.
    let index = s.index.unwrap_or_else(|| nets.last().map_or(0, |net| net.index.saturating_add(1)));
    if s.value.is_empty() {
        nets.retain(|net| net.index != index);
        return Ok(());
    }
    let kind = at(word(NetKind::ALL, s.value, "type")?, s.origin);
    match nets.binary_search_by_key(&index, |net| net.index) {
        Ok(place) => nets[place].kind = kind,
        Err(place) => nets.insert(place, Net::new(index, kind)),
    }
    s.config.net_cleared = false;
    Ok(())
}

pub(super) fn print_net_type(c: &Config) -> Lines {
    each(c, "type", |net| [net.kind.value.word().to_string()].into())
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

/// The interface that a key belongs to. A numbered one may begin with any key; without a type it is an empty one, as in
/// LXC.
fn section<'a>(s: &'a mut Setting<'_>) -> Result<&'a mut Net, String> {
    let origin = s.origin;
    let nets = &mut s.config.net;
    let place = match s.index {
        None => nets.len().checked_sub(1).ok_or("stands before the first 'lxc.network.type'")?,
        Some(index) => match nets.binary_search_by_key(&index, |net| net.index) {
            Ok(place) => place,
            Err(place) => {
                nets.insert(place, Net::new(index, at(NetKind::Empty, origin)));
                s.config.net_cleared = false;
                place
            }
        },
    };
    Ok(&mut nets[place])
}

/// A key that only one type has: LXC refuses it under any other.
fn only(net: &Net, kind: NetKind) -> Done {
    match net.kind.value == kind {
        true => Ok(()),
        false => Err(format!(
            "interface {} has type '{}', and '{}' alone has this key",
            net.index,
            net.kind.value.word(),
            kind.word()
        )),
    }
}

/// One of a set of words.
fn word<T: Copy>(all: &[(&str, T)], value: &str, what: &str) -> Result<T, String> {
    match all.iter().find(|(word, _)| *word == value) {
        Some((_, found)) => Ok(*found),
        None => Err(format!("unknown {what} '{value}'{}", nearest::hint(value, all.iter().map(|(word, _)| *word)))),
    }
}

/// The lines of one key, for each interface that has it.
fn each(c: &Config, key: &str, values: fn(&Net) -> Vec<String>) -> Lines {
    let of = |net: &Net| {
        let name = format!("lxc.net.{}.{key}", net.index);
        values(net).into_iter().map(move |value| (name.clone(), value)).collect::<Vec<_>>()
    };
    c.net.iter().flat_map(of).collect()
}

fn some(value: Option<impl ToString>) -> Vec<String> {
    value.iter().map(ToString::to_string).collect()
}

fn flag(on: bool) -> Vec<String> {
    on.then(|| "1".to_string()).into_iter().collect()
}

/// A word that is not the default's.
fn unusual<T: Default + PartialEq>(value: T, word: &str) -> Vec<String> {
    (value != T::default()).then(|| word.to_string()).into_iter().collect()
}

/// A text, or nothing where the value is empty.
fn text(value: &str, origin: Origin) -> Option<At<String>> {
    (!value.is_empty()).then(|| at(value.to_string(), origin))
}

fn name_of(value: &str, origin: Origin) -> Result<Option<At<String>>, String> {
    match value {
        "" => Ok(None),
        name => Ok(Some(at(interface_name(name)?, origin))),
    }
}

fn vlan_id(value: &str) -> Result<u16, String> {
    let id = values::count(value)?;
    u16::try_from(id)
        .ok()
        .filter(|id| (1..4095).contains(id))
        .ok_or_else(|| format!("'{value}' is not a VLAN between 1 and 4094"))
}

fn number(value: &str) -> Result<Option<u32>, String> {
    if value.is_empty() { Ok(None) } else { values::count(value).map(Some) }
}

fn gateway(value: &str, origin: Origin, v4: bool) -> Result<Option<At<Gateway>>, String> {
    let family = if v4 { "IPv4" } else { "IPv6" };
    let read = match value {
        "" => return Ok(None),
        "auto" => Gateway::Auto,
        "dev" => Gateway::Dev,
        ip => match ip.parse::<IpAddr>() {
            Ok(ip) if ip.is_ipv4() == v4 => Gateway::Ip(ip),
            _ => return Err(format!("'{ip}' is neither an {family} address nor auto nor dev")),
        },
    };
    Ok(Some(at(read, origin)))
}

/// Adds to a list of both families, or clears one of them.
fn add(list: &mut Vec<At<Address>>, value: &str, origin: Origin, v4: bool) -> Done {
    if value.is_empty() {
        list.retain(|a| a.value.ip.is_ipv4() != v4);
        return Ok(());
    }
    list.push(at(if v4 { Address::v4(value)? } else { Address::v6(value)? }, origin));
    Ok(())
}

fn family(list: &[At<Address>], v4: bool) -> Vec<String> {
    let of = list.iter().filter(|a| a.value.ip.is_ipv4() == v4);
    of.map(|a| match a.value.broadcast {
        Some(broadcast) => format!("{} {broadcast}", a.value),
        None => a.value.to_string(),
    })
    .collect()
}

/// A route needs its prefix; LXC takes no address without one here.
fn route(net: &mut Net, value: &str, origin: Origin, v4: bool) -> Done {
    only(net, NetKind::Veth)?;
    if !value.is_empty() && !value.contains('/') {
        return Err(format!("'{value}' is not of the form ADDRESS/PREFIX"));
    }
    add(&mut net.veth.routes, value, origin, v4)
}

/// Keys of one interface: how a value is read, and how it is written.
macro_rules! keys {
    ($($name:literal $read:ident $print:ident |$net:ident, $value:ident, $origin:ident| $set:expr, $get:expr;)*) => {$(
        pub(super) fn $read(s: &mut Setting<'_>) -> Done {
            let ($value, $origin) = (s.value, s.origin);
            let _ = $origin;
            let $net = section(s)?;
            $set
        }

        pub(super) fn $print(c: &Config) -> Lines {
            each(c, $name, $get)
        }
    )*};
}

/// Puts a value into its place.
macro_rules! put {
    ($place:expr, $value:expr) => {{
        $place = $value;
        Ok(())
    }};
    ($kind:ident, $net:ident, $place:expr, $value:expr) => {{
        only($net, NetKind::$kind)?;
        $place = $value;
        Ok(())
    }};
}

/// One of the words of a type, or its default where the value is empty.
macro_rules! one_of {
    ($type:ident, $value:ident) => {
        match $value {
            "" => $type::default(),
            value => word($type::ALL, value, "mode")?,
        }
    };
}

keys! {
    "flags" flags print_flags |net, value, o| put!(net.up, !value.is_empty()),
        |net| net.up.then(|| "up".to_string()).into_iter().collect();
    "link" link print_link |net, value, o| put!(net.link, match value.strip_suffix('+') {
            Some(start) if net.kind.value == NetKind::Phys => {
                if start.len() > 15 {
                    return Err(format!("'{start}' is longer than 15 bytes, which no interface's name is"));
                }
                text(value, o)
            }
            _ => name_of(value, o)?,
        }),
        |net| some(net.link.as_ref().map(|l| &l.value));
    "name" name print_name |net, value, o| put!(net.name, name_of(value, o)?),
        |net| some(net.name.as_ref().map(|n| &n.value));
    "hwaddr" hwaddr print_hwaddr |net, value, o| put!(net.hwaddr, match value {
            "" => None,
            value => Some(HwAddr::parse(value)?),
        }),
        |net| some(net.hwaddr);
    "mtu" mtu print_mtu |net, value, o| put!(net.mtu, number(value)?),
        |net| some(net.mtu);
    "l2proxy" l2proxy print_l2proxy |net, value, o| put!(net.l2proxy, !value.is_empty() && values::flag(value)?),
        |net| flag(net.l2proxy);
    "ipv4.address" ipv4 print_ipv4 |net, value, o| add(&mut net.addresses, value, o, true),
        |net| family(&net.addresses, true);
    "ipv6.address" ipv6 print_ipv6 |net, value, o| add(&mut net.addresses, value, o, false),
        |net| family(&net.addresses, false);
    "ipv4.gateway" gateway4 print_gateway4 |net, value, o| put!(net.gateway4, gateway(value, o, true)?),
        |net| some(net.gateway4.as_ref().map(|g| g.value));
    "ipv6.gateway" gateway6 print_gateway6 |net, value, o| put!(net.gateway6, gateway(value, o, false)?),
        |net| some(net.gateway6.as_ref().map(|g| g.value));
    "macvlan.mode" macvlan print_macvlan |net, value, o| put!(Macvlan, net, net.macvlan, one_of!(Macvlan, value)),
        |net| unusual(net.macvlan, net.macvlan.word());
    "ipvlan.mode" ipvlan print_ipvlan |net, value, o| put!(Ipvlan, net, net.ipvlan, one_of!(Ipvlan, value)),
        |net| unusual(net.ipvlan, net.ipvlan.word());
    "ipvlan.isolation" isolation print_isolation |net, value, o| put!(Ipvlan, net, net.isolation, one_of!(Isolation, value)),
        |net| unusual(net.isolation, net.isolation.word());
    "vlan.id" vlan print_vlan |net, value, o| put!(Vlan, net, net.vlan_id, match value {
            "" => None,
            value => Some(vlan_id(value)?),
        }),
        |net| some(net.vlan_id);
    "veth.mode" veth_mode print_veth_mode |net, value, o| put!(Veth, net, net.veth.mode, one_of!(VethMode, value)),
        |net| unusual(net.veth.mode, net.veth.mode.word());
    "veth.pair" veth_pair print_veth_pair |net, value, o| put!(Veth, net, net.veth.pair, name_of(value, o)?),
        |net| some(net.veth.pair.as_ref().map(|p| &p.value));
    "veth.n_rxqueues" rx_queues print_rx_queues |net, value, o| put!(Veth, net, net.veth.rx_queues, number(value)?),
        |net| some(net.veth.rx_queues);
    "veth.n_txqueues" tx_queues print_tx_queues |net, value, o| put!(Veth, net, net.veth.tx_queues, number(value)?),
        |net| some(net.veth.tx_queues);
    "veth.ipv4.route" route4 print_route4 |net, value, o| route(net, value, o, true),
        |net| family(&net.veth.routes, true);
    "veth.ipv6.route" route6 print_route6 |net, value, o| route(net, value, o, false),
        |net| family(&net.veth.routes, false);
    "veth.vlan.id" veth_vlan print_veth_vlan |net, value, o| put!(Veth, net, net.veth.vlan, match value {
            "" => None,
            "none" => Some(at(VlanId::None, o)),
            value => Some(at(VlanId::Id(vlan_id(value)?), o)),
        }),
        |net| net.veth.vlan.iter().map(|id| match id.value {
            VlanId::None => "none".to_string(),
            VlanId::Id(id) => id.to_string(),
        }).collect();
    "veth.vlan.tagged.id" veth_tagged print_veth_tagged |net, value, o| {
            only(net, NetKind::Veth)?;
            match value {
                "" => net.veth.tagged.clear(),
                value => net.veth.tagged.push(at(vlan_id(value)?, o)),
            }
            Ok(())
        },
        |net| net.veth.tagged.iter().map(|id| id.value.to_string()).collect();
    "script.up" script_up print_script_up |net, value, o| put!(net.script_up, text(value, o)),
        |net| some(net.script_up.as_ref().map(|s| &s.value));
    "script.down" script_down print_script_down |net, value, o| put!(net.script_down, text(value, o)),
        |net| some(net.script_down.as_ref().map(|s| &s.value));
}
