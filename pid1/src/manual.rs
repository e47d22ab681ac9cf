//! `--help` and the manual page, written from the tables: parameters, options and signals are documented where they are read.

use core::fmt::{Result, Write};

use crate::options::OPTIONS;
use crate::params::PARAMS;
use crate::signals::{Action, Name, TABLE};

/// Writes what `pid1 --help` prints.
///
/// # Errors
/// Those of `out`.
pub fn help(out: &mut impl Write) -> Result {
    out.write_str("usage: pid1 [-gsv] [keel.KEY=VALUE...] [--] PROGRAM [ARGUMENT...]\n       pid1 --getty TTY [--autologin USER] [--term TYPE]\n       as PID 1 of a machine or container without arguments: console logins\n\n")?;
    for o in &OPTIONS {
        writeln!(out, "  {}{}{}\n        {}", o.name, if o.form.is_empty() { "" } else { " " }, o.form, o.help)?;
    }
    out.write_str("\nparameters of the kernel command line:\n")?;
    for p in &PARAMS {
        writeln!(
            out,
            "  {}{}{}\n        {} [{}]",
            p.name,
            if p.form.is_empty() { "" } else { "=" },
            p.form,
            p.help,
            p.default
        )?;
    }
    Ok(())
}

/// Writes the manual page pid1(8), as man(7) source.
///
/// # Errors
/// Those of `out`.
pub fn page(out: &mut impl Write) -> Result {
    out.write_str(HEAD)?;
    out.write_str(".SH OPTIONS\n")?;
    for o in &OPTIONS {
        out.write_str(".TP\n.B \"")?;
        roff(out, o.name)?;
        out.write_str("\" \"")?;
        roff(out, o.form)?;
        out.write_str("\"\n")?;
        roff(out, o.help)?;
        out.write_str(".\n")?;
    }
    out.write_str(".SH PARAMETERS\n")?;
    out.write_str(PARAMETERS)?;
    for p in &PARAMS {
        out.write_str(".TP\n.BI \"")?;
        roff(out, p.name)?;
        out.write_str(if p.form.is_empty() { "" } else { "=" })?;
        out.write_str("\" \"")?;
        roff(out, p.form)?;
        out.write_str("\"\n")?;
        roff(out, p.help)?;
        out.write_str(".\nDefault: ")?;
        roff(out, p.default)?;
        out.write_str(".\n")?;
    }
    out.write_str(".SH SIGNALS\n")?;
    out.write_str(SIGNALS)?;
    for row in &TABLE {
        out.write_str(".TP\n.B ")?;
        writeln!(out, "{}", Name(row.signal))?;
        write!(out, "Machine: {}", row.machine)?;
        write!(out, ". Container: {}", row.container)?;
        if row.wrapper == Action::Forward || row.wrapper != row.container {
            write!(out, ". Around a payload: {}", row.wrapper)?;
        }
        out.write_str(".\nSent by: ")?;
        roff(out, row.senders)?;
        out.write_str(".\n")?;
    }
    out.write_str(TAIL)
}

/// Text for man(7): a hyphen is a minus, a backslash is itself.
fn roff(out: &mut impl Write, text: &str) -> Result {
    for c in text.chars() {
        match c {
            '-' => out.write_str("\\-")?,
            '\\' => out.write_str("\\e")?,
            '"' => out.write_str("\\(dq")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

const HEAD: &str = "\
.TH PID1 8 \"\" Keel
.SH NAME
pid1 \\- the first process of a guest
.SH SYNOPSIS
.B pid1
[\\fB\\-gsv\\fR] [\\fIKEY\\fR=\\fIVALUE\\fR...] [\\fB\\-\\-\\fR \\fIPROGRAM\\fR [\\fIARGUMENT\\fR...]]
.br
.B pid1 \\-\\-getty
\\fITTY\\fR [\\fB\\-\\-autologin\\fR \\fIUSER\\fR] [\\fB\\-\\-term\\fR \\fITYPE\\fR]
.SH DESCRIPTION
As the init of a machine, pid1 mounts what is not mounted yet, starts a login on every console, reaps, and ends the machine in order.
As the init of a container it does the same with what the container has.
With a program to run, it runs that in place of logins, forwards signals to it, and ends with it.
.PP
The words after \\fB\\-\\-\\fR on the kernel command line are the program of a machine.
";

const PARAMETERS: &str = "\
These are read from the kernel command line in a machine and from the arguments in a container.
Words are split as the kernel splits them: double quotes keep spaces together, and \\- and _ are the same in names.
Unknown words are left to others.
";

const SIGNALS: &str = "\
What is not listed here is forwarded to the payload.
To end in order means: TERM and CONT to all processes, KILL to those left after
.BR keel.grace_ms ,
unmount, sync.
At once means: without TERM and without grace.
Where the machine has an ACPI power button, pressing it is a power\\-off.
";

const TAIL: &str = "\
.SH EXIT STATUS
That of the payload; 128 + N if signal N ended it.
126: the payload cannot be executed.
127: there is no such program.
125: pid1 itself failed.
2: a wrong option.
.SH SEE ALSO
.BR bootparam (7),
.BR login (1),
.BR issue (5)
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_the_tables() {
        let mut page = String::new();
        super::page(&mut page).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/pid1.8");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == page,
            "pid1/pid1.8 is not what the tables say: UPDATE=1 cargo test -p pid1 --lib writes it"
        );
    }

    #[test]
    fn everything_is_in_help_and_page() {
        let (mut help, mut page) = (String::new(), String::new());
        super::help(&mut help).unwrap();
        super::page(&mut page).unwrap();
        for p in &PARAMS {
            assert!(help.contains(p.name) && help.contains(p.help), "{}", p.name);
        }
        for row in &TABLE {
            assert!(page.contains(&Name(row.signal).to_string()), "{}", Name(row.signal));
        }
        assert!(help.lines().all(|l| l.len() < 130));
    }
}
