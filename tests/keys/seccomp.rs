//! `lxc.seccomp.profile`: the kernel takes the program, and the first program and hooks are under it.

use tests::container::Container;
use tests::proc::{self, Process};

/// A container under a profile, whose first program tries what is listed.
fn under(profile: &str, tries: &str) -> Container {
    let container = Container::probe("");
    let path = container.base().join("profile");
    std::fs::write(&path, profile).expect("written");
    let words: String = tries.split(' ').map(|word| format!(" try={word}")).collect();
    container.add_config(&format!(
        "lxc.seccomp.profile = {}\nlxc.init.cmd = /probe init{words} facts=/facts",
        path.display()
    ));
    container
}

#[test]
fn calls_that_are_denied_return_the_error_that_was_chosen() {
    if !tests::skip::root() {
        return;
    }
    let container = under(
        "2\ndenylist\n[all]\nmount errno ENODEV\nunshare errno 1 [0,0x10000000,&=,0x10000000]\nsethostname errno 5\n",
        "mount userns hostname mkdir:/tmp/x",
    );
    container.start();
    let facts = container.facts();
    assert_eq!(facts.get("status.Seccomp"), "2");
    assert_eq!(facts.get("status.NoNewPrivs"), "0");
    assert_eq!(facts.get("can.mount"), "ENODEV");
    assert_eq!(facts.get("can.userns"), "EPERM");
    assert_eq!(facts.get("can.hostname"), "EIO");
    assert_eq!(facts.get("can.mkdir:/tmp/x"), "ok");
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn without_a_profile_the_same_calls_are_made() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::probe("lxc.init.cmd = /probe init try=mount try=hostname facts=/facts");
    container.start();
    let facts = container.facts();
    let answers = (facts.get("status.Seccomp"), facts.get("can.mount"), facts.get("can.hostname"));
    assert_eq!(answers, ("0", "ok", "ok"));
    container.keel("stop -k").ok();
}

#[test]
fn an_allowlist_without_execve_is_said_and_nothing_is_left() {
    if !tests::skip::root() {
        return;
    }
    let container = under("1\nallowlist\n0\n1\n", "mount");
    let said = container.keel("start").fails(1);
    assert!(said.contains("its profile may kill for system calls"), "{said}");
    container.assert_nothing_left();
}

#[test]
fn a_missing_profile_and_a_wrong_one_are_said_with_their_lines() {
    let container = under("2\ndenylist\nmuont errno 1\nmount deny\n", "mount");
    let said = container.keel("start").fails(1);
    assert!(said.contains("/profile:4: unknown action 'deny'"), "{said}");
    std::fs::remove_file(container.base().join("profile")).expect("removed");
    let said = container.keel("start").fails(1);
    assert!(said.contains("config:7: lxc.seccomp.profile: open '") && said.contains("': ENOENT"), "{said}");
    container.assert_nothing_left();
}

#[test]
fn programs_that_come_later_are_under_the_same_filter() {
    if !tests::skip::root() {
        return;
    }
    let container = under("2\ndenylist\n[all]\nmount errno ENODEV\nsethostname errno 5\n", "mount");
    container.start();
    container.facts();
    // What the file says by now does not count: the first program is under what it said then.
    std::fs::write(container.base().join("profile"), "2\ndenylist\n").expect("written");
    let later = |container: &Container| {
        let inside = container.ask("can mount hostname");
        let seccomp = container.ask("facts").get("status.Seccomp").to_owned();
        (seccomp, inside.get("can.mount").to_owned(), inside.get("can.hostname").to_owned())
    };
    let denied = ("2".into(), "ENODEV".into(), "EIO".into());
    assert_eq!(later(&container), denied);
    let user = container.keel("attach -u 1000 -g 1000 -- /probe can mkdir:/x mount").ok();
    assert!(user.contains("can.mkdir:/x=EACCES") && user.contains("can.mount=ENODEV"), "{user}");
    // The control: without it they are made.
    let free = container.keel("attach -eLSM -- /probe can mount hostname").ok();
    assert!(free.contains("can.mount=ok") && free.contains("can.hostname=ok"), "{free}");

    // Nobody is there any more who could be asked.
    let supervisor = proc::parent(container.pid()).and_then(Process::hold).expect("a supervisor");
    supervisor.signal(rustix::process::Signal::KILL);
    assert!(supervisor.ends_within(tests::ran::PATIENCE));
    assert_eq!(later(&container), denied);
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn without_its_state_file_nobody_gets_in_unfiltered() {
    if !tests::skip::root() {
        return;
    }
    let container = under("2\ndenylist\nmount errno ENODEV\n", "mount");
    container.start();
    container.facts();
    let state = find(&container.base().join("run"), "state").expect("a state file");
    let text = std::fs::read(&state).expect("readable");
    std::fs::remove_file(&state).expect("removed");
    let why = container.keel("attach -- /probe can mount").fails(1);
    assert!(why.contains("its state file is not there"), "{why}");
    std::fs::write(&state, text).expect("written");
    container.keel("attach -- /probe can mount").ok();
}

#[test]
fn where_a_filter_is_already_it_is_loaded_only_when_it_is_asked_for() {
    if !tests::skip::root() {
        return;
    }
    for (nesting, answer) in [(0, "ok"), (1, "ENODEV")] {
        let container = under("2\ndenylist\nmount errno ENODEV\n", "mount");
        container.add_config(&format!("lxc.seccomp.allow_nesting = {nesting}"));
        // Whoever starts it is under one that denies a call which nobody needs.
        let inner = container.command("start");
        let built = tests::built::built();
        let mut start = std::process::Command::new(&built.probe);
        start.args(["private", "--"]).arg(&built.probe).args(["enosys", "epoll_pwait2", "--"]).arg(&built.keel);
        start.args(inner.get_args().skip_while(|word| *word != "start")).env("KEEL_RUN", container.base().join("run"));
        let ran = tests::ran::run(&mut start);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(ran.err.contains("a filter is already"), nesting == 0, "{ran:?}");
        assert_eq!(container.facts().get("can.mount"), answer);
        container.keel("stop -k").ok();
        container.assert_nothing_left();
    }
}

fn find(dir: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    entries.into_iter().find_map(|path| match path.is_dir() {
        true => find(&path, name),
        false => path.ends_with(name).then_some(path),
    })
}
