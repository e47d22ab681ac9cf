//! One network interface of a container: `lxc.net.N`.
//!
//! What LXC takes and no more; whether it can be made here is the plan's and the kernel's part.

pub use super::address::{Address, HwAddr, interface_name};
use super::{At, Config};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

impl Config {
    /// Whether interfaces are to be made or moved.
    pub fn has_interfaces(&self) -> bool {
        self.net.iter().any(|net| !matches!(net.kind.value, NetKind::None | NetKind::Empty))
    }

    /// Whether something depends on the caller's environment: hooks and scripts, which get all of it, and names without a value.
    pub fn asks_for_environment(&self) -> bool {
        let all = [&self.environment, &self.environment_runtime, &self.environment_hooks];
        !self.hooks.is_empty()
            || self.net.iter().any(|net| net.script_up.is_some() || net.script_down.is_some())
            || all.into_iter().flatten().any(|variable| variable.value.1.is_none())
    }
}

/// One network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// N of `lxc.net.N`; sections of `lxc.network.type` are counted from 0.
    pub index: u32,
    /// `type`.
    pub kind: At<NetKind>,
    /// `flags`: whatever its value, the interface is set up.
    pub up: bool,
    /// `link`: an interface or bridge of the host; for `phys` a name that ends in `+` stands for all that begin so.
    pub link: Option<At<String>>,
    /// `name`: its name inside.
    pub name: Option<At<String>>,
    /// `hwaddr`.
    pub hwaddr: Option<HwAddr>,
    /// `mtu`.
    pub mtu: Option<u32>,
    /// `l2proxy`.
    pub l2proxy: bool,
    /// `ipv4.address` and `ipv6.address`, in order of each family.
    pub addresses: Vec<At<Address>>,
    /// `ipv4.gateway`.
    pub gateway4: Option<At<Gateway>>,
    /// `ipv6.gateway`.
    pub gateway6: Option<At<Gateway>>,
    /// `macvlan.mode`.
    pub macvlan: Macvlan,
    /// `ipvlan.mode`.
    pub ipvlan: Ipvlan,
    /// `ipvlan.isolation`.
    pub isolation: Isolation,
    /// `vlan.id`.
    pub vlan_id: Option<u16>,
    /// `veth.*`.
    pub veth: Veth,
    /// `script.up`.
    pub script_up: Option<At<String>>,
    /// `script.down`.
    pub script_down: Option<At<String>>,
}

impl Net {
    /// An interface of which only the type is known.
    pub fn new(index: u32, kind: At<NetKind>) -> Net {
        Net {
            index,
            kind,
            up: false,
            link: None,
            name: None,
            hwaddr: None,
            mtu: None,
            l2proxy: false,
            addresses: Vec::new(),
            gateway4: None,
            gateway6: None,
            macvlan: Macvlan::default(),
            ipvlan: Ipvlan::default(),
            isolation: Isolation::default(),
            vlan_id: None,
            veth: Veth::default(),
            script_up: None,
            script_down: None,
        }
    }
}

/// A set of words that a key takes, with the first of them as the default.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $(#[$first:meta])* $default:ident = $text:literal, $($(#[$each:meta])* $other:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { $(#[$first])* #[default] $default, $($(#[$each])* $other,)* }

        impl $name {
            /// Every word and what it stands for.
            pub const ALL: &'static [(&'static str, $name)] =
                &[($text, $name::$default), $(($word, $name::$other),)*];

            /// Its word.
            pub fn word(self) -> &'static str {
                match self { $name::$default => $text, $($name::$other => $word,)* }
            }
        }
    };
}

words! {
    /// `lxc.net.N.type`.
    NetKind {
        /// A namespace with a loopback device only.
        Empty = "empty",
        /// The host's network namespace.
        None = "none",
        /// A pair of interfaces, one of them on the host, on a bridge or routed.
        Veth = "veth",
        /// Packets of one VLAN of an interface of the host.
        Vlan = "vlan",
        /// An interface with a hardware address of its own on one of the host's.
        Macvlan = "macvlan",
        /// An interface with the hardware address of one of the host's.
        Ipvlan = "ipvlan",
        /// An interface of the host, for as long as the container runs.
        Phys = "phys",
    }
}

words! {
    /// `macvlan.mode`.
    Macvlan {
        /// No packets between interfaces of the same link.
        Private = "private",
        /// By the switch outside.
        Vepa = "vepa",
        /// Directly.
        Bridge = "bridge",
        /// The link is this interface's alone.
        Passthru = "passthru",
    }
}

words! {
    /// `ipvlan.mode`.
    Ipvlan {
        /// By IP, no broadcasts.
        L3 = "l3",
        /// By IP, through the host's netfilter.
        L3s = "l3s",
        /// By hardware frames.
        L2 = "l2",
    }
}

words! {
    /// `ipvlan.isolation`.
    Isolation {
        /// Packets go directly.
        Bridge = "bridge",
        /// None between interfaces of the same link.
        Private = "private",
        /// By the switch outside.
        Vepa = "vepa",
    }
}

words! {
    /// `veth.mode`.
    VethMode {
        /// The host's end is on the bridge `link`.
        Bridge = "bridge",
        /// The host routes to its end.
        Router = "router",
    }
}

/// `veth.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Veth {
    /// `veth.mode`.
    pub mode: VethMode,
    /// `veth.pair`: the name of the host's end.
    pub pair: Option<At<String>>,
    /// `veth.n_rxqueues`.
    pub rx_queues: Option<u32>,
    /// `veth.n_txqueues`.
    pub tx_queues: Option<u32>,
    /// `veth.ipv4.route` and `veth.ipv6.route`.
    pub routes: Vec<At<Address>>,
    /// `veth.vlan.id`.
    pub vlan: Option<At<VlanId>>,
    /// `veth.vlan.tagged.id`.
    pub tagged: Vec<At<u16>>,
}

/// `veth.vlan.id`: the VLAN of untagged packets on the bridge's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VlanId {
    /// `none`: untagged packets are dropped.
    None,
    /// That one.
    Id(u16),
}

/// `ipv4.gateway` and `ipv6.gateway`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// `auto`: the first address of `link`.
    Auto,
    /// `dev`: the interface itself, without a gateway.
    Dev,
    /// That address.
    Ip(IpAddr),
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gateway::Auto => f.write_str("auto"),
            Gateway::Dev => f.write_str("dev"),
            Gateway::Ip(ip) => ip.fmt(f),
        }
    }
}
