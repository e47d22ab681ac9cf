//! Names of terminals: which of them get a login, what they are called under /dev, what type they are.
//!
//! A name is a path below /dev without anything that leads elsewhere; at most [`MOST`] terminals are kept.

/// How many terminals there can be.
pub const MOST: usize = 8;

/// A short list of terminals' names, each once.
#[derive(Clone, Copy, Debug)]
pub struct Terminals<'a> {
    names: [&'a [u8]; MOST],
    len: usize,
}

impl Default for Terminals<'_> {
    fn default() -> Self {
        Terminals::new()
    }
}

impl<'a> Terminals<'a> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Terminals { names: [b""; MOST], len: 0 }
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.names.into_iter().take(self.len)
    }

    /// The main one: the last.
    #[must_use]
    pub fn main(&self) -> Option<&'a [u8]> {
        self.iter().last()
    }

    /// Adds `name` at the end; one that is there already moves there. `None` if it is no name, or too many are there.
    pub fn add(&mut self, name: &'a [u8]) -> Option<()> {
        if !is_name(name) {
            return None;
        }
        if let Some(at) = self.iter().position(|n| n == name) {
            self.names[at..self.len].rotate_left(1);
            return Some(());
        }
        *self.names.get_mut(self.len)? = name;
        self.len += 1;
        Some(())
    }

    /// Adds what a `console=` names. `console=null` and an empty one turn the console off and are no terminals. The current
    /// virtual terminal, tty0, is no place for a login of its own: the first one stands for it.
    pub fn add_console(&mut self, value: &'a [u8]) -> Option<()> {
        match value.split(|c| *c == b',').next().unwrap_or_default() {
            b"" | b"null" => Some(()),
            b"tty" | b"tty0" => self.add(b"tty1"),
            name => self.add(name),
        }
    }

    /// Adds each name of a list, with or without `/dev/` before it. Says how many were left out.
    pub fn add_list(&mut self, list: &'a [u8]) -> usize {
        let names = list.split(|c| matches!(c, b',' | b' ' | b'\t')).filter(|name| !name.is_empty());
        names.filter(|name| self.add(name.strip_prefix(b"/dev/").unwrap_or(name)).is_none()).count()
    }
}

/// Is this the name of something below /dev?
#[must_use]
pub fn is_name(name: &[u8]) -> bool {
    name.len() <= 24
        && name.split(|c| *c == b'/').all(|part| !part.is_empty() && part != b"." && part != b"..")
        && !name.contains(&0)
}

/// Is this fit to be given to login(1) as a user's name? Nothing that is empty, an option, or longer than 32 bytes.
#[must_use]
pub fn is_user_name(name: &[u8]) -> bool {
    (1..=32).contains(&name.len())
        && name[0] != b'-'
        && name.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'$' | b'@' | 0x80..))
}

/// The type of the terminal `name`: the kernel's own on virtual terminals, else one that every emulator understands.
#[must_use]
pub fn kind(name: &[u8]) -> &'static [u8] {
    match name.strip_prefix(b"tty") {
        Some(digits) if digits.first().is_some_and(u8::is_ascii_digit) => b"linux",
        _ => b"vt220",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(t: &Terminals<'static>) -> Vec<&'static str> {
        t.iter().map(|n| core::str::from_utf8(n).unwrap()).collect()
    }

    #[test]
    fn the_last_console_is_the_main_one() {
        let mut t = Terminals::new();
        for value in ["tty0", "ttyS0,115200n8", "hvc0", "ttyS0", "", "null"] {
            assert_eq!(t.add_console(value.as_bytes()), Some(()), "{value}");
        }
        assert_eq!(names(&t), ["tty1", "hvc0", "ttyS0"]);
        assert_eq!(t.main(), Some(&b"ttyS0"[..]));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for bad in ["../etc/passwd", "/ttyS0", "a//b", "pts/..", "ttyS0/", &"x".repeat(25)] {
            assert_eq!(Terminals::new().add(bad.to_owned().leak().as_bytes()), None, "{bad}");
        }
        let mut t = Terminals::new();
        assert_eq!(t.add_list(b"/dev/tty1 pts/3,../x tty1"), 1);
        assert_eq!(names(&t), ["pts/3", "tty1"]);
    }

    #[test]
    fn more_than_most_are_left_out() {
        let mut t = Terminals::new();
        assert_eq!(t.add_list(b"a b c d e f g h i j"), 2);
        assert_eq!(t.add(b"a"), Some(()));
        assert_eq!(t.main(), Some(&b"a"[..]));
    }

    #[test]
    fn user_names() {
        for good in ["root", "a.b", "x-y_z", "user@realm", "jos\u{e9}"] {
            assert!(is_user_name(good.as_bytes()), "{good}");
        }
        for bad in ["", "-f", "a b", "a\nb", "a\x1bb", &"x".repeat(33)] {
            assert!(!is_user_name(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn kinds() {
        assert_eq!(kind(b"tty1"), b"linux");
        assert_eq!(kind(b"ttyS0"), b"vt220");
        assert_eq!(kind(b"hvc0"), b"vt220");
        assert_eq!(kind(b"tty"), b"vt220");
    }
}
