//! The state file: who the first program of a container is, so that it can be found when its supervisor is gone.
//!
//! A record is believed only if that process still is the one that was written down: same boot, same pid, same inode of its
//! descriptor (before Linux 6.9: same start time). Everything else counts as stopped.
use super::filters::Filters;
use crate::place::{Place, read, read_once};
use crate::process::{Identity, Process};
use keel_core::failure::Failure;
use keel_core::step::net::Left;
use serde_json::{Value, json};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::OnceLock;

/// Fields of the state file that say which process the first program is.
const INODE: &str = "init_inode";
const START: &str = "init_start";

/// What is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The container's name.
    pub name: String,
    /// Where it is defined.
    pub lxcpath: String,
    /// The pid of its first program.
    pub init: Option<i32>,
    /// cgroup directories made for it.
    pub cgroups: Vec<CString>,
    /// What its network leaves on the host.
    pub left: Vec<Left>,
    /// It has a pid namespace of its own.
    pub own_pid_namespace: bool,
    /// `lxc.signal.halt`.
    pub halt_signal: Option<i32>,
    /// The filters of system calls that the first program is under, which programs that come later get, too.
    pub filters: Filters,
    /// The rules for devices that are a program of its cgroup: `deny a, allow c 1:3 rwm`.
    pub devices: String,
}

impl Record {
    /// Begins the state file before anything is made: where the cgroups will be, by which a first program is found whose
    /// number nobody came to write down.
    pub fn announce(&self, place: &Place) -> Result<File, Failure> {
        self.begin(&place.state())
    }

    /// Writes another in the place of the one that is there, whole or not at all.
    pub fn write(&self, place: &Place) -> Result<(), Failure> {
        let new = place.state().with_extension("new");
        self.complete(self.begin(&new)?, place)?;
        fs::rename(&new, place.state())
            .map_err(|e| crate::watch::failure(format_args!("rename '{}'", new.display()), &e))
    }

    fn begin(&self, path: &Path) -> Result<File, Failure> {
        let value = json!({
            "name": self.name, "lxcpath": self.lxcpath, "boot": boot_id(), "cgroups": self.dirs(),
            "own_pid_namespace": self.own_pid_namespace, "halt_signal": self.halt_signal,
            "filters": self.filters.written(), "devices": self.devices,
        });
        let open = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let begun = open.and_then(|mut file| file.write_all(format!("{value}\n").as_bytes()).map(|()| file));
        begun.map_err(|e| crate::watch::failure(format_args!("write '{}'", path.display()), &e))
    }

    /// Adds who it is. A line that was not written whole counts for nothing.
    pub fn complete(&self, mut file: File, place: &Place) -> Result<(), Failure> {
        let Some(init) = self.init else { return Ok(()) };
        let mut value = json!({
            "init": init, "cgroups": self.dirs(), "left": self.left.iter().map(written).collect::<Vec<_>>(),
        });
        if let Some(identity) = Process::open(init).ok().and_then(|process| process.identity()) {
            let (field, number) = match identity {
                Identity::Inode(number) => (INODE, number),
                Identity::Start(ticks) => (START, ticks),
            };
            value[field] = number.into();
        }
        file.write_all(format!("{value}\n").as_bytes())
            .map_err(|e| crate::watch::failure(format_args!("write '{}'", place.state().display()), &e))
    }

    fn dirs(&self) -> Vec<&str> {
        self.cgroups.iter().filter_map(|p| p.to_str().ok()).collect()
    }

    /// The record of a container whose first program still lives.
    pub fn of_living(place: &Place) -> Option<Record> {
        let (record, alive) = Record::read(place)?;
        alive.then_some(record)
    }

    /// The record as written, and whether it still holds.
    pub fn read(place: &Place) -> Option<(Record, bool)> {
        let (mut record, value) = Record::written(place)?;
        let same_boot = value.get("boot").and_then(Value::as_str) == boot_id().as_deref();
        let number = |field: &str| value.get(field).and_then(Value::as_u64);
        let identity = number(INODE).map(Identity::Inode).or(number(START).map(Identity::Start));
        let is_it = |init| identity.is_some_and(|id| Process::open(init).is_ok_and(|process| process.is(id)));
        let known = record.init.is_none_or(is_it);
        if same_boot && record.init.is_none() {
            record.init = first_program(&record);
        }
        let alive = same_boot && record.init.is_some() && known;
        if !same_boot {
            // The machine has taken everything with it.
            record.left.clear();
            record.cgroups.clear();
        }
        Some((record, alive))
    }

    /// The record as written, of a container whose supervisor answers: nothing else has to be asked whether it lives.
    pub fn of_supervised(place: &Place) -> Option<Record> {
        Record::written(place).map(|(record, _)| record)
    }

    fn written(place: &Place) -> Option<(Record, Value)> {
        let mut value = Value::Null;
        for line in read(&place.state())?.lines() {
            match serde_json::from_str(line) {
                Ok(first) if value.is_null() => value = first,
                Ok(Value::Object(more)) => value.as_object_mut()?.extend(more),
                _ => break,
            }
        }
        let text = |field: &str| value.get(field).and_then(Value::as_str).map(String::from);
        let init = value.get("init").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
        let cgroups = value.get("cgroups").and_then(Value::as_array);
        let record = Record {
            name: text("name")?,
            lxcpath: text("lxcpath")?,
            init,
            cgroups: cgroups
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .filter_map(|p| CString::new(p).ok())
                .collect(),
            left: value.get("left").and_then(Value::as_array).into_iter().flatten().filter_map(read_left).collect(),
            own_pid_namespace: value.get("own_pid_namespace").and_then(Value::as_bool).unwrap_or(true),
            halt_signal: value.get("halt_signal").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok()),
            filters: text("filters").map_or(Some(Filters::default()), |text| Filters::read(&text))?,
            devices: text("devices").unwrap_or_default(),
        };
        Some((record, value))
    }

    /// The record of a container that ended when nobody was there: what it has left is still to be taken back.
    pub fn of_dead(place: &Place) -> Option<Record> {
        let (record, alive) = Record::read(place)?;
        (!alive).then_some(record)
    }
}

/// The first program of a container whose cgroups alone are known.
fn first_program(record: &Record) -> Option<i32> {
    let tasks = |dir: &CString| read(&Path::new(dir.to_str().ok()?).join("cgroup.procs"));
    let text = record.cgroups.iter().filter_map(tasks).find(|text| !text.is_empty())?;
    let mut pids = text.lines().filter_map(|line| line.parse::<i32>().ok());
    let is_first = |pid: &i32| {
        // COMPAT(linux<4.1): the line is not there; the oldest process stands for the first.
        let status = read(format!("/proc/{pid}/status").as_ref()).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        line.is_none_or(|line| line.split_ascii_whitespace().next_back() == Some("1"))
    };
    if record.own_pid_namespace { pids.find(is_first) } else { pids.min() }
}

/// What the network leaves, in JSON.
fn written(left: &Left) -> Value {
    let texts = |all: &[CString]| all.iter().map(|t| t.to_string_lossy().into_owned()).collect::<Vec<_>>();
    match left {
        Left::Device { name, inside, mtu, hwaddr } => json!({
            "device": name.to_string_lossy(), "inside": inside.to_string_lossy(), "mtu": mtu, "hwaddr": hwaddr,
        }),
        Left::Proxy { link, ip } => json!({ "proxy": ip.to_string(), "link": link.to_string_lossy() }),
        Left::Route { link, ip } => json!({ "route": ip.to_string(), "link": link.to_string_lossy() }),
        Left::Script { argv, envp } => json!({ "script": texts(argv), "environment": texts(envp) }),
    }
}

fn read_left(value: &Value) -> Option<Left> {
    let text = |field: &str| value.get(field).and_then(Value::as_str).and_then(|t| CString::new(t).ok());
    let texts = |field: &str| {
        let all = value.get(field)?.as_array()?.iter().filter_map(Value::as_str);
        all.map(|t| CString::new(t).ok()).collect::<Option<Vec<_>>>()
    };
    if let Some(name) = text("device") {
        let mtu = value.get("mtu").and_then(Value::as_u64).and_then(|m| u32::try_from(m).ok()).unwrap_or(0);
        let bytes = value.get("hwaddr").and_then(Value::as_array);
        let hwaddr = bytes.and_then(|bytes| {
            let bytes: Vec<u8> = bytes.iter().filter_map(Value::as_u64).filter_map(|b| u8::try_from(b).ok()).collect();
            bytes.try_into().ok()
        });
        return Some(Left::Device { name, inside: text("inside")?, mtu, hwaddr });
    }
    if let Some(link) = text("link") {
        let ip = |field: &str| value.get(field)?.as_str()?.parse().ok();
        return match ip("proxy") {
            Some(ip) => Some(Left::Proxy { link, ip }),
            None => Some(Left::Route { link, ip: ip("route")? }),
        };
    }
    Some(Left::Script { argv: texts("script")?, envp: texts("environment")? })
}

fn boot_id() -> Option<String> {
    static SEEN: OnceLock<Option<String>> = OnceLock::new();
    SEEN.get_or_init(|| read_once("/proc/sys/kernel/random/boot_id").map(|id| id.trim().into())).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_network_leaves_is_read_as_it_was_written() {
        let c = |s: &str| CString::new(s).unwrap();
        for left in [
            Left::Device { name: c("eth1"), inside: c("lan"), mtu: 1500, hwaddr: Some([2, 0, 0, 0, 0, 255]) },
            Left::Device { name: c("eth1"), inside: c("eth1"), mtu: 0, hwaddr: None },
            Left::Proxy { link: c("eth0"), ip: "10.0.0.1".parse().unwrap() },
            Left::Route { link: c("lo"), ip: "fd00::1".parse().unwrap() },
            Left::Script { argv: vec![c("sh"), c("-c"), c("x 'y'")], envp: vec![c("A=\u{e4}")] },
        ] {
            assert_eq!(read_left(&written(&left)), Some(left));
        }
        for odd in [json!({}), json!(7), json!({ "device": "x" }), json!({ "link": "lo", "route": "x" })] {
            assert_eq!(read_left(&odd), None);
        }
    }
}
