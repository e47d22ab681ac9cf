//! Addresses as LXC's files have them: with prefixes, with digits left to chance, and names of interfaces.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Bits of the network.
    pub prefix: u8,
    /// A broadcast address that was written.
    pub broadcast: Option<Ipv4Addr>,
}

impl Address {
    /// Reads `A.B.C.D[/PREFIX] [BROADCAST]`; without a prefix that of the address's class, as LXC does it.
    pub fn v4(text: &str) -> Result<Address, String> {
        let mut words = text.split([' ', '\t']).filter(|w| !w.is_empty());
        let (first, second) = (words.next().unwrap_or(""), words.next());
        if words.next().is_some() {
            return Err(format!("'{text}' is more than ADDRESS/PREFIX BROADCAST"));
        }
        let (address, prefix) = split(first, 32)?;
        let ip: Ipv4Addr = address.parse().map_err(|_| format!("'{address}' is no IPv4 address"))?;
        let class = match ip.octets()[0] {
            0..128 => 8,
            128..192 => 16,
            192..224 => 24,
            _ => 32,
        };
        let broadcast = second.map(|b| b.parse().map_err(|_| format!("'{b}' is no IPv4 address"))).transpose()?;
        Ok(Address { ip: ip.into(), prefix: prefix.unwrap_or(class), broadcast })
    }

    /// Reads `ADDRESS[/PREFIX]`, /64 if there is none.
    pub fn v6(text: &str) -> Result<Address, String> {
        let (address, prefix) = split(text, 128)?;
        let ip: Ipv6Addr = address.parse().map_err(|_| format!("'{address}' is no IPv6 address"))?;
        Ok(Address { ip: ip.into(), prefix: prefix.unwrap_or(64), broadcast: None })
    }

    /// Whether another address is in its network.
    pub fn holds(&self, other: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u8| {
            let differ = bits - self.prefix.min(bits);
            a.checked_shr(differ.into()) == b.checked_shr(differ.into())
        };
        match (self.ip, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.into(), b.into(), 128),
            _ => false,
        }
    }

    /// The broadcast address of an IPv4 network: the one that was written, else the last of the network.
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        let IpAddr::V4(ip) = self.ip else { return None };
        let last = || u32::from(ip) | u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0);
        Some(self.broadcast.unwrap_or_else(|| last().into()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

fn split(text: &str, most: u8) -> Result<(&str, Option<u8>), String> {
    let Some((address, prefix)) = text.split_once('/') else { return Ok((text, None)) };
    let digits = prefix.bytes().all(|b| b.is_ascii_digit());
    match prefix.parse::<u8>() {
        Ok(number) if digits && number <= most => Ok((address, Some(number))),
        _ => Err(format!("'{prefix}' is not the length of a prefix, 0 to {most}")),
    }
}

/// A hardware address in which some digits may be left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HwAddr {
    /// The digits that are given; 0 for the others.
    pub given: [u8; 6],
    /// Bits that are left to chance.
    pub open: [u8; 6],
}

impl HwAddr {
    /// Reads six pairs of hexadecimal digits; `x` stands for any digit.
    pub fn parse(text: &str) -> Result<HwAddr, String> {
        let bad = || format!("'{text}' is not of the form 00:16:3e:xx:xx:xx");
        let mut address = HwAddr { given: [0; 6], open: [0; 6] };
        let mut pairs = text.split(':');
        for i in 0..6 {
            let pair = pairs.next().filter(|p| (1..=2).contains(&p.len())).ok_or_else(bad)?;
            for digit in pair.chars() {
                let (value, open) = match digit {
                    'x' | 'X' => (0, 15),
                    _ => (digit.to_digit(16).ok_or_else(bad)? as u8, 0),
                };
                address.given[i] = address.given[i] << 4 | value;
                address.open[i] = address.open[i] << 4 | open;
            }
        }
        match pairs.next() {
            None => Ok(address),
            Some(_) => Err(bad()),
        }
    }

    /// With what was left to chance from a random number. It is never a group's address.
    pub fn filled(&self, random: u64) -> [u8; 6] {
        let random = random.to_le_bytes();
        let mut all = [0; 6];
        for (i, byte) in all.iter_mut().enumerate() {
            *byte = self.given[i] | random[i] & self.open[i];
        }
        if self.open[0] & 1 != 0 {
            // Locally administered, individual (IEEE 802).
            all[0] = all[0] & !1 | 2;
        }
        all
    }

    /// The same as an address in which nothing is left to chance any more.
    pub fn settled(&self, random: u64) -> HwAddr {
        HwAddr { given: self.filled(random), open: [0; 6] }
    }
}

impl fmt::Display for HwAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for i in 0..6 {
            if i > 0 {
                f.write_str(":")?;
            }
            for shift in [4, 0] {
                match self.open[i] >> shift & 15 {
                    0 => write!(f, "{:x}", self.given[i] >> shift & 15)?,
                    _ => f.write_str("x")?,
                }
            }
        }
        Ok(())
    }
}

/// A name that an interface can have: dev_valid_name of net/core/dev.c.
pub fn interface_name(text: &str) -> Result<String, String> {
    let odd = |c: char| c == '/' || c == ':' || c.is_whitespace() || c == '\0';
    match text {
        "" | "." | ".." => Err(format!("'{text}' is no name of an interface")),
        _ if text.len() > 15 => Err(format!("'{text}' is longer than 15 bytes, which no interface's name is")),
        _ if text.contains(odd) => Err(format!("'{text}' is no name of an interface")),
        _ => Ok(text.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let v4 = |text| Address::v4(text).map(|a| (a.to_string(), a.broadcast().unwrap().to_string()));
        let ok = |a: &str, b: &str| Ok((a.to_string(), b.to_string()));
        assert_eq!(v4("10.0.3.5/24"), ok("10.0.3.5/24", "10.0.3.255"));
        assert_eq!(v4("10.0.3.5/24 10.0.3.0"), ok("10.0.3.5/24", "10.0.3.0"));
        assert_eq!(v4("10.0.3.5"), ok("10.0.3.5/8", "10.255.255.255"));
        assert_eq!(v4("172.16.0.1"), ok("172.16.0.1/16", "172.16.255.255"));
        assert_eq!(v4("192.168.1.2"), ok("192.168.1.2/24", "192.168.1.255"));
        assert_eq!(v4("10.0.0.1/32"), ok("10.0.0.1/32", "10.0.0.1"));
        assert_eq!(v4("10.0.0.1/0"), ok("10.0.0.1/0", "255.255.255.255"));
        for odd in ["", "10.0.0", "10.0.0.1/33", "10.0.0.1/+8", "10.0.0.1/", "10.0.0.1/8 x", "1.2.3.4 1.2.3.4 x", "::1"]
        {
            assert!(v4(odd).is_err(), "{odd}");
        }
        assert_eq!(Address::v6("fd00::1").unwrap().to_string(), "fd00::1/64");
        assert_eq!(Address::v6("fd00::1/129").unwrap_err(), "'129' is not the length of a prefix, 0 to 128");
        assert_eq!(Address::v6("10.0.0.1").unwrap_err(), "'10.0.0.1' is no IPv6 address");
    }

    #[test]
    fn networks() {
        let holds = |net: &str, ip: &str| Address::v4(net).unwrap().holds(ip.parse().unwrap());
        assert!(holds("10.0.3.5/24", "10.0.3.1") && !holds("10.0.3.5/24", "10.0.4.1"));
        assert!(holds("10.0.3.5/0", "1.1.1.1") && !holds("10.0.3.5/32", "10.0.3.1") && !holds("10.0.3.5/0", "::1"));
        let six = Address::v6("fd00::1/0").unwrap();
        assert!(six.holds("fe80::1".parse().unwrap()));
        assert!(!Address::v6("fd00::1/64").unwrap().holds("fd00:0:0:1::1".parse().unwrap()));
    }

    #[test]
    fn hardware_addresses() {
        let read = HwAddr::parse("00:16:3e:xx:Xx:1x").unwrap();
        assert_eq!(read.to_string(), "00:16:3e:xx:xx:1x");
        assert_eq!(read.filled(u64::MAX), [0, 0x16, 0x3e, 0xff, 0xff, 0x1f]);
        assert_eq!(HwAddr::parse("xx:xx:xx:xx:xx:xx").unwrap().filled(u64::MAX)[0], 0xfe);
        assert_eq!(HwAddr::parse("xx:xx:xx:xx:xx:xx").unwrap().filled(0)[0], 2);
        assert_eq!(HwAddr::parse("4a:0:0:0:0:1").unwrap().filled(u64::MAX), [0x4a, 0, 0, 0, 0, 1]);
        for odd in
            ["", "00:16:3e:xx:xx", "00:16:3e:xx:xx:xx:xx", "00:16:3e:xx:xx:g0", "00:16:3e:xx:xx:123", "é:1:1:1:1:1"]
        {
            assert!(HwAddr::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn names() {
        for odd in ["", ".", "..", "a/b", "a:b", "a b", "sixteen-bytes-xx"] {
            assert!(interface_name(odd).is_err(), "{odd}");
        }
        assert!(interface_name("fifteen-bytes-x").is_ok());
    }
}
