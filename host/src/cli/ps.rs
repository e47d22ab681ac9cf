//! `keel ps`, `keel netstat`, `lxc-ps`, `lxc-netstat` of 0.7 to 0.9: processes of containers, and sockets of one.
//!
//! LXC's were scripts around ps(1) and netstat(8); here /proc is read, and there are no options of theirs.
use super::out::print;
use super::state::live;
use super::{Answer, Call};
use crate::fault::say;
use crate::place::read;
use crate::store::Name;
use keel_core::commands::Opt;
use keel_core::sorted;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// `lxc-ps [-n NAME]`
pub fn ps(call: &mut Call) -> Answer {
    // What follows `--` was for ps(1).
    call.args.trailing = None;
    let store = call.store()?;
    let names = match call.args.has(Opt::Name) || !call.args.operands.is_empty() {
        true => vec![call.take_name()?],
        false => store.names()?,
    };
    call.args.no_more()?;
    let mut text = format!("{:<10} {:>7} {:<8} {:>8} CMD\n", "CONTAINER", "PID", "TTY", "TIME");
    for name in names {
        let live = live(&store, &name);
        let Some(init) = live.pid else { continue };
        for pid in members(&live.cgroups.0, init) {
            text += &process(&name, pid).unwrap_or_default();
        }
    }
    print(&text)?;
    Ok(0)
}

/// All processes in a container's cgroup and below; without cgroups those that descend from its first one.
fn members(cgroups: &[std::path::PathBuf], init: i32) -> Vec<i32> {
    let mut pids = Vec::new();
    if let Some(dir) = cgroups.first() {
        let mut dirs = vec![dir.clone()];
        while let Some(dir) = dirs.pop() {
            let text = read(&dir.join("cgroup.procs")).unwrap_or_default();
            pids.extend(text.lines().filter_map(|line| line.parse::<i32>().ok()));
            let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
            dirs.extend(entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()));
        }
    }
    if pids.is_empty() {
        let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut pairs: Vec<(i32, i32)> = all
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|pid: i32| Some((pid, stat(pid)?.1[1].parse().ok()?)))
            .collect();
        sorted::sort(&mut pairs);
        pids.push(init);
        // Children have larger numbers mostly; as often as there is something new.
        while let Some((pid, _)) = pairs.iter().find(|(pid, parent)| pids.contains(parent) && !pids.contains(pid)) {
            pids.push(*pid);
        }
    }
    sorted::sort(&mut pids);
    pids.dedup();
    pids
}

/// The name of a process, and the fields of /proc/PID/stat after it (proc(5)): state, parent and so on.
fn stat(pid: i32) -> Option<(String, Vec<String>)> {
    let text = read(Path::new(&format!("/proc/{pid}/stat")))?;
    let (start, end) = (text.find('(')?, text.rfind(')')?);
    let fields: Vec<String> = text[end + 1..].split_ascii_whitespace().map(String::from).collect();
    (fields.len() > 12).then(|| (text[start + 1..end].to_owned(), fields))
}

fn process(name: &Name, pid: i32) -> Option<String> {
    let (comm, fields) = stat(pid)?;
    let number = |at: usize| fields[at].parse::<u64>().unwrap_or(0);
    // USER_HZ is 100.
    let seconds = (number(11) + number(12)) / 100;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    // tty_nr: major 136 to 143 are pts (Documentation/admin-guide/devices.txt).
    let tty = number(4);
    let (major, minor) = (tty >> 8 & 0xfff, tty & 0xff | tty >> 12 & 0xfff00);
    let tty = match major {
        0 => "?".to_owned(),
        136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        4 => format!("tty{minor}"),
        _ => format!("{major}:{minor}"),
    };
    Some(format!("{:<10} {pid:>7} {tty:<8} {hours:02}:{minutes:02}:{seconds:02} {comm}\n", name.as_str()))
}

/// `lxc-netstat -n NAME`
pub fn netstat(call: &mut Call) -> Answer {
    call.args.trailing = None;
    let name = call.take_name()?;
    call.args.no_more()?;
    let Some(pid) = live(&call.store()?, &name).pid else { return Ok(say("not running")?) };
    let mut text = format!("{:<5} {:<28} {:<28} State\n", "Proto", "Local Address", "Foreign Address");
    for proto in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let table = read(Path::new(&format!("/proc/{pid}/net/{proto}"))).unwrap_or_default();
        text += &table.lines().skip(1).filter_map(|line| socket(proto, line)).collect::<String>();
    }
    print(&text)?;
    Ok(0)
}

/// Names of include/net/tcp_states.h, from 1.
const STATES: [&str; 12] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];

/// A line of /proc/net/tcp and its like.
fn socket(proto: &str, line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (address(words.next()?)?, address(words.next()?)?, words.next()?);
    let state = match proto.starts_with("tcp") {
        true => *STATES.get(usize::from_str_radix(state, 16).ok()?.checked_sub(1)?)?,
        false => "",
    };
    Some(format!("{}\n", format!("{proto:<5} {local:<28} {remote:<28} {state}").trim_end()))
}

/// `0100007F:1F90`: words of 32 bits in the processor's order, then the port.
fn address(text: &str) -> Option<String> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let port = if port == 0 { "*".to_owned() } else { port.to_string() };
    match ip.len() {
        8 => Some(format!("{}:{port}", Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0u8; 16];
            for part in 0..4 {
                bytes[part * 4..part * 4 + 4].copy_from_slice(&word(part * 8)?);
            }
            Some(format!("[{}]:{port}", Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1";
        #[cfg(target_endian = "little")]
        assert_eq!(
            socket("tcp", line).unwrap(),
            "tcp   127.0.0.1:8080               0.0.0.0:*                    LISTEN\n"
        );
        assert!(socket("tcp", "garbage").is_none() && socket("tcp", "0: 1:1 1:1 00").is_none());
        assert!(address("00000000000000000000000001000000:0016").unwrap().ends_with("]:22"));
        assert!(stat(std::process::id() as i32).is_some() && stat(-1).is_none());
    }
}
