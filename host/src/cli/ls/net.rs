//! A container's interfaces and addresses, as its /proc/PID/net shows them: nothing has to be entered.
//!
//! Addresses of the loopback are left out, as LXC does.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Interfaces, IPv4 and IPv6 addresses of a process's network namespace; empty where it cannot be read.
pub fn of(pid: i32) -> (Vec<String>, Vec<String>, Vec<String>) {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/net/{file}")).unwrap_or_default();
    (interfaces(&read("dev")), ipv4(&read("fib_trie")), ipv6(&read("if_inet6")))
}

/// /proc/net/dev: two lines of head, then `NAME: counters`.
fn interfaces(text: &str) -> Vec<String> {
    text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

/// /proc/net/fib_trie: an address `|-- A.B.C.D` whose route is `/32 host LOCAL` is the machine's own. Each stands in the
/// main and in the local table.
fn ipv4(text: &str) -> Vec<String> {
    let mut own: Vec<Ipv4Addr> = Vec::new();
    let mut last = None;
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last
            && !own.contains(&address)
            && !address.is_loopback()
        {
            own.push(address);
        }
    }
    own.iter().map(ToString::to_string).collect()
}

/// /proc/net/if_inet6: `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`; LXC leaves out those of the link (scope 20).
fn ipv6(text: &str) -> Vec<String> {
    let own = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let address = Ipv6Addr::from(u128::from_str_radix(words.next()?, 16).ok()?);
        let scope = words.nth(2)?;
        (!address.is_loopback() && scope != "20").then(|| address.to_string())
    });
    own.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_tables() {
        let dev = "Inter-|   Receive\n face |bytes\n    lo:  0 0\n  eth0: 1 2\n";
        assert_eq!(interfaces(dev), ["lo", "eth0"]);
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     |-- 10.0.3.5\n        /32 host LOCAL\n\
                    \x20    |-- 10.0.3.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\nLocal:\n\
                    \x20    |-- 10.0.3.5\n        /32 host LOCAL\n";
        assert_eq!(ipv4(trie), ["10.0.3.5"]);
        let six = "00000000000000000000000000000001 01 80 10 80       lo\nfe800000000000000000000000000001 02 40 20 80     eth0\n\
                   fd000000000000000000000000000005 02 40 00 80     eth0\n";
        assert_eq!(ipv6(six), ["fd00::5"]);
    }

    #[test]
    fn reads_its_own() {
        assert!(of(std::process::id() as i32).0.contains(&"lo".to_owned()));
        assert_eq!(of(-1), (vec![], vec![], vec![]));
    }

    #[test]
    fn garbage_is_nothing() {
        for text in ["", "\n\n\n", "|-- \n/32 host LOCAL", "x y z", ":\n:\n:"] {
            let _ = (interfaces(text), ipv4(text), ipv6(text));
        }
        assert!(ipv6("zz 1 2 3").is_empty() && ipv4("|-- x\n/32 host LOCAL").is_empty());
    }
}
