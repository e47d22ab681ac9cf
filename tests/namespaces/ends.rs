//! How containers end and what follows: stop in all its ways, reboot(2) from inside, restart policies.

use crate::root;
use rustix::process::Signal;
use tests::container::Container;
use tests::proc;
use tests::ran::PATIENCE;

#[test]
fn a_clean_stop() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    container.facts();
    let first = container.first_program();
    assert_eq!(container.keel("stop").ok(), "");
    assert!(first.ends_within(std::time::Duration::ZERO), "stop returns when it is over");
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
}

#[test]
fn a_stop_of_what_does_not_run_is_2() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    let said = container.keel("stop").fails(2);
    assert!(said.contains(&format!("{} is not running", container.name)), "{said}");
}

#[test]
fn the_halt_signal_is_the_configured_one() {
    if !root() {
        return;
    }
    // HUP makes the probe ask for a restart, which is what shows that this signal came.
    let container = Container::probe("lxc.signal.halt = SIGHUP");
    container.start();
    container.facts();
    container.keel("stop -W").ok();
    container.reaches("STOPPED");
    container.assert_nothing_left();
}

#[test]
fn one_that_is_deaf_is_killed_in_the_end() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.set_init("then=deaf");
    container.start();
    container.facts();
    let refused = container.keel("stop -t 1 --nokill").fails(1);
    assert!(refused.contains("did not stop within 1000 ms"), "{refused}");
    assert_eq!(container.state(), "RUNNING");
    container.keel("stop -t 1").ok();
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
}

#[test]
fn a_kill_needs_nobodys_help() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.set_init("then=deaf");
    container.start();
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}

#[test]
fn stop_r_starts_it_again() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    container.facts();
    let before = container.first_program();
    container.keel("stop -r").ok();
    assert!(before.ends_within(PATIENCE));
    container.reaches("RUNNING");
    container.started(2);
    assert_ne!(container.pid(), before.pid);
    container.keel("stop").ok();
    container.assert_nothing_left();
}

#[test]
fn reboot_from_inside_restarts_this_container_only() {
    if !root() {
        return;
    }
    let (container, other) = (Container::probe(""), Container::probe(""));
    container.start();
    other.start();
    container.facts();
    let first = container.first_program();
    // reboot(2) of another process in the pid namespace.
    let said = container.keel("attach -- /probe power reboot");
    assert!(said.code == 0 || said.code == 137, "{said:?}");
    assert!(first.ends_within(PATIENCE));
    container.started(2);
    assert_eq!((container.state(), other.state()), ("RUNNING".into(), "RUNNING".into()));
    let first = container.first_program();
    container.keel("attach -- /probe power poweroff");
    assert!(first.ends_within(PATIENCE));
    container.reaches("STOPPED");
    assert_eq!(other.state(), "RUNNING");
    container.assert_nothing_left();
}

#[test]
fn an_end_by_itself_is_an_end() {
    if !root() {
        return;
    }
    for how in ["exit:0", "exit:7", "halt", "die:11"] {
        let container = Container::probe("");
        container.set_init(&format!("then={how}"));
        // It may be over before start returns: that is no failure of the start.
        let said = container.keel("start");
        assert_eq!(said.code, 0, "{how}: {said:?}");
        container.reaches("STOPPED");
        container.started(1);
        container.assert_nothing_left();
    }
}

#[test]
fn a_policy_starts_it_again_after_a_failure() {
    if !root() {
        return;
    }
    let container = Container::probe("keel.restart = on-failure");
    container.start();
    container.facts();
    let first = container.first_program();
    assert!(first.signal(Signal::KILL) && first.ends_within(PATIENCE));
    container.started(2);
    container.reaches("RUNNING");
    // An order to stop is no failure.
    container.keel("stop").ok();
    assert_eq!((container.state(), container.starts()), ("STOPPED".into(), 2));
    container.assert_nothing_left();
}

#[test]
fn a_policy_does_not_start_again_what_ended_well() {
    if !root() {
        return;
    }
    let container = Container::probe("keel.restart = on-failure");
    container.set_init("then=exit:0");
    container.keel("start");
    container.reaches("STOPPED");
    container.started(1);
    container.assert_nothing_left();
}

#[test]
fn a_stop_ends_the_waiting_for_the_next_start() {
    if !root() {
        return;
    }
    let container = Container::probe("keel.restart = always");
    container.set_init("then=exit:3");
    container.keel("start");
    proc::until("the second start", &container.rootfs(), || (container.starts() >= 2).then_some(()));
    let said = container.keel("stop");
    assert!(said.code == 0, "{said:?}");
    let starts = container.starts();
    assert_eq!(container.state(), "STOPPED");
    container.assert_nothing_left();
    assert_eq!(container.starts(), starts);
}

#[test]
fn in_the_foreground_start_returns_at_the_end() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.set_init("say=hello then=exit:7");
    let ran = container.keel("start -F");
    // LXC's rule: 0 whatever the first program returned.
    assert_eq!((ran.code, ran.out.replace('\r', "").as_str(), ran.err.as_str()), (0, "hello\n", ""));
    container.assert_nothing_left();
}
