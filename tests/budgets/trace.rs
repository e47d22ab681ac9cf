//! System calls of a program and of what it starts, as strace sees them.

use std::path::Path;
use std::process::Command;
use tests::ran::run;

/// One call: who made it, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The process.
    pub pid: i32,
    /// `openat`
    pub name: String,
    /// The line behind the name.
    pub words: String,
}

/// Reads what `strace -f -o` writes. The second half of a call that was interrupted by another's is not one more.
pub fn calls(text: &str) -> Vec<Call> {
    let line = |l: &str| {
        let (pid, rest) = l.split_once(' ')?;
        let (name, words) = rest.trim_start().split_once('(')?;
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        plain.then_some(Call { pid: pid.parse().ok()?, name: name.into(), words: words.into() })
    };
    text.lines().filter_map(line).collect()
}

/// Runs keel where no cgroups are, so that it does the same on every machine, and returns its calls from its exec on.
#[track_caller]
pub fn keel(base: &Path, words: &[&str]) -> Vec<Call> {
    let list = base.join("trace");
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-c"]);
    command.arg("umount -R /sys/fs/cgroup 2>/dev/null; exec \"$@\"").args(["sh", "strace", "-f", "-o"]).arg(&list);
    let (name, words) = words.split_first().expect("a command");
    command.arg(&tests::built::built().keel).arg(name).arg("-P").arg(base.join("lxc")).args(words);
    command.env("KEEL_RUN", base.join("run")).env_remove("CONFIG");
    run(&mut command).ok();
    let calls = calls(&std::fs::read_to_string(&list).expect("strace wrote"));
    assert!(calls.first().is_some_and(|c| c.name == "execve"), "{calls:#?}");
    calls
}

#[test]
fn lines_are_calls_or_not() {
    let text = "12 execve(\"/k\", [\"k\"], 0x1 /* 2 vars */) = 0\n12 clone3({flags=0} <unfinished ...>\n13 umask(000) = 022\n\
                12 <... clone3 resumed> => {pidfd=[10]}, 88) = 13\n13 +++ exited with 0 +++\n\
                12 --- SIGCHLD {si_signo=SIGCHLD} ---\n12 exit_group(0) = ?\n";
    let names: Vec<(i32, String)> = calls(text).into_iter().map(|c| (c.pid, c.name)).collect();
    let expected = [(12, "execve"), (12, "clone3"), (13, "umask"), (12, "exit_group")];
    assert_eq!(names, expected.map(|(pid, name)| (pid, name.to_owned())));
}
