//! `pid1` where it is not PID 1: one login for another init, or a wrapper that is no init (`-s`: with its descendants' orphans).

use pid1::options::{Options, Wrong};
use pid1::settings::Settings;
use rustix::io::Errno;

use crate::login::Login;
use crate::sys::arguments::Arguments;
use crate::sys::process::{self, Fork, Kind};
use crate::sys::{Symbol, signal};
use crate::text::Shown;
use crate::{FAILED, kmsg, login, start, tty};

/// The exit code for a wrong command line.
pub const USAGE: u8 = 2;

/// Does what the arguments say.
pub fn run(arguments: Arguments) -> ! {
    let (options, mut settings) = match start::read_words(arguments) {
        Ok(read) => read,
        Err(wrong) => refuse(wrong),
    };
    print_and_exit(&options);
    if let Some(terminal) = options.getty {
        kmsg::begin(settings.loglevel);
        kmsg::open();
        in_own_session();
        let autologin = options.autologin.or(settings.autologin);
        login::run(Login { terminal, autologin, term: options.term.or(settings.term) });
    }
    if arguments.words.len() <= 1 + options.taken {
        say(format_args!("nothing to run: pid1 is not PID 1 here (--help says more)"));
        process::exit(USAGE);
    }
    if options.subreaper
        && let Err(e) = rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
    {
        say(format_args!("-s: {}", Symbol(e)));
        process::exit(FAILED);
    }
    signal::block();
    kmsg::begin(settings.loglevel);
    kmsg::open_for_each_line();
    settings.forward_to_group |= options.group;
    start::wrap(settings, arguments, 1 + options.taken)
}

/// A login needs a session. The leader of a group cannot begin one: then a child does, and this process waits for it.
fn in_own_session() {
    if tty::new_session().is_ok() {
        return;
    }
    match process::fork(Kind::default()) {
        Ok(Fork::Child) => {}
        Ok(Fork::Parent(child)) => loop {
            match process::reap_waiting() {
                Ok((pid, status)) if pid == child.pid => process::exit(status.exit_code()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => process::exit(FAILED),
            }
        },
        Err(e) => {
            say(format_args!("fork: {}", Symbol(e)));
            process::exit(FAILED)
        }
    }
}

/// `--help` and `--version`.
pub fn print_and_exit(options: &Options<'_>) {
    if options.help {
        let _ = pid1::manual::help(&mut Standard(1));
    } else if options.version {
        let _ = core::fmt::Write::write_fmt(&mut Standard(1), format_args!("pid1 {}\n", env!("CARGO_PKG_VERSION")));
    } else {
        return;
    }
    process::exit(0)
}

/// Names a wrong word, and exits.
pub fn refuse(wrong: Wrong<'_>) -> ! {
    match wrong {
        Wrong::Unknown(word) => {
            let known = pid1::options::OPTIONS.iter().map(|o| o.name);
            match pid1::nearest::nearest(word, known) {
                Some(near) => say(format_args!("unknown option '{}' (did you mean '{near}'?)", Shown(word))),
                None => say(format_args!("unknown option '{}' (--help lists them)", Shown(word))),
            }
        }
        Wrong::NoValue(word) => say(format_args!("'{}' needs a value", Shown(word))),
    }
    process::exit(USAGE)
}

/// Warns of parameters that could not be used.
pub fn complain(settings: &mut Settings<'static>, word: &'static [u8]) {
    for word in pid1::cmdline::words(word) {
        if let Err(complaint) = settings.take(&word) {
            start::complain(complaint);
        }
    }
}

fn say(text: core::fmt::Arguments<'_>) {
    let _ = core::fmt::Write::write_fmt(&mut Standard(2), format_args!("pid1: {text}\n"));
}

/// Standard output or error, of a process that is not PID 1 or is about to exit.
struct Standard(i32);

impl core::fmt::Write for Standard {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let mut text = s.as_bytes();
        let Some(fd) = process::open_descriptor(self.0) else {
            return Ok(());
        };
        while !text.is_empty() {
            match rustix::io::write(fd, text) {
                Ok(n) => text = &text[n..],
                Err(Errno::INTR) => {}
                Err(_) => return Err(core::fmt::Error),
            }
        }
        Ok(())
    }
}
