//! Rules on single files: words that must not be there, names, lengths, first lines.

use crate::tree::{File, files};
use crate::{control, holds};

const LONGEST: usize = 400;

/// Whether a word stands in a line as a whole.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

fn unsafe_outside_sys(file: &File) -> Vec<String> {
    let mut parts = file.path.split('/');
    if parts.any(|p| p == "sys" || p == "sys.rs") {
        return Vec::new();
    }
    file.lines(&file.code, |line| has_word(line, "unsafe").then(|| "'unsafe' outside of sys".into()))
}

#[test]
fn unsafe_stands_in_sys_only() {
    holds(unsafe_outside_sys, File::is_rust);
    control(unsafe_outside_sys, "host/src/a.rs", "fn f() { unsafe { g() } }", "// unsafe\nfn f() { s(\"unsafe\") }");
    assert!(unsafe_outside_sys(&File::sample("host/src/sys/a.rs", "unsafe { g() }")).is_empty());
}

fn sleeps(file: &File) -> Vec<String> {
    let calls = ["thread::sleep", "nanosleep", "clock_nanosleep", "usleep", "sleep_ms"];
    file.lines(&file.code, |line| {
        calls.iter().find(|c| has_word(line, c)).map(|c| format!("'{c}': wait for the event"))
    })
}

#[test]
fn nothing_sleeps() {
    holds(sleeps, File::is_rust);
    control(sleeps, "a.rs", "std::thread::sleep(d)", "poll(fds, d) // never thread::sleep");
    control(sleeps, "a.rs", "libc::nanosleep(t, r)", "let asleep = 1;");
}

fn threads(file: &File) -> Vec<String> {
    let calls = ["thread::spawn", "thread::scope", "thread::Builder"];
    file.lines(&file.code, |line| calls.iter().find(|c| has_word(line, c)).map(|c| format!("'{c}': no threads here")))
}

#[test]
fn init_and_agent_have_no_threads() {
    holds(threads, |f| f.is_rust() && (f.path.starts_with("host/src/") || f.path.starts_with("pid1/src/")));
    control(threads, "host/src/a.rs", "std::thread::spawn(f)", "rustix::thread::gettid()");
}

/// keel has a `main` of its own, and with musl it is std's that keeps the arguments: they would be none.
fn arguments_of_std(file: &File) -> Vec<String> {
    let calls = ["env::args", "env::args_os"];
    file.lines(file.shipped(), |line| calls.iter().find(|c| has_word(line, c)).map(|c| format!("'{c}' is empty here")))
}

#[test]
fn the_agent_has_its_arguments_from_its_own_main() {
    holds(arguments_of_std, |f| f.is_rust() && f.path.starts_with("host/src/"));
    control(arguments_of_std, "host/src/a.rs", "std::env::args_os().skip(1)", "std::env::vars_os() // env::args");
}

fn uses_std(file: &File) -> Vec<String> {
    file.lines(file.shipped(), |line| has_word(line, "std").then(|| "'std' in a crate without it".into()))
}

#[test]
fn the_pure_halves_have_no_std() {
    let pure = |f: &File| {
        f.is_rust() && !f.is_test() && (f.path.starts_with("host/core/src/") || f.path.starts_with("pid1/src/"))
    };
    let with_tests_apart = |f: &File| if f.path.ends_with("tests.rs") { Vec::new() } else { uses_std(f) };
    holds(with_tests_apart, pure);
    control(
        uses_std,
        "host/core/src/a.rs",
        "use std::fs;",
        "use core::fmt;\n#[cfg(test)]\nmod tests {\n use std::fs; }",
    );
    for root in ["host/core/src/lib.rs", "pid1/src/lib.rs"] {
        let file = files().iter().find(|f| f.path == root).expect("it exists");
        assert!(file.code.contains("no_std"), "{root} does not say no_std");
    }
}

fn allocates(file: &File) -> Vec<String> {
    file.lines(file.shipped(), |line| has_word(line, "alloc").then(|| "'alloc' in pid1".into()))
}

#[test]
fn pid1_has_no_allocator() {
    holds(allocates, |f| f.is_rust() && !f.is_test() && f.path.starts_with("pid1/src/"));
    control(allocates, "pid1/src/a.rs", "extern crate alloc;", "let allocated = 1; // alloc");
}

fn unfinished(file: &File) -> Vec<String> {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let macros = [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("#[ig", "nore")];
    file.lines(&file.text, |line| {
        let word = words.iter().find(|w| has_word(line, w)).or_else(|| macros.iter().find(|m| line.contains(**m)));
        word.map(|w| format!("'{w}': what is not there fails with a clear sentence"))
    })
}

#[test]
fn nothing_is_left_for_later() {
    holds(unfinished, |f| !f.path.ends_with(".lock") && f.path != "LICENSE");
    control(unfinished, "a.rs", concat!("fn f() { to", "do!() }"), "fn todo_list() {}");
    control(unfinished, "a.md", concat!("TO", "DO: more"), "mkstemp(XXXXXX)");
    control(unfinished, "a.rs", concat!("#[ig", "nore]\nfn t() {}"), "fn ignored() {}");
}

fn drawers(file: &File) -> Vec<String> {
    const NAMES: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "misc", "manager", "stuff"];
    let bad = file.path.split('/').map(|part| part.split('.').next().unwrap_or_default());
    bad.filter(|stem| stem.split(['_', '-']).any(|w| NAMES.contains(&w)))
        .map(|stem| format!("{}: '{stem}' is a drawer: say what is in it", file.path))
        .collect()
}

#[test]
fn no_file_is_a_drawer() {
    holds(drawers, |_| true);
    for (path, found) in [("host/src/mount_utils.rs", 1), ("host/src/misc/a.rs", 1), ("host/src/mounts.rs", 0)] {
        assert_eq!(drawers(&File::sample(path, "")).len(), found, "{path}");
    }
}

fn first_line(file: &File) -> Vec<String> {
    match file.text.starts_with("//! ") {
        true => Vec::new(),
        false => vec![format!("{}:1: does not begin with '//!' and what it is", file.path)],
    }
}

#[test]
fn every_file_says_what_it_is() {
    holds(first_line, File::is_rust);
    control(first_line, "a.rs", "use a;\n//! late", "//! a\nuse a;");
}

fn length(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if lines > LONGEST { vec![format!("{}: {lines} lines, more than {LONGEST}", file.path)] } else { Vec::new() }
}

#[test]
fn no_file_is_long() {
    holds(length, File::is_rust);
    control(length, "a.rs", &"\n".repeat(LONGEST + 1), &"\n".repeat(LONGEST));
}

fn shell(file: &File) -> Vec<String> {
    let bad = file.text.starts_with("#!") || file.executable || file.path.ends_with(".sh");
    if bad { vec![format!("{}: a script in a template", file.path)] } else { Vec::new() }
}

#[test]
fn templates_are_data() {
    holds(shell, |f| f.path.starts_with("templates/"));
    control(shell, "templates/x/init", "#!/bin/sh\n", "root:x:0:0");
    let executable = File { executable: true, ..File::sample("templates/x/y", "") };
    assert!(!shell(&executable).is_empty());
}

fn compat(file: &File) -> Vec<String> {
    file.lines(&file.text, |line| {
        let inside = line.split_once("COMPAT(")?.1;
        let version = inside.split_once(')').and_then(|(v, _)| v.strip_prefix("linux<"));
        let good = version.is_some_and(|v| v.split('.').count() >= 2 && v.split('.').all(|n| n.parse::<u32>().is_ok()));
        (!good).then(|| "a fallback is marked COMPAT(linux<X.Y)".into())
    })
}

#[test]
fn fallbacks_are_marked_with_their_kernel() {
    holds(compat, |f| f.is_rust() && !f.path.starts_with("tests/tidy/"));
    control(compat, "a.rs", "// COMPAT(old kernels): no openat2", "// COMPAT(linux<5.6): no openat2");
}

fn this_machine(file: &File) -> Vec<String> {
    let here = tests::built::workspace().display().to_string();
    file.lines(&file.text, |line| line.contains(&here).then(|| "names a folder of this machine".into()))
}

#[test]
fn no_file_names_this_machine() {
    holds(this_machine, |_| true);
    let here = tests::built::workspace().display().to_string();
    control(this_machine, "a.md", &format!("see {here}/x"), "see host/src");
}

/// Panics that are no statement about a state that cannot be: PID 1 has none of these.
fn unwraps(file: &File) -> Vec<String> {
    file.lines(file.shipped(), |line| {
        [".unwrap()", ".expect("].into_iter().find(|c| line.contains(c)).map(String::from)
    })
}

#[test]
fn what_runs_as_process_1_does_not_unwrap() {
    holds(unwraps, |f| {
        let runs = ["host/src/", "host/core/src/", "pid1/src/"].iter().any(|r| f.path.starts_with(r));
        runs && f.is_rust() && !f.is_test()
    });
    control(unwraps, "host/src/a.rs", "x.unwrap();", "x.unwrap_or(1);\n#[cfg(test)]\nmod tests {\n x.unwrap() }");
}
