//! A container on this host, made, started and stopped by the built `keel`, in a directory of its own.
//!
//! Every `keel` runs in a mount namespace of its own and keeps its run-time files in that directory. When it goes, so do
//! all processes that it left, by number, and the test fails if the host is not as before.

use crate::built::built;
use crate::canary::Canary;
use crate::proc::{self, Process};
use crate::pty::OnTerminal;
use crate::ran::{PATIENCE, Ran, run};
use boot::scratch::Scratch;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Names of newer system calls, separated by commas, that answer ENOSYS to every `keel` of this run: the tests again as
/// they would be on an old kernel.
pub const ENOSYS: &str = "KEEL_TESTS_ENOSYS";

/// A directory with one container in it.
#[derive(Debug)]
pub struct Container {
    /// Its name, which no other test's container has.
    pub name: String,
    scratch: Scratch,
    canary: Canary,
    /// Options of `probe private`, put before each command.
    conditions: Vec<String>,
}

impl Container {
    /// The directory, and no container yet.
    pub fn undefined() -> Container {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let scratch = Scratch::new().expect("a directory");
        for dir in ["lxc", "run", "outside"] {
            fs::create_dir(scratch.path().join(dir)).expect("a directory");
        }
        // Others may not write where run-time files are; keel refuses that.
        fs::set_permissions(scratch.path().join("run"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .expect("chmod");
        let canary = Canary::take(&name);
        Container { name, scratch, canary, conditions: Vec::new() }
    }

    /// One whose rootfs has the probe as its init and nothing else; `config` follows the lines that say so.
    pub fn probe(config: &str) -> Container {
        let container = Container::undefined();
        let rootfs = container.rootfs();
        for dir in ["proc", "sys", "dev", "mnt", "tmp", "run", "etc"] {
            fs::create_dir_all(rootfs.join(dir)).expect("a directory");
        }
        // By a process of its own: a descriptor for writing that a program started meanwhile inherits is ETXTBSY for the exec.
        run(Command::new("cp").arg(&built().probe).arg(rootfs.join("probe"))).ok();
        container.set_config(&format!(
            "lxc.rootfs.path = dir:{}\nlxc.uts.name = {}\nlxc.init.cmd = /probe init facts=/facts mark=/starts\n\
             lxc.mount.auto = proc:mixed sys:ro\n{config}\n",
            rootfs.display(),
            container.name,
        ));
        container
    }

    /// One made by `keel create -t busybox`, with these words at the end.
    #[track_caller]
    pub fn busybox(words: &[&str]) -> Container {
        let container = Container::undefined();
        let built = built();
        let mut command = container.command("create");
        command.args(["-q", "-t", "busybox", "--config", "/dev/null", "--busybox"]).arg(&built.busybox);
        command.arg("--pid1").arg(&built.pid1).args(words);
        run(&mut command).ok();
        container
    }

    /// The directory of everything.
    pub fn base(&self) -> &Path {
        self.scratch.path()
    }

    /// Where containers are defined.
    pub fn lxcpath(&self) -> PathBuf {
        self.base().join("lxc")
    }

    /// A place beside the container, where nothing of it may come.
    pub fn outside(&self) -> PathBuf {
        self.base().join("outside")
    }

    /// Its root directory.
    pub fn rootfs(&self) -> PathBuf {
        self.lxcpath().join(&self.name).join("rootfs")
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.lxcpath().join(&self.name).join("config")
    }

    /// Writes the configuration.
    pub fn set_config(&self, text: &str) {
        fs::write(self.config_file(), text).expect("written");
    }

    /// Adds lines to the configuration.
    pub fn add_config(&self, text: &str) {
        let old = fs::read_to_string(self.config_file()).expect("a configuration");
        self.set_config(&format!("{old}\n{text}\n"));
    }

    /// Words for the probe as first program, besides those that leave its facts.
    pub fn set_init(&self, words: &str) {
        self.add_config(&format!("lxc.init.cmd = /probe init facts=/facts mark=/starts {words}"));
    }

    /// How often the probe was started as first program.
    pub fn starts(&self) -> usize {
        fs::read(self.rootfs().join("starts")).map_or(0, |bytes| bytes.len())
    }

    /// Waits for the probe's start number `count`, and sees that there was none more. That a start returned says that the probe
    /// was executed, not that it has written yet.
    #[track_caller]
    pub fn started(&self, count: usize) {
        proc::until(&format!("start {count}"), &self.rootfs(), || (self.starts() >= count).then_some(()));
        assert_eq!(self.starts(), count);
    }

    /// Options of `probe private` for all commands from now on: `--ro PATH`, `--hide PATH`, `--bind FROM:AT`.
    pub fn condition(&mut self, option: &str, path: &str) {
        self.conditions.extend([option.into(), path.into()]);
    }

    /// A file of the rootfs, as the host sees it.
    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        let path = self.rootfs().join(path.trim_start_matches('/'));
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// `keel VERB -P LXCPATH -n NAME`, to be completed.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = self.bare_command();
        command.arg(verb).arg("-P").arg(self.lxcpath()).args(["-n", &self.name]);
        command
    }

    /// `keel`, to be completed, under this container's conditions.
    pub fn bare_command(&self) -> Command {
        let mut command = Command::new(&built().probe);
        command.arg("private").args(&self.conditions).arg("--");
        if let Some(list) = std::env::var_os(ENOSYS) {
            command.arg(&built().probe).arg("enosys").arg(list).arg("--");
        }
        command.arg(&built().keel);
        command.env("KEEL_RUN", self.base().join("run")).env_remove("CONFIG");
        command
    }

    /// `keel VERB -P LXCPATH -n NAME WORDS`, to its end.
    #[track_caller]
    pub fn keel(&self, line: &str) -> Ran {
        let mut words = line.split_whitespace();
        let mut command = self.command(words.next().expect("a verb"));
        run(command.args(words))
    }

    /// The same on a terminal.
    #[track_caller]
    pub fn on_terminal(&self, line: &str) -> OnTerminal {
        let mut words = line.split_whitespace();
        let mut command = self.command(words.next().expect("a verb"));
        OnTerminal::start(command.args(words))
    }

    /// Starts it, which must succeed without a word.
    #[track_caller]
    pub fn start(&self) {
        // What an earlier start left would be taken for this one's.
        fs::remove_file(self.rootfs().join("facts")).ok();
        let said = self.keel("start").ok();
        assert_eq!(said, "");
    }

    /// What the probe as first program has seen. Waits for its file.
    #[track_caller]
    pub fn facts(&self) -> Facts {
        let path = self.rootfs().join("facts");
        proc::until(&format!("{} appears", path.display()), &self.rootfs(), || path.exists().then_some(()));
        Facts::parse(&fs::read_to_string(&path).expect("readable"))
    }

    /// Runs the probe inside with these words.
    #[track_caller]
    pub fn ask(&self, words: &str) -> Facts {
        Facts::parse(&self.keel(&format!("attach -- /probe {words}")).ok())
    }

    /// The first program's number on the host.
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let said = self.keel("info -pH").ok();
        said.trim().parse().unwrap_or_else(|_| panic!("no pid: {said:?}"))
    }

    /// `RUNNING`, `STOPPED` and so on.
    #[track_caller]
    pub fn state(&self) -> String {
        self.keel("info -sH").ok().trim().to_string()
    }

    /// The first program, held.
    #[track_caller]
    pub fn first_program(&self) -> Process {
        Process::hold(self.pid()).expect("it runs")
    }

    /// Waits until it is in that state.
    #[track_caller]
    pub fn reaches(&self, state: &str) {
        let mut last = String::new();
        proc::until(&format!("{} is {state}", self.name), &self.base().join("run"), || {
            last = self.state();
            (last == state).then_some(())
        });
    }

    /// Everything that is left of it on the host besides its definition; empty after a stop or a failed start.
    pub fn left_behind(&self) -> Vec<String> {
        let mut left = self.canary.differences();
        left.extend(proc::touching(self.base()).into_iter().map(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            format!("process {pid}: {}", String::from_utf8_lossy(&line).replace('\0', " "))
        }));
        let mut runs = vec![self.base().join("run")];
        while let Some(dir) = runs.pop() {
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten().map(|e| e.path()) {
                match entry.is_dir() {
                    // What an Android said is kept until it is destroyed.
                    true if entry.ends_with(".logs") => {}
                    // Locks of devices stay, and name nobody.
                    true if entry.ends_with(".binders") => {
                        let files = fs::read_dir(&entry).into_iter().flatten().flatten();
                        left.extend(files.filter_map(|f| fs::read_to_string(f.path()).ok().filter(|t| !t.is_empty())));
                    }
                    true => runs.push(entry),
                    false => left.push(format!("file {}", entry.display())),
                }
            }
        }
        left
    }

    /// Fails unless nothing is left. Processes may need a moment to be gone from /proc.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let mut left = Vec::new();
        let deadline = std::time::Instant::now() + PATIENCE;
        for pid in proc::touching(self.base()) {
            if let Some(process) = Process::hold(pid) {
                process.ends_within(deadline.saturating_duration_since(std::time::Instant::now()).min(LINGER));
            }
        }
        left.extend(self.left_behind());
        assert!(left.is_empty(), "left behind by '{}': {left:#?}", self.name);
    }
}

/// How long a process that is ending may be seen.
const LINGER: std::time::Duration = std::time::Duration::from_secs(5);

impl Drop for Container {
    fn drop(&mut self) {
        // As a user would end it. A test that fails has no time for that.
        if !std::thread::panicking() && self.config_file().exists() {
            let ran = run(self.command("stop").arg("-k"));
            assert!([0, 2].contains(&ran.code), "{ran:#?}");
        }
        self.canary.thaw();
        for _ in 0..8 {
            let left: Vec<Process> = proc::touching(self.base()).into_iter().filter_map(Process::hold).collect();
            if left.is_empty() {
                break;
            }
            left.iter().for_each(|process| {
                process.signal(Signal::KILL);
            });
            left.iter().for_each(|process| {
                process.ends_within(LINGER);
            });
        }
        let removed = self.canary.remove_cgroups();
        if !std::thread::panicking() {
            let left = self.canary.differences();
            assert!(left.is_empty(), "the host is not as it was before '{}': {left:#?}", self.name);
            assert!(removed.is_empty(), "cgroups were left by '{}': {removed:#?}", self.name);
        }
    }
}

/// The probe's answers.
#[derive(Debug, Clone)]
pub struct Facts(BTreeMap<String, String>);

impl Facts {
    /// From its lines.
    pub fn parse(text: &str) -> Facts {
        let pairs = text.lines().filter_map(|l| l.trim_end_matches('\r').split_once('='));
        Facts(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    /// One answer.
    #[track_caller]
    pub fn get(&self, key: &str) -> &str {
        self.0.get(key).unwrap_or_else(|| panic!("no '{key}' among {:#?}", self.0))
    }

    /// One answer that may be absent.
    pub fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Keys that begin so, without that beginning, and their values.
    pub fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().filter_map(move |(k, v)| Some((k.strip_prefix(prefix)?, v.as_str())))
    }
}
