//! What a running container uses, from its cgroups, and which addresses it has.
//!
//! Each value is there where the kernel has it: version 1 by its files, version 2 by its own. Never sums over the host.
use crate::place::read;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

/// The directories of one container.
#[derive(Clone, Debug, Default)]
pub struct Cgroups(pub Vec<PathBuf>);

impl Cgroups {
    /// A file's text, from the first directory that has it.
    fn item(&self, file: &str) -> Option<String> {
        self.0.iter().find_map(|dir| read(&dir.join(file)))
    }

    fn number(&self, files: &[&str]) -> Option<u64> {
        files.iter().find_map(|file| self.item(file)?.trim().parse().ok())
    }

    /// Processor time in nanoseconds.
    pub fn cpu_ns(&self) -> Option<u64> {
        self.number(&["cpuacct.usage"])
            .or_else(|| field(&self.item("cpu.stat")?, "usage_usec").map(|usec| usec.saturating_mul(1000)))
    }

    /// Bytes read from and written to block devices.
    pub fn block_bytes(&self) -> Option<u64> {
        let v1 = || field(&self.item("blkio.throttle.io_service_bytes")?, "Total");
        let v2 = || {
            let text = self.item("io.stat")?;
            let words = text.split_ascii_whitespace();
            let bytes = words.filter_map(|w| w.strip_prefix("rbytes=").or_else(|| w.strip_prefix("wbytes=")));
            Some(bytes.filter_map(|n| n.parse::<u64>().ok()).fold(0, u64::saturating_add))
        };
        v1().or_else(v2)
    }

    /// Memory in bytes.
    pub fn memory(&self) -> Option<u64> {
        self.number(&["memory.usage_in_bytes", "memory.current"])
    }

    /// The kernel's part of it, version 1.
    pub fn kernel_memory(&self) -> Option<u64> {
        self.number(&["memory.kmem.usage_in_bytes"])
    }

    /// Swap in bytes.
    pub fn swap(&self) -> Option<u64> {
        let v1 = || Some(self.number(&["memory.memsw.usage_in_bytes"])?.saturating_sub(self.memory()?));
        v1().or_else(|| self.number(&["memory.swap.current"]))
    }
}

/// `NAME NUMBER` in a list of such lines.
pub fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The addresses of a process's network, IPv4 first, but for loopback and link-local ones.
pub fn addresses(pid: i32) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let net = |file: &str| read(Path::new(&format!("/proc/{pid}/net/{file}"))).unwrap_or_default();
    (ipv4(&net("fib_trie")), ipv6(&net("if_inet6")))
}

/// The table of routes names each address of the machine as `/32 host LOCAL` (net/ipv4/fib_trie.c); no ioctl and no
/// netlink socket inside the container's network namespace is needed.
fn ipv4(fib_trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in fib_trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last.filter(|a| !a.is_loopback())
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// `ADDRESS INDEX PREFIX SCOPE FLAGS NAME`, all hexadecimal (net/ipv6/addrconf.c); scope 0 is global.
fn ipv6(if_inet6: &str) -> Vec<Ipv6Addr> {
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = u128::from_str_radix(words.next()?, 16).ok()?;
        (words.nth(2)? == "00").then(|| Ipv6Addr::from(address))
    };
    if_inet6.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_kernels_tables() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.3.0\n        /24 link UNICAST\nLocal:\n     |-- 10.0.3.7\n        /32 host LOCAL\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 10.0.3.7\n        /32 host LOCAL\n";
        assert_eq!(ipv4(trie), [Ipv4Addr::new(10, 0, 3, 7)]);
        let six = "00000000000000000000000000000001 01 80 10 80       lo\nfe800000000000000000000000000001 02 40 20 80 eth0\nfd000000000000000000000000000007 02 40 00 80 eth0\n";
        assert_eq!(ipv6(six), ["fd00::7".parse::<Ipv6Addr>().unwrap()]);
        assert!(ipv6("garbage\n\n1 2\n").is_empty());
    }

    #[test]
    fn both_versions_are_read() {
        let dir = std::env::temp_dir().join(format!("keel-usage-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("1")).unwrap();
        std::fs::create_dir_all(dir.join("2")).unwrap();
        let write = |file: &str, text: &str| std::fs::write(dir.join(file), text).unwrap();
        write("1/blkio.throttle.io_service_bytes", "8:0 Read 5\nTotal 7\n");
        write("1/memory.usage_in_bytes", "100\n");
        write("1/memory.memsw.usage_in_bytes", "130\n");
        write("2/cpu.stat", "usage_usec 5\nuser_usec 3\n");
        write("2/io.stat", "8:0 rbytes=10 wbytes=4 rios=1\n8:16 rbytes=1 wbytes=0\n");
        let one = Cgroups(vec![dir.join("1")]);
        let two = Cgroups(vec![dir.join("2")]);
        assert_eq!((one.block_bytes(), one.memory(), one.swap(), one.cpu_ns()), (Some(7), Some(100), Some(30), None));
        assert_eq!((two.block_bytes(), two.cpu_ns(), two.memory()), (Some(15), Some(5000), None));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
