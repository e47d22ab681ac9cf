//! What `pid1` asks the kernel, counted: around a program that it wraps, for a signal that it forwards, for an orphan.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::budgets::wait_until_idle;
use crate::fixture::{Guest, able, command, find, kernel_can_reap, wait_for, wait_until_kernel_reaps};
use crate::skip_unless;

/// Calls of PID 1 from its exec to its exit and of its child up to the program: 20, and 64 that give signals back their defaults.
const WRAPPED: usize = 84;

fn traceable() -> Result<(), String> {
    able()?;
    find("strace").map(drop)
}

/// A guest whose PID 1 is traced, with what it forks up to the program.
struct Traced {
    guest: Guest,
    list: PathBuf,
}

impl Traced {
    fn start(name: &str, words: &[&str]) -> Traced {
        let list = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("calls-{name}-{}", std::process::id()));
        // It has to be there when it is looked at.
        std::fs::write(&list, "").unwrap();
        let words: Vec<&str> = ["/pid1"].iter().chain(words).copied().collect();
        let guest = command(&words);
        let mut strace = Command::new(find("strace").unwrap());
        // Beside the guest (-D) and outside of it, so that it sees its end.
        strace.args(["-D", "-f", "-q", "-e", "signal=none", "-o"]).arg(&list);
        strace.arg(guest.get_program()).args(guest.get_args()).env_remove("container").env_remove("CONSOLE");
        strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Traced { guest: Guest { child: strace.spawn().expect("strace runs") }, list }
    }

    /// Names of the calls since `pid1` was executed, but for those of the program.
    fn calls(self, code: i32) -> Vec<String> {
        let Traced { guest, list } = self;
        let outside = guest.child.id().to_string();
        let ended = guest.finish();
        assert_eq!(ended.code(), code, "{}", ended.err);
        let text = wait_for("the end of the trace", || {
            let text = std::fs::read_to_string(&list).unwrap();
            let last = text.lines().last()?;
            (last.starts_with(&outside) && last.contains("+++")).then_some(text)
        });
        std::fs::remove_file(&list).unwrap();
        ours(&text)
    }
}

/// Of a trace, the calls of PID 1 from its exec to its exit, and those of its child up to the program.
fn ours(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split_once(' ')).map(|(pid, call)| (pid, call.trim_start()));
    let mut lines = lines.skip_while(|(_, call)| !call.starts_with("execve(\"/pid1\""));
    let (init, _) = lines.next().unwrap_or_else(|| panic!("pid1 was not executed: {text}"));
    let (mut child, mut names) = (None, Vec::new());
    for (pid, call) in lines {
        // What follows a call that waited is no other.
        let Some((name, _)) = call.split_once('(').filter(|_| !call.starts_with(['<', '+', '-'])) else { continue };
        if pid != init && *child.get_or_insert(pid) != pid {
            continue;
        }
        names.push(name.to_owned());
        match name {
            // No process has this id.
            "execve" => child = Some("0"),
            "exit_group" if pid == init => break,
            _ => {}
        }
    }
    names
}

#[test]
fn a_wrapped_program_takes_few_calls() {
    skip_unless!(traceable());
    let mut calls = Traced::start("wrapped", &["--", "/bin/true"]).calls(0);
    // Where the program took so long that it became quiet.
    if let Some(end) = calls.iter().rposition(|name| name == "madvise") {
        let begin = calls.iter().position(|name| name == "rt_sigtimedwait").expect("it waited");
        calls.drain(begin..=end);
    }
    eprintln!("{} calls: {calls:?}", calls.len());
    assert!(calls.len() <= WRAPPED, "{} calls: {calls:?}", calls.len());
    assert_eq!(calls.iter().filter(|name| name.contains("clone") || name.contains("fork")).count(), 1, "{calls:?}");
    // The control: a word that is wrong has to be said.
    let more = Traced::start("said", &["keel.raep=wait", "--", "/bin/true"]).calls(0);
    assert!(more.len() > WRAPPED, "{more:?}");
}

/// What PID 1 calls from the moment on when it is idle, for signals that are forwarded to a payload that answers each.
fn forwarded(name: &str, before: &str, signals: usize) -> Vec<String> {
    let script =
        format!("trap 'echo heard' USR1; trap 'exit 7' TERM; {before} echo ready; while :; do sleep 1000 & wait; done");
    let mut traced = Traced::start(name, &["--", "sh", "-c", &script]);
    traced.guest.read_until("ready\n");
    if !before.is_empty() {
        wait_until_kernel_reaps(&traced.guest);
    }
    wait_until_idle(&traced.guest);
    for _ in 1..signals {
        traced.guest.signal(10);
        traced.guest.read_until("heard\n");
    }
    traced.guest.signal(15);
    let calls = traced.calls(7);
    let idle = calls.rsplit(|name| name == "madvise").next().unwrap_or_default();
    idle.iter()
        .take_while(|name| ["rt_sigtimedwait", "ppoll", "read", "kill"].contains(&name.as_str()))
        .cloned()
        .collect()
}

/// With an orphan the kernel is asked to reap, and there are two things to wait for.
#[test]
fn a_signal_takes_few_calls() {
    skip_unless!(traceable());
    for (name, before, each) in [
        ("forwarded", "", &["rt_sigtimedwait", "kill"][..]),
        ("forwarded-orphan", "(true &);", &["ppoll", "read", "kill"][..]),
    ] {
        if !before.is_empty() && !kernel_can_reap() {
            continue;
        }
        let expected = [&each.repeat(12)[..], &each[..1]].concat();
        assert_eq!(forwarded(name, before, 12), expected);
    }
}
