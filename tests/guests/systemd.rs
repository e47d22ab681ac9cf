//! Debian with systemd as init, on whatever cgroups this machine has: to its login, attached to, restarted from inside and
//! from outside, and shut down by itself.

use crate::debian;
use std::fs;
use std::path::Path;
use tests::container::Container;
use tests::vm::{login, wake};

/// Waits until systemd has nothing left to start, and that nothing failed.
#[track_caller]
pub fn is_up(container: &Container) {
    let states = ["running\n", "degraded\n"];
    let ran = debian::until_inside(container, "systemctl is-system-running", |ran| states.contains(&ran.out.as_str()));
    if ran.out != "running\n" {
        panic!("{}\n{}", container.keel("attach -- systemctl --failed --no-pager").out, debian::console(container));
    }
}

/// The journal's files, and whether each was closed: byte 16 of the header is 0 then, 1 while somebody writes
/// (systemd's JOURNAL_FILE_FORMAT).
fn journals(below: &Path) -> Vec<(String, bool)> {
    let dirs = fs::read_dir(below.join("var/log/journal")).into_iter().flatten().flatten();
    let files = dirs.flat_map(|dir| fs::read_dir(dir.path()).into_iter().flatten().flatten()).map(|e| e.path());
    files
        .map(|path| (path.display().to_string(), fs::read(&path).is_ok_and(|bytes| bytes.get(16) == Some(&0))))
        .collect()
}

#[test]
fn boots_to_its_login_restarts_and_shuts_itself_down() {
    let Some(container) = debian::guest(&[], "") else { return };
    container.start();
    is_up(&container);
    let said = container.keel("attach -- systemctl show -p Virtualization -p ActiveState multi-user.target").ok();
    assert!(said.contains("ActiveState=active"), "{said}");
    assert_eq!(container.keel("attach -- systemd-detect-virt").ok(), "lxc\n");
    assert_eq!(container.keel("attach -- hostname").ok().trim(), container.name);

    // Its login on the console, and on the terminals that container_ttys names.
    let mut terminal = container.on_terminal("console -t 0");
    terminal.dialog.expect("Connected to tty 0");
    login(&mut terminal.dialog);
    assert_eq!(terminal.dialog.ok("tty").trim(), "/dev/console");
    terminal.dialog.send("\x01q");
    assert_eq!(terminal.end().1, 0);
    let mut terminal = container.on_terminal("console -t 1");
    terminal.dialog.expect("Connected to tty 1");
    wake(&mut terminal.dialog, "login: ");
    terminal.dialog.send("\x01q");
    assert_eq!(terminal.end().1, 0);

    // A service of its own has a cgroup below the container's, as systemd wants it.
    let run = "attach -- systemd-run --quiet --unit=served --remain-after-exit cp /proc/self/cgroup /served";
    container.keel(run).ok();
    let served = debian::until_inside(&container, "cat /served", |ran| ran.code == 0 && !ran.out.is_empty()).out;
    assert!(served.contains("/system.slice/served.service"), "{served}");

    let pid = container.pid();
    container.keel("attach -- systemctl reboot");
    debian::until_restarted(&container, pid);
    is_up(&container);
    let pid = container.pid();
    container.keel("stop -r").ok();
    debian::until_restarted(&container, pid);
    is_up(&container);

    let open = journals(&debian::delta(&container));
    assert!(open.iter().any(|(_, closed)| !closed), "control: a journal is open while it runs: {open:?}");
    container.keel("stop").ok();
    let said = debian::console(&container);
    assert_eq!(said.matches("Reached target multi-user.target").count(), 3, "{said}");
    assert_eq!(said.matches("System Shutdown").count(), 3, "{said}");
    assert!(said.contains("Halting system.") || said.contains("Powering off."), "{said}");
    let journals = journals(&debian::delta(&container));
    assert!(!journals.is_empty() && journals.iter().all(|(_, closed)| *closed), "{journals:?}");
    container.assert_nothing_left();
}
