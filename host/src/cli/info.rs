//! `keel info`, `lxc-info`: what state a container is in, in LXC's form byte for byte, or as JSON.
use super::out::print;
use super::{Answer, Call};
use crate::control::protocol::State;
use crate::standing::{Standing, remembered};
use crate::usage::{Cgroups, addresses};
use keel_core::commands::{Opt, Parsed};
use keel_core::config::{Config, lxc};
use keel_core::facts::Link;
use keel_core::plan::net::mark;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Prints it.
pub fn run(call: &mut Call) -> Answer {
    let name = crate::store::Name::new(&call.args.take_name()?)?;
    call.args.no_more()?;
    let store = call.store()?;
    let lxcpath = store.lxcpath().display().to_string();
    let standing = Standing::of(name.as_str(), &lxcpath);
    if matches!(standing, Standing::Stopped) && !store.is_defined(&name) {
        // LXC's own words, which scripts look for.
        if !call.args.has(Opt::Quiet) {
            eprintln!("{name} doesn't exist");
        }
        return Ok(1);
    }
    // A file with mistakes fails the question for its keys, and no other.
    let config = match call.args.has(Opt::ConfigKey) {
        true => {
            let own = store.config(&name);
            Some(crate::load::config(call.args.value(Opt::RcFile).map_or(own.as_path(), Path::new), &[])?.0)
        }
        false => None,
    };
    let only_keys = config.is_some() && filters(&call.args) == 0;
    if let (Some(config), true) = (&config, only_keys) {
        return keys(call, config, &store.dir(&name));
    }
    let mut info = standing.info()?;
    if matches!(standing, Standing::Stopped) {
        info = remembered(name.as_str(), &lxcpath).unwrap_or(info);
    }
    let seen = Seen::of(name.as_str(), &lxcpath, info);
    if call.args.has(Opt::Json) {
        print(&format!("{}\n", Value::Object(seen.json())))?;
    } else {
        print(&seen.text(&call.args))?;
    }
    match config {
        Some(config) => keys(call, &config, &store.dir(&name)),
        None => Ok(0),
    }
}

/// How many parts were asked for; none: all of them.
fn filters(args: &Parsed) -> usize {
    [Opt::State, Opt::Pid, Opt::Ips, Opt::Stats].iter().filter(|opt| args.has(**opt)).count()
}

/// `-c KEY`: what the file says, or a mistake in the key, in LXC's own words.
fn keys(call: &Call, config: &Config, dir: &Path) -> Answer {
    let mount = dir.join("rootfs").display().to_string();
    let bare = call.args.has(Opt::NoHumanize) && call.args.values(Opt::ConfigKey).count() == 1;
    for key in call.args.values(Opt::ConfigKey) {
        match lxc::answer(config, key, &mount) {
            None => eprintln!("{key} invalid"),
            Some(value) if bare => print(&format!("{value}\n"))?,
            Some(value) if value.is_empty() => print(&format!("{key} =\n"))?,
            Some(value) => print(&format!("{key} = {value}\n"))?,
        }
    }
    Ok(0)
}

/// What was found out.
struct Seen {
    info: Map<String, Value>,
    state: State,
    pid: Option<i32>,
    cgroups: Cgroups,
    ips: Vec<String>,
    /// Host's ends of its interfaces.
    links: Vec<Link>,
}

impl Seen {
    fn of(name: &str, lxcpath: &str, mut info: Map<String, Value>) -> Seen {
        info.insert("name".into(), name.into());
        let state = info.get("state").and_then(Value::as_str).and_then(State::parse).unwrap_or(State::Stopped);
        let pid = info.get("pid").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
        let dirs = info.get("cgroups").and_then(Value::as_array).into_iter().flatten();
        let cgroups = Cgroups(dirs.filter_map(Value::as_str).map(Into::into).collect());
        let (v4, v6) = pid.map(addresses).unwrap_or_default();
        let ips = v4.iter().map(ToString::to_string).chain(v6.iter().map(ToString::to_string)).collect();
        let state = crate::freezer::refine(state, &cgroups.0);
        let links = pid.map(|_| ends(lxcpath, name)).unwrap_or_default();
        Seen { info, state, pid, cgroups, ips, links }
    }

    fn json(mut self) -> Map<String, Value> {
        let more = json!({
            "state": self.state.name(), "ips": self.ips, "adb": self.adb(), "cpu_ns": self.cgroups.cpu_ns(),
            "block_bytes": self.cgroups.block_bytes(), "memory_bytes": self.cgroups.memory(),
            "kernel_memory_bytes": self.cgroups.kernel_memory(), "swap_bytes": self.cgroups.swap(),
            "links": self.links.iter().map(|l| json!({
                "name": l.name, "tx_bytes": l.bytes.0, "rx_bytes": l.bytes.1,
            })).collect::<Vec<_>>(),
        });
        if let Value::Object(more) = more {
            self.info.extend(more);
        }
        self.info
    }

    /// What `adb connect` takes.
    fn adb(&self) -> Option<String> {
        let port = self.info.get("adb_port").and_then(Value::as_u64)?;
        let forwarded = self.info.get("adb_forwarded").and_then(Value::as_bool) == Some(true);
        let host = if forwarded { "127.0.0.1" } else { self.ips.first()?.as_str() };
        Some(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
    }

    fn text(&self, args: &Parsed) -> String {
        let all = filters(args) == 0;
        let raw = args.has(Opt::NoHumanize);
        // LXC leaves the labels away where one thing was asked for.
        let bare = raw && filters(args) == 1;
        let mut text = String::new();
        let mut line = |label: &str, value: &str, bare: bool| {
            text += &if bare { format!("{value}\n") } else { format!("{label:<15} {value}\n") };
        };
        if all {
            line("Name:", self.info.get("name").and_then(Value::as_str).unwrap_or(""), bare);
        }
        if all || args.has(Opt::State) {
            line("State:", self.state.name(), bare);
        }
        let Some(pid) = self.pid else { return text };
        if all || args.has(Opt::Pid) {
            line("PID:", &pid.to_string(), bare);
        }
        if all || args.has(Opt::Ips) {
            self.ips.iter().for_each(|ip| line("IP:", ip, bare));
        }
        if let Some(adb) = self.adb().filter(|_| all) {
            line("ADB:", &adb, bare);
        }
        if all || args.has(Opt::Stats) {
            if let Some(ns) = self.cgroups.cpu_ns() {
                line("CPU use:", &if raw { ns.to_string() } else { seconds(ns) }, false);
            }
            let bytes = [
                ("BlkIO use:", self.cgroups.block_bytes()),
                ("Memory use:", self.cgroups.memory()),
                ("KMem use:", self.cgroups.kernel_memory()),
            ];
            for (label, value) in bytes {
                if let Some(value) = value {
                    line(label, &if raw { value.to_string() } else { size(value) }, false);
                }
            }
            for link in &self.links {
                line("Link:", &link.name, false);
                // What the host's end receives, the container has sent.
                let (sent, received) = link.bytes;
                for (label, value) in
                    [(" TX bytes:", sent), (" RX bytes:", received), (" Total bytes:", sent.saturating_add(received))]
                {
                    line(label, &if raw { value.to_string() } else { size(value) }, false);
                }
            }
        }
        text
    }
}

/// The host's ends of a container's veths, in the order in which they were made. Nothing without rights or netlink.
fn ends(lxcpath: &str, name: &str) -> Vec<Link> {
    let mark = mark(lxcpath, name);
    let mut links = crate::net::links().unwrap_or_default();
    links.retain(|l| l.kind == "veth" && l.alias == mark);
    links
}

/// `0.01 seconds`.
fn seconds(ns: u64) -> String {
    let hundredths = (ns + 5_000_000) / 10_000_000;
    format!("{}.{:02} seconds", hundredths / 100, hundredths % 100)
}

/// `624.00 KiB`; up to 1024: `0 bytes`.
fn size(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes > 1 << shift {
            let hundredths = (u128::from(bytes) * 100 + (1 << (shift - 1))) >> shift;
            return format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100);
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(seconds(10_000_000), "0.01 seconds");
        assert_eq!(seconds(61_239_000_000), "61.24 seconds");
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1024), "1024 bytes");
        assert_eq!(size(638_976), "624.00 KiB");
        assert_eq!(size(3 << 29), "1.50 GiB");
        assert_eq!(size(u64::MAX), "17179869184.00 GiB");
    }
}
