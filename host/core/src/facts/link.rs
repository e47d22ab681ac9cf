//! A network interface of the host, as far as a plan depends on it.

use crate::config::net::Address;
use alloc::string::String;
use alloc::vec::Vec;

/// A network interface of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its number in its namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// `ip link set alias`; Keel marks with it what it has made or moved.
    pub alias: String,
    /// Its MTU.
    pub mtu: u32,
    /// Its hardware address, where it has one of six bytes.
    pub hwaddr: Option<[u8; 6]>,
    /// Kind of a virtual interface (`bridge`, `veth`); empty for one of hardware.
    pub kind: String,
    /// Of a bridge: the VLAN of a new port's untagged packets, if it tells VLANs apart.
    pub default_vlan: Option<u16>,
    /// Bytes received and sent.
    pub bytes: (u64, u64),
    /// Its addresses, global ones first.
    pub addresses: Vec<Address>,
    /// What is on for it: `net.ipv4.conf.NAME.forwarding`, the same of ipv6, `net.ipv6.conf.NAME.proxy_ndp`. Only looked at
    /// where an interface wants answers on it.
    pub routes: [bool; 3],
    /// Number of the bridge that it is a port of, or 0.
    pub master: u32,
}
