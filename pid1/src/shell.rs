//! An automatic login where the image has no login(1): the user's own shell, with the user's ids and environment.
//!
//! Supplementary groups are not set: they are login(1)'s business.

use core::ffi::CStr;

use rustix::fs::{Gid, Uid};
use rustix::io::Errno;

use crate::files;
use crate::login::{NO_LOGIN, PATH};
use crate::sys::arguments::List;
use crate::sys::{Symbol, process, stdio};
use crate::text::{Shown, Text, buffer};

/// Becomes the shell of `name`. Never comes back.
pub fn run(name: &[u8], term: &CStr) -> ! {
    let mut text = buffer::<16384>();
    let text = match files::read(c"/etc/passwd", &mut text) {
        Ok(text) => text,
        Err(Errno::NOENT) => b"",
        Err(e) => fail(format_args!("'/etc/passwd': {}", Symbol(e))),
    };
    let Some(user) = pid1::passwd::user(text, name) else {
        fail(format_args!("'/etc/passwd' has no user '{}'", Shown(name)))
    };
    let base = user.shell.rsplit(|c| *c == b'/').next().unwrap_or(user.shell);
    // A dash before its name makes a shell a login shell.
    let parts: [[&[u8]; 2]; 7] = [
        [b"HOME=", user.home],
        [b"USER=", name],
        [b"LOGNAME=", name],
        [b"SHELL=", user.shell],
        [b"-", base],
        [b"", user.shell],
        [b"", user.home],
    ];
    let mut texts = [const { Text::<512>::new() }; 7];
    for (text, part) in texts.iter_mut().zip(parts) {
        if !part.iter().all(|piece| text.push(piece)) {
            fail(format_args!("'/etc/passwd': the line of '{}' is too long", Shown(name)));
        }
    }
    let [variables @ .., argv0, path, directory] = &texts;
    let mut environment = List::<8>::new();
    for variable in variables {
        environment.push(variable.c_str());
    }
    environment.push(term);
    environment.push(PATH);
    let mut argv = List::<2>::new();
    argv.push(argv0.c_str());

    let _ = rustix::fs::fchown(stdio::input(), Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)));
    let _ = rustix::fs::fchmod(stdio::input(), rustix::fs::Mode::from_raw_mode(0o620));
    if let Err(e) = process::become_user(user.uid, user.gid) {
        fail(format_args!("user '{}': {}", Shown(name), Symbol(e)));
    }
    // Nobody is locked out for the lack of a home.
    if rustix::process::chdir(directory.c_str()).is_err() {
        let _ = rustix::process::chdir(c"/");
    }
    let e = process::exec(path.c_str(), argv.vector(), environment.vector());
    fail(format_args!("the image has neither login(1) nor a shell '{}': {}", Shown(user.shell), Symbol(e)))
}

fn fail(text: core::fmt::Arguments<'_>) -> ! {
    error!("no automatic login: {text}");
    process::exit(NO_LOGIN)
}
