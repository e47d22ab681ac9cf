//! `cargo boot test`: the stages in order, cheap ones first; a failure does not keep the later ones from running.
//! The small kernels are compiled beside all else, with the least priority, and what boots them is run last.
//! Programs that make namespaces need root: without it they run through sudo where that asks no password.

use super::Words;
use crate::apt::Need;
use crate::build::{both, cargo, workspace};
use crate::fault::{Fault, Result};
use crate::kernel::{self, Kind};
use crate::suite::{self, Program, Tally};
use crate::target::Target;
use crate::{apt, artifacts, foreign};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

type Stage = fn() -> Result<Tally>;

/// Test programs that make namespaces.
const ROOT: [&str; 9] = ["namespaces", "pid1", "keys", "network", "android", "budgets", "tools", "beside", "guests"];

/// The test program that boots the small kernels.
const SMALL_KERNELS: &str = "android";

/// What sudo would drop of the environment.
const KEPT: [&str; 10] = [
    "PATH",
    "HOME",
    "MUST",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "CARGO_TARGET_DIR",
    "KEEL_CACHE",
    "KEEL_ACCEL",
    "KEEL_KERNEL",
    "KEEL_MIRROR",
];

/// What the tests look for, besides what every Debian has.
const NEEDS: &[Need] = &[
    artifacts::QEMU,
    artifacts::BUSYBOX,
    Need { package: "strace", there: || apt::program("strace").is_some() },
    Need { package: "binutils", there: || apt::program("nm").is_some() },
    Need { package: "iproute2", there: || apt::program("ip").is_some() },
    Need { package: "debootstrap", there: || apt::program("debootstrap").is_some() },
    foreign::DEBIANS_KEYS,
    Need { package: "e2fsprogs", there: || apt::program("mke2fs").is_some() },
    Need { package: "apparmor", there: || Path::new("/sbin/apparmor_parser").exists() },
    Need { package: "checkpolicy", there: || apt::program("checkpolicy").is_some() },
    Need { package: "uidmap", there: || apt::program("newuidmap").is_some() },
    Need { package: "squashfs-tools", there: || apt::program("mksquashfs").is_some() },
    Need { package: "erofs-utils", there: || apt::program("mkfs.erofs").is_some() },
    Need { package: "bzip2", there: || apt::program("bzip2").is_some() },
    // What the same words are given to, to compare.
    Need { package: "lxc", there: || apt::program("lxc-start").is_some() },
    Need { package: "lzop", there: || apt::program("lzop").is_some() },
];

const STAGES: [(&str, &str, Stage); 6] = [
    ("fmt", "cargo fmt --check", fmt),
    ("clippy", "clippy, warnings as errors", clippy),
    ("unit", "unit and golden tests", unit),
    ("pid1", "pid1's own tests", pid1),
    ("cross", "static builds for every processor", cross),
    ("tests", "tidy, namespaces, network, guests, boots", tests),
];

/// Runs the stages, prints what was skipped, and the line that CI reads.
pub fn run(words: &Words) -> Result<ExitCode> {
    let only = words.list("only", "");
    if let Some(word) = only.iter().find(|w| !STAGES.iter().any(|(name, ..)| name == w)) {
        let hint = keel_core::nearest::hint(word, STAGES.iter().map(|(name, ..)| *name));
        return Err(Fault::new(format!("no stage '{word}'{hint}")));
    }
    let must = std::env::var("MUST").is_ok_and(|v| v == "1");
    let mut total = Tally::default();
    let start = Instant::now();
    if only.is_empty() {
        // Linking keel and waiting for machines leave a processor idle for minutes. The last stage waits for what is under way, and
        // says what failed.
        std::thread::spawn(kernels);
    }
    for (name, about, stage) in STAGES.iter().filter(|(name, ..)| only.is_empty() || only.iter().any(|o| o == name)) {
        println!("== {name}: {about}");
        let began = Instant::now();
        let tally = stage().unwrap_or_else(|why| failure(name, why));
        let (passed, failed) = (tally.passed, tally.failed.len());
        println!("== {name}: {passed} passed, {failed} failed in {} s\n", began.elapsed().as_secs());
        total.add(tally);
    }
    for name in &total.failed {
        println!("failed: {name}");
    }
    for why in &total.skipped {
        println!("skipped: {why}{}", if must { " (a failure, since MUST=1)" } else { "" });
    }
    println!("the whole run took {} s", start.elapsed().as_secs());
    let failed = total.failed.len() + if must { total.skipped.len() } else { 0 };
    let skipped = if must { 0 } else { total.skipped.len() };
    let more = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    println!("{} passed, {failed} failed{more}", total.passed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn failure(stage: &str, why: Fault) -> Tally {
    println!("{why}");
    Tally { failed: vec![format!("{stage}: {why}")], ..Tally::default() }
}

/// One check by its exit status.
fn check(name: &str, command: &mut Command) -> Tally {
    match command.status() {
        Ok(status) if status.success() => Tally { passed: 1, ..Tally::default() },
        Ok(status) => Tally { failed: vec![format!("{name}: {}", apt::ending(status))], ..Tally::default() },
        Err(e) => failure(name, Fault::new(format!("exec 'cargo': {}", crate::fault::symbol(&e)))),
    }
}

/// Says so when the toolchain came without a component.
fn without(component: &str) -> Option<Tally> {
    let there = cargo().arg(component).arg("--version").output().is_ok_and(|o| o.status.success());
    let package = if component == "fmt" { "rustfmt" } else { component };
    let why = format!("{component}: not installed, type: rustup component add {package}");
    (!there).then(|| Tally { skipped: vec![why], ..Tally::default() })
}

fn fmt() -> Result<Tally> {
    Ok(without("fmt").unwrap_or_else(|| check("fmt", cargo().args(["fmt", "--all", "--check"]))))
}

/// pid1 and the probe alone each: together with the others, Cargo would turn on `std` features for them.
fn clippy() -> Result<Tally> {
    if let Some(missing) = without("clippy") {
        return Ok(missing);
    }
    let mut tally = Tally::default();
    let rest = ["--workspace", "--exclude", "pid1", "--exclude", "probe", "--all-targets"];
    for (name, choice) in [
        ("clippy", &rest[..]),
        ("clippy of pid1", &["-p", "pid1", "--lib", "--bins"]),
        ("clippy of probe", &["-p", "probe"]),
    ] {
        let mut command = cargo();
        command.args(["clippy", "--quiet"]).args(choice).args(["--", "-D", "warnings"]);
        tally.add(check(name, &mut command));
    }
    Ok(tally)
}

fn unit() -> Result<Tally> {
    let mut tally = Tally::default();
    for (package, dir) in [("keel-core", "host/core"), ("host", "host"), ("boot", "boot")] {
        tally.add(package_tests(package, dir, &["--lib", "--bins", "--tests"], &[])?);
    }
    Ok(tally)
}

fn pid1() -> Result<Tally> {
    package_tests("pid1", "pid1", &["--lib", "--tests"], &[])
}

fn tests() -> Result<Tally> {
    apt::ensure(NEEDS)?;
    println!("building keel and pid1");
    let binaries = both(Target::STOCK)?;
    let built = [("KEEL_BIN", binaries.keel), ("PID1_BIN", binaries.pid1)];
    let programs = compiled("tests", "tests", &["--lib", "--tests"])?;
    let (last, first): (Vec<_>, Vec<_>) = programs.into_iter().partition(|program| program.name() == SMALL_KERNELS);
    let mut tally = all(&first, &built)?;
    // Here, where it may take its time: a test that is silent for ten minutes is taken for one that hangs.
    println!("kernels of the machines: the small ones are built once, in about fifteen minutes");
    tally.add(match kernels() {
        Ok(()) => all(&last, &built)?,
        Err(why) => failure("kernels", why),
    });
    Ok(tally)
}

/// What the machines of the tests boot. It is in the cache afterwards.
fn kernels() -> Result<()> {
    for kind in [Kind::Whole, Kind::Stock] {
        kernel::build(kind, false)?;
    }
    artifacts::full_kernel().map(drop)
}

/// Builds a package's tests and runs each program of them.
fn package_tests(package: &str, dir: &str, which: &[&str], env: &[(&str, PathBuf)]) -> Result<Tally> {
    all(&compiled(package, dir, which)?, env)
}

/// A package's tests as programs.
fn compiled(package: &str, dir: &str, which: &[&str]) -> Result<Vec<Program>> {
    let targets: Vec<&str> = which.iter().copied().filter(|w| has(dir, w)).collect();
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let mut command = cargo();
    command.args(["test", "--no-run", "--color", "never", "-p", package]).args(&targets);
    let out = command.output().map_err(|e| Fault::new(format!("exec 'cargo': {}", crate::fault::symbol(&e))))?;
    let said = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        eprint!("{said}");
        return Err(Fault::new(format!("the tests of '{package}' do not build")));
    }
    Ok(suite::programs(&said, &workspace(), &workspace().join(dir)))
}

fn all(programs: &[Program], env: &[(&str, PathBuf)]) -> Result<Tally> {
    let mut tally = Tally::default();
    for program in programs {
        println!("{}", program.name());
        tally.add(one(program, env)?);
    }
    Ok(tally)
}

/// Cargo refuses `--lib` for a package without one.
fn has(dir: &str, which: &str) -> bool {
    let base = workspace().join(dir);
    match which {
        "--lib" => base.join("src/lib.rs").is_file(),
        "--bins" => base.join("src/main.rs").is_file(),
        _ => base.join("tests").is_dir() || base.join("Cargo.toml").is_file(),
    }
}

fn one(program: &Program, env: &[(&str, PathBuf)]) -> Result<Tally> {
    let root = nix::unistd::geteuid().is_root();
    let name = program.name();
    let wants_root = !program.source.starts_with("unittests ") && ROOT.iter().any(|r| name.starts_with(r));
    let mut command = if root || !wants_root {
        Command::new(&program.path)
    } else if apt::quiet(Command::new("sudo").args(["-n", "true"])).is_ok() {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env"]);
        let kept = KEPT.iter().filter_map(|key| Some((*key, std::env::var_os(key)?)));
        for (key, value) in kept.chain(env.iter().map(|(key, path)| (*key, path.clone().into_os_string()))) {
            let mut pair = OsString::from(format!("{key}="));
            pair.push(value);
            sudo.arg(pair);
        }
        sudo.arg(&program.path);
        sudo
    } else {
        let why = format!("{name}: needs root, and sudo asks for a password");
        return Ok(Tally { skipped: vec![why], ..Tally::default() });
    };
    command.envs(env.iter().map(|(key, path)| (key, path)));
    // Cargo's variables of the package that is tested, as `cargo test` would set them.
    command.current_dir(&program.dir).env("CARGO_MANIFEST_DIR", &program.dir);
    suite::run(&name, command.arg("--show-output"))
}

/// musl on all four: with Debian's compiler, or rustup's targets.
fn cross() -> Result<Tally> {
    let mut tally = Tally::default();
    for (arch, ..) in crate::target::ARCHES {
        let target = Target::named(arch, "musl")?;
        match both(target) {
            Ok(binaries) => {
                print!("{}:\n{}", target.triple(), crate::build::sizes(&binaries)?);
                tally.passed += 1;
            }
            Err(why) => tally.add(failure(target.triple(), why)),
        }
    }
    Ok(tally)
}
