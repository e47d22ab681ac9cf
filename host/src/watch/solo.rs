//! The supervisor of one container on an ordinary host: the loop from `keel start` to the container's end.
//!
//! In the background it tells `keel start` by a pipe how the start went; in the foreground the container's console is on
//! standard input and output, as bytes: the terminal itself never enters the container.
use super::container::{Definition, Id};
use super::end::End;
use super::events::Token;
use super::own_cgroup::OwnCgroup;
use super::{Event, Watch, failure};
use crate::console::output::Output;
use crate::console::terminal::{Raw, size, write_all};
use crate::control::protocol::State;
use crate::place::Lock;
use crate::sys::process::{self, Cloned};
use keel_core::failure::Failure;
use rustix::io::Errno;
use rustix::stdio::stdin;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::time::Duration;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;

/// Start it, go to the background and return when it runs, with what there is to be known of the start. `pidfile` gets
/// the supervisor's pid.
pub fn background(definition: Definition, lock: Lock, pidfile: Option<&str>) -> Result<Vec<String>, Failure> {
    let begun = std::io::pipe().map_err(|e| failure("pipe", &e)).and_then(|pipe| {
        let side = process::fork().map_err(|e| Failure::errno("fork", e))?;
        Ok((pipe, side))
    });
    let ((mut told, tell), side) = match begun {
        Ok(begun) => begun,
        Err(cause) => {
            lock.clear();
            return Err(cause);
        }
    };
    match side {
        Cloned::Parent { .. } => {
            drop(tell);
            // The lock goes on in the child: flock(2) ends with the last copy.
            drop(lock);
            let mut text = String::new();
            told.read_to_string(&mut text).map_err(|e| failure("read", &e))?;
            match text.split_at_checked(1) {
                Some(("+", notes)) => Ok(notes.lines().map(String::from).collect()),
                Some((_, why)) => Err(Failure::new(why)),
                None => Err(Failure::new("its supervisor died while starting it")),
            }
        }
        Cloned::Child { .. } => {
            drop(told);
            let failed = match prepare(&definition, pidfile) {
                Ok(own) => serve(definition, lock, Some(tell.into()), false, own).is_err(),
                Err(cause) => {
                    // EPIPE: `keel start` was killed meanwhile.
                    let _ = write_all(&tell, format!("-{cause}").as_bytes());
                    lock.clear();
                    true
                }
            };
            process::exit_now(i32::from(failed));
        }
    }
}

/// What a supervisor in the background does before anything else.
fn prepare(definition: &Definition, pidfile: Option<&str>) -> Result<OwnCgroup, Failure> {
    // Before the directory changes: the path is the caller's.
    if let Some(path) = pidfile {
        std::fs::write(path, std::process::id().to_string())
            .map_err(|e| failure(format_args!("write '{path}'"), &e))?;
    }
    detach()?;
    let comm = std::ffi::CString::new(format!("keel {}", definition.name)).unwrap_or_default();
    // For ps(1) only; cut to 15 bytes by the kernel.
    let _ = rustix::thread::set_name(&comm);
    crate::kmsg::to_configured(&definition.config.log)?;
    own_mounts(definition)?;
    OwnCgroup::enter(&definition.config.cgroup_dir)
}

/// `lxc.monitor.unshare`: what hooks of the supervisor mount stays its own.
fn own_mounts(definition: &Definition) -> Result<(), Failure> {
    use rustix::mount::{MountPropagationFlags, mount_change};
    if !definition.config.monitor.unshare {
        return Ok(());
    }
    process::unshare(keel_core::facts::Namespaces::MNT).map_err(|e| Failure::errno("unshare", e))?;
    let flags = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    mount_change("/", flags).map_err(|e| failure("mount --make-rslave /", &e.into()))
}

/// Start it and stay until it ends, with its console here; how it ended.
pub fn foreground(definition: Definition, lock: Lock) -> Result<Option<End>, Failure> {
    let prepared = crate::kmsg::to_configured(&definition.config.log)
        .and_then(|()| own_mounts(&definition))
        .and_then(|()| OwnCgroup::enter(&definition.config.cgroup_dir));
    match prepared {
        Ok(own) => serve(definition, lock, None, true, own),
        Err(cause) => {
            lock.clear();
            Err(cause)
        }
    }
}

/// A session of its own, nothing of the caller's kept.
fn detach() -> Result<(), Failure> {
    rustix::process::setsid().map_err(|e| failure("setsid", &e.into()))?;
    rustix::process::chdir("/").map_err(|e| failure("chdir '/'", &e.into()))?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null");
    let null = null.map_err(|e| failure("open '/dev/null'", &e))?;
    let standard = rustix::stdio::dup2_stdin(&null)
        .and_then(|()| rustix::stdio::dup2_stdout(&null))
        .and_then(|()| rustix::stdio::dup2_stderr(&null));
    standard.map_err(|e| failure("dup2", &e.into()))
}

fn serve(
    definition: Definition,
    lock: Lock,
    tell: Option<OwnedFd>,
    foreground: bool,
    own: OwnCgroup,
) -> Result<Option<End>, Failure> {
    let left = own.left();
    let mut own = Some(own);
    let terminal = foreground && !definition.inherit;
    let mut tell = tell;
    let mut say = |text: &str| {
        if let Some(pipe) = tell.take() {
            // EPIPE: `keel start` was killed meanwhile.
            let _ = write_all(&pipe, text.as_bytes());
        }
    };
    let begun = match Watch::new() {
        Ok(mut watch) => watch.adopt(definition, lock).map(|id| (watch, id)),
        Err(cause) => {
            lock.clear();
            Err(cause)
        }
    };
    let (mut watch, id) = match begun {
        Ok(begun) => begun,
        Err(cause) => {
            say(&format!("-{cause}"));
            return Err(cause);
        }
    };
    let mut terminal = terminal.then(Terminal::default);
    let mut output = Output::open();
    if let Some(fd) = output.descriptor().filter(|_| terminal.is_some()) {
        // EPERM: a descriptor that is never waited for.
        let _ = watch.own_changes(fd, STDOUT);
    }
    if let Some(container) = watch.container_mut(id) {
        container.forward = terminal.is_some();
        container.left_by_supervisor = left;
    }
    watch.launch(id);
    let mut started = false;
    loop {
        match watch.next()? {
            Event::Changed => {
                let Some(container) = watch.container(id) else { return Ok(None) };
                let (running, over) = (container.state == State::Running, container.is_over());
                let (cause, end) = (container.last_failure().cloned(), container.last_end());
                if running {
                    let notes = container.notes.join("\n");
                    if foreground && !std::mem::replace(&mut started, true) {
                        notes.lines().for_each(|note| eprint!("keel: {}: {note}\r\n", container.name()));
                    }
                    started = true;
                    say(&format!("+{notes}"));
                    if let Some(terminal) = &mut terminal {
                        terminal.connect(&mut watch, id);
                    }
                }
                if over {
                    // The last words are in the queue of the loop, behind this event.
                    while let Some(bytes) = watch.next_output() {
                        output.say(&bytes);
                    }
                    output.finish();
                    drop(terminal);
                    drop(own.take());
                    return match cause {
                        Some(cause) if !started => {
                            say(&format!("-{cause}"));
                            Err(cause)
                        }
                        _ => {
                            // It ran, and was over before we looked.
                            say("+");
                            Ok(end)
                        }
                    };
                }
            }
            Event::Output(bytes) => {
                output.say(&bytes);
                watch.hold_console(id, output.is_full());
            }
            Event::Own(STDOUT) => {
                output.flush();
                watch.hold_console(id, output.is_full());
            }
            Event::Own(STDIN) => {
                if let Some(terminal) = &mut terminal {
                    terminal.typed(&mut watch, id);
                }
            }
            Event::Room => {
                if let Some(terminal) = &mut terminal {
                    terminal.listen(&mut watch);
                }
            }
            Event::Own(_) | Event::Ended(_) => {}
            Event::Signal(caught) => forward(&mut watch, id, caught.signal, foreground),
        }
    }
}

/// As LXC's monitor: SIGHUP is SIGTERM for the first program, the others are passed on; those that concern this process
/// and its terminal alone are not.
fn forward(watch: &mut Watch, id: Id, signal: i32, foreground: bool) {
    match signal {
        libc::SIGHUP => watch.signal_init(id, libc::SIGTERM),
        libc::SIGWINCH if foreground => {
            if let Some(size) = size(stdin()) {
                watch.console_size(id, size);
            }
        }
        libc::SIGWINCH | libc::SIGPIPE | libc::SIGCONT | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => {}
        signal => watch.signal_init(id, signal),
    }
}

/// Standard input, connected to the container's console while that runs.
#[derive(Debug, Default)]
struct Terminal {
    raw: Option<Raw<'static>>,
    token: Option<Token>,
    ended: bool,
}

impl Terminal {
    /// The container runs.
    fn connect(&mut self, watch: &mut Watch, id: Id) {
        if let Some(size) = size(stdin()) {
            watch.console_size(id, size);
        }
        // ENOTTY: standard input is no terminal, and nothing is to be made raw.
        self.raw = self.raw.take().or_else(|| Raw::enter(stdin()).ok());
        self.listen(watch);
    }

    /// Report input.
    fn listen(&mut self, watch: &mut Watch) {
        if self.ended || self.token.is_some() {
            return;
        }
        match watch.own(stdin(), STDIN) {
            Ok(token) => self.token = Some(token),
            // A file is always readable; epoll_ctl(2) says EPERM. It is read as the console takes it.
            Err(Errno::PERM) => watch.own_deadline(Duration::ZERO, STDIN),
            Err(_) => self.ended = true,
        }
    }

    /// Report none for now: it would be reported for ever.
    fn pause(&mut self, watch: &mut Watch) {
        if let Some(token) = self.token.take() {
            watch.disown(token, stdin());
        }
    }

    fn typed(&mut self, watch: &mut Watch, id: Id) {
        if self.ended || watch.console_is_full(id) {
            return self.pause(watch);
        }
        let mut buffer = [0u8; 1024];
        match rustix::io::read(stdin(), &mut buffer) {
            Ok(0) | Err(Errno::IO) => {
                self.ended = true;
                self.pause(watch);
            }
            Ok(n) => {
                watch.console_input(id, &buffer[..n]);
                match (watch.console_is_full(id), self.token) {
                    // Goes on with `Event::Room`.
                    (true, _) => self.pause(watch),
                    (false, None) => watch.own_deadline(Duration::ZERO, STDIN),
                    (false, Some(_)) => {}
                }
            }
            Err(_) => {}
        }
    }
}
