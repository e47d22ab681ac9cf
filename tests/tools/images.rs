//! create from template programs, archives and OCI images.

use crate::{keel, other, root};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tests::container::Container;
use tests::skip::skip;

fn template(container: &Container, script: &str) -> PathBuf {
    let path = container.base().join("lxc-mine");
    fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_template_program_gets_lxcs_arguments() {
    let container = Container::undefined();
    let here = container.lxcpath().join(&container.name);
    let script =
        template(&container, "echo \"$@\"; cat ${1#--path=}/config; echo lxc.uts.name = mine >> ${1#--path=}/config\n");
    let script = script.display();
    let said = container.keel(&format!("create -f /dev/null -t {script} -- --release x")).ok();
    let (name, dir) = (&container.name, here.display());
    assert_eq!(
        said,
        format!("--path={dir} --name={name} --release x --rootfs={dir}/rootfs\nlxc.rootfs.path = dir:{dir}/rootfs\n")
    );
    let text = fs::read_to_string(here.join("config")).unwrap();
    assert!(
        text.contains(&format!("with {script} --release x\n")) && text.ends_with("lxc.uts.name = mine\n"),
        "{text}"
    );
    let mut names: Vec<String> =
        fs::read_dir(&here).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["config", "rootfs"]);
}

#[test]
fn a_template_program_that_fails_leaves_nothing() {
    let container = Container::undefined();
    let script = template(&container, "mkdir -p ${4#--rootfs=}/deep/er; exit 3\n");
    let said = container.keel(&format!("create -t {} -- x", script.display())).fails(1);
    assert!(said.ends_with("failed: exit status: 3\n"), "{said}");
    assert_eq!(fs::read_dir(container.lxcpath()).unwrap().count(), 0);
    // What a killed run left is taken away; what is just being made is not.
    let dir = container.lxcpath().join(&container.name);
    fs::create_dir_all(dir.join("rootfs")).unwrap();
    fs::write(dir.join("config"), "").unwrap();
    fs::write(dir.join("partial"), "").unwrap();
    let by_name = run_with_dir(&container, "true");
    assert_eq!(by_name, 0);
    assert!(!dir.join("partial").exists() && dir.join("config").is_file());
}

/// By name, from $LXC_TEMPLATE_DIR.
fn run_with_dir(container: &Container, script: &str) -> i32 {
    template(container, &format!("{script}\n"));
    let mut command = container.command("create");
    tests::ran::run(command.args(["-f", "/dev/null", "-t", "mine"]).env("LXC_TEMPLATE_DIR", container.base())).code
}

#[test]
fn an_archive_becomes_a_rootfs() {
    if !root() {
        return;
    }
    let container = Container::busybox(&["--init", "busybox"]);
    let archive = container.base().join("r.tar.gz");
    let made = Command::new("tar").arg("-C").arg(container.rootfs()).arg("-czf").arg(&archive).arg(".").status();
    if !made.is_ok_and(|status| status.success()) {
        return skip("no tar(1) with gzip");
    }
    let name = other(&container, "t");
    let file = archive.to_str().unwrap();
    let ran = keel(&container, "create", ["-n", &name, "-f", "/dev/null", "-t", "tar", file]);
    assert!(ran.code == 0 && ran.out.is_empty() && ran.err.starts_with(&format!("keel: {name}: ")), "{ran:?}");
    let list = |dir: PathBuf| {
        let ran = Command::new("find").arg(".").args(["-printf", "%p %m %U:%G %y %n %l\n"]).current_dir(dir).output();
        let mut lines: Vec<String> =
            String::from_utf8(ran.unwrap().stdout).unwrap().lines().map(String::from).collect();
        lines.sort();
        lines
    };
    let (new, old) = (list(container.lxcpath().join(&name).join("rootfs")), list(container.rootfs()));
    let lost: Vec<&String> = old.iter().filter(|line| !new.contains(line)).collect();
    let more: Vec<&String> = new.iter().filter(|line| !old.contains(line)).collect();
    assert!(lost.is_empty() && more.is_empty(), "{lost:?} {more:?}");
    keel(&container, "start", [&name]).ok();
    assert_eq!(keel(&container, "attach", [&name, "--", "hostname"]).ok(), format!("{name}\n"));
    keel(&container, "stop", ["-k", &name]).ok();
    // By the host's programs.
    for (program, suffix) in [("xz", "xz"), ("zstd", "zst"), ("bzip2", "bz2")] {
        let packed = container.base().join(format!("r.tar.{suffix}"));
        let mut made = Command::new("sh");
        made.args(["-c", "gzip -dc \"$1\" | $3 -c > \"$2\"", "sh"]).arg(&archive).arg(&packed);
        if !made.arg(program).status().is_ok_and(|status| status.success()) {
            skip(&format!("no {program}(1)"));
            continue;
        }
        let name = other(&container, suffix);
        let path = packed.to_str().unwrap();
        assert_eq!(keel(&container, "create", ["-q", "-n", &name, "-f", "/dev/null", "-t", "tar", path]).ok(), "");
        let unpacked = list(container.lxcpath().join(&name).join("rootfs"));
        assert_eq!(unpacked.len(), new.len(), "{program}");
        let whole = fs::read(&packed).unwrap();
        fs::write(&packed, &whole[..whole.len() / 2]).unwrap();
        let said = keel(&container, "create", ["-n", "x", "-t", "tar", path]).fails(1);
        assert!(said.contains(&format!("{program}: exit status")), "{said}");
        assert!(!container.lxcpath().join("x").exists());
    }
    let said = keel(&container, "create", ["-n", "x", "-t", "tar", "/etc/passwd"]).fails(1);
    assert!(said.contains("is no sound tar archive"), "{said}");
    keel(&container, "create", ["-n", "x", "-t", "oci", "/no/such"]).fails(1);
    keel(&container, "create", ["-n", "x", "-t", "oci"]).fails(2);
    assert!(!container.lxcpath().join("x").exists());
}
