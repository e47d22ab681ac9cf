//! `lxc.seccomp.profile`: the kernel takes the program, and the first program and hooks are under it.

use tests::container::Container;

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
