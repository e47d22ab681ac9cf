//! Manual pages in roff's man(7) macros, made from the tables.

use super::{COMMANDS, Command, spelled};
use crate::config::lxc;
use alloc::format;
use alloc::string::String;

/// The page of one command, keel-NAME(1).
pub fn man(command: &Command) -> String {
    let title = format!("keel-{}", command.name);
    let mut out = head(&title, 1, command.summary);
    out += ".SH SYNOPSIS\n";
    out += &format!(".B keel {}\n[\\fIOPTIONS\\fR] {}\n", text(command.name), text(command.operands));
    for lxc in command.lxc {
        out += &format!(".br\n.B {}\n[\\fIOPTIONS\\fR] {}\n", text(lxc), text(command.operands));
    }
    if !command.about.is_empty() {
        out += ".SH DESCRIPTION\n";
        for paragraph in command.about {
            out += &format!(".PP\n{}\n", text(paragraph));
        }
    }
    out += ".SH OPTIONS\n";
    for row in command.options() {
        let later = if row.ready { "" } else { " (an option of LXC; not available yet)" };
        tagged(&mut out, spelled(row).trim_start(), &format!("{}{later}", row.help));
    }
    if !command.exits.is_empty() {
        out += ".SH EXIT STATUS\n";
        for (code, meaning) in command.exits {
            tagged(&mut out, code, meaning);
        }
    }
    if !command.examples.is_empty() {
        out += ".SH EXAMPLES\n";
        for (line, what) in command.examples {
            tagged(&mut out, line, what);
        }
    }
    out += ".SH SEE ALSO\n.BR keel (1)\n";
    out
}

/// The page keel(1): all commands, and the kernel command line as the caller has it: `(PARAMETER, meaning)`.
pub fn man_overview(boot: &[(&str, &str)]) -> String {
    let mut out = head("keel", 1, "boot from the ramdisk and run containers from init");
    out += ".SH SYNOPSIS\n.B keel\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n";
    out += ".SH DESCRIPTION\n.PP\n";
    out += &text(
        "As /init of a ramdisk keel mounts what early boot needs, sets up cgroups, devices and shared memory, starts \
         containers and supervises them. As a command it makes, starts, stops and enters containers described by LXC's \
         configuration files; under a name of LXC's tools (lxc-start ..) it is that tool.",
    );
    out += "\n.SH COMMANDS\n";
    for command in COMMANDS.iter().filter(|c| !c.is_template()) {
        tagged(&mut out, command.name, command.summary);
    }
    if !boot.is_empty() {
        out += ".SH BOOT\n.PP\n";
        out += &text("As process 1 keel reads these words of the kernel command line; unknown words are no errors.");
        out.push('\n');
        for (name, meaning) in boot {
            tagged(&mut out, name, meaning);
        }
    }
    out += ".SH FILES\n";
    tagged(&mut out, "/var/lib/lxc/NAME/config", "the configuration of the container NAME");
    tagged(&mut out, "/etc/lxc/default.conf", "what a new configuration begins with");
    out += ".SH SEE ALSO\n.BR keel\\-config (5)\n";
    out
}

/// The page keel-config(5): every key of LXC's files, with its old names and what becomes of it.
pub fn man_config() -> String {
    let mut out = head("keel-config", 5, "the configuration of a container");
    out += ".SH DESCRIPTION\n";
    for paragraph in [
        "A container's configuration is a file of LXC, of any release from 0.6 on: one key = value a line. A line that begins \
         with # is a comment; a value may stand in one pair of quotes; an empty value clears what was set before. Lines \
         that begin with neither lxc. nor keel. are read over. The last of several values holds, where the key is no list.",
        "All mistakes of a file are said, each with its line. An unknown key is a warning, a wrong value an error.",
        "Old names are understood as well as present ones, and tell whose defaults hold: without a network key a file with \
         names of LXC 0.x shares the host's network, a later one has an empty network; with names of LXC 0.x or 1.0 \
         lxc.autodev is off, later it is on.",
    ] {
        out += &format!(".PP\n{}\n", text(paragraph));
    }
    out += ".SH KEYS\n";
    for key in lxc::KEYS {
        let mut meaning = String::from(key.help);
        if key.list {
            meaning += "; may be repeated";
        }
        // `lxc.cgroup` without its dot is no name of its own.
        for (old, _) in key.old.iter().filter(|(old, _)| key.name.strip_suffix('.') != Some(*old)) {
            meaning += &format!("; once {old}");
        }
        match key.gone() {
            Some(why) => meaning += &format!(" (without effect: {why})"),
            None if !key.in_force() => meaning += " (without effect)",
            None => {}
        }
        let shown = if key.name.ends_with('.') { format!("{}NAME", key.name) } else { String::from(key.name) };
        tagged(&mut out, &shown, &meaning);
    }
    out += ".SH SEE ALSO\n.BR keel (1)\n";
    out
}

/// The head of a page: title, section, name line.
pub(crate) fn head(title: &str, section: u8, summary: &str) -> String {
    format!(
        ".TH \"{}\" \"{section}\" \"\" \"keel {}\"\n.SH NAME\n{} \\- {}\n",
        text(&title.to_ascii_uppercase()),
        env!("CARGO_PKG_VERSION"),
        text(title),
        text(summary)
    )
}

/// A term and its explanation.
pub(crate) fn tagged(out: &mut String, term: &str, meaning: &str) {
    *out += &format!(".TP\n\\fB{}\\fR\n{}\n", text(term), text(meaning));
}

/// Plain text for roff: backslashes, minus signs, and a line's first dot or quote, which would be a request.
pub(crate) fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for line in plain.split_inclusive('\n') {
        if line.starts_with(['.', '\'']) {
            out += "\\&";
        }
        for c in line.chars() {
            match c {
                '\\' => out += "\\e",
                '-' => out += "\\-",
                '\'' => out += "\\(aq",
                '`' => out += "\\(ga",
                '^' => out += "\\(ha",
                '~' => out += "\\(ti",
                _ => out.push(c),
            }
        }
    }
    out
}
