//! Messages to nftables (include/uapi/linux/netfilter/nf_tables.h): one table of Keel's for each bridge, with one rule.
//!
//! What `nft` would take as: `ip saddr NETWORK ip daddr != NETWORK masquerade`, in a chain behind the routing.

use crate::netlink::{Message, nl};
use alloc::ffi::CString;
use alloc::format;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// NFNL_SUBSYS_NFTABLES.
const SUBSYSTEM: u16 = 10;
/// NFPROTO_IPV4.
const IPV4: u8 = 2;

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

fn message(kind: u16, flags: u16) -> Message {
    general(SUBSYSTEM << 8 | kind, flags | nl::ACK, IPV4, 0)
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
pub fn ask(bridge: &str) -> Message {
    message(GETTABLE, 0).text(1, &table(bridge))
}

/// Removes a bridge's table; ENOENT: there is none.
pub fn remove(bridge: &str) -> Vec<Message> {
    batch([message(DELTABLE, 0).text(1, &table(bridge))])
}

/// Makes a bridge's table, in place of one that is there.
pub fn masquerade(bridge: &str, network: Ipv4Addr, prefix: u8) -> Vec<Message> {
    let name = table(bridge);
    let new = || message(NEWTABLE, nl::CREATE).text(1, &name);
    // NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_HOOK (NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC), NFTA_CHAIN_TYPE.
    let chain = message(NEWCHAIN, nl::CREATE)
        .text(1, &name)
        .text(3, c"postrouting")
        .nest(4, |m| m.attr(1, &4u32.to_be_bytes()).attr(2, &100u32.to_be_bytes()))
        .text(7, c"nat");
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    let wanted = (u32::from(network) & mask).to_be_bytes();
    // NFTA_RULE_TABLE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS. Offsets of saddr and daddr in the header of IPv4.
    let rule = message(NEWRULE, nl::CREATE | nl::APPEND).text(1, &name).text(2, c"postrouting").nest(4, |m| {
        let m = compared(m, 12, mask, &wanted, EQ);
        let m = compared(m, 16, mask, &wanted, NEQ);
        expression(m, c"masq", |m| m)
    });
    batch([new(), message(DELTABLE, 0).text(1, &name), new(), chain, rule])
}

const EQ: u32 = 0;
const NEQ: u32 = 1;

/// Four bytes of the header, masked, compared with others: the rule goes on where that is so.
fn compared(m: Message, offset: u32, mask: u32, wanted: &[u8; 4], how: u32) -> Message {
    let n = |number: u32| number.to_be_bytes();
    // NFT_REG_1.
    let register = n(1);
    // NFTA_PAYLOAD_DREG, _BASE (NFT_PAYLOAD_NETWORK_HEADER), _OFFSET, _LEN.
    let m = expression(m, c"payload", |m| m.attr(1, &register).attr(2, &n(1)).attr(3, &n(offset)).attr(4, &n(4)));
    // NFTA_BITWISE_SREG, _DREG, _LEN, _MASK, _XOR.
    let m = expression(m, c"bitwise", |m| {
        let m = m.attr(1, &register).attr(2, &register).attr(3, &n(4));
        m.nest(4, |m| m.attr(1, &n(mask))).nest(5, |m| m.attr(1, &n(0)))
    });
    // NFTA_CMP_SREG, _OP, _DATA.
    expression(m, c"cmp", |m| m.attr(1, &register).attr(2, &n(how)).nest(3, |m| m.attr(1, wanted)))
}

/// NFTA_LIST_ELEM of NFTA_EXPR_NAME and NFTA_EXPR_DATA.
fn expression(m: Message, name: &core::ffi::CStr, data: impl FnOnce(Message) -> Message) -> Message {
    m.nest(1, |m| m.text(1, name).nest(2, data))
}
