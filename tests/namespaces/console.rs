//! Consoles of containers over real terminals: a busybox guest's login, ttys, who may have them.

use crate::root;
use tests::container::Container;
use tests::pty::OnTerminal;
use tests::vm::{PASSWORD, login, wake};

const CTRL_A: &str = "\x01";

fn guest() -> Option<Container> {
    root().then(|| {
        let container = Container::busybox(&["--password", PASSWORD]);
        container.start();
        container
    })
}

#[track_caller]
fn leaves(terminal: &mut OnTerminal) {
    terminal.dialog.send(&format!("{CTRL_A}q"));
    let (said, code) = terminal.end();
    assert_eq!(code, 0, "{said}");
}

/// ^C until the shell is back: the program may not be in the foreground yet.
#[track_caller]
fn interrupt(terminal: &mut OnTerminal) {
    terminal.dialog.expect("read x");
    for _ in 0..20 {
        terminal.dialog.send("\x03");
        if terminal.dialog.find(&["# "], std::time::Duration::from_secs(2)).is_some() {
            return;
        }
    }
    terminal.dialog.fail("^C does not end the program");
}

#[test]
fn the_guests_login_on_its_console() {
    let Some(container) = guest() else { return };
    let mut terminal = container.on_terminal("console -t 0");
    terminal.dialog.expect("Connected to tty 0");
    terminal.dialog.expect("Type <Ctrl+a q> to exit the console, <Ctrl+a Ctrl+a> to enter Ctrl+a itself");
    login(&mut terminal.dialog);
    assert_eq!(terminal.dialog.ok("hostname").trim(), container.name);
    assert_eq!(terminal.dialog.ok("echo $$ > /tmp/shell; id -u").trim(), "0");
    assert_eq!(terminal.dialog.ok("tty").trim(), "/dev/console");
    // Job control: ^Z stops a program, ^C ends one.
    terminal.dialog.line("sh -c 'echo be$((40+2)); read x'");
    terminal.dialog.expect("be42");
    terminal.dialog.send("\x1a");
    terminal.dialog.expect("Stopped");
    terminal.dialog.expect("# ");
    terminal.dialog.line("fg");
    interrupt(&mut terminal);
    assert_eq!(terminal.dialog.sh("true").0, 0);
    leaves(&mut terminal);
    // The session goes on behind it.
    let mut again = container.on_terminal("console -t 0");
    again.dialog.expect("Connected to tty 0");
    wake(&mut again.dialog, "# ");
    assert_eq!(again.dialog.ok("test $$ = $(cat /tmp/shell); echo $?").trim(), "0");
    leaves(&mut again);
    container.keel("stop").ok();
    container.assert_nothing_left();
}

#[test]
fn a_tty_is_lent_to_one_at_a_time() {
    if !root() {
        return;
    }
    let container = Container::probe("lxc.tty.max = 2\nlxc.pty.max = 8");
    container.start();
    let mut one = container.on_terminal("console -t 1");
    one.dialog.expect("Connected to tty 1");
    let mut other = container.on_terminal("console -t 1");
    let (said, code) = other.end();
    assert!(code == 1 && said.contains("tty"), "{code}: {said}");
    // Without a number: the next that is free.
    let mut next = container.on_terminal("console");
    next.dialog.expect("Connected to tty 2");
    let mut none = container.on_terminal("console");
    assert_eq!(none.end().1, 1);
    leaves(&mut one);
    let mut again = container.on_terminal("console -t 1");
    again.dialog.expect("Connected to tty 1");
    leaves(&mut again);
    leaves(&mut next);
    for number in ["3", "99999999999"] {
        let mut refused = container.on_terminal(&format!("console -t {number}"));
        assert_ne!(refused.end().1, 0);
    }
}

#[test]
fn without_a_terminal_or_a_container_there_is_no_console() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let mut stopped = container.on_terminal("console -t 0");
    let (said, code) = stopped.end();
    assert!(code == 1 && said.contains("not running"), "{code}: {said}");
    container.start();
    let said = container.keel("console -t 0").fails(1);
    assert!(said.contains("standard input is not a terminal"), "{said}");
}

#[test]
fn a_console_ends_with_its_container() {
    let Some(container) = guest() else { return };
    let mut terminal = container.on_terminal("console -t 0");
    terminal.dialog.expect("Connected to tty 0");
    container.keel("stop").ok();
    let (said, code) = terminal.end();
    assert_eq!(code, 0, "{said}");
    container.assert_nothing_left();
}

#[test]
fn the_guest_in_the_foreground() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--password", PASSWORD]);
    let mut terminal = container.on_terminal("start -F");
    login(&mut terminal.dialog);
    assert_eq!(terminal.dialog.ok("stty size").trim(), "24 80");
    let inside = terminal.dialog.ok("ps -o pid,comm");
    assert!(inside.contains("1 init") || inside.contains("1 pid1"), "{inside}");
    terminal.dialog.line("poweroff");
    let (said, code) = terminal.end();
    assert_eq!(code, 0, "{said}");
    container.assert_nothing_left();
}

#[test]
fn the_guest_with_busyboxs_own_init() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--password", PASSWORD, "--init", "busybox"]);
    container.start();
    let mut terminal = container.on_terminal("console -t 0");
    terminal.dialog.expect("Connected to tty 0");
    login(&mut terminal.dialog);
    assert_eq!(terminal.dialog.ok("hostname").trim(), container.name);
    leaves(&mut terminal);
    container.keel("stop -t 30 --nokill").ok();
    container.assert_nothing_left();
}

#[test]
fn a_locked_root_stays_out() {
    if !root() {
        return;
    }
    let container = Container::busybox(&[]);
    container.start();
    let mut terminal = container.on_terminal("console -t 0");
    terminal.dialog.expect("Connected to tty 0");
    wake(&mut terminal.dialog, "login: ");
    terminal.dialog.line("root");
    terminal.dialog.expect("assword: ");
    terminal.dialog.line("");
    // busybox's login ends with 'bad salt' for a field that no password can match.
    let (_, before) = terminal.dialog.expect_one(&["incorrect", "bad salt"]);
    assert!(!before.contains("# "), "{before}");
}

#[test]
fn autologin_asks_nothing() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--autologin"]);
    container.start();
    let mut terminal = container.on_terminal("console -t 0");
    terminal.dialog.expect("Connected to tty 0");
    wake(&mut terminal.dialog, "# ");
    // What login(1) says of the other terminals goes to the console as well, whenever it is said.
    assert_eq!(terminal.dialog.ok("id -un").lines().last().map(str::trim), Some("root"));
}

#[test]
fn all_that_the_console_says_is_logged() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.set_init("say=hello then=exit:0");
    let log = container.base().join("console.log");
    container.add_config(&format!("lxc.console.logfile = {}", log.display()));
    container.keel("start");
    container.reaches("STOPPED");
    assert_eq!(std::fs::read_to_string(&log).expect("a log").replace('\r', ""), "hello\n");
    container.assert_nothing_left();
}

#[test]
fn the_console_is_heard_while_a_tty_is_lent() {
    if !root() {
        return;
    }
    let container = Container::busybox(&[]);
    let log = container.base().join("console.log");
    container.add_config(&format!("lxc.console.logfile = {}\n", log.display()));
    container.start();
    let mut terminal = container.on_terminal("console -t 1");
    terminal.dialog.expect("Connected to tty 1");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    for (word, round) in [("while", 1), ("after", 2)] {
        let mut say = container.command("attach");
        tests::ran::run(say.args(["--", "sh", "-c", &format!("echo {word} > /dev/console")])).ok();
        tests::proc::until(&format!("'{word}' is in the log"), container.base(), || {
            said().contains(word).then_some(())
        });
        if round == 1 {
            leaves(&mut terminal);
        }
    }
}
