//! The key that leaves a console: `^a q`. `^a ^a` types one `^a`; any other key after `^a` is typed with it.
//!
//! Pure: the state between two reads is a field, so that keys may come in any pieces.

/// Looks through what is typed.
#[derive(Clone, Copy, Debug)]
pub struct Escape {
    key: u8,
    pending: bool,
}

impl Escape {
    /// `key`: the control character.
    pub fn new(key: u8) -> Escape {
        Escape { key, pending: false }
    }

    /// The control character of `-e`: `^a`, `^A` or `a`.
    pub fn parse(word: &str) -> Option<u8> {
        let letter = word.strip_prefix('^').unwrap_or(word);
        match letter.as_bytes() {
            [c] if c.is_ascii_alphabetic() => Some(c.to_ascii_lowercase() - b'a' + 1),
            _ => None,
        }
    }

    /// The letter that goes with the control character.
    pub fn letter(key: u8) -> char {
        char::from(key - 1 + b'a')
    }

    /// What of `typed` goes on, and whether the user leaves (what is typed after that is dropped).
    pub fn filter(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::with_capacity(typed.len() + 1);
        for &byte in typed {
            match (self.pending, byte) {
                (false, b) if b == self.key => self.pending = true,
                (false, b) => out.push(b),
                (true, b'q') => return (out, true),
                (true, b) if b == self.key => {
                    self.pending = false;
                    out.push(b);
                }
                (true, b) => {
                    self.pending = false;
                    out.extend([self.key, b]);
                }
            }
        }
        (out, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut escape = Escape::new(1);
        let mut out = Vec::new();
        for piece in pieces {
            let (bytes, left) = escape.filter(piece);
            out.extend(bytes);
            if left {
                return (out, true);
            }
        }
        (out, false)
    }

    #[test]
    fn leaves_and_types_itself() {
        assert_eq!(all(&[b"ls\n\x01qrm"]), (b"ls\n".to_vec(), true));
        assert_eq!(all(&[b"\x01", b"q"]), (vec![], true));
        assert_eq!(all(&[b"\x01\x01q"]), (b"\x01q".to_vec(), false));
        assert_eq!(all(&[b"\x01x"]), (b"\x01x".to_vec(), false));
        assert_eq!(all(&[b"qqq"]), (b"qqq".to_vec(), false));
        assert_eq!(all(&[b"\x01\x01", b"\x01q"]), (b"\x01".to_vec(), true));
    }

    /// Every text of up to seven keys over {^a, q, x}, in one piece and key by key: the same comes out.
    #[test]
    fn pieces_make_no_difference() {
        let keys = [1u8, b'q', b'x'];
        for length in 0..=7u32 {
            for n in 0..3usize.pow(length) {
                let text: Vec<u8> = (0..length).map(|i| keys[n / 3usize.pow(i) % 3]).collect();
                let single: Vec<&[u8]> = text.chunks(1).collect();
                assert_eq!(all(&[&text]), all(&single), "{text:?}");
            }
        }
    }

    #[test]
    fn keys_of_the_option() {
        assert_eq!(Escape::parse("^a"), Some(1));
        assert_eq!(Escape::parse("B"), Some(2));
        assert_eq!(Escape::parse(""), None);
        assert_eq!(Escape::parse("^"), None);
        assert_eq!(Escape::parse("^ab"), None);
        assert_eq!(Escape::letter(2), 'b');
    }
}
