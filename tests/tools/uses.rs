//! top, device, ps, netstat: what a running container uses and has.

use crate::{keel, root};
use std::process::Stdio;
use tests::container::Container;
use tests::ran::run;

#[test]
fn batches_are_lxcs_csv() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.start();
    // A reader that leaves after the first round.
    let mut command = container.bare_command();
    command.args(["top", "-b", "-d", "0.1", "-P"]).arg(container.lxcpath());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert_eq!(
        lines.next().unwrap().unwrap(),
        "time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,mem_used_bytes,memsw_used_bytes,kernel_mem_used_bytes"
    );
    let row = lines.next().unwrap().unwrap();
    let fields: Vec<&str> = row.split(',').collect();
    assert!(fields.len() == 10 && fields[1] == container.name, "{row}");
    assert!(fields.iter().enumerate().all(|(at, f)| at == 1 || f.parse::<u64>().is_ok()), "{row}");
    drop(lines);
    assert!(child.wait().unwrap().success());
    assert!(keel(&container, "top", ["--json"]).ok().contains(&format!("\"name\": \"{}\"", container.name)));
    assert_eq!(keel(&container, "top", [""; 0]).fails(1), "keel: stdin is not a tty [-b needs none]\n");
    keel(&container, "top", ["-s", "x"]).fails(2);
}

#[test]
fn a_device_comes_and_goes() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.keel("device add /dev/zero").fails(1);
    container.start();
    let inside = std::path::PathBuf::from(format!("/proc/{}/root/dev/x/mine", container.pid()));
    container.keel("device add /dev/zero /dev/x/mine").ok();
    let meta = std::fs::metadata(&inside).unwrap();
    let host = std::fs::metadata("/dev/zero").unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::rdev(&meta), std::os::unix::fs::MetadataExt::rdev(&host));
    assert!(container.keel("device add /dev/zero /dev/x/mine").fails(1).contains("EEXIST"));
    assert!(container.keel("device del /dev/null /dev/x/mine").fails(1).contains("is another device"));
    container.keel("device del /dev/zero /dev/x/mine").ok();
    assert!(!inside.exists());
    // A link of the container's leads nowhere.
    let outside = container.outside();
    std::os::unix::fs::symlink(&outside, inside.with_file_name("away")).unwrap();
    container.keel("device add /dev/zero /dev/x/away/evil").fails(1);
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 0);
    for (line, code) in [("device", 2), ("device foo x", 2), ("device add /no/such", 1), ("device add /etc/passwd", 1)]
    {
        container.keel(line).fails(code);
    }
    assert!(container.keel("device add nosuch0").fails(1).contains("no interface 'nosuch0'"));
}

#[test]
fn processes_and_sockets() {
    if !root() {
        return;
    }
    let container = Container::probe("");
    container.keel("netstat").fails(1);
    assert_eq!(container.keel("ps").ok().lines().count(), 1);
    container.start();
    let listed = container.keel("ps").ok();
    let row: Vec<&str> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..2], [container.name.as_str(), &container.pid().to_string()], "{listed}");
    assert!(container.keel("netstat").ok().starts_with("Proto Local Address"));
    let lxc = container.base().join("lxc-version");
    std::os::unix::fs::symlink(&tests::built::built().keel, &lxc).unwrap();
    let said = run(&mut std::process::Command::new(lxc)).ok();
    assert!(said.starts_with("lxc version: "), "{said}");
}

/// Of a stopped container what its root file system has, of a running one what it says itself.
#[test]
fn containers_inside_containers() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox"]);
    let inner = container.rootfs().join("var/lib/lxc");
    for (name, text) in [("in", "lxc.start.auto = 1\n"), ("zz", "")] {
        std::fs::create_dir_all(inner.join(name)).unwrap();
        std::fs::write(inner.join(name).join("config"), text).unwrap();
    }
    // What leads elsewhere is nobody's.
    std::os::unix::fs::symlink(container.lxcpath().join(&container.name), inner.join("away")).unwrap();
    let name = &container.name;
    let listed = format!("{name}\n\\in\n\\zz\n");
    assert_eq!(keel(&container, "ls", ["-1", "--nesting"]).ok(), listed);
    assert_eq!(keel(&container, "ls", ["-1", "--nesting=0"]).ok(), format!("{name}\n"));
    assert_eq!(keel(&container, "ls", ["-1"]).ok(), format!("{name}\n"));
    container.start();
    std::fs::remove_file(inner.join("away")).unwrap();
    assert_eq!(keel(&container, "ls", ["-1", "--nesting=3"]).ok(), listed);
    let table = keel(&container, "ls", ["-f", "-F", "NAME,STATE,AUTOSTART", "--nesting"]).ok();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows, [vec![name.as_str(), "RUNNING", "0"], vec!["\\in", "STOPPED", "1"], vec!["\\zz", "STOPPED", "0"]]);
    assert_eq!(keel(&container, "ls", ["-1", "--nesting", "--running"]).ok(), format!("{name}\n"));
    container.keel("stop -k").ok();
    container.assert_nothing_left();
}
