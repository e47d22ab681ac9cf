//! Containers inside containers, for `keel ls --nesting`: of a running one what keel says that runs inside it, with the
//! container's own rights; of a stopped one the names that its root file system has.
//!
//! What is inside is hostile: its answer is bounded and checked word by word, its files are opened without following a link.

use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

use keel_core::config::RootfsKind;
use keel_core::sorted;
use serde_json::Value;

use super::table::Row;
use crate::control::protocol::State;
use crate::load;
use crate::store::{DEFAULT_LXCPATH, Name, Store};

/// An answer of more bytes than this is none.
const LARGEST: u64 = 1 << 20;

/// The rows of what is inside `name`, to that depth, each with one mark more in front.
pub fn inside(store: &Store, name: &Name, running: bool, depth: u32) -> Vec<Row> {
    let rows = if running { asked(store, name, depth) } else { kept(store, name) };
    let marked = |mut row: Row| {
        // LXC's mark, one for each level.
        row.name.insert(0, '\\');
        row
    };
    rows.into_iter().map(marked).collect()
}

/// Runs this program inside and takes its word, as far as that makes sense. Without keel's state inside there is none.
fn asked(store: &Store, name: &Name, depth: u32) -> Vec<Row> {
    let mut command = Command::new("/proc/self/exe");
    command.args(["attach", "-q", "--clear-env", "-P"]).arg(store.lxcpath()).arg(name.as_str());
    // Inside that is the very copy that attach runs from.
    command.args(["--", "/proc/self/exe", "ls", "--json", &format!("--nesting={}", depth - 1)]);
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = spawned else { return Vec::new() };
    let mut text = String::new();
    let read = child.stdout.take().map(|out| out.take(LARGEST).read_to_string(&mut text));
    // Whatever it still says goes nowhere.
    let ended = child.wait();
    if !matches!(read, Some(Ok(_))) || !ended.is_ok_and(|status| status.success()) {
        return Vec::new();
    }
    let all: Value = serde_json::from_str(&text).unwrap_or_default();
    all.as_array().into_iter().flatten().filter_map(row).collect()
}

fn row(value: &Value) -> Option<Row> {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    let written = text("name")?;
    let bare = written.trim_start_matches('\\');
    let name = Name::new(bare).ok()?;
    let words = |field: &str| {
        let all = value.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        all.filter(|word| word.len() < 64 && !word.chars().any(char::is_control)).map(String::from).collect()
    };
    Some(Row {
        name: format!("{}{name}", &written[..written.len() - bare.len()]),
        state: State::parse(text("state")?)?.name(),
        // Of another pid namespace: it means nothing here.
        pid: None,
        ram: value.get("ram_bytes").and_then(Value::as_u64),
        swap: value.get("swap_bytes").and_then(Value::as_u64),
        autostart: value.get("autostart").and_then(Value::as_bool).unwrap_or(false),
        groups: words("groups"),
        interface: words("interfaces"),
        ipv4: words("ipv4"),
        ipv6: words("ipv6"),
        unprivileged: value.get("unprivileged").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// Names in the lxcpath of a root file system that nobody uses.
fn kept(store: &Store, name: &Name) -> Vec<Row> {
    let Ok((config, _)) = load::config(&store.config(name), &[]) else { return Vec::new() };
    let Some(path) = config.rootfs.path.filter(|_| config.rootfs.kind == RootfsKind::Dir) else { return Vec::new() };
    let below = DEFAULT_LXCPATH.trim_start_matches('/').as_bytes();
    let top = crate::copy::files::open(path.value.as_ref());
    let Some(dir) = top.ok().and_then(|top| crate::tree::dir(std::os::fd::AsFd::as_fd(&top), below).ok()) else {
        return Vec::new();
    };
    let defined = |name: &Name, dir: &OwnedFd| {
        let inner = crate::tree::dir(std::os::fd::AsFd::as_fd(dir), name.as_str().as_bytes()).ok()?;
        let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
        let stat = rustix::fs::statat(&inner, "config", flags).ok()?;
        (rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::RegularFile).then_some(())
    };
    let names = std::fs::read_dir(format!("/proc/self/fd/{}", dir.as_raw_fd())).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| Name::new(entry.file_name().to_str()?).ok());
    let mut names: Vec<Name> = names.filter(|name| defined(name, &dir).is_some()).collect();
    sorted::sort(&mut names);
    names.into_iter().map(|name| Row { name: name.to_string(), ..Row::stopped() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_from_inside_are_checked() {
        let good = json!({"name": "\\\\a", "state": "RUNNING", "pid": 1, "groups": ["g", "\u{1b}[2J"], "ram_bytes": 5});
        let seen = row(&good).unwrap();
        assert_eq!((seen.name.as_str(), seen.state, seen.pid, seen.ram), ("\\\\a", "RUNNING", None, Some(5)));
        assert_eq!(seen.groups, ["g"]);
        for odd in [
            json!(7),
            json!({"name": "a"}),
            json!({"name": "a", "state": "x"}),
            json!({"name": "../a", "state": "STOPPED"}),
            json!({"name": "a\nb", "state": "STOPPED"}),
            json!({"name": "\\", "state": "STOPPED"}),
        ] {
            assert_eq!(row(&odd), None, "{odd}");
        }
    }
}
