//! One login on a terminal: the session, the issue text, the name, then the image's login(1) for the password.
//!
//! In a process of its own, which becomes the login and then the shell: when it ends, the login is over. Refused as names: what looks
//! like an option. Without login(1) only an automatic login can be had, which executes the user's shell.

use core::ffi::CStr;

use pid1::issue::Names;
use pid1::terminal::{is_user_name, kind};
use rustix::io::Errno;

use crate::sys::arguments::List;
use crate::sys::{Symbol, process, signal, stdio};
use crate::text::{Shown, Text, buffer};
use crate::{files, shell, tty};

/// The exit code for: there is no such terminal. Nothing but a change of the devices can help.
pub const NO_TERMINAL: u8 = 69;
/// The exit code for: the image has no login(1), or the user no shell.
pub const NO_LOGIN: u8 = 78;

/// The search path of a login.
pub const PATH: &CStr = c"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Which login.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The terminal, as a path or below /dev.
    pub terminal: &'a [u8],
    /// Who is logged in without a password.
    pub autologin: Option<&'a [u8]>,
    /// The terminal's type.
    pub term: Option<&'a [u8]>,
}

/// Does the login. Never comes back: it is replaced by login(1), or exits.
pub fn run(login: Login<'_>) -> ! {
    signal::reset();
    let name = login.terminal.strip_prefix(b"/dev/").unwrap_or(login.terminal);
    let path = if name.starts_with(b"/") { Text::<64>::of(&[name]) } else { Text::of(&[b"/dev/", name]) };
    let Some(path) = path else { fail(name, Errno::NAMETOOLONG) };
    let taken = tty::new_session().and_then(|()| tty::real_path(path.c_str()));
    let real = match taken.and_then(|real| tty::take(real.c_str()).map(|()| real)) {
        Ok(real) => real,
        Err(e) => fail(name, e),
    };
    let name = real.bytes().strip_prefix(b"/dev/").unwrap_or(name);
    let mut term = Text::<64>::new();
    term.push(b"TERM=");
    term.push(login.term.unwrap_or_else(|| kind(name)));

    match login.autologin {
        Some(user) => automatic(name, user, term.c_str()),
        None => ask(name, term.c_str()),
    }
}

fn fail(name: &[u8], e: Errno) -> ! {
    error!("no login on '{}': {}", Shown(name), Symbol(e));
    let gone = matches!(e, Errno::NOENT | Errno::NXIO | Errno::NODEV | Errno::IO | Errno::NOTTY);
    process::exit(if gone { NO_TERMINAL } else { crate::FAILED })
}

fn automatic(terminal: &[u8], user: &[u8], term: &CStr) -> ! {
    let Some(name) = Text::<64>::of(&[user]).filter(|_| is_user_name(user)) else {
        error!("'{}' is no user's name", Shown(user));
        process::exit(NO_LOGIN);
    };
    let e = login_program(&[c"-f", name.c_str()], term);
    if e != Errno::NOENT {
        error!("login(1) on '{}': {}", Shown(terminal), Symbol(e));
    }
    shell::run(user, term)
}

fn ask(terminal: &[u8], term: &CStr) -> ! {
    greet(terminal);
    let mut line = buffer::<128>();
    loop {
        prompt();
        let typed = match rustix::io::read(stdio::input(), &mut line[..]) {
            Ok(([], _)) => process::exit(0),
            Ok((typed, _)) => typed,
            Err(Errno::INTR) => continue,
            Err(_) => process::exit(1),
        };
        let user = typed.trim_ascii();
        if user.is_empty() {
            continue;
        }
        let Some(name) = Text::<64>::of(&[user]).filter(|_| is_user_name(user)) else {
            say(b"Login incorrect\n");
            continue;
        };
        let e = login_program(&[c"--", name.c_str()], term);
        error!(
            "no login on '{}': login(1): {} (keel.autologin=USER needs none, it starts USER's shell)",
            Shown(terminal),
            Symbol(e)
        );
        say(b"this image has no login program\n");
        process::exit(NO_LOGIN);
    }
}

/// Becomes login(1), or busybox as it. Comes back with an errno: ENOENT if there is none.
fn login_program(words: &[&CStr], term: &CStr) -> Errno {
    let mut argv = List::<5>::new();
    argv.push(c"login");
    words.iter().for_each(|word| argv.push(word));
    let mut environment = List::<4>::new();
    environment.push(term);
    environment.push(PATH);
    let mut result = Errno::NOENT;
    for path in [c"/bin/login", c"/usr/bin/login", c"/sbin/login"] {
        let e = process::exec(path, argv.vector(), environment.vector());
        if e != Errno::NOENT {
            result = e;
        }
    }
    result
}

/// Writes the issue text, its escapes replaced.
fn greet(terminal: &[u8]) {
    let mut text = buffer::<2048>();
    let Ok(issue) = files::read(c"/etc/issue", &mut text) else {
        return;
    };
    let system = rustix::system::uname();
    let names = Names {
        line: terminal,
        node: system.nodename().to_bytes(),
        system: system.sysname().to_bytes(),
        release: system.release().to_bytes(),
        version: system.version().to_bytes(),
        machine: system.machine().to_bytes(),
        domain: system.domainname().to_bytes(),
    };
    pid1::issue::write(say, issue, &names);
}

fn prompt() {
    let system = rustix::system::uname();
    let mut out = Text::<512>::new();
    out.push(system.nodename().to_bytes());
    out.push(b" login: ");
    say(out.bytes());
}

/// Writes to the terminal, all of it.
fn say(mut text: &[u8]) {
    while !text.is_empty() {
        match rustix::io::write(stdio::output(), text) {
            Ok(n) => text = &text[n..],
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
