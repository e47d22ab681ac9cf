//! `lxc.seccomp.notify.*`: a program of the host's answers system calls.

use std::path::PathBuf;
use tests::container::Container;
use tests::proc;
use tests::proxy::{Answer, Proxy};

/// A container whose first program makes a directory, which the filter wants to ask about.
fn asking(more: &str) -> (Container, PathBuf) {
    let container = Container::probe("");
    let (profile, socket) = (container.base().join("profile"), container.base().join("socket"));
    std::fs::write(&profile, "2\ndenylist\nmkdir notify\nmkdirat notify\n").expect("written");
    let more = more.replace("SOCKET", &socket.display().to_string());
    container.add_config(&format!(
        "lxc.seccomp.profile = {}\nlxc.init.cmd = /probe init try=mkdir:/made facts=/facts\n{more}",
        profile.display()
    ));
    (container, socket)
}

const PROXY: &str = "lxc.seccomp.notify.proxy = unix:SOCKET\nlxc.seccomp.notify.cookie = a cookie\n";

#[test]
fn the_proxy_is_told_of_the_call_and_its_answer_is_the_calls() {
    if !tests::skip::root() {
        return;
    }
    let (container, socket) = asking(PROXY);
    for (answer, result) in [
        (Answer::Error(99), "errno99"),
        // The probe takes the directory away again, and nothing is there.
        (Answer::Value(0), "ENOENT"),
        (Answer::Made, "ok"),
        // No answers.
        (Answer::Other, "ENOSYS"),
        (Answer::Short, "ENOSYS"),
        (Answer::Nothing, "ENOSYS"),
    ] {
        let proxy = Proxy::listen(&socket, answer);
        container.start();
        assert_eq!(container.facts().get("can.mkdir:/made"), result, "{answer:?}");
        let told = proxy.told();
        let init = container.pid();
        let [told] = &told[..] else { panic!("{answer:?}: {told:?}") };
        assert_eq!((told.len, told.sizes, told.blank), (32 + 80 + 24 + 8, (0, [80, 24, 64]), true));
        assert_eq!((told.of, told.pid), ([proc::parent(init).expect("a supervisor"), init], init));
        assert_eq!(told.cookie, "a cookie");
        assert_eq!(
            told.files,
            [format!("/proc/{init}"), format!("/proc/{init}/mem"), "anon_inode:seccomp notify".into()]
        );
        container.keel("stop -k").ok();
        container.assert_nothing_left();
    }
}

#[test]
fn calls_that_are_not_named_do_not_ask() {
    if !tests::skip::root() {
        return;
    }
    let (container, socket) = asking(PROXY);
    let proxy = Proxy::listen(&socket, Answer::Error(99));
    container.add_config("lxc.init.cmd = /probe init try=hostname facts=/facts\n");
    container.start();
    assert_eq!((container.facts().get("can.hostname"), proxy.told().len()), ("ok", 0));
    container.keel("stop -k").ok();
}

#[test]
fn without_its_proxy_it_does_not_start_and_nothing_is_left() {
    if !tests::skip::root() {
        return;
    }
    let (container, socket) = asking(PROXY);
    let said = container.keel("start").fails(1);
    assert!(said.contains(&format!("connect to {}: ENOENT", socket.display())), "{said}");
    container.assert_nothing_left();
    // Who ends while the container runs is missed at each call, and the calls come back.
    let proxy = Proxy::listen(&socket, Answer::Error(99));
    container.add_config("lxc.init.cmd = /probe init facts=/facts\n");
    container.start();
    container.facts();
    // What is attached is under the filter, too, and its calls are the proxy's matter.
    assert_eq!(container.ask("can mkdir:/made").get("can.mkdir:/made"), "errno99");
    let told = proxy.told();
    assert_eq!((told.len(), told[0].of[1]), (1, container.pid()));
    assert_ne!(told[0].pid, container.pid());
    drop(proxy);
    assert_eq!(container.ask("can mkdir:/made").get("can.mkdir:/made"), "ENOSYS");
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn where_no_proxy_is_named_the_call_is_not_there() {
    if !tests::skip::root() {
        return;
    }
    let (container, _) = asking("");
    let ran = container.keel("start");
    assert!(ran.code == 0 && ran.err.contains("calls with the action 'notify' fail with ENOSYS"), "{ran:?}");
    assert_eq!(container.facts().get("can.mkdir:/made"), "ENOSYS");
    container.keel("stop -k").ok();
}

#[test]
fn what_the_start_itself_calls_cannot_be_asked_about() {
    if !tests::skip::root() {
        return;
    }
    let (container, socket) = asking(PROXY);
    let _proxy = Proxy::listen(&socket, Answer::Made);
    std::fs::write(container.base().join("profile"), "2\ndenylist\nexecve notify\n").expect("written");
    let said = container.keel("start").fails(1);
    assert!(said.contains("'notify' for 'execve'") && said.contains("before anybody answers"), "{said}");
    container.assert_nothing_left();
}
