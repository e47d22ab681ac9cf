//! Netlink messages as bytes: writing requests, reading answers (netlink(7), rtnetlink(7)).
//!
//! No socket here. Numbers are those of include/uapi/linux/{netlink,rtnetlink,if_link}.h; integers are in the machine's
//! order. A message that is cut short ends the reading, it never goes beyond its bytes.

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

/// Message types and flags.
#[allow(missing_docs)]
pub mod nl {
    pub const ERROR: u16 = 2;
    pub const DONE: u16 = 3;
    pub const REQUEST: u16 = 1;
    pub const ACK: u16 = 4;
    pub const DUMP: u16 = 0x300;
    pub const REPLACE: u16 = 0x100;
    pub const EXCL: u16 = 0x200;
    pub const CREATE: u16 = 0x400;
    pub const APPEND: u16 = 0x800;
    pub const NEWLINK: u16 = 16;
    pub const DELLINK: u16 = 17;
    pub const GETLINK: u16 = 18;
    pub const SETLINK: u16 = 19;
    pub const NEWADDR: u16 = 20;
    pub const GETADDR: u16 = 22;
    pub const NEWROUTE: u16 = 24;
    pub const DELROUTE: u16 = 25;
    pub const NEWNEIGH: u16 = 28;
    pub const DELNEIGH: u16 = 29;
}

/// Attributes of a link.
#[allow(missing_docs)]
pub mod ifla {
    pub const ADDRESS: u16 = 1;
    pub const IFNAME: u16 = 3;
    pub const MTU: u16 = 4;
    pub const LINK: u16 = 5;
    pub const STATS: u16 = 7;
    pub const MASTER: u16 = 10;
    pub const LINKINFO: u16 = 18;
    pub const IFALIAS: u16 = 20;
    pub const STATS64: u16 = 23;
    pub const AF_SPEC: u16 = 26;
    pub const NET_NS_FD: u16 = 28;
    pub const NUM_TX_QUEUES: u16 = 31;
    pub const NUM_RX_QUEUES: u16 = 32;
    pub const INFO_KIND: u16 = 1;
    pub const INFO_DATA: u16 = 2;
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A request with an answer, of a type, with more flags and its fixed part.
    pub fn new(kind: u16, flags: u16, fixed: &[u8]) -> Message {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend([0; 4]);
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((nl::REQUEST | flags).to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(fixed);
        let mut message = Message { bytes };
        message.pad();
        message
    }

    /// `struct ifinfomsg`, with IFF_UP or not, and whether that is to be changed.
    pub fn link(kind: u16, flags: u16, family: u8, index: u32, up: bool) -> Message {
        let up = u32::from(up).to_ne_bytes();
        let index = index.to_ne_bytes();
        let fixed = [&[family, 0, 0, 0][..], &index, &up, &up].concat();
        Message::new(kind, flags, &fixed)
    }

    /// An attribute.
    pub fn attr(mut self, kind: u16, value: &[u8]) -> Message {
        self.bytes.extend(((value.len() + 4) as u16).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(value);
        self.pad();
        self
    }

    /// An attribute, if there is a value.
    pub fn attr_if<V: AsRef<[u8]>>(self, kind: u16, value: Option<V>) -> Message {
        match value {
            Some(value) => self.attr(kind, value.as_ref()),
            None => self,
        }
    }

    /// A text with its final zero.
    pub fn text(self, kind: u16, value: &core::ffi::CStr) -> Message {
        self.attr(kind, value.to_bytes_with_nul())
    }

    /// A number.
    pub fn u32(self, kind: u16, value: u32) -> Message {
        self.attr(kind, &value.to_ne_bytes())
    }

    /// An attribute of attributes.
    pub fn nest(mut self, kind: u16, inner: impl FnOnce(Message) -> Message) -> Message {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        let mut whole = inner(self);
        let length = (whole.bytes.len() - start) as u16;
        whole.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        whole
    }

    /// Bytes that are no attribute: the `struct ifinfomsg` of a veth's peer.
    pub fn raw(mut self, bytes: &[u8]) -> Message {
        self.bytes.extend(bytes);
        self.pad();
        self
    }

    /// The bytes to send, with a number that the answer will carry.
    pub fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }

    fn pad(&mut self) {
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }
}

/// A new address of an interface: `struct ifaddrmsg`; IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST.
pub fn address(link: u32, ip: IpAddr, prefix: u8, broadcast: Option<Ipv4Addr>) -> Message {
    let (family, bytes) = bytes(ip);
    let fixed = [&[family, prefix, 0, 0][..], &link.to_ne_bytes()].concat();
    let message = Message::new(nl::NEWADDR, nl::CREATE | nl::EXCL | nl::ACK, &fixed);
    message.attr(2, &bytes).attr(1, &bytes).attr_if(4, broadcast.map(|b| b.octets()))
}

/// About a route to one address, or to a network, or the default one: `struct rtmsg` with the lengths of destination and
/// source, TOS, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST; RTA_DST, RTA_GATEWAY, RTA_OIF.
pub fn route(kind: u16, link: u32, to: Option<(IpAddr, u8)>, via: Option<IpAddr>, v6: bool) -> Message {
    // RT_SCOPE_LINK without a gateway: who is there is asked directly.
    let scope = if via.is_none() && !v6 { 253 } else { 0 };
    let fixed = [if v6 { 10 } else { 2 }, to.map_or(0, |t| t.1), 0, 0, 254, 3, scope, 1, 0, 0, 0, 0];
    let flags = if kind == nl::NEWROUTE { nl::CREATE | nl::EXCL | nl::ACK } else { nl::ACK };
    let message = Message::new(kind, flags, &fixed).attr_if(1, to.map(|t| bytes(t.0).1));
    message.attr_if(5, via.map(|ip| bytes(ip).1)).u32(4, link)
}

/// About an address for which the host answers: `struct ndmsg` with NTF_PROXY; NDA_DST.
pub fn proxy(kind: u16, link: u32, ip: IpAddr) -> Message {
    let (family, bytes) = bytes(ip);
    let fixed = [&[family, 0, 0, 0][..], &link.to_ne_bytes(), &[0, 0, 8, 0]].concat();
    let flags = if kind == nl::NEWNEIGH { nl::CREATE | nl::EXCL | nl::ACK } else { nl::ACK };
    Message::new(kind, flags, &fixed).attr(1, &bytes)
}

/// Family (AF_INET, AF_INET6) and bytes of an address.
pub fn bytes(ip: IpAddr) -> (u8, Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => (2, ip.octets().into()),
        IpAddr::V6(ip) => (10, ip.octets().into()),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// A number at an offset.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Messages of an answer: type, sequence number, what follows the header.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = (u16, u32, &[u8])> {
    core::iter::from_fn(move || {
        let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let (kind, sequence) = (u16_at(bytes, 4)?, u32_at(bytes, 8)?);
        let body = bytes.get(16..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, sequence, body))
    })
}

/// Attributes: type without its flags, value.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    core::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & 0x3fff;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    })
}

/// The value of an attribute.
pub fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(k, _)| *k == kind).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = Message::link(nl::NEWLINK, nl::CREATE | nl::ACK, 0, 7, true)
            .text(ifla::IFNAME, c"eth0")
            .nest(ifla::LINKINFO, |m| m.text(ifla::INFO_KIND, c"veth").nest(ifla::INFO_DATA, |m| m.u32(1, 5)))
            .u32(ifla::MTU, 1400)
            .finish(9);
        let all: Vec<_> = messages(&bytes).collect();
        assert_eq!(all.len(), 1);
        let (kind, sequence, body) = all[0];
        assert_eq!((kind, sequence, u32_at(body, 4), u32_at(body, 8)), (nl::NEWLINK, 9, Some(7), Some(1)));
        assert_eq!(attribute(&body[16..], ifla::IFNAME), Some(&b"eth0\0"[..]));
        assert_eq!(attribute(&body[16..], ifla::MTU), Some(&1400u32.to_ne_bytes()[..]));
        let info = attribute(&body[16..], ifla::LINKINFO).unwrap();
        assert_eq!(attribute(info, ifla::INFO_KIND), Some(&b"veth\0"[..]));
        assert_eq!(attribute(attribute(info, ifla::INFO_DATA).unwrap(), 1), Some(&5u32.to_ne_bytes()[..]));
    }

    #[test]
    fn what_is_cut_short_ends_the_reading() {
        let bytes = Message::link(nl::NEWLINK, 0, 0, 1, false).text(ifla::IFNAME, c"lo").finish(1);
        for length in 0..bytes.len() {
            assert_eq!(messages(&bytes[..length]).count(), 0, "{length}");
        }
        // Lengths that lie: shorter than the header, or longer than all.
        for length in [0u32, 1, 15, 17_000, u32::MAX] {
            let mut lie = bytes.clone();
            lie[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(messages(&lie).count() == 0, "{length}");
        }
        for length in [0u16, 1, 3, 9, u16::MAX] {
            let mut lie = bytes[32..].to_vec();
            lie[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(attributes(&lie).count(), 0, "{length}");
        }
    }
}
