//! Containers that start by themselves: those of `keel.containers=` and those with `lxc.start.auto`.
//!
//! In parallel where `lxc.start.order` is the same, lower ones first; the next order begins when all of the last one run
//! (or did not), and after the longest `lxc.start.delay` among them.
use super::params::Settings;
use crate::control::protocol::State;
use crate::store::{Name, Store};
use crate::watch::container::{Definition, Id};
use crate::watch::{Watch, launch};
use keel_core::sorted;
use std::collections::VecDeque;
use std::time::Duration;

/// What is still to be started.
#[derive(Debug, Default)]
pub struct Autostart {
    groups: VecDeque<Vec<Definition>>,
    current: Vec<Id>,
    delay: Duration,
    delaying: bool,
    number: u32,
}

impl Autostart {
    /// Find out what to start. `number` is the deadline's in the loop.
    pub fn new(settings: &Settings, number: u32) -> Autostart {
        let mut wanted: Vec<(i32, Definition)> = Vec::new();
        let mut want = |name: &str, named: bool| {
            let asked =
                launch::Asked { name: name.into(), lxcpath: settings.lxcpath.clone(), ..launch::Asked::default() };
            match launch::define(&asked) {
                Ok(definition) if named || definition.config.start.auto => {
                    definition.warnings.iter().for_each(|w| log::warn!("{name}: {w}"));
                    wanted.push((definition.config.start.order, definition));
                }
                Ok(_) => {}
                Err(cause) if named => cause.message.lines().for_each(|line| log::error!("{name}: {line}")),
                Err(cause) => cause.message.lines().for_each(|line| log::warn!("{name}: {line}")),
            }
        };
        for text in &settings.containers {
            match Name::new(text) {
                Ok(name) => want(name.as_str(), true),
                Err(cause) => log::error!("keel.containers: {cause}"),
            }
        }
        let names = Store::open(Some(&settings.lxcpath)).and_then(|store| store.names());
        match names {
            Ok(names) => {
                let others = names.iter().filter(|name| !settings.containers.iter().any(|c| c == name.as_str()));
                others.for_each(|name| want(name.as_str(), false));
            }
            Err(cause) => log::warn!("{cause}"),
        }
        // Stable: among equals those of the command line come first, in its order.
        sorted::by_key(&mut wanted, |(order, _)| *order);
        let mut groups: VecDeque<Vec<Definition>> = VecDeque::new();
        let mut last = None;
        for (order, definition) in wanted {
            match groups.back_mut() {
                Some(group) if last == Some(order) => group.push(definition),
                _ => groups.push_back(vec![definition]),
            }
            last = Some(order);
        }
        Autostart { groups, number, ..Autostart::default() }
    }

    /// Go on as far as possible now; true when everything has been started.
    pub fn step(&mut self, watch: &mut Watch) -> bool {
        loop {
            if self.delaying || !self.current.iter().all(|id| settled(watch, *id)) {
                return false;
            }
            if !self.delay.is_zero() && !self.groups.is_empty() {
                self.delaying = true;
                watch.own_deadline(std::mem::take(&mut self.delay), self.number);
                return false;
            }
            self.current.clear();
            let Some(group) = self.groups.pop_front() else { return true };
            for definition in group {
                self.delay = self.delay.max(Duration::from_secs(definition.config.start.delay_s.into()));
                self.start(watch, definition);
            }
        }
    }

    /// The delay is over.
    pub fn delay_over(&mut self) {
        self.delaying = false;
    }

    /// Start no more.
    pub fn stop(&mut self) {
        self.groups.clear();
    }

    fn start(&mut self, watch: &mut Watch, definition: Definition) {
        let name = definition.name.clone();
        let adopted = launch::take(&name, &definition.lxcpath)
            .and_then(|lock| lock.map(|lock| watch.adopt(definition, lock)).transpose());
        match adopted {
            Ok(Some(id)) => {
                watch.launch(id);
                self.current.push(id);
            }
            Ok(None) => log::warn!("{name}: already running"),
            Err(cause) => log::error!("{name}: {cause}"),
        }
    }
}

/// It runs, or it will not for now.
fn settled(watch: &Watch, id: Id) -> bool {
    watch.container(id).is_none_or(|c| c.state != State::Starting)
}
