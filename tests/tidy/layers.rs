//! Which part may use which: between crates by their manifests, in `host/src` by what a file names.

use crate::tree::{File, files};
use crate::{control, holds};

/// Crates of this workspace that a manifest may depend on, by the manifest's folder.
const CRATES: [(&str, &[&str]); 7] = [
    ("pid1", &[]),
    ("host/core", &[]),
    ("formats", &["keel-core"]),
    ("host", &["keel-core", "pid1", "formats"]),
    ("boot", &["keel-core", "formats"]),
    ("tests", &["boot"]),
    ("tests/probe", &[]),
];

const OURS: [&str; 7] = ["pid1", "keel-core", "formats", "host", "boot", "tests", "probe"];

fn upward(file: &File) -> Vec<String> {
    let folder = file.path.trim_end_matches("/Cargo.toml");
    let allowed = CRATES.iter().find(|(name, _)| *name == folder).map_or(&[][..], |(_, a)| *a);
    let mut section = "";
    let mut found = Vec::new();
    for line in file.text.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
        if section.contains("dependencies") && OURS.contains(&name) && !allowed.contains(&name) {
            found.push(format!("{}: {folder} may not use {name}", file.path));
        }
    }
    found
}

#[test]
fn crates_depend_one_way() {
    let manifest = |f: &File| f.path.ends_with("/Cargo.toml") && !f.path.contains("/fuzz/");
    holds(upward, manifest);
    control(
        upward,
        "pid1/Cargo.toml",
        "[dependencies]\nkeel-core = { path = \"x\" }",
        "[dependencies]\nrustix = \"1\"",
    );
    control(upward, "host/core/Cargo.toml", "[dependencies]\npid1.path = \"x\"", "[package]\nname = \"keel-core\"");
    let unlisted: Vec<_> = files()
        .iter()
        .filter(|f| manifest(f))
        .filter(|f| !CRATES.iter().any(|(name, _)| f.path == format!("{name}/Cargo.toml")))
        .map(|f| &f.path)
        .collect();
    assert!(unlisted.is_empty(), "a crate without a row here: {unlisted:?}");
}

#[test]
fn the_pure_crate_uses_nothing() {
    let file = files().iter().find(|f| f.path == "host/core/Cargo.toml").expect("it exists");
    assert!(!file.text.contains("[dependencies]"), "host/core has dependencies");
}

#[test]
fn lints_are_the_workspaces() {
    let inherits: crate::Rule = |file| match file.text.contains("[lints]\nworkspace = true") {
        true => Vec::new(),
        false => vec![format!("{}: has no '[lints] workspace = true'", file.path)],
    };
    holds(inherits, |f| f.path.ends_with("/Cargo.toml") && !f.path.contains("/fuzz/"));
    control(inherits, "x/Cargo.toml", "[package]\n", "[lints]\nworkspace = true\n");
}

/// Floors of the house, lowest first: a file uses its own and those below.
const FLOORS: [&[&str]; 6] = [&["sys"], &["observe"], &["perform"], &["spawn"], &["watch"], &["boot", "cli"]];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|names| names.contains(&module))
}

fn upstairs(file: &File) -> Vec<String> {
    let own = file.path.trim_start_matches("host/src/").split(['/', '.']).next().unwrap_or_default();
    let Some(level) = floor(own) else { return Vec::new() };
    file.lines(file.shipped(), |line| {
        let mut named = line.match_indices("crate::").map(|(at, word)| &line[at + word.len()..]);
        let module = |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned);
        let up = named.find_map(|rest| module(rest).filter(|m| floor(m).is_some_and(|f| f > level)))?;
        Some(format!("'{own}' uses '{up}', which is above it"))
    })
}

#[test]
fn the_floors_of_the_host_are_kept() {
    holds(upstairs, |f| f.is_rust() && f.path.starts_with("host/src/"));
    control(upstairs, "host/src/perform/x.rs", "use crate::watch::Id;", "use crate::sys::errno;");
    control(upstairs, "host/src/sys/x.rs", "crate::perform::f()", "use keel_core::failure::Errno;");
    control(upstairs, "host/src/spawn.rs", "use crate::cli::x;", "use crate::perform::x;");
}
