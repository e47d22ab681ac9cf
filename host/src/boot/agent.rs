//! The loop of the machine: containers, logins, power buttons, signals, and how it all ends.
use super::autostart::Autostart;
use super::buttons::Buttons;
use super::logins::Logins;
use super::params::Settings;
use super::{failure, shutdown};
use crate::control::protocol::{Ending, State, Stop};
use crate::place;
use crate::sys::process::exit_now;
use crate::sys::signalfd;
use crate::watch::container::Id;
use crate::watch::{Event, Watch};
use keel_core::failure::Failure;
use pid1::signals::{Action, Mode, Outcome, action};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Deadlines and descriptors of this loop.
const AUTOSTART: u32 = 1;
const PATIENCE: u32 = 2;
const PHASE: u32 = 3;
const BUTTONS: u32 = 100;
const LOGINS: u32 = 200;

/// How long logins wait for containers, so that what is said of them stands above the prompt.
const LOGIN_PATIENCE: Duration = Duration::from_secs(3);
/// How long a hand-over waits for containers.
const READY_PATIENCE: Duration = Duration::from_secs(10);
/// How long SIGKILL may take: what is stuck in the kernel longer is left.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// What this process is.
enum Role {
    /// PID 1 of the machine.
    Machine,
    /// A supervisor beside another init; told through the pipe that containers are up.
    Beside(Option<OwnedFd>),
}

/// The way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Containers are stopping, those of this start order and above.
    Containers,
    /// Processes were asked to end.
    Term,
    /// They were killed.
    Kill,
}

struct Agent {
    watch: Watch,
    settings: Settings,
    role: Role,
    autostart: Autostart,
    started: bool,
    logins: Logins,
    buttons: Buttons,
    ending: Option<(Outcome, bool, Phase)>,
}

/// As PID 1. Never returns.
pub fn run_machine(settings: Settings) -> ! {
    let on_fail = settings.on_fail;
    match Agent::new(settings, Role::Machine).and_then(|mut agent| agent.run()) {
        Ok(never) => match never {},
        Err(cause) => failure::fail(&cause.to_string(), on_fail),
    }
}

/// Beside another init, which is PID 1. `ready`, if there is one, is closed when the containers are up. Comes back with the
/// reason why it can't go on, and never otherwise.
pub fn run_beside(settings: Settings, ready: Option<OwnedFd>) -> Failure {
    match Agent::new(settings, Role::Beside(ready)).and_then(|mut agent| agent.run()) {
        Ok(never) => match never {},
        Err(cause) => cause,
    }
}

impl Agent {
    fn new(settings: Settings, role: Role) -> Result<Agent, Failure> {
        let mut watch = Watch::new()?;
        crate::observe::keep();
        let base = place::base(&settings.lxcpath);
        place::make_private(&base)?;
        watch.listen(&place::agent_socket(&settings.lxcpath))?;
        shutdown::set_sync_time(settings.sync);
        let machine = matches!(role, Role::Machine);
        let terminals: &[String] = if machine { &settings.terminals } else { &[] };
        let logins = Logins::new(terminals, settings.autologin.clone(), LOGINS);
        let buttons = if machine { Buttons::find(&mut watch, BUTTONS) } else { Buttons::default() };
        let autostart = Autostart::new(&settings, AUTOSTART);
        Ok(Agent { watch, settings, role, autostart, started: false, logins, buttons, ending: None })
    }

    fn run(&mut self) -> Result<std::convert::Infallible, Failure> {
        let patience = if matches!(self.role, Role::Machine) { LOGIN_PATIENCE } else { READY_PATIENCE };
        self.watch.own_deadline(patience, PATIENCE);
        self.go_on();
        loop {
            match self.watch.next()? {
                Event::Changed => self.go_on(),
                Event::Ended(pid) => {
                    if self.ending.is_some() {
                        self.go_on();
                    } else {
                        self.logins.ended(&mut self.watch, pid);
                    }
                }
                Event::Signal(caught) => self.signal(caught),
                Event::Own(AUTOSTART) => {
                    self.autostart.delay_over();
                    self.go_on();
                }
                Event::Own(PATIENCE) => self.announce(),
                Event::Own(PHASE) => self.phase_over(),
                Event::Own(number) => self.own(number),
                Event::Output(_) | Event::Room => {}
            }
        }
    }

    fn own(&mut self, number: u32) {
        match self.buttons.pressed(number) {
            Some(true) => self.end(Outcome::PowerOff, false, "the power button was pressed"),
            Some(false) => {}
            None if self.ending.is_none() => drop(self.logins.due(&mut self.watch, number)),
            None => {}
        }
    }

    /// Something may have become possible.
    fn go_on(&mut self) {
        match self.ending {
            None if self.autostart.step(&mut self.watch) => self.announce(),
            None => {}
            Some((.., Phase::Containers)) => self.stop_next(),
            Some((outcome, ..)) if !has_children() => shutdown::finish(outcome),
            Some(_) => {}
        }
    }

    /// Once, when all is up or has taken too long: say so, and begin the logins.
    fn announce(&mut self) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        self.watch.cancel_own(PATIENCE);
        match &mut self.role {
            Role::Beside(ready) => drop(ready.take()),
            Role::Machine => {
                failure::say_on_console(&self.message());
                self.logins.start_all(&mut self.watch);
            }
        }
    }

    fn message(&self) -> String {
        let mut text = String::from("\r\n");
        let mut one = None;
        for (_, container) in self.watch.containers() {
            let name = container.name();
            match (container.state, container.last_words()) {
                (State::Running, _) => {
                    text += &format!("keel: {name} is running\r\n");
                    one = one.or(Some(name));
                }
                (_, Some(why)) => why.lines().for_each(|line| text += &format!("keel: {name}: {line}\r\n")),
                (state, None) => text += &format!("keel: {name} is {}\r\n", state.name()),
            }
        }
        if self.settings.terminals.is_empty() {
            return text;
        }
        text += &match one {
            Some(name) => format!(
                "keel: log in here; 'keel console -n {name}' goes on to its login and ^a q comes back, 'keel ls -f' lists, 'poweroff' ends\r\n"
            ),
            None => "keel: no container is running; 'keel help' says more, 'poweroff' ends\r\n".into(),
        };
        text
    }

    fn signal(&mut self, caught: signalfd::Caught) {
        let from = |s: u8| match caught.sender {
            0 => format!("{} from the kernel", pid1::signals::Name(s)),
            pid => format!("{} from process {pid}", pid1::signals::Name(s)),
        };
        let beside = matches!(self.role, Role::Beside(_));
        match u8::try_from(caught.signal).map(|s| (s, action(Mode::Machine, s, false))) {
            // Beside another init there is one order to take: that init's to go.
            Ok((pid1::signals::SIGTERM | pid1::signals::SIGINT, _)) if beside => {
                self.end(Outcome::Halt, false, "told to end")
            }
            _ if beside => {}
            Ok((s, Action::End(outcome))) => self.end(outcome, false, &from(s)),
            Ok((s, Action::EndNow(outcome))) => self.end(outcome, true, &from(s)),
            Ok((_, Action::Again)) if self.ending.is_none() => {
                self.buttons = Buttons::find(&mut self.watch, BUTTONS);
                self.logins.start_all(&mut self.watch);
            }
            _ => {}
        }
    }

    fn end(&mut self, outcome: Outcome, now: bool, why: &str) {
        if let Some((_, was_now, phase)) = self.ending {
            // Asked again, and more urgently: no more waiting.
            if now && !was_now {
                self.ending = Some((outcome, true, phase));
                self.phase_over();
            }
            return;
        }
        log::warn!("{outcome}: {why}");
        self.started = true;
        self.ending = Some((outcome, now, Phase::Containers));
        self.autostart.stop();
        self.watch.cancel_own(PATIENCE);
        self.watch.cancel_own(AUTOSTART);
        self.stop_next();
    }

    /// Stop the containers that started last, all at once; the next ones when these are gone.
    fn stop_next(&mut self) {
        let order = |watch: &Watch, id: Id| watch.container(id).map_or(0, |c| c.definition.config.start.order);
        let alive: Vec<Id> = self.watch.containers().filter(|(_, c)| !c.is_over()).map(|(id, _)| id).collect();
        let Some(last) = alive.iter().map(|id| order(&self.watch, *id)).max() else {
            return self.containers_gone();
        };
        let now = self.ending.is_some_and(|(_, now, _)| now);
        let mut told = false;
        for id in alive.into_iter().filter(|id| order(&self.watch, *id) == last).collect::<Vec<_>>() {
            if self.watch.container(id).is_some_and(|c| !c.is_told_to_stop()) {
                let ending = if now { Ending::Kill } else { Ending::Halt };
                let timeout_ms = self.settings.stop_timeout.as_millis() as u64;
                told = true;
                self.watch.stop(id, Stop { ending, timeout_ms, wait: true, kill: true });
            }
        }
        if told {
            self.watch.cancel_own(PHASE);
            let time = if now { Duration::ZERO } else { self.settings.stop_timeout };
            self.watch.own_deadline(time + KILL_PATIENCE, PHASE);
        }
    }

    fn containers_gone(&mut self) {
        self.watch.cancel_own(PHASE);
        let Some((outcome, now, _)) = self.ending else { return };
        if matches!(self.role, Role::Beside(_)) {
            log::info!("containers are stopped");
            // ENOENT: somebody was faster. Who comes next would take its place anyway.
            let _ = std::fs::remove_file(place::agent_socket(&self.settings.lxcpath));
            exit_now(0);
        }
        let (phase, time) = if now { (Phase::Kill, KILL_PATIENCE) } else { (Phase::Term, self.settings.grace) };
        self.ending = Some((outcome, now, phase));
        self.signal_all(phase);
        self.watch.own_deadline(time, PHASE);
        self.go_on();
    }

    /// To every process but this one (kill(2) with -1).
    fn signal_all(&self, phase: Phase) {
        // ESRCH: there is none.
        if phase == Phase::Term {
            let _ = signalfd::send(-1, libc::SIGTERM);
            // A login shell ignores SIGTERM, and a stopped process gets it only when it goes on.
            let _ = signalfd::send(-1, libc::SIGHUP);
            let _ = signalfd::send(-1, libc::SIGCONT);
        } else {
            let _ = signalfd::send(-1, libc::SIGKILL);
        }
    }

    /// What was waited for takes too long.
    fn phase_over(&mut self) {
        let Some((outcome, now, phase)) = self.ending else { return };
        self.watch.cancel_own(PHASE);
        match phase {
            Phase::Containers => {
                log::error!("containers are still there: the {outcome} goes on");
                self.containers_gone();
            }
            Phase::Term => {
                self.ending = Some((outcome, now, Phase::Kill));
                self.signal_all(Phase::Kill);
                self.watch.own_deadline(KILL_PATIENCE, PHASE);
                self.go_on();
            }
            Phase::Kill => shutdown::finish(outcome),
        }
    }
}

/// Whether any child is left, ended or not.
fn has_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, options), Err(rustix::io::Errno::CHILD))
}
