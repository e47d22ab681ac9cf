//! Programs inside a running container: exit codes, what they are given, terminals.

use crate::root;
use std::process::Stdio;
use tests::container::{Container, Facts};
use tests::ran::{PATIENCE, finish, run};

fn running() -> Option<Container> {
    root().then(|| {
        let container = Container::probe("lxc.cap.drop = sys_time\nlxc.pty.max = 8");
        container.start();
        container
    })
}

#[test]
fn exit_codes_are_the_commands() {
    let Some(container) = running() else { return };
    for (command, code) in [
        ("attach -- /probe exit 0", 0),
        ("attach -- /probe exit 7", 7),
        ("attach -- /probe exit 255", 255),
        ("attach -- /probe die 9", 137),
        ("attach -- /probe die 15", 143),
        ("attach -- /no/such", 127),
        ("attach -- no-such", 127),
        ("attach -- /etc", 126),
    ] {
        let ran = container.keel(command);
        assert_eq!(ran.code, code, "{command}: {ran:?}");
    }
    container.keel("stop").ok();
    let ran = container.keel("attach -- /probe exit 0");
    assert!(ran.code == 1 && ran.err.contains("not running"), "{ran:?}");
}

#[test]
fn it_is_in_all_namespaces_and_cgroups_of_the_container() {
    let Some(container) = running() else { return };
    let (first, inside) = (container.facts(), container.ask("facts"));
    for name in ["mnt", "pid", "uts", "ipc", "net", "cgroup", "user"] {
        let key = format!("ns.{name}");
        assert_eq!(first.find(&key), inside.find(&key), "{name}");
    }
    let (a, b): (Vec<_>, Vec<_>) = (first.below("cgroup.").collect(), inside.below("cgroup.").collect());
    assert_eq!(a, b);
    assert_eq!(inside.get("status.CapBnd"), first.get("status.CapBnd"));
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(inside.get(&format!("status.{set}")), "0000000000000000");
    }
    assert_eq!(inside.get("status.CapEff"), first.get("status.CapEff"));
}

#[test]
fn nothing_of_the_caller_goes_in_but_three_descriptors() {
    let Some(container) = running() else { return };
    let mut attach = std::process::Command::new(&tests::built::built().probe);
    attach.args(["careless", "--"]);
    let inner = container.command("attach");
    attach.arg(inner.get_program()).args(inner.get_args()).args(["--", "/probe", "facts"]);
    attach.env("KEEL_RUN", container.base().join("run"));
    let facts = Facts::parse(&run(&mut attach).ok());
    let open: Vec<_> = facts.below("fd.").map(|(fd, _)| fd).collect();
    assert_eq!(open, ["0", "1", "2"]);
    // SIGPIPE is what the probe's own runtime ignores.
    assert_eq!(facts.get("status.SigIgn"), "0000000000001000");
    assert_eq!(facts.get("status.SigBlk"), "0000000000000000");
}

#[test]
fn pipes_stay_apart() {
    let Some(container) = running() else { return };
    let mut command = container.command("attach");
    command.args(["--", "/probe", "no-such-word"]);
    let ran = run(&mut command);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.starts_with("probe facts"), "{ran:?}");
}

#[test]
fn the_environment_is_the_callers_or_none() {
    let Some(container) = running() else { return };
    let ask = |options: &[&str]| {
        let mut command = container.command("attach");
        command.args(options).args(["--", "/probe", "facts"]).env("MINE", "1").env("OTHER", "2");
        Facts::parse(&run(&mut command).ok())
    };
    let kept = ask(&[]);
    assert_eq!((kept.get("env.MINE"), kept.get("env.container")), ("1", "lxc"));
    let cleared = ask(&["--clear-env", "--keep-var", "OTHER", "-v", "NEW=a b"]);
    assert_eq!(cleared.find("env.MINE"), None);
    let (other, new, container) = (cleared.get("env.OTHER"), cleared.get("env.NEW"), cleared.get("env.container"));
    assert_eq!((other, new, container), ("2", "a b", "lxc"));
    assert!(cleared.find("env.PATH").is_some());
}

#[test]
fn a_terminal_is_the_containers_own() {
    let Some(container) = running() else { return };
    let mut terminal = container.on_terminal("attach -- /probe facts");
    let (said, code) = terminal.end();
    assert_eq!(code, 0, "{said}");
    let facts = Facts::parse(&said);
    assert_eq!((facts.get("tty.0"), facts.get("tty.controlling")), ("yes", "yes"));
    assert!(facts.get("fd.0").starts_with("/dev/pts/"), "{}", facts.get("fd.0"));
    assert_eq!(facts.get("sid"), facts.get("pid"));
}

#[test]
fn what_is_typed_inside_does_not_come_out_as_typed() {
    let Some(container) = running() else { return };
    // TIOCSTI on what the container has for a terminal: allowed or not, the caller's own queue stays empty.
    let mut terminal = container.on_terminal("attach -- /probe can tiocsti");
    let (said, code) = terminal.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("can.tiocsti="), "{said}");
    let (master, slave) = tests::pty::pair();
    let mut command = container.command("attach");
    command.args(["--", "/probe", "can", "tiocsti"]);
    let copy = || Stdio::from(slave.try_clone().expect("dup"));
    let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("keel runs");
    let ran = finish(child, PATIENCE);
    assert_eq!(ran.code, 0);
    let waiting = rustix::io::ioctl_fionread(&slave).expect("FIONREAD");
    assert_eq!(waiting, 0, "bytes in the caller's input queue");
    drop(master);
}

#[test]
fn another_user_and_another_machine() {
    let Some(container) = running() else { return };
    let mut command = container.command("attach");
    command.args(["-u", "1000", "-g", "1001", "--", "/probe", "facts"]);
    let facts = Facts::parse(&run(&mut command).ok());
    assert_eq!((facts.get("uid"), facts.get("gid"), facts.get("status.Groups")), ("1000", "1001", ""));
    assert_eq!(facts.get("status.CapEff"), "0000000000000000");
    if cfg!(target_arch = "x86_64") {
        let mut command = container.command("attach");
        command.args(["-a", "i686", "--", "/probe", "facts"]);
        assert_eq!(Facts::parse(&run(&mut command).ok()).get("machine"), "i686");
    }
}
