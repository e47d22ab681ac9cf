//! From the end of a container's first program to its being stopped: hooks, what is to be undone, hooks again.
//!
//! Hooks are waited for as everything else in the loop is. One that fails is said and changes nothing, but that a restart
//! does not follow a post-stop hook that failed, as in LXC.
use super::container::{Definition, Id};
use super::end::End;
use super::events::{Interest, Token};
use super::{Watch, What};
use crate::perform::hook::{Hook, Program};
use crate::spawn::Undo;
use keel_core::config::Hook as Kind;
use keel_core::facts::Namespaces;
use keel_core::failure::{Errno, Failure};
use keel_core::plan::{self, Planned};
use keel_core::step::Step;
use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

/// A container between its end and its being stopped.
#[derive(Debug)]
pub(super) struct Finishing {
    /// How it ended; none: it could not be started.
    pub end: Option<End>,
    todo: VecDeque<Work>,
    running: Option<(Hook, Token, String)>,
    /// Held for hooks that want to enter them.
    namespaces: Vec<(&'static str, File)>,
    /// A post-stop hook failed.
    pub failed: bool,
}

#[derive(Debug)]
enum Work {
    Hook(Step, bool),
    Undo(Undo),
}

/// The namespaces of a process that are not ours, open.
pub(super) fn namespaces(pid: i32) -> Vec<(&'static str, File)> {
    let open = |(name, _): &(&'static str, u32)| {
        let file = File::open(format!("/proc/{pid}/ns/{name}")).ok()?;
        let own = std::fs::metadata(format!("/proc/self/ns/{name}")).ok()?;
        let theirs = file.metadata().ok()?;
        ((own.dev(), own.ino()) != (theirs.dev(), theirs.ino())).then_some((*name, file))
    };
    Namespaces::NAMES.iter().filter_map(open).collect()
}

impl Finishing {
    /// What there is to be done. `again`: it will be started again at once.
    pub(super) fn new(
        definition: &Definition,
        end: Option<End>,
        again: bool,
        undo: Option<Undo>,
        namespaces: Vec<(&'static str, File)>,
    ) -> Finishing {
        let request = plan::Request {
            name: definition.name.clone(),
            lxcpath: definition.lxcpath.clone(),
            environment: crate::observe::environment(&definition.config),
            ..plan::Request::default()
        };
        let target = if again { "reboot" } else { "stop" };
        let own = std::process::id();
        let files: Vec<(&str, String)> =
            namespaces.iter().map(|(name, file)| (*name, format!("/proc/{own}/fd/{}", file.as_raw_fd()))).collect();
        let hook = |post: bool| move |planned: Planned| Work::Hook(planned.step, post);
        let stop = plan::stop_hooks(&definition.config, &request, target, &files).into_iter().map(hook(false));
        let post = plan::hooks(&definition.config, &request, Kind::PostStop, &[("LXC_TARGET", target)]);
        let todo = stop.chain(undo.map(Work::Undo)).chain(post.into_iter().map(hook(true))).collect();
        Finishing { end, todo, running: None, namespaces, failed: false }
    }
}

impl Watch {
    /// Does what there is to be done, until a hook is to be waited for or nothing is left.
    pub(super) fn finish(&mut self, id: Id) {
        loop {
            let Some(container) = self.containers.get_mut(&id) else { return };
            let Some(finishing) = &mut container.finishing else { return };
            if finishing.running.is_some() {
                return;
            }
            match finishing.todo.pop_front() {
                None => break,
                Some(Work::Undo(undo)) => {
                    // What is held goes with them: interfaces come back when a network namespace is gone.
                    finishing.namespaces.clear();
                    for cause in undo.run() {
                        log::warn!("{}: {cause}", container.definition.name);
                    }
                }
                Some(Work::Hook(step, post)) => {
                    let Step::RunHook { shells, argv, envp } = &step else { continue };
                    let started = Program::new(shells, argv, envp).start().and_then(|hook| {
                        let token = self.events.add(&hook, Interest::Readable, What::Hook(id));
                        Ok((hook, token.map_err(crate::sys::errno)?))
                    });
                    match started {
                        Ok((hook, token)) => finishing.running = Some((hook, token, step.to_string())),
                        Err(errno) => {
                            finishing.failed |= post;
                            log::warn!("{}: {}", container.definition.name, Failure::errno(&step, errno));
                        }
                    }
                }
            }
        }
        self.finished(id);
    }

    /// A hook has ended.
    pub(super) fn hook_ended(&mut self, id: Id) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let Some(finishing) = &mut container.finishing else { return };
        let Some((hook, token, text)) = finishing.running.take() else { return };
        self.events.remove(token, &hook);
        if let Err(errno) = hook.result() {
            // What is left to be undone comes before the post-stop hooks.
            finishing.failed |= !finishing.todo.iter().any(|work| matches!(work, Work::Undo(_)));
            let errno: Errno = errno;
            log::warn!("{}: {}", container.definition.name, Failure::errno(text, errno));
        }
        self.finish(id);
    }
}
