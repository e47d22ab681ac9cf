//! The kernel command line, split as the kernel splits it (`next_arg()` in lib/cmdline.c, `parse_args()` in kernel/params.c).
//!
//! Refuses nothing: every byte string is a command line. Nothing is unescaped, as the kernel knows no escapes.

/// A word of the command line: a name, and what follows its `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// What stands before the `=`, or the whole word.
    pub name: &'a [u8],
    /// What stands behind it, without the quotes around it; `None` where there is no `=`.
    pub value: Option<&'a [u8]>,
}

impl Word<'_> {
    /// Is this the parameter `name`? To the kernel `-` and `_` are the same in parameter names (`parameqn()`).
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        same_name(self.name, name.as_bytes())
    }
}

/// Are these two the same parameter name, `-` and `_` being equal?
#[must_use]
pub fn same_name(a: &[u8], b: &[u8]) -> bool {
    let fold = |c: &u8| if *c == b'-' { b'_' } else { *c };
    a.iter().map(fold).eq(b.iter().map(fold))
}

/// The words of a command line, in order; `--` is a word like others here.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    rest: &'a [u8],
}

/// The words of `line`. A NUL ends it, as it ends the kernel's string; the newline of /proc/cmdline is a space.
#[must_use]
pub fn words(line: &[u8]) -> Words<'_> {
    let end = line.iter().position(|c| *c == 0).unwrap_or(line.len());
    Words { rest: skip_spaces(&line[..end]) }
}

/// The parameters: the words before `--`.
pub fn parameters(line: &[u8]) -> impl Iterator<Item = Word<'_>> + Clone {
    words(line).take_while(|w| !is_separator(w))
}

/// The arguments for init: the words after the first `--`. A later `--` is an argument.
#[must_use]
pub fn arguments(line: &[u8]) -> Words<'_> {
    let mut all = words(line);
    for word in all.by_ref() {
        if is_separator(&word) {
            break;
        }
    }
    all
}

fn is_separator(word: &Word<'_>) -> bool {
    word.value.is_none() && word.name == b"--"
}

/// lib/ctype.c: the ASCII spaces and Latin-1's no-break space.
fn is_space(c: u8) -> bool {
    matches!(c, b'\t'..=b'\r' | b' ' | 0xa0)
}

fn skip_spaces(s: &[u8]) -> &[u8] {
    let start = s.iter().position(|c| !is_space(*c)).unwrap_or(s.len());
    &s[start..]
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let first = *self.rest.first()?;
        let quoted = first == b'"';
        let text = if quoted { &self.rest[1..] } else { self.rest };

        let mut in_quote = quoted;
        // Zero means "none yet": the kernel uses the index for both, so a `=` in the first place is part of the name.
        let mut equals = 0;
        let mut len = text.len();
        for (i, c) in text.iter().enumerate() {
            if is_space(*c) && !in_quote {
                len = i;
                break;
            }
            if equals == 0 && *c == b'=' {
                equals = i;
            }
            if *c == b'"' {
                in_quote = !in_quote;
            }
        }
        let (word, after) = text.split_at(len);
        self.rest = skip_spaces(after);

        let ends_quoted = word.last() == Some(&b'"');
        let unquoted = &word[..len - usize::from(ends_quoted)];
        if equals == 0 {
            return Some(Word { name: if quoted { unquoted } else { word }, value: None });
        }
        let value_quoted = word.get(equals + 1) == Some(&b'"');
        let start = equals + 1 + usize::from(value_quoted);
        let whole = if value_quoted || quoted { unquoted } else { word };
        // `a="` has its only quote at both ends: the value is empty.
        Some(Word { name: &word[..equals], value: Some(whole.get(start..).unwrap_or_default()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference: a C string and pointers into it, as the kernel has them, written for comparison with the kernel's text.
    fn reference(line: &[u8]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut buf: Vec<u8> = line.iter().copied().take_while(|c| *c != 0).collect();
        buf.extend([0, 0]);
        let string = |buf: &[u8], at: usize| buf[at..].iter().copied().take_while(|c| *c != 0).collect::<Vec<u8>>();
        let mut args = 0;
        while is_space(buf[args]) {
            args += 1;
        }
        let mut out = Vec::new();
        while buf[args] != 0 {
            let quoted = buf[args] == b'"';
            args += usize::from(quoted);
            let (mut in_quote, mut equals, mut i) = (quoted, 0, 0);
            while buf[args + i] != 0 && (in_quote || !is_space(buf[args + i])) {
                if equals == 0 && buf[args + i] == b'=' {
                    equals = i;
                }
                if buf[args + i] == b'"' {
                    in_quote = !in_quote;
                }
                i += 1;
            }
            let mut val = None;
            if equals != 0 {
                buf[args + equals] = 0;
                let mut v = args + equals + 1;
                if buf[v] == b'"' {
                    v += 1;
                    if buf[args + i - 1] == b'"' {
                        buf[args + i - 1] = 0;
                    }
                }
                val = Some(v);
            }
            if quoted && i > 0 && buf[args + i - 1] == b'"' {
                buf[args + i - 1] = 0;
            }
            let more = buf[args + i] != 0;
            if more {
                buf[args + i] = 0;
            }
            out.push((string(&buf, args), val.map(|v| string(&buf, v))));
            args += i + usize::from(more);
            while is_space(buf[args]) {
                args += 1;
            }
        }
        out
    }

    fn split(line: &[u8]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        words(line).map(|w| (w.name.to_vec(), w.value.map(<[u8]>::to_vec))).collect()
    }

    #[test]
    fn every_line_over_a_small_alphabet_splits_as_the_reference_does() {
        let alphabet = b"a=\" -\xa0";
        let mut count = 0;
        for len in 0..=8u32 {
            for n in 0..(alphabet.len() as u64).pow(len) {
                let mut n = n;
                let line: Vec<u8> = (0..len)
                    .map(|_| {
                        let c = alphabet[(n % alphabet.len() as u64) as usize];
                        n /= alphabet.len() as u64;
                        c
                    })
                    .collect();
                assert_eq!(split(&line), reference(&line), "{:?}", String::from_utf8_lossy(&line));
                count += 1;
            }
        }
        assert_eq!(count, (0..=8).map(|l| 6u64.pow(l)).sum::<u64>());
    }

    #[test]
    fn quotes_group_and_vanish() {
        let line = b"quiet root=\"/dev/my disk\" \"foo=a b\" =x= a=b=c\n";
        let got: Vec<_> = words(line).collect();
        assert_eq!(got[0], Word { name: b"quiet", value: None });
        assert_eq!(got[1], Word { name: b"root", value: Some(b"/dev/my disk") });
        assert_eq!(got[2], Word { name: b"foo", value: Some(b"a b") });
        assert_eq!(got[3], Word { name: b"=x", value: Some(b"") });
        assert_eq!(got[4], Word { name: b"a", value: Some(b"b=c") });
        assert_eq!(got.len(), 5);
    }

    #[test]
    fn arguments_stand_behind_the_first_separator() {
        let line = b"a=1 b -- /bin/app -- \"x y\"";
        assert_eq!(parameters(line).count(), 2);
        assert_eq!(arguments(line).map(|w| w.name).collect::<Vec<_>>(), [&b"/bin/app"[..], b"--", b"x y"]);
        assert_eq!(arguments(b"a b --c").count(), 0);
        assert_eq!(arguments(b"a \"--\" c").count(), 1);
        assert_eq!(arguments(b"--=1 c").count(), 0);
    }

    #[test]
    fn dashes_and_underscores_are_one_in_names() {
        let word = words(b"keel.grace-ms=5").next().unwrap();
        assert!(word.is("keel.grace_ms"));
        assert!(!word.is("keel.grace_m"));
        assert!(!word.is("keel.grace_msx"));
    }
}
