//! Inits that are not systemd: Debian's sysvinit and OpenRC, and busybox's. Each comes to its runlevel, restarts from inside,
//! and goes down by itself when told to.

use crate::debian;
use std::fs;
use tests::container::Container;
use tests::vm::{PASSWORD, login, wake};

/// What the Debian template of LXC did to inittab: a power failure is the order to halt.
fn power_failure_halts(container: &Container, layer: &str) {
    let from = debian::place().expect("made").join(layer).join("etc/inittab");
    let text = fs::read_to_string(from).expect("an inittab");
    let lines = text.lines().map(|line| match line.starts_with("pf::") {
        true => "pf::powerwait:/sbin/shutdown -h now",
        false => line,
    });
    let to = debian::delta(container).join("etc");
    fs::create_dir_all(&to).expect("a directory");
    fs::write(to.join("inittab"), lines.collect::<Vec<_>>().join("\n") + "\n").expect("written");
}

/// What sysvinit says when it is told to halt, and the last that is surely heard. Its very last words, "Will now halt.", go through
/// startpar(8), which the kernel ends in the same moment: now and then they get lost.
const HALT: (Option<&str>, &str) = (Some("boot in runlevel 0."), "Deactivating swap...done.");

/// `last_words`: what is said when it is told to go down, and behind that what is said at the end.
#[track_caller]
fn reboot_and_stop(container: &Container, reboot: &str, up: impl Fn(), last_words: (Option<&str>, &str)) {
    let pid = container.pid();
    container.keel(&format!("attach -- {reboot}"));
    debian::until_restarted(container, pid);
    up();
    // Not killed when its time is over.
    let stopping = std::time::Instant::now();
    container.keel("stop -t 55").ok();
    assert!(stopping.elapsed().as_secs() < 55, "it had to be killed: {}", debian::console(container));
    let said = debian::console(container);
    let (order, last) = last_words;
    let then = order.map_or(Some(said.as_str()), |order| said.rsplit_once(order).map(|(_, then)| then));
    assert!(then.is_some_and(|then| then.contains(last)), "no '{last}' behind {order:?}: {said}");
    container.assert_nothing_left();
}

#[test]
fn sysvinit() {
    let Some(container) = debian::guest(&["sysvinit"], "") else { return };
    power_failure_halts(&container, "sysvinit");
    container.start();
    let up = || drop(debian::until_inside(&container, "runlevel", |ran| ran.out.ends_with(" 2\n")));
    up();
    let mut terminal = container.on_terminal("console -t 1");
    terminal.dialog.expect("Connected to tty 1");
    login(&mut terminal.dialog);
    assert_eq!(terminal.dialog.ok("tty").trim(), "/dev/tty1");
    terminal.dialog.send("\x01q");
    assert_eq!(terminal.end().1, 0);
    reboot_and_stop(&container, "shutdown -r now", up, HALT);
}

#[test]
fn openrc_below_sysvinit() {
    let Some(container) = debian::guest(&["openrc"], "") else { return };
    power_failure_halts(&container, "openrc");
    container.start();
    let up = || {
        drop(debian::until_inside(&container, "runlevel", |ran| ran.out.ends_with(" 2\n")));
        drop(debian::until_inside(&container, "rc-status --runlevel", |ran| ran.out == "default\n"));
    };
    up();
    // OpenRC sees what it is in.
    assert!(debian::console(&container).contains("[LXC]"), "{}", debian::console(&container));
    let mut terminal = container.on_terminal("console -t 2");
    wake(&mut terminal.dialog, "login: ");
    drop(terminal);
    reboot_and_stop(&container, "shutdown -r now", up, (None, "Will now halt."));
}

#[test]
fn openrc_as_init() {
    // openrc-init(8): SIGTERM to shut down, SIGINT to restart.
    let config = "lxc.init.cmd = /sbin/openrc-init\nlxc.signal.halt = SIGTERM\n";
    let Some(container) = debian::guest(&["openrc"], config) else { return };
    container.start();
    let up = || drop(debian::until_inside(&container, "rc-status --runlevel", |ran| ran.out == "default\n"));
    up();
    reboot_and_stop(&container, "openrc-shutdown --reboot now", up, (None, "Starting shutdown runlevel"));
}

#[test]
fn busybox() {
    if !tests::skip::root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox", "--password", PASSWORD]);
    let log = container.base().join("console.log");
    container.add_config(&format!("lxc.console.logfile = {}\n", log.display()));
    container.start();
    let up = || {
        let mut terminal = container.on_terminal("console -t 0");
        wake(&mut terminal.dialog, "login: ");
        terminal.dialog.send("\x01q");
        assert_eq!(terminal.end().1, 0);
    };
    up();
    reboot_and_stop(&container, "reboot", up, (None, "The system is going down NOW!"));
}
