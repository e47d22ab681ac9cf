//! Messages to nftables (include/uapi/linux/netfilter/nf_tables.h): one table of Keel's for each bridge and family, with one rule for each network.
//!
//! What `nft` would take as: `ip saddr NETWORK ip daddr != NETWORK masquerade` (`ip6` for IPv6), in a chain behind the routing.

use crate::netlink::{self, Message, nl};
use alloc::ffi::CString;
use alloc::format;
use alloc::vec::Vec;
use core::net::IpAddr;

/// NFNL_SUBSYS_NFTABLES.
const SUBSYSTEM: u16 = 10;

/// What a table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// NFPROTO_IPV4.
    V4 = 2,
    /// NFPROTO_IPV6.
    V6 = 10,
}

const NEWTABLE: u16 = 0;
const GETTABLE: u16 = 1;
const DELTABLE: u16 = 2;
const NEWCHAIN: u16 = 3;
const NEWRULE: u16 = 6;

/// `struct nfgenmsg`: family, version, and a number in the network's order.
fn general(kind: u16, flags: u16, family: u8, number: u16) -> Message {
    let [high, low] = number.to_be_bytes();
    Message::new(kind, flags, &[family, 0, high, low])
}

fn message(kind: u16, flags: u16, family: Family) -> Message {
    general(SUBSYSTEM << 8 | kind, flags | nl::ACK, family as u8, 0)
}

/// The name of a bridge's table.
fn table(bridge: &str) -> CString {
    CString::new(format!("keel-{bridge}")).unwrap_or_default()
}

/// Begins and ends what takes effect as a whole or not at all. The first and the last have no answer unless they fail.
fn batch(messages: impl IntoIterator<Item = Message>) -> Vec<Message> {
    // NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END.
    let mut all = Vec::from([general(16, 0, 0, SUBSYSTEM)]);
    all.extend(messages);
    all.push(general(17, 0, 0, SUBSYSTEM));
    all
}

/// Asks for a bridge's table; ENOENT: there is none.
pub fn ask(bridge: &str, family: Family) -> Message {
    message(GETTABLE, 0, family).text(1, &table(bridge))
}

/// Removes a bridge's table; ENOENT: there is none.
pub fn remove(bridge: &str, family: Family) -> Vec<Message> {
    batch([message(DELTABLE, 0, family).text(1, &table(bridge))])
}

/// Makes a bridge's table, in place of one that is there, for networks of that family.
pub fn masquerade(bridge: &str, family: Family, networks: &[(IpAddr, u8)]) -> Vec<Message> {
    let name = table(bridge);
    let message = |kind, flags| message(kind, flags, family).text(1, &name);
    let new = || message(NEWTABLE, nl::CREATE);
    // NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK (NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC), NFTA_CHAIN_TYPE.
    let chain = message(NEWCHAIN, nl::CREATE)
        .text(3, c"postrouting")
        .nest(4, |m| m.attr(1, &4u32.to_be_bytes()).attr(2, &100u32.to_be_bytes()))
        .text(7, c"nat");
    // Offsets of saddr and daddr in the header (struct iphdr, struct ipv6hdr).
    let (source, destination) = if family == Family::V4 { (12, 16) } else { (8, 24) };
    // NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS.
    let rule = |(ip, prefix): &(IpAddr, u8)| {
        message(NEWRULE, nl::CREATE | nl::APPEND).text(2, c"postrouting").nest(4, |m| {
            let m = compared(m, source, *ip, *prefix, EQ);
            let m = compared(m, destination, *ip, *prefix, NEQ);
            expression(m, c"masq", |m| m)
        })
    };
    batch([new(), message(DELTABLE, 0), new(), chain].into_iter().chain(networks.iter().map(rule)))
}

const EQ: u32 = 0;
const NEQ: u32 = 1;

/// An address of the header, masked, compared with a network: the rule goes on where that is so.
fn compared(m: Message, offset: u32, ip: IpAddr, prefix: u8, how: u32) -> Message {
    let n = |number: u32| number.to_be_bytes();
    let address = netlink::bytes(ip).1;
    let length = address.len() as u32;
    let bits = |i: usize| usize::from(prefix).saturating_sub(i * 8).min(8);
    let mask: Vec<u8> = (0..address.len()).map(|i| (0xff00u16 >> bits(i)) as u8).collect();
    let wanted: Vec<u8> = address.iter().zip(&mask).map(|(a, m)| a & m).collect();
    // NFT_REG_1, which holds 16 bytes.
    let register = n(1);
    // NFTA_PAYLOAD_DREG, _BASE (NFT_PAYLOAD_NETWORK_HEADER), _OFFSET, _LEN.
    let m = expression(m, c"payload", |m| m.attr(1, &register).attr(2, &n(1)).attr(3, &n(offset)).attr(4, &n(length)));
    // NFTA_BITWISE_SREG, _DREG, _LEN, _MASK, _XOR.
    let m = expression(m, c"bitwise", |m| {
        let m = m.attr(1, &register).attr(2, &register).attr(3, &n(length));
        m.nest(4, |m| m.attr(1, &mask)).nest(5, |m| m.attr(1, &[0; 16][..address.len()]))
    });
    // NFTA_CMP_SREG, _OP, _DATA.
    expression(m, c"cmp", |m| m.attr(1, &register).attr(2, &n(how)).nest(3, |m| m.attr(1, &wanted)))
}

/// NFTA_LIST_ELEM of NFTA_EXPR_NAME and NFTA_EXPR_DATA.
fn expression(m: Message, name: &core::ffi::CStr, data: impl FnOnce(Message) -> Message) -> Message {
    m.nest(1, |m| m.text(1, name).nest(2, data))
}
