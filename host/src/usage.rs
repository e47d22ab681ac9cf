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

/// What `keel top` shows; 0 for what the kernel does not count.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Processor time in nanoseconds.
    pub cpu_ns: u64,
    /// The kernel's part of it in hundredths of a second (USER_HZ).
    pub system_hz: u64,
    /// The programs' part.
    pub user_hz: u64,
    /// Read from and written to block devices.
    pub block_bytes: u64,
    /// Read.
    pub block_read: u64,
    /// Written.
    pub block_write: u64,
    /// How often.
    pub block_operations: u64,
    /// Memory in bytes.
    pub memory: u64,
    /// With swap.
    pub memory_and_swap: u64,
    /// The kernel's part of the memory.
    pub kernel_memory: u64,
}

impl Load {
    /// Adds up.
    pub fn add(&mut self, other: &Load) {
        let pairs = [
            (&mut self.cpu_ns, other.cpu_ns),
            (&mut self.system_hz, other.system_hz),
            (&mut self.user_hz, other.user_hz),
            (&mut self.block_bytes, other.block_bytes),
            (&mut self.block_read, other.block_read),
            (&mut self.block_write, other.block_write),
            (&mut self.block_operations, other.block_operations),
            (&mut self.memory, other.memory),
            (&mut self.memory_and_swap, other.memory_and_swap),
            (&mut self.kernel_memory, other.kernel_memory),
        ];
        pairs.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }
}

impl Cgroups {
    /// Everything at once.
    pub fn load(&self) -> Load {
        let stat = self.item("cpu.stat").unwrap_or_default();
        let old = self.item("cpuacct.stat").unwrap_or_default();
        // USER_HZ is 100 on all processors that Linux runs on today (include/asm-generic/param.h).
        let hz = |old_name, name| field(&old, old_name).or_else(|| field(&stat, name).map(|usec| usec / 10_000));
        let bytes = self.item("blkio.throttle.io_service_bytes").unwrap_or_default();
        let io = self.item("io.stat").unwrap_or_default();
        let v1 = |word: &str| {
            let lines =
                bytes.lines().filter_map(|line| line.split_once(' ')?.1.strip_prefix(word)?.trim().parse().ok());
            lines.fold(0, u64::saturating_add)
        };
        let v2 = |word: &str| {
            let words = io.split_ascii_whitespace().filter_map(|w| w.strip_prefix(word)?.parse().ok());
            words.fold(0, u64::saturating_add)
        };
        let operations = self.item("blkio.throttle.io_serviced").and_then(|text| field(&text, "Total"));
        let memory = self.memory().unwrap_or(0);
        let kernel = || field(&self.item("memory.stat")?, "kernel");
        Load {
            cpu_ns: self.cpu_ns().unwrap_or(0),
            system_hz: hz("system", "system_usec").unwrap_or(0),
            user_hz: hz("user", "user_usec").unwrap_or(0),
            block_bytes: self.block_bytes().unwrap_or(0),
            block_read: v1("Read ").saturating_add(v2("rbytes=")),
            block_write: v1("Write ").saturating_add(v2("wbytes=")),
            block_operations: operations.unwrap_or_else(|| v2("rios=").saturating_add(v2("wios="))),
            memory,
            memory_and_swap: memory.saturating_add(self.swap().unwrap_or(0)),
            kernel_memory: self.kernel_memory().or_else(kernel).unwrap_or(0),
        }
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
        let (one, two) = (one.load(), two.load());
        assert_eq!((one.block_bytes, one.block_read, one.memory_and_swap), (7, 5, 130));
        assert_eq!((two.block_read, two.block_write, two.block_operations, two.cpu_ns), (11, 4, 1, 5000));
        std::fs::remove_dir_all(dir).unwrap();
    }
}
