//! What a manifest comes to with the user's choices: a list of things to write, and the writing.
//!
//! Planning reads the template and asks busybox for its applets; it refuses an unknown word, program or condition with
//! its line. Performing is one call of `Tree` for each.

use std::path::Path;

use super::manifest::{self, Make};
use super::program::{self, Program};
use super::template::{self, Template};
use super::tree::Tree;
use super::{Init, Password, Request, password};
use crate::fault::{Result, say, symbol};
use keel_core::failure::Failure;

/// The user's choices as a template sees them.
pub struct Choices {
    /// `@WORD@` and its value.
    pub words: Vec<(&'static str, String)>,
    /// `if KEY=VALUE`.
    conditions: Vec<(&'static str, &'static str)>,
    /// What the user should know.
    pub notes: Vec<String>,
    autologin: Option<String>,
}

impl Choices {
    /// `rootfs`: as the configuration is to say it.
    pub fn new(request: &Request, init: Init, rootfs: String) -> Result<Choices> {
        let mut notes = Vec::new();
        let stored = match &request.password {
            Password::Locked => password::LOCKED.to_owned(),
            Password::Plain(plain) => password::hash(plain)?,
            Password::Hash(hash) => password::check_hash(hash)?.to_owned(),
        };
        notes.push(match (&request.password, &request.autologin) {
            (Password::Locked, None) => {
                "root is locked: nobody can log in; give --password or --autologin, or use 'keel attach'".to_owned()
            }
            (Password::Locked, Some(_)) => "root is locked: there is no login with a password".to_owned(),
            _ => "root has a password".to_owned(),
        });
        let mut init_cmd = "/sbin/init".to_owned();
        let mut console_login = "/sbin/getty -L console 115200 vt100".to_owned();
        if let Some(user) = &request.autologin {
            // pid1 treats all its terminals alike.
            let place = if init == Init::Pid1 { "the console and the ttys" } else { "the console" };
            notes.push(format!("'{user}' is logged in on {place} without a password"));
            match init {
                Init::Pid1 => init_cmd += &format!(" keel.autologin={user}"),
                Init::Busybox => console_login = format!("/bin/login -f {user}"),
            }
        }
        // busybox's init: SIGUSR1 halts, SIGTERM reboots. pid1 takes what LXC sends when nothing is said.
        let (halt, reboot) = match init {
            Init::Pid1 => ("SIGPWR", "SIGINT"),
            Init::Busybox => ("SIGUSR1", "SIGTERM"),
        };
        Ok(Choices {
            words: vec![
                ("NAME", request.name.as_str().to_owned()),
                ("ROOTFS", rootfs),
                ("PASSWORD", stored),
                ("INIT_CMD", init_cmd),
                ("CONSOLE_LOGIN", console_login),
                ("HALT_SIGNAL", halt.to_owned()),
                ("REBOOT_SIGNAL", reboot.to_owned()),
                ("AUTODEV", u8::from(!request.static_dev).to_string()),
            ],
            conditions: vec![
                ("init", if init == Init::Pid1 { "pid1" } else { "busybox" }),
                ("dev", if request.static_dev { "static" } else { "auto" }),
            ],
            notes,
            autologin: request.autologin.clone(),
        })
    }

    fn hold(&self, when: &Option<(String, String)>) -> std::result::Result<bool, String> {
        let Some((key, value)) = when else { return Ok(true) };
        match self.conditions.iter().find(|(known, _)| known == key) {
            Some((_, chosen)) => Ok(chosen == value),
            None => {
                let known: Vec<&str> = self.conditions.iter().map(|(known, _)| *known).collect();
                Err(format!("condition '{key}' is none of {}", known.join(", ")))
            }
        }
    }
}

/// One thing to write. Paths are relative to the new root.
pub enum Work {
    Dir {
        path: String,
        mode: u32,
    },
    File {
        path: String,
        mode: u32,
        content: Vec<u8>,
    },
    Link {
        path: String,
        target: String,
    },
    /// A link where nothing is yet, with the directories above it.
    Applet {
        path: String,
        target: String,
    },
    Copy {
        path: String,
        mode: u32,
        program: std::rc::Rc<Program>,
    },
    Node {
        path: String,
        mode: u32,
        block: bool,
        major: u32,
        minor: u32,
    },
}

/// The work that a template means.
pub fn plan(
    template: &Template,
    programs: Vec<(&'static str, Program)>,
    choices: &Choices,
    notes: &mut Vec<String>,
) -> Result<Vec<Work>> {
    let label = template.label("manifest");
    let entries = manifest::parse(&label, &template.read_text("manifest")?)
        .map_err(|mistakes| Failure::new(mistakes.join("\n")))?;
    let programs: Vec<(&str, std::rc::Rc<Program>)> =
        programs.into_iter().map(|(name, program)| (name, program.into())).collect();
    let find = |name: &str| programs.iter().find(|(known, _)| *known == name).map(|(_, program)| program.clone());
    let mut work = Vec::with_capacity(entries.len());
    for entry in entries {
        let here = |why: String| Failure::new(format!("{label}:{}: {why}", entry.line));
        if !choices.hold(&entry.when).map_err(here)? {
            continue;
        }
        let one = match entry.make {
            Make::Dir { mode, path } => Work::Dir { path, mode },
            Make::Link { path, target } => Work::Link { path, target },
            Make::Node { mode, path, block, major, minor } => Work::Node { path, mode, block, major, minor },
            Make::File { mode, path, source } => {
                let content = filled(template, &source, choices)?;
                if path == "etc/passwd" {
                    check_user(choices, &content).map_err(here)?;
                }
                Work::File { path, mode, content }
            }
            Make::Program { mode, path, name } => match find(&name) {
                Some(program) => Work::Copy { path, mode, program },
                None => return Err(here(format!("no program '{name}' is given"))),
            },
            Make::Applets { path } => {
                let busybox = find("busybox").ok_or_else(|| here("no program 'busybox' is given".to_owned()))?;
                let listed = if template.has("applets") { template.read_text("applets")? } else { String::new() };
                let (names, asked) = program::applets(&busybox, &listed);
                let whence = if asked { "" } else { ", from the template's list: it does not run here" };
                notes.push(format!("'{}' with {} applets{whence}", busybox.path.display(), names.len()));
                work.extend(names.into_iter().map(|applet| {
                    let target = program::relative(&applet, &path);
                    Work::Applet { path: applet, target }
                }));
                continue;
            }
        };
        work.push(one);
    }
    Ok(work)
}

/// Text with its words filled in; what is no text is taken as it is.
fn filled(template: &Template, source: &str, choices: &Choices) -> Result<Vec<u8>> {
    let bytes = template.read(source)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(template::fill(&template.label(source), text, &choices.words)?.into_bytes()),
        Err(_) => Ok(bytes.into_owned()),
    }
}

/// The user to log in has to be in passwd(5).
fn check_user(choices: &Choices, passwd: &[u8]) -> std::result::Result<(), String> {
    let Some(user) = &choices.autologin else { return Ok(()) };
    let text = String::from_utf8_lossy(passwd);
    let users: Vec<&str> = text.lines().filter_map(|line| line.split(':').next()).collect();
    if users.contains(&user.as_str()) {
        return Ok(());
    }
    Err(format!("no user '{}' to log in, there is {}", user.escape_debug(), users.join(", ")))
}

impl Work {
    /// Writes it. `root` is for messages.
    pub fn perform(&self, tree: &Tree, root: &Path) -> Result<()> {
        let (what, path, done) = match self {
            Work::Dir { path, mode } => ("mkdir", path, tree.dir(path, *mode).map_err(Into::into)),
            Work::File { path, mode, content } => ("write", path, tree.file(path, *mode, content)),
            Work::Link { path, target } => ("symlink", path, tree.link(path, target).map_err(Into::into)),
            Work::Applet { path, .. } if tree.exists(path) => return Ok(()),
            Work::Applet { path, target } => {
                let done = tree.parents(path).and_then(|()| tree.link(path, target));
                ("symlink", path, done.map_err(Into::into))
            }
            Work::Copy { path, mode, program } => ("copy to", path, tree.copy(path, *mode, &program.file)),
            Work::Node { path, mode, block, major, minor } => {
                ("mknod", path, tree.node(path, *mode, *block, *major, *minor).map_err(Into::into))
            }
        };
        done.or_else(|error: std::io::Error| say(format!("{what} '{}': {}", root.join(path).display(), symbol(&error))))
    }
}
