//! The host's logins: one `pid1 --getty` for each terminal, started again when it ends.
//!
//! PID 1 itself never opens a terminal. Without `pid1` there is no login, and that is said.
use super::program::Program;
use crate::watch::Watch;
use crate::watch::end::Backoff;
use std::time::{Duration, Instant};

/// A login that lasted as long was one: the next comes at once.
const SOON: Duration = Duration::from_secs(2);
/// Where `pid1` is, after the directory that keel itself is in.
const PLACES: [&str; 4] = ["/sbin/pid1", "/bin/pid1", "/usr/sbin/pid1", "/pid1"];

/// All of them.
#[derive(Debug)]
pub struct Logins {
    pid1: Option<String>,
    autologin: Option<String>,
    rows: Vec<Login>,
    first: u32,
}

#[derive(Debug)]
struct Login {
    terminal: String,
    pid: Option<i32>,
    since: Instant,
    backoff: Backoff,
}

impl Logins {
    /// None is started yet. Their deadlines in the loop are `first`, `first + 1` and so on.
    pub fn new(terminals: &[String], autologin: Option<String>, first: u32) -> Logins {
        let beside =
            std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("pid1").display().to_string()));
        let mut places = beside.into_iter().chain(PLACES.map(String::from));
        let pid1 = places.find(|path| std::fs::metadata(path).is_ok_and(|m| m.is_file()));
        let row = |terminal: &String| Login {
            terminal: terminal.clone(),
            pid: None,
            since: Instant::now(),
            backoff: Backoff::default(),
        };
        Logins { pid1, autologin, rows: terminals.iter().map(row).collect(), first }
    }

    /// Start all that do not run.
    pub fn start_all(&mut self, watch: &mut Watch) {
        if self.pid1.is_none() && !self.rows.is_empty() {
            log::error!("no login on any terminal: there is no 'pid1' beside keel or in /sbin");
            return;
        }
        for n in 0..self.rows.len() {
            watch.cancel_own(self.first + n as u32);
            self.start(watch, n);
        }
    }

    /// A deadline is over; false: it is none of ours.
    pub fn due(&mut self, watch: &mut Watch, number: u32) -> bool {
        let Some(n) = number.checked_sub(self.first).map(|n| n as usize).filter(|n| *n < self.rows.len()) else {
            return false;
        };
        self.start(watch, n);
        true
    }

    /// A child has ended: if it is one of ours, the next follows.
    pub fn ended(&mut self, watch: &mut Watch, pid: i32) {
        if let Some(n) = self.rows.iter().position(|row| row.pid == Some(pid)) {
            self.rows[n].pid = None;
            self.again(watch, n);
        }
    }

    fn again(&mut self, watch: &mut Watch, n: usize) {
        let row = &mut self.rows[n];
        let life = row.since.elapsed();
        let wait = if life >= SOON { Duration::ZERO } else { row.backoff.after(life) };
        if wait.is_zero() {
            row.backoff = Backoff::default();
        } else {
            log::warn!("login on '{}' ended at once, the next one in {} s", row.terminal, wait.as_secs());
        }
        watch.own_deadline(wait, self.first + n as u32);
    }

    fn start(&mut self, watch: &mut Watch, n: usize) {
        let (Some(pid1), row) = (&self.pid1, &mut self.rows[n]) else { return };
        if row.pid.is_some() {
            return;
        }
        let terminal = format!("/dev/{}", row.terminal);
        let mut argv = vec!["pid1", "--getty", &terminal];
        if let Some(user) = &self.autologin {
            argv.extend(["--autologin", user]);
        }
        row.since = Instant::now();
        match Program::new(pid1, &argv).start() {
            Ok(pid) => row.pid = Some(pid),
            Err(cause) => {
                log::warn!("login on '{}': {cause}", row.terminal);
                self.again(watch, n);
            }
        }
    }
}
