//! Runs contenders in turn (A B C, B C A, …), so that what else the machine does falls on all of them alike, and measures each
//! run: wall clock from before the spawn to after the wait, processor time and page faults as getrusage(2) has them.
//!
//! A contender whose program fails is measured no further, and its own last words are the reason.

use super::numbers::Sample;
use super::room::{Room, View};
use crate::fault::{Fault, Result};
use nix::poll::{PollTimeout, poll};
use nix::sys::resource::{UsageWho, getrusage};
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Something that is measured beside others.
pub struct Contender<'a> {
    /// Its row's name.
    pub name: String,
    /// What it sees.
    pub view: View,
    /// One run.
    pub command: Box<dyn Fn() -> Command + 'a>,
}

/// What became of a contender.
#[derive(Debug, Default, Clone)]
pub struct Outcome {
    /// Its row's name.
    pub name: String,
    /// Microseconds of each run.
    pub wall: Sample,
    /// Microseconds of processor time of it and what it waited for.
    pub cpu: Sample,
    /// Minor page faults.
    pub faults: Sample,
    /// System calls of one run, as strace counts them.
    pub calls: Option<u32>,
    /// Why there is no more of it.
    pub failed: Option<String>,
}

/// How to measure.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Runs of each.
    pub rounds: usize,
    /// Rest before each run, in milliseconds: what a sporadic start meets is a machine whose RCU is idle.
    pub rest_ms: u16,
    /// Count system calls, too.
    pub trace: bool,
}

/// Measures all of them.
pub fn measure(room: &Room, contenders: &[Contender<'_>], how: How) -> Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> =
        contenders.iter().map(|c| Outcome { name: c.name.clone(), ..Outcome::default() }).collect();
    // The first two rounds fill caches.
    for round in 0..how.rounds + 2 {
        for at in shuffled(contenders.len(), round as u64) {
            let (contender, outcome) = (&contenders[at], &mut outcomes[at]);
            if outcome.failed.is_some() {
                continue;
            }
            room.look(contender.view)?;
            rest(how.rest_ms);
            let before = usage()?;
            match once(room, &mut (contender.command)()) {
                Ok(wall) => {
                    let after = usage()?;
                    if round >= 2 {
                        outcome.wall.add(wall);
                        outcome.cpu.add(after.0 - before.0);
                        outcome.faults.add(after.1 - before.1);
                    }
                }
                Err(why) => outcome.failed = Some(why.0),
            }
        }
    }
    if how.trace {
        for (contender, outcome) in contenders.iter().zip(&mut outcomes).filter(|(_, o)| o.failed.is_none()) {
            room.look(contender.view)?;
            outcome.calls = calls(room, &(contender.command)()).ok();
        }
    }
    Ok(outcomes)
}

/// An order for a round: what one contender leaves to be torn down behind its back shall not always fall on the same other.
pub fn shuffled(count: usize, round: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    // Knuth's constants; the same orders in each run of the bench.
    let mut state = round.wrapping_add(1).wrapping_mul(6364136223846793005);
    for i in (1..count).rev() {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        order.swap(i, (state >> 33) as usize % (i + 1));
    }
    order
}

/// One run; its microseconds.
pub fn once(room: &Room, command: &mut Command) -> Result<f64> {
    let words = room.base().join("said");
    let file = File::create(&words).map_err(|e| Fault::at("create", &words, &e))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
    let began = Instant::now();
    let mut child = command.spawn().map_err(|e| {
        Fault::new(format!("exec '{}': {}", command.get_program().to_string_lossy(), crate::fault::symbol(&e)))
    })?;
    let status = child.wait().map_err(|e| Fault::new(format!("wait: {}", crate::fault::symbol(&e))))?;
    let wall = began.elapsed().as_secs_f64() * 1e6;
    if status.success() {
        return Ok(wall);
    }
    let said = std::fs::read_to_string(&words).unwrap_or_default();
    let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message").to_owned();
    Err(Fault::new(format!("{} ({})", crate::apt::ending(status), last.trim())))
}

/// System calls of a run and of what it starts, but the exec that strace itself makes.
pub fn calls(room: &Room, command: &Command) -> Result<u32> {
    let list = room.base().join("calls");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-c", "-U", "name,calls", "-o"]).arg(&list).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(key, value),
            None => traced.env_remove(key),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        traced.current_dir(dir);
    }
    once(room, &mut traced)?;
    let text = std::fs::read_to_string(&list).map_err(|e| Fault::at("read", &list, &e))?;
    let total = text.lines().rev().find_map(|l| l.trim().strip_prefix("total")?.trim().parse::<u32>().ok());
    total.map(|n| n.saturating_sub(1)).ok_or_else(|| Fault::new("strace counted nothing"))
}

/// Waits without doing anything.
pub fn rest(ms: u16) {
    if ms > 0 {
        // EINTR: a shorter rest.
        let _ = poll(&mut [], PollTimeout::from(ms));
    }
}

/// Processor time in microseconds and minor faults of all children so far.
fn usage() -> Result<(f64, f64)> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| Fault::new(format!("getrusage: {e:?}")))?;
    let us = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 * 1e6 + t.tv_usec() as f64;
    Ok((us(usage.user_time()) + us(usage.system_time()), usage.minor_page_faults() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_each_once_in_another_order() {
        let rounds: Vec<Vec<usize>> = (0..20).map(|n| shuffled(5, n)).collect();
        for order in &rounds {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
        let firsts: std::collections::BTreeSet<usize> = rounds.iter().map(|order| order[0]).collect();
        assert_eq!(firsts.len(), 5);
    }
}
