//! What a proxy of `lxc.seccomp.notify.proxy` is told, and what becomes of its answers: the same with both.

use crate::sides::{Beside, Side};
use std::fs;
use tests::proc;
use tests::proxy::{Answer, Proxy, Told};
use tests::skip::root;

/// Without what is of one start only.
fn plain(told: &Told) -> Told {
    let of = |file: &String| file.replace(&format!("/proc/{}", told.pid), "/proc/PID");
    Told {
        of: [i32::from(told.of[0] > 0), i32::from(told.of[1] == told.pid)],
        pid: 0,
        files: told.files.iter().map(of).collect(),
        ..told.clone()
    }
}

#[test]
fn a_proxy_does_not_see_a_difference() {
    if !root() {
        return;
    }
    let beside = Beside::new();
    let mut all = Vec::new();
    for side in beside.sides() {
        let dir = beside.lxcpath(side).join(&beside.container.name);
        fs::write(dir.join("profile"), "2\ndenylist\nmkdir notify\nmkdirat notify\n").expect("written");
        let socket = beside.container.base().join(format!("{side:?}"));
        beside.configure(
            side,
            &format!(
                "lxc.init.cmd =\nlxc.init.cmd = /probe init try=mkdir:/made facts=/facts\nlxc.seccomp.profile = @D/profile\n\
                 lxc.seccomp.notify.proxy = unix:{}\nlxc.seccomp.notify.cookie = word\n",
                socket.display()
            ),
        );
        for (answer, result) in [
            (Answer::Error(99), "errno99"),
            // The probe takes the directory away again, and nothing is there.
            (Answer::Value(0), "ENOENT"),
            (Answer::Made, "ok"),
            (Answer::Short, "ENOSYS"),
            (Answer::Nothing, "ENOSYS"),
            // LXC 5.0.2 takes it for this call's.
            (Answer::Other, if side == Side::Keel { "ENOSYS" } else { "ENOENT" }),
        ] {
            let proxy = Proxy::listen(&socket, answer);
            let facts = dir.join("rootfs/facts");
            fs::remove_file(&facts).ok();
            beside.run(side, "lxc-start @N").ok();
            proc::until("the facts", &dir.join("rootfs"), || facts.exists().then_some(()));
            let text = fs::read_to_string(&facts).expect("readable");
            assert!(text.contains(&format!("can.mkdir:/made={result}\n")), "{side:?} {answer:?}: {text}");
            beside.over(side);
            all.push((side, answer, proxy.told().iter().map(plain).collect::<Vec<_>>()));
        }
        // LXC leaves the `unix:` away.
        let kind = if side == Side::Keel { "unix:" } else { "" };
        let key = "lxc.seccomp.notify.proxy";
        let told = beside.run(side, &format!("lxc-info @N -c {key}")).ok();
        assert_eq!(told, format!("{key} = {kind}{}\n", socket.display()));
        fs::remove_file(&socket).ok();
        let refused = beside.run(side, "lxc-start @N");
        // LXC says so with -F only, and ends what it has started.
        assert_eq!(refused.code, i32::from(side == Side::Keel), "{side:?}: {refused:?}");
        beside.run(side, "lxc-wait @N -s STOPPED -t 10").ok();
        beside.over(side);
    }
    beside.container.set_config("");
    let of =
        |wanted: Side| all.iter().filter(move |(side, ..)| *side == wanted).map(|(_, answer, told)| (answer, told));
    assert!(of(Side::Keel).all(|(_, told)| told.len() == 1), "{all:?}");
    if of(Side::Lxc).next().is_some() {
        assert!(of(Side::Keel).eq(of(Side::Lxc)), "{all:#?}");
    }
}
