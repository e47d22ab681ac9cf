//! `keel wait`, `lxc-wait`: waits until a container is in a state. 0: it is; 1: the time is over.
//!
//! Hears of changes and looks itself: a state that lasts is never missed, whoever supervises the container or has
//! stopped doing so.
use super::state::live;
use super::{Answer, Call};
use crate::control::protocol::State;
use crate::monitor::{Ear, News};
use keel_core::commands::{Opt, UsageError};
use keel_core::nearest;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A container whose first program has ended is cleaned up within this time, or looked at again.
const SOON: Duration = Duration::from_millis(200);

/// Waits.
pub fn run(call: &mut Call) -> Answer {
    let name = call.take_name()?;
    call.args.no_more()?;
    let Some(text) = call.args.value(Opt::States) else {
        return Err(UsageError("no state given: -s STATE".into()).into());
    };
    let states = states(text)?;
    let end = match call.args.value(Opt::Timeout) {
        None => None,
        Some(text) => match text.parse::<i64>() {
            Ok(..0) => None,
            Ok(seconds) => Instant::now().checked_add(Duration::from_secs(seconds.unsigned_abs())),
            Err(_) => return Err(UsageError(format!("option '--timeout': '{text}' is not a number")).into()),
        },
    };
    let store = call.store()?;
    let ear = Ear::open(&store.lxcpath().display().to_string())?;
    let mut ended = false;
    loop {
        let now = live(&store, &name);
        // What a container that was thawed does is run.
        if states.contains(&now.state) || now.state == State::Running && states.contains(&State::Thawed) {
            return Ok(0);
        }
        if end.is_some_and(|end| end <= Instant::now()) {
            return Ok(1);
        }
        // COMPAT(linux<5.3): no pidfd: the end of a container without a supervisor is seen by looking again.
        let pid = now.pid.and_then(Pid::from_raw);
        let pidfd = pid.filter(|_| !ended).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let look = (pid.is_some() && pidfd.is_none()).then(|| Instant::now() + SOON);
        let until = [end, look].into_iter().flatten().min();
        let (news, over) = ear.wait(pidfd.as_ref().map(|fd| fd.as_fd()), until);
        ended = over;
        while let Some((whose, what)) = news.then(|| ear.next()).flatten() {
            if whose == name.as_str() && matches!(what, News::State(state) if states.contains(&state)) {
                return Ok(0);
            }
        }
    }
}

/// `STOPPED|FROZEN`; LXC takes capitals only.
fn states(text: &str) -> Result<Vec<State>, UsageError> {
    let find = |word: &str| State::ALL.into_iter().find(|state| state.name() == word);
    text.split('|')
        .map(|word| {
            let names = State::ALL.map(State::name);
            find(word).ok_or_else(|| UsageError(format!("invalid state '{word}'{}", nearest::hint(word, names))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_as_lxc_reads_them() {
        assert_eq!(states("STOPPED|FROZEN"), Ok(vec![State::Stopped, State::Frozen]));
        assert_eq!(states("STOPED").unwrap_err().0, "invalid state 'STOPED', nearest is 'STOPPED'");
        assert!(states("stopped").is_err() && states("").is_err() && states("RUNNING|").is_err());
    }
}
