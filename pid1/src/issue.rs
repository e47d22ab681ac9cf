//! /etc/issue, with its escapes replaced (issue(5), as agetty(8) and busybox getty read it).
//!
//! Known: `\n` host name, `\l` terminal, `\s` system, `\r` release, `\v` version, `\m` machine, `\o` domain, `\\`. Date, time, users and
//! speed (`\d \t \u \U \b`) and what is not known print nothing.

use core::fmt::{Result, Write};

/// What the escapes stand for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// `\l`
    pub line: &'a str,
    /// `\n`
    pub node: &'a str,
    /// `\s`
    pub system: &'a str,
    /// `\r`
    pub release: &'a str,
    /// `\v`
    pub version: &'a str,
    /// `\m`
    pub machine: &'a str,
    /// `\o`
    pub domain: &'a str,
}

/// Writes `text` to `out` with the escapes replaced. Bytes that are not UTF-8 become `?`.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, text: &[u8], names: &Names<'_>) -> Result {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|c| *c == b'\\') {
        plain(out, &rest[..at])?;
        match rest.get(at + 1) {
            Some(b'\\') => out.write_char('\\')?,
            Some(b'l') => out.write_str(names.line)?,
            Some(b'n') => out.write_str(names.node)?,
            Some(b's') => out.write_str(names.system)?,
            Some(b'r') => out.write_str(names.release)?,
            Some(b'v') => out.write_str(names.version)?,
            Some(b'm') => out.write_str(names.machine)?,
            Some(b'o') => out.write_str(names.domain)?,
            _ => {}
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    plain(out, rest)
}

fn plain(out: &mut impl Write, text: &[u8]) -> Result {
    for chunk in text.utf8_chunks() {
        out.write_str(chunk.valid())?;
        if !chunk.invalid().is_empty() {
            out.write_char('?')?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let names = Names {
            line: "ttyS0",
            node: "guest",
            system: "Linux",
            release: "6.1",
            version: "#1",
            machine: "x86_64",
            domain: "lan",
        };
        let text = |s: &[u8]| {
            let mut out = String::new();
            write(&mut out, s, &names).unwrap();
            out
        };
        assert_eq!(
            text(b"Welcome to \\n (\\l)\n\\s \\r \\v \\m \\o \\\\\n"),
            "Welcome to guest (ttyS0)\nLinux 6.1 #1 x86_64 lan \\\n"
        );
        assert_eq!(text(b"a\\dx\\"), "ax");
        assert_eq!(text(b"\xff\\n"), "?guest");
        assert_eq!(text(b""), "");
    }
}
