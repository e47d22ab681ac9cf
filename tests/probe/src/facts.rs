//! What a process sees of itself and its surroundings.

use crate::sys;
use std::fmt::Write;
use std::fs;

/// All of it. What cannot be read is absent.
pub fn all() -> String {
    let mut text = String::new();
    let mut put = |key: &str, value: &str| {
        // Infallible for a String.
        let _ = writeln!(text, "{key}={value}");
    };
    put("pid", &std::process::id().to_string());
    for (key, value) in sys::identity() {
        put(key, &value.to_string());
    }
    put("hostname", read("/proc/sys/kernel/hostname").trim());
    put("machine", &sys::machine());
    put("cwd", &link("/proc/self/cwd"));
    for (n, argument) in std::env::args().enumerate() {
        put(&format!("arg.{n}"), &argument);
    }
    for (name, value) in std::env::vars() {
        put(&format!("env.{name}"), &value);
    }
    for line in read("/proc/self/status").lines() {
        if let Some((key, value)) = line.split_once(':')
            && [
                "CapInh",
                "CapPrm",
                "CapEff",
                "CapBnd",
                "CapAmb",
                "NoNewPrivs",
                "Seccomp",
                "SigBlk",
                "SigIgn",
                "Groups",
                "NSpid",
            ]
            .contains(&key)
        {
            put(&format!("status.{key}"), value.trim());
        }
    }
    for entry in fs::read_dir("/proc/self/ns").into_iter().flatten().flatten() {
        put(&format!("ns.{}", entry.file_name().to_string_lossy()), &link(entry.path().to_string_lossy().as_ref()));
    }
    descriptors(&mut put);
    for line in read("/proc/self/cgroup").lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let name = if controllers.is_empty() { "unified".into() } else { controllers.replace("name=", "") };
        put(&format!("cgroup.{name}"), path);
    }
    for line in read("/proc/self/mountinfo").lines() {
        mount(line, &mut put);
    }
    for entry in fs::read_dir("/dev").into_iter().flatten().flatten() {
        put(&format!("dev.{}", entry.file_name().to_string_lossy()), &sys::kind_of(&entry.path()));
    }
    for name in read("/proc/net/dev").lines().skip(2).filter_map(|l| l.split_once(':')) {
        put(&format!("net.{}", name.0.trim()), "there");
    }
    text
}

/// Descriptors: what each is; for the first three also whether it is a terminal.
fn descriptors(put: &mut impl FnMut(&str, &str)) {
    let names: Vec<i32> = fs::read_dir("/proc/self/fd")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect();
    // The directory's own descriptor is closed by now.
    for fd in names.into_iter().filter(|fd| sys::is_open(*fd)) {
        put(&format!("fd.{fd}"), &link(&format!("/proc/self/fd/{fd}")));
        put(&format!("tty.{fd}"), if sys::is_terminal(fd) { "yes" } else { "no" });
    }
    put("tty.controlling", if sys::has_controlling_terminal() { "yes" } else { "no" });
}

/// `mount.TARGET=TYPE SOURCE ROOT OPTIONS SUPER-OPTIONS PROPAGATION` (proc_pid_mountinfo(5)).
fn mount(line: &str, put: &mut impl FnMut(&str, &str)) {
    let Some((left, right)) = line.split_once(" - ") else { return };
    let left: Vec<&str> = left.split(' ').collect();
    let right: Vec<&str> = right.split(' ').collect();
    if let ([_, _, _, root, target, options, tags @ ..], [fstype, source, more @ ..]) = (&left[..], &right[..]) {
        let propagation = if tags.is_empty() { "private".into() } else { tags.join(",") };
        let value = format!("{fstype} {source} {root} {options} {} {propagation}", more.join(" "));
        put(&format!("mount.{target}"), &value);
    }
}

fn read(path: &str) -> String {
    fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

fn link(path: &str) -> String {
    fs::read_link(path).map(|p| p.display().to_string()).unwrap_or_default()
}
