//! A picture of a machine: what an Android that is not held back would change of the host that it shares, one `KEY=VALUE` a line.
//!
//! An observer (`watch PATH`) hears the machine's uevents from its beginning on, and gives a picture to everybody who connects to its
//! socket (`picture PATH` prints one). Two pictures of an unharmed machine are equal, however long the time between them is: nothing
//! in them moves by itself.

mod sys;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Settings of the kernel: those that rc files of JellyBean write (JB 1.2), and the names.
const SYSCTLS: [&str; 20] = [
    "kernel/domainname",
    "kernel/dmesg_restrict",
    "kernel/hostname",
    "kernel/hung_task_timeout_secs",
    "kernel/kptr_restrict",
    "kernel/panic_on_oops",
    "kernel/randomize_va_space",
    "kernel/sched_child_runs_first",
    "kernel/sched_compat_yield",
    "kernel/sched_latency_ns",
    "kernel/sched_rt_period_us",
    "kernel/sched_rt_runtime_us",
    "kernel/sched_wakeup_granularity_ns",
    "net/ipv4/ping_group_range",
    "vm/dirty_background_ratio",
    "vm/dirty_expire_centisecs",
    "vm/min_free_kbytes",
    "vm/min_free_order_shift",
    "vm/mmap_min_addr",
    "vm/overcommit_memory",
];

/// Files of /proc whose mode and owner are those of the whole machine. A procfs that is mounted has them as they were at its first look
/// (`proc_get_inode`), and so only a new one says what they are.
const PROC: [&str; 8] =
    ["cmdline", "cpuinfo", "kmsg", "last_kmsg", "meminfo", "slabinfo", "sysrq-trigger", "vmallocinfo"];

/// Power, wake locks, the low memory killer: modes and owners, and what they say.
const SYS: [&str; 9] = [
    "power/state",
    "power/mem_sleep",
    "power/autosleep",
    "power/wake_lock",
    "power/wake_unlock",
    "power/pm_async",
    "power/wait_for_fb_sleep",
    "module/lowmemorykiller/parameters/adj",
    "module/lowmemorykiller/parameters/minfree",
];

/// Settings of the first group of a hierarchy. The mode of `tasks` is set by rc files, too.
const CGROUP: [&str; 6] =
    ["tasks", "cpu.shares", "cpu.rt_runtime_us", "cpu.rt_period_us", "notify_on_release", "release_agent"];

/// Of /dev, what is not looked into: terminals and shared memory come and go.
const NOT_WITHIN: [&str; 4] = ["pts", "shm", "mqueue", "hugepages"];

/// What an observer has heard: uevents that somebody asked for by a write to a `uevent` file of sysfs, as coldboot does. Linux marks
/// them since 4.13 (`kobject_synth_uevent`). Those of devices that come and go are not meant.
#[derive(Default)]
struct Heard {
    asked_for: Vec<String>,
    /// Some did not fit into the socket's buffer.
    lost: bool,
}

impl Heard {
    /// Takes what there is. The kernel has put each event here before the write that asked for it returned.
    fn take(&mut self, socket: &sys::Uevents) {
        loop {
            match socket.next() {
                Ok(Some(message)) => {
                    let mut fields = message.split(|b| *b == 0).map(String::from_utf8_lossy);
                    let name = fields.next().unwrap_or_default().into_owned();
                    if fields.any(|field| field.starts_with("SYNTH_UUID=")) {
                        self.asked_for.push(name);
                    }
                }
                Ok(None) => return,
                Err(_) => self.lost = true,
            }
        }
    }
}

/// Observes until standard input is hung up (never, where it is none that can be); `path` is there when it hears.
pub fn watch(path: &str) -> io::Result<()> {
    let uevents = sys::Uevents::listen()?;
    let mut heard = Heard::default();
    let listener = UnixListener::bind(path)?;
    while sys::wait(&listener)? {
        if let Ok((mut asking, _)) = listener.accept() {
            heard.take(&uevents);
            // Who has gone since wants none.
            let _ = asking.write_all(of_now(&heard).as_bytes());
        }
    }
    fs::remove_file(path)
}

/// The picture of that observer's machine.
pub fn ask(path: &str) -> io::Result<String> {
    let mut text = String::new();
    UnixStream::connect(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn of_now(heard: &Heard) -> String {
    let mut seen = BTreeMap::new();
    for name in SYSCTLS {
        seen.insert(format!("sysctl.{name}"), content(&Path::new("/proc/sys").join(name)));
    }
    let new = sys::new_procfs().expect("a procfs (Linux 5.2)");
    for name in PROC {
        seen.insert(
            format!("proc.{name}"),
            mode(&Path::new("/proc/self/fd").join(new.as_raw_fd().to_string()).join(name)),
        );
    }
    seen.insert("proc.1/oom_score_adj".into(), content("/proc/1/oom_score_adj".as_ref()));
    for name in SYS {
        let path = Path::new("/sys").join(name);
        seen.insert(format!("sys.{name}"), format!("{} {}", mode(&path), content(&path)));
    }
    for line in content("/proc/self/mountinfo".as_ref()).split("\\n") {
        if let Some((key, value)) = mount(line) {
            seen.insert(key, value);
        }
        if let Some(at) = cgroup(line) {
            for name in CGROUP {
                let path = Path::new(at).join(name);
                if path.exists() {
                    let value = if name == "tasks" { mode(&path) } else { content(&path) };
                    seen.insert(format!("cgroup.{}", path.display()), value);
                }
            }
        }
    }
    nodes(Path::new("/dev"), &mut seen);
    // The moment at which it was booted, by its clock: it moves when somebody sets the clock, and with nothing else.
    let stat = content("/proc/stat".as_ref());
    let booted = stat.split("\\n").find_map(|line| line.strip_prefix("btime ")).unwrap_or_default();
    seen.insert("clock.booted".into(), booted.into());
    seen.insert("clock.zone".into(), sys::zone().map_or_else(|e| e.to_string(), |minutes| minutes.to_string()));
    let events = heard.asked_for.first().map_or(String::new(), |first| format!(" {first} .."));
    let lost = if heard.lost { ", and some lost" } else { "" };
    seen.insert("uevents".into(), format!("{}{events}{lost}", heard.asked_for.len()));
    seen.iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}

/// What is in a file, on one line, or why it can't be read.
fn content(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim_end().replace('\n', "\\n"),
        Err(e) => crate::errno::word::<()>(Err(e)),
    }
}

/// Mode, owner and numbers.
fn mode(path: &Path) -> String {
    match fs::symlink_metadata(path) {
        Ok(meta) => format!("{:o} {}:{} {:x}", meta.mode(), meta.uid(), meta.gid(), meta.rdev()),
        Err(e) => crate::errno::word::<()>(Err(e)),
    }
}

/// A mount and its flags, and those of its file system (proc_pid_mountinfo(5)). A key has no `=` in it.
fn mount(line: &str) -> Option<(String, String)> {
    let (left, right) = line.split_once(" - ")?;
    let left: Vec<&str> = left.split(' ').collect();
    let [id, _, _, root, at, options, ..] = left[..] else { return None };
    Some((format!("mount.{id} {}", at.replace('=', "~")), format!("{root} {options} {right}")))
}

/// Where a hierarchy of cgroups is seen as a whole.
fn cgroup(line: &str) -> Option<&str> {
    let (left, right) = line.split_once(" - ")?;
    let mut fields = left.split(' ').skip(3);
    let (root, at) = (fields.next()?, fields.next()?);
    (right.starts_with("cgroup ") && root == "/").then_some(at)
}

fn nodes(dir: &Path, seen: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        seen.insert(format!("dev.{}", path.display()), mode(&path));
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && !NOT_WITHIN.iter().any(|name| path.ends_with(name)) {
            nodes(&path, seen);
        }
    }
}
