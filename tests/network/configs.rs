//! Configurations as people have them, one for each of LXC's dialects and for what they are used for. Each starts as it is;
//! only the place is another, and every init is the probe.

use crate::place::Place;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use tests::built::{built, workspace};
use tests::container::{Container, Facts};
use tests::ran::run;

/// A container `box` as one of the files has it, with all that the files speak of, not started.
fn of_file(name: &str) -> Container {
    let text = fs::read_to_string(workspace().join("tests/network/configs").join(name)).expect("a file");
    let container = Container::undefined();
    let rootfs = container.rootfs();
    for dir in ["proc", "sys", "dev", "mnt", "tmp", "run", "etc", "srv", "sbin", "usr"] {
        fs::create_dir_all(rootfs.join(dir)).expect("a directory");
    }
    run(Command::new("cp").arg(&built().probe).arg(rootfs.join("probe"))).ok();
    for init in ["init", "sbin/init"] {
        fs::hard_link(rootfs.join("probe"), rootfs.join(init)).expect("a link");
    }
    let dir = container.config_file().parent().expect("a directory").to_path_buf();
    fs::write(dir.join("fstab"), "proc proc proc nodev,noexec,nosuid 0 0\nsysfs sys sysfs defaults 0 0\n")
        .expect("written");
    fs::create_dir(dir.join("site.d")).expect("a directory");
    fs::write(dir.join("site.d/limits.conf"), "lxc.cgroup.cpu.shares = 256\n").expect("written");
    fs::write(dir.join("pre-start.sh"), "#!/bin/sh\necho \"$LXC_ROOTFS_PATH\" > \"${LXC_CONFIG_FILE%/*}/hooked\"\n")
        .expect("written");
    fs::set_permissions(dir.join("pre-start.sh"), fs::Permissions::from_mode(0o755)).expect("chmod");
    container.set_config(&text.replace("/var/lib/lxc/box", &dir.display().to_string()));
    if text.contains("id_map") {
        run(Command::new("chown").args(["-R", "100000:100000"]).arg(&rootfs)).ok();
    }
    container
}

/// Starts it, asks it, ends it.
#[track_caller]
fn runs(container: &Container, name: &str) -> Facts {
    let ran = container.keel("start");
    assert!(ran.code == 0 && ran.out.is_empty(), "{name}: {ran:#?}");
    assert_eq!(container.state(), "RUNNING", "{name}");
    let facts = Facts::parse(&run(container.command("attach").args(["--clear-env", "--", "/probe", "facts"])).out);
    container.keel("stop -k").ok();
    facts
}

fn host() -> Option<Place> {
    let place = Place::make()?;
    place.ip("link add lxcbr0 type bridge");
    place.ip("addr add 10.0.3.254/24 dev lxcbr0");
    place.ip("link set lxcbr0 up");
    place.ip("link add uplink type veth peer name world");
    place.ip("link set uplink up");
    place.ip("link set world up");
    Some(place)
}

#[test]
fn every_configuration_starts_as_it_is() {
    let Some(place) = host() else { return };
    let mut seen = 0;
    for entry in fs::read_dir(workspace().join("tests/network/configs")).expect("the files") {
        let name = entry.expect("a file").file_name().to_string_lossy().into_owned();
        let container = of_file(&name);
        let facts = runs(&container, &name);
        let text = fs::read_to_string(container.config_file()).expect("a file");
        let line =
            text.lines().find(|l| l.starts_with("lxc.utsname") || l.starts_with("lxc.uts.name")).expect("a name");
        let hostname = line.split('=').nth(1).expect("a name").trim().trim_matches('"');
        assert_eq!(facts.get("hostname"), hostname, "{name}");
        assert_eq!(text.contains("pre-start.sh"), hooked(&container).exists(), "{name}: its hook");
        container.assert_nothing_left();
        seen += 1;
    }
    assert_eq!(seen, 7);
    place.until_links(&["lxcbr0", "uplink", "world"]);
}

fn hooked(container: &Container) -> std::path::PathBuf {
    container.config_file().parent().unwrap_or(Path::new("/")).join("hooked")
}

/// Control: a file of these that asks for what is not there does not start.
#[test]
fn a_configuration_without_its_bridge_does_not() {
    let Some(place) = Place::make() else { return };
    let container = of_file("0.7-server.conf");
    let said = container.keel("start").fails(1);
    assert!(said.contains("the host has no interface 'lxcbr0'"), "{said}");
    container.assert_nothing_left();
    place.until_links(&[]);
}
