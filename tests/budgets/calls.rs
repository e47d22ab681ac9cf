//! System calls of a start and of a list, and what a child does between clone and exec.

use super::trace::{Call, keel};
use super::{has, within};
use tests::container::Container;
use tests::skip::root;

/// A start on a host without cgroups, to the payload's exec and from its end on; the floor makes 33, bubblewrap 383, lxc-start 1349.
const START: u64 = 185;
/// A list of one container that does not run.
const LS: u64 = 40;
/// An attach to one, with both executions of keel and of its C library: the floor makes 6, nsenter 316.
const ATTACH: u64 = 137;

/// One that starts with few steps; `more` follows.
pub fn container(more: &str) -> Container {
    let container = Container::probe("");
    // The probe ends at once: it is given a word that it answers.
    let text = format!(
        "lxc.rootfs.path = dir:{}\nlxc.uts.name = bb\nlxc.namespace.clone = pid mnt uts ipc\n\
         lxc.mount.auto = proc:rw sys:rw\nlxc.tty.max = 0\nlxc.console.path = none\nlxc.init.cmd = /probe true\n{more}",
        container.rootfs().display()
    );
    container.set_config(&text);
    container
}

/// The calls of a start but for the payload's own.
fn start(container: &Container) -> Vec<Call> {
    without_payload(keel(container.base(), &["start", "-F", "-n", &container.name]))
}

fn without_payload(calls: Vec<Call>) -> Vec<Call> {
    let mut became = None;
    let ours = |call: &Call| {
        let payload = became == Some(call.pid);
        if call.name == "execve" && call.words.starts_with("\"/probe\"") {
            became = Some(call.pid);
        }
        !payload
    };
    let mut ours = ours;
    let ours: Vec<Call> = calls.into_iter().filter(|c| ours(c)).collect();
    assert!(became.is_some(), "the payload did not run: {ours:#?}");
    ours
}

#[test]
fn a_start_takes_few_system_calls() {
    if !root() || !has("strace") {
        return;
    }
    let plain = container("");
    within("system calls of a start", start(&plain).len() as u64, START).unwrap();
    let entries: String = (0..12).map(|n| format!("lxc.mount.entry = t{n} mnt/{n} tmpfs create=dir 0 0\n")).collect();
    let more = container(&entries);
    within("system calls with 12 mounts more", start(&more).len() as u64, START).unwrap_err();
}

#[test]
fn an_attach_takes_few_system_calls() {
    if !root() || !has("strace") {
        return;
    }
    let attached = |more: &str| {
        let container = container(&format!("lxc.init.cmd = /probe init\n{more}"));
        container.start();
        let words = ["attach", "--elevated-privileges=CGROUP", "-n", &container.name, "--", "/probe", "exit", "0"];
        let calls = keel(container.base(), &words);
        container.keel("stop -k").ok();
        container.assert_nothing_left();
        without_payload(calls).len() as u64
    };
    within("system calls of an attach", attached(""), ATTACH).unwrap();
    let limits: String =
        ["as", "core", "cpu", "data", "fsize", "rss"].map(|name| format!("lxc.prlimit.{name} = unlimited\n")).concat();
    within("system calls of an attach with 6 limits", attached(&limits), ATTACH).unwrap_err();
}

#[test]
fn a_list_takes_few_system_calls() {
    if !root() || !has("strace") {
        return;
    }
    let one = container("");
    within("system calls of ls", keel(one.base(), &["ls"]).len() as u64, LS).unwrap();
    for n in 0..20 {
        let dir = one.lxcpath().join(format!("more{n}"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::copy(one.config_file(), dir.join("config")).unwrap();
    }
    within("system calls of ls with 20 containers more", keel(one.base(), &["ls"]).len() as u64, LS).unwrap_err();
}

/// What asks the kernel for memory: nobody may between clone and exec.
const MEMORY: [&str; 6] = ["brk", "mmap", "munmap", "mremap", "mprotect", "madvise"];

fn asks_for_memory<'a>(calls: impl Iterator<Item = &'a Call>) -> Vec<&'a Call> {
    calls.filter(|c| MEMORY.contains(&c.name.as_str())).collect()
}

#[test]
fn nothing_between_clone_and_exec_asks_for_memory() {
    if !root() || !has("strace") {
        return;
    }
    let container = container("lxc.tty.max = 4\n");
    let calls = start(&container);
    let parent = calls[0].pid;
    let child: Vec<&Call> = calls.iter().filter(|c| c.pid != parent).collect();
    assert!(child.len() > 40, "{child:#?}");
    assert_eq!(child.last().map(|c| c.name.as_str()), Some("execve"));
    assert_eq!(asks_for_memory(child.into_iter()), Vec::<&Call>::new());
    // The control: the parent does, and it is seen.
    assert!(asks_for_memory(calls.iter().filter(|c| c.pid == parent)).len() > 2);
    // One process: the first program is the child itself.
    let clones = calls.iter().filter(|c| c.name.starts_with("clone") || c.name.ends_with("fork")).count();
    assert_eq!(clones, 1);
}

/// Writing to cgroup.procs waits 11 ms for RCU on a quiet machine; unmounting and RTM_DELLINK wait, too.
#[test]
fn nothing_on_the_way_waits_for_rcu() {
    if !root() || !has("strace") {
        return;
    }
    let calls = start(&container(""));
    let unmounts: Vec<&Call> = calls.iter().filter(|c| c.name == "umount2").collect();
    // The old root, and nothing else.
    assert_eq!(unmounts.len(), 1, "{unmounts:#?}");
    assert!(!calls.iter().any(|c| c.words.contains("cgroup.procs\", O_WRONLY")), "{calls:#?}");
}
