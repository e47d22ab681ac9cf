//! Containers of an ordinary user: ids by newuidmap(1), no cgroup, no right over anything of the host.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use tests::built::built;
use tests::container::{Container, Facts};
use tests::proc;
use tests::ran::{Ran, run};

const USER: u32 = 4711;
const FIRST: u32 = 300_000;

/// Whether the programs are there that map ids.
fn can_map() -> bool {
    let there = ["newuidmap", "newgidmap", "setpriv"].iter().all(|name| boot::apt::program(name).is_some());
    if !there {
        tests::skip::skip("newuidmap, newgidmap and setpriv are not installed (uidmap, util-linux)");
    }
    there && tests::skip::root()
}

/// A container whose owner is a user who has ids from 300000 on, and nothing else.
struct Owned(Container);

impl Owned {
    fn new(config: &str) -> Owned {
        let container = Container::probe(config);
        let base = container.base();
        for dir in ["bin", "run"] {
            fs::create_dir_all(base.join(dir)).expect("a directory");
        }
        // A program of his own: the workspace may be closed to him.
        run(Command::new("cp").args([&built().keel, &built().probe]).arg(base.join("bin"))).ok();
        fs::write(base.join("passwd"), format!("root:x:0:0::/:/bin/sh\nkeeluser:x:{USER}:{USER}::/:/bin/sh\n"))
            .expect("written");
        fs::write(base.join("subid"), format!("keeluser:{FIRST}:65536\n")).expect("written");
        run(Command::new("chown").arg("-R").arg(format!("{USER}:{USER}")).arg(base)).ok();
        run(Command::new("chown").arg("-R").arg(format!("{FIRST}:{FIRST}")).arg(container.rootfs())).ok();
        for dir in [base.to_path_buf(), container.lxcpath(), container.lxcpath().join(&container.name)] {
            fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).expect("chmod");
        }
        fs::set_permissions(base.join("run"), PermissionsExt::from_mode(0o700)).expect("chmod");
        Owned(container)
    }

    /// `keel WORDS`, as that user.
    fn keel(&self, words: &[&str]) -> Ran {
        let base = self.0.base().display();
        // In a mount namespace of its own, where he is in the lists of users.
        let script = format!(
            "[ ! -e {base}/join ] || echo 0 > $(cat {base}/join); mount --bind {base}/passwd /etc/passwd && mount --bind {base}/subid /etc/subuid && \
             mount --bind {base}/subid /etc/subgid && \
             exec setpriv --reuid {USER} --regid {USER} --clear-groups {base}/bin/keel \"$@\""
        );
        let mut command = Command::new(&built().probe);
        command.args(["private", "--", "sh", "-c", &script, "sh"]).args(words);
        run(command.env("KEEL_RUN", self.0.base().join("run")))
    }

    /// `keel VERB -P LXCPATH -n NAME WORDS`.
    fn verb(&self, verb: &str, words: &[&str]) -> Ran {
        let lxcpath = self.0.lxcpath().display().to_string();
        self.keel(&[&[verb, "-P", &lxcpath, "-n", &self.0.name], words].concat())
    }
}

#[test]
fn an_ordinary_user_starts_enters_and_stops_a_container() {
    if !can_map() {
        return;
    }
    let owned = Owned::new(&format!("lxc.idmap = u 0 {FIRST} 65536\nlxc.idmap = g 0 {FIRST} 65536"));
    owned.verb("start", &[]).ok();
    let facts = owned.0.facts();
    assert_eq!((facts.get("uid"), facts.get("gid"), facts.get("pid")), ("0", "0", "1"));
    assert_eq!(fs::metadata(owned.0.rootfs().join("facts")).expect("facts").uid(), FIRST);
    let pid: i32 = owned.verb("info", &["-pH"]).ok().trim().parse().expect("a pid");
    let map = fs::read_to_string(format!("/proc/{pid}/uid_map")).expect("readable");
    assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["0", "300000", "65536"]);
    let supervisor = proc::parent(pid).expect("a supervisor");
    assert_eq!(fs::metadata(format!("/proc/{supervisor}")).expect("it runs").uid(), USER);

    let inside = Facts::parse(&owned.verb("attach", &["--", "/probe", "facts"]).ok());
    for name in ["user", "mnt", "pid", "net"] {
        let key = format!("ns.{name}");
        assert_eq!(inside.get(&key), facts.get(&key));
    }
    assert_eq!(inside.get("uid"), "0");
    assert_eq!(owned.verb("info", &["-sH"]).ok(), "RUNNING\n");
    owned.verb("stop", &["-k"]).ok();
    assert_eq!(owned.verb("info", &["-sH"]).ok(), "STOPPED\n");
    owned.0.assert_nothing_left();
}

#[test]
fn whoever_maps_himself_alone_needs_no_help() {
    if !can_map() {
        return;
    }
    let owned = Owned::new(&format!("lxc.idmap = u 0 {USER} 1\nlxc.idmap = g 0 {USER} 1"));
    run(Command::new("chown").arg("-R").arg(format!("{USER}:{USER}")).arg(owned.0.rootfs())).ok();
    owned.verb("start", &[]).ok();
    assert_eq!(owned.0.facts().get("uid"), "0");
    assert_eq!(fs::metadata(owned.0.rootfs().join("facts")).expect("facts").uid(), USER);
    assert!(owned.verb("attach", &["--", "/probe", "facts"]).ok().contains("\nuid=0\n"));
    owned.verb("stop", &["-k"]).ok();
    owned.0.assert_nothing_left();
}

/// Below a directory that is his, a container has its own.
#[test]
fn a_cgroup_that_is_his_has_the_container_in_it() {
    if !can_map() {
        return;
    }
    let mut roots = tests::canary::cgroup_roots();
    roots.retain(|root| !root.join("cpuset.cpus").exists() && root.join("cgroup.procs").exists());
    let Some(root) = roots.into_iter().next() else { return tests::skip::skip("no cgroups are mounted") };
    let owned = Owned::new(&format!("lxc.idmap = u 0 {FIRST} 65536\nlxc.idmap = g 0 {FIRST} 65536"));
    let his = root.join(format!("{}-his", owned.0.name));
    fs::create_dir(&his).expect("a cgroup");
    run(Command::new("chown").arg("-R").arg(format!("{USER}:{USER}")).arg(&his)).ok();
    fs::write(owned.0.base().join("join"), his.join("cgroup.procs").display().to_string()).expect("written");
    owned.verb("start", &[]).ok();
    owned.0.facts();
    let pid: i32 = owned.verb("info", &["-pH"]).ok().trim().parse().expect("a pid");
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("readable");
    let end = format!("/{0}-his/lxc.payload.{0}", owned.0.name);
    assert!(text.lines().any(|line| line.ends_with(&end)), "{text}");
    let supervisor = proc::parent(pid).and_then(proc::Process::hold).expect("a supervisor");
    owned.verb("stop", &["-k"]).ok();
    assert!(supervisor.ends_within(tests::ran::PATIENCE));
    fs::remove_dir(&his).expect("nobody is in it");
    owned.0.assert_nothing_left();
}

#[test]
fn ids_that_are_not_his_are_refused() {
    if !can_map() {
        return;
    }
    let owned = Owned::new("lxc.idmap = u 0 1000 65536\nlxc.idmap = g 0 1000 65536");
    let why = owned.verb("start", &[]).fails(1);
    assert!(why.contains("newgidmap") && why.contains("config:5: "), "{why}");
    owned.0.assert_nothing_left();
    // Without any, clone(2) is for root.
    owned.0.add_config("lxc.idmap =");
    let why = owned.verb("start", &[]).fails(1);
    assert!(why.contains("EPERM") && why.contains("lxc.idmap"), "{why}");
    owned.0.assert_nothing_left();
}

#[test]
fn usernsexec_maps_his_ranges() {
    if !can_map() {
        return;
    }
    let owned = Owned::new("");
    let said = owned.keel(&["usernsexec", "--", "sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/gid_map"]).ok();
    let words: Vec<&str> = said.split_whitespace().collect();
    assert_eq!(words, ["0", "0", "300000", "65536", "0", "300000", "65536"]);
    let own = owned.keel(&["usernsexec", "-m", "u:0:4711:1", "-m", "g:0:4711:1", "--", "id", "-u"]);
    assert_eq!((own.code, own.out.as_str()), (0, "0\n"), "{own:?}");
    let why = owned.keel(&["usernsexec", "-m", "b:0:1000:2", "--", "id", "-u"]).fails(1);
    assert!(why.contains("refuses the map '0 1000 2'"), "{why}");
}
