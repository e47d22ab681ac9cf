//! `pid1`'s own command line: as the init of a container, as a wrapper, as a login on a terminal.
//!
//! The init of a machine has no options: the kernel's words are its parameters. Like tini, the first word that is no option begins the
//! payload, with or without `--` before it.

/// An option: how it is written, and what it does in one line.
pub struct Opt {
    /// The option.
    pub name: &'static str,
    /// Its value's form; empty for none.
    pub form: &'static str,
    /// What it does.
    pub help: &'static str,
}

const fn opt(name: &'static str, form: &'static str, help: &'static str) -> Opt {
    Opt { name, form, help }
}

/// All options, in the manual's order.
pub static OPTIONS: [Opt; 10] = [
    opt("-g", "", "forward signals to the payload's process group, not only to the payload"),
    opt("-s", "", "be the reaper of all descendants where pid1 is not PID 1"),
    opt("-v", "", "log more"),
    opt("KEY=VALUE", "", "a parameter from below, for a container: the host's kernel command line is not read there"),
    opt("--", "PROGRAM [ARGUMENT...]", "the payload"),
    opt("--getty", "TTY", "do one login on TTY and exit when it is over (not as PID 1)"),
    opt("--autologin", "USER", "with --getty: log USER in without a password"),
    opt("--term", "TYPE", "with --getty: the terminal's type"),
    opt("-h, --help", "", "print this"),
    opt("-V, --version", "", "print the version"),
];

/// What the words before the payload ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// `-g`
    pub group: bool,
    /// `-s`
    pub subreaper: bool,
    /// How often `-v`.
    pub verbose: u8,
    /// `--help`
    pub help: bool,
    /// `--version`
    pub version: bool,
    /// `--getty`
    pub getty: Option<&'a [u8]>,
    /// `--autologin`
    pub autologin: Option<&'a [u8]>,
    /// `--term`
    pub term: Option<&'a [u8]>,
    /// How many words there are before the payload, `--` included; the number of all where there is none.
    pub taken: usize,
}

/// What is wrong with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// There is no such option.
    Unknown(&'a [u8]),
    /// It needs a value and stands last.
    NoValue(&'a [u8]),
}

/// Reads the words after argv\[0\]. Parameters (`KEY=VALUE`) among them go to `parameter`.
///
/// # Errors
/// The first word that is neither option nor parameter nor the payload's.
pub fn parse<'a>(
    words: impl Iterator<Item = &'a [u8]>,
    mut parameter: impl FnMut(&'a [u8]),
) -> Result<Options<'a>, Wrong<'a>> {
    let mut options = Options::default();
    let mut words = words.peekable();
    while let Some(word) = words.peek().copied() {
        let is_parameter = word.starts_with(b"keel.") && word.contains(&b'=');
        if !is_parameter && !word.starts_with(b"-") || word == b"-" {
            break;
        }
        words.next();
        options.taken += 1;
        let mut value = || {
            options.taken += 1;
            words.next().ok_or(Wrong::NoValue(word))
        };
        match word {
            b"--" => break,
            b"--getty" => options.getty = Some(value()?),
            b"--autologin" => options.autologin = Some(value()?),
            b"--term" => options.term = Some(value()?),
            b"--help" => options.help = true,
            b"--version" => options.version = true,
            [b'-', letters @ ..] if !letters.starts_with(b"-") => {
                for letter in letters {
                    match letter {
                        b'g' => options.group = true,
                        b's' => options.subreaper = true,
                        b'v' => options.verbose = options.verbose.saturating_add(1),
                        b'h' => options.help = true,
                        b'V' => options.version = true,
                        _ => return Err(Wrong::Unknown(word)),
                    }
                }
            }
            _ if is_parameter => parameter(word),
            _ => return Err(Wrong::Unknown(word)),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &'static str) -> (Result<Options<'static>, Wrong<'static>>, Vec<&'static [u8]>) {
        let mut parameters = Vec::new();
        (parse(line.split_whitespace().map(str::as_bytes), |p| parameters.push(p)), parameters)
    }

    #[test]
    fn payloads_begin_at_the_first_word_that_is_no_option() {
        assert_eq!(
            read("-gs -v -- /bin/app -g").0,
            Ok(Options { group: true, subreaper: true, verbose: 1, taken: 3, ..Options::default() })
        );
        assert_eq!(read("-g app -s").0, Ok(Options { group: true, taken: 1, ..Options::default() }));
        assert_eq!(read("app").0, Ok(Options::default()));
        assert_eq!(read("").0, Ok(Options::default()));
        assert_eq!(read("FOO=1 app").0.unwrap().taken, 0);
    }

    #[test]
    fn parameters_stand_among_options() {
        let (options, parameters) = read("keel.grace_ms=5 -g keel.reap=wait -- keel.x=1");
        assert_eq!(options.unwrap().taken, 4);
        assert_eq!(parameters, [&b"keel.grace_ms=5"[..], b"keel.reap=wait"]);
    }

    #[test]
    fn logins() {
        let options = read("--getty /dev/ttyS0 --autologin root --term xterm").0.unwrap();
        assert_eq!(
            (options.getty, options.autologin, options.term),
            (Some(&b"/dev/ttyS0"[..]), Some(&b"root"[..]), Some(&b"xterm"[..]))
        );
    }

    #[test]
    fn wrong_words_are_named() {
        assert_eq!(read("-gx app").0, Err(Wrong::Unknown(b"-gx")));
        assert_eq!(read("--gety x").0, Err(Wrong::Unknown(b"--gety")));
        assert_eq!(read("--getty").0, Err(Wrong::NoValue(b"--getty")));
    }
}
