//! Between clone and exec nothing is asked of the allocator (`sys::counted`), nor by a loop to which nothing happens but the end of
//! children that are none of its containers'.

use crate::control::protocol::Request;
use crate::scratch::Scratch;
use crate::spawn::{Progress, begin};
use crate::sys::counted::{by_children, by_this_thread};
use crate::sys::process::exit_now;
use crate::sys::vfork::vfork;
use crate::watch::launch::{Asked, define, plan};
use crate::watch::{Event, Watch};
use keel_core::failure::Errno;

/// A whole start of a container with devices and terminals, whose first program is not there, so that it ends with the exec.
#[test]
fn a_child_asks_for_no_memory() {
    // The control: one that does is counted, unless it has memory of its own.
    let (counted, made) = by_children(|| {
        vfork(
            0,
            &mut 7u64,
            None,
            |_| None,
            |job| {
                drop(std::hint::black_box(Box::new(*job)));
                exit_now(0)
            },
        )
    });
    match made {
        Err(Errno::NOSYS) => return println!("skipped: no clone3, so a child has memory of its own"),
        made => drop(made.unwrap()),
    }
    assert!(counted >= 2, "{counted}");
    if !rustix::process::geteuid().is_root() {
        return crate::scratch::skip("needs root");
    }
    let scratch = Scratch::new();
    let dir = scratch.path().join("bb");
    for name in ["dev", "proc", "sys", "mnt"] {
        std::fs::create_dir_all(dir.join("rootfs").join(name)).unwrap();
    }
    let text = format!(
        "lxc.rootfs.path = dir:{}\nlxc.uts.name = bb\nlxc.namespace.clone = pid mnt uts ipc\nlxc.mount.auto = proc:rw sys:rw\n\
         lxc.mount.entry = t mnt/a/b tmpfs create=dir 0 0\nlxc.tty.max = 2\nlxc.cap.drop = sys_time\nlxc.init.cmd = /not/there\n\
         lxc.prlimit.nofile = 100\n",
        dir.join("rootfs").display()
    );
    std::fs::write(dir.join("config"), text).unwrap();
    let asked = Asked {
        name: "bb".into(),
        lxcpath: scratch.path().display().to_string(),
        file: None,
        define: Vec::new(),
        command: Vec::new(),
        fail_at: None,
    };
    let mut plan = plan(&define(&asked).unwrap()).unwrap();
    // Not what this is about, and the machine's own.
    plan.outside.clear();
    plan.inside.retain(|planned| !format!("{}", planned.step).contains("cgroup"));
    let (counted, ended) = by_children(|| {
        let mut starting = begin(plan)?;
        loop {
            starting = match starting.advance()? {
                Progress::Starting(starting) => {
                    let report = starting.descriptor().expect("there is something to wait for");
                    let mut ready = [rustix::event::PollFd::new(&report, rustix::event::PollFlags::IN)];
                    let _ = rustix::event::poll(&mut ready, None);
                    starting
                }
                Progress::Running(_) => return Ok(()),
            }
        }
    });
    let why: String = match ended {
        Ok(()) => panic!("a program that is not there runs"),
        Err(failure) => keel_core::failure::Failure::to_string(&failure),
    };
    assert!(why.contains("/not/there") && why.contains("ENOENT"), "{why}");
    assert_eq!(counted, 0);
}

/// The loop reaps every child of its process, and no other thread may be there that SIGCHLD could go to.
#[test]
fn a_loop_that_reaps_asks_for_no_memory() {
    crate::scratch::alone(steady);
}

fn steady() {
    let socket = std::env::temp_dir().join(format!("keel-steady-{}", std::process::id()));
    let mut watch = Watch::new().unwrap();
    watch.listen(&socket).unwrap();
    let orphan = || std::process::Command::new("true").spawn().expect("true runs").id() as i32;
    let reaped = |watch: &mut Watch| {
        let pid = orphan();
        let (asked, ended) = by_this_thread(|| {
            loop {
                if let Event::Ended(pid) = watch.next().unwrap() {
                    break pid;
                }
            }
        });
        assert_eq!(ended, pid);
        asked
    };
    // Rooms are made at the first.
    reaped(&mut watch);
    for _ in 0..20 {
        assert_eq!(reaped(&mut watch), 0);
    }
    // The control: a question is answered with text, and that is seen. What it took is given back.
    let client = crate::control::client::Connection::open(&socket).unwrap();
    client.send(&Request::List).unwrap();
    watch.own_deadline(std::time::Duration::ZERO, 1);
    let (asked, _) = by_this_thread(|| while !matches!(watch.next().unwrap(), Event::Own(1)) {});
    assert!(asked > 0, "nothing was counted");
    println!("a list of no container: {asked}");
    reaped(&mut watch);
    assert_eq!(reaped(&mut watch), 0);
}
