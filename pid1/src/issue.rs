//! /etc/issue, with its escapes replaced (issue(5), as agetty(8) and busybox getty read it).
//!
//! Known: `\n` host name, `\l` terminal, `\s` system, `\r` release, `\v` version, `\m` machine, `\o` domain, `\\`. Date, time, users and
//! speed (`\d \t \u \U \b`) and what is not known print nothing.

/// What the escapes stand for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// `\l`
    pub line: &'a [u8],
    /// `\n`
    pub node: &'a [u8],
    /// `\s`
    pub system: &'a [u8],
    /// `\r`
    pub release: &'a [u8],
    /// `\v`
    pub version: &'a [u8],
    /// `\m`
    pub machine: &'a [u8],
    /// `\o`
    pub domain: &'a [u8],
}

/// Gives `text` to `out` piece by piece, the escapes replaced.
pub fn write(mut out: impl FnMut(&[u8]), text: &[u8], names: &Names<'_>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|c| *c == b'\\') {
        out(&rest[..at]);
        out(match rest.get(at + 1) {
            Some(b'\\') => b"\\",
            Some(b'l') => names.line,
            Some(b'n') => names.node,
            Some(b's') => names.system,
            Some(b'r') => names.release,
            Some(b'v') => names.version,
            Some(b'm') => names.machine,
            Some(b'o') => names.domain,
            _ => b"",
        });
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let names = Names {
            line: b"ttyS0",
            node: b"guest",
            system: b"Linux",
            release: b"6.1",
            version: b"#1",
            machine: b"x86_64",
            domain: b"lan",
        };
        let text = |s: &[u8]| {
            let mut out = Vec::new();
            write(|piece| out.extend_from_slice(piece), s, &names);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            text(b"Welcome to \\n (\\l)\n\\s \\r \\v \\m \\o \\\\\n"),
            "Welcome to guest (ttyS0)\nLinux 6.1 #1 x86_64 lan \\\n"
        );
        assert_eq!(text(b"a\\dx\\"), "ax");
        assert_eq!(text("é\\n".as_bytes()), "éguest");
        assert_eq!(text(b""), "");
    }
}
