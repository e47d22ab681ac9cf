//! What values of keys look like: numbers, flags, signals, machines, log levels.

use crate::config::Personality;
use crate::nearest;
use alloc::format;
use alloc::string::String;

/// `0` or `1`, as LXC has it.
pub(super) fn flag(value: &str) -> Result<bool, String> {
    match value {
        "0" => Ok(false),
        "1" => Ok(true),
        _ => Err(format!("'{value}' is neither 0 nor 1")),
    }
}

/// A number as strtol(3) with base 0 reads it, which LXC uses: `0x10` is 16, `010` is 8.
fn number(value: &str) -> Option<i64> {
    let (negative, digits) = match value.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    let (base, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    // `from_str_radix` takes a sign of its own.
    let plain = digits.starts_with(|c: char| c.is_ascii_alphanumeric());
    let number = i64::from_str_radix(digits, base).ok().filter(|_| plain)?;
    Some(if negative { -number } else { number })
}

/// A number that is not negative.
pub(super) fn count(value: &str) -> Result<u32, String> {
    let read = number(value).and_then(|number| u32::try_from(number).ok());
    read.ok_or_else(|| format!("'{value}' is not a number between 0 and {}", u32::MAX))
}

/// A number that may be negative.
pub(super) fn signed(value: &str) -> Result<i32, String> {
    let read = number(value).and_then(|number| i32::try_from(number).ok());
    read.ok_or_else(|| format!("'{value}' is not a number between {} and {}", i32::MIN, i32::MAX))
}

/// Whether a number has a leading zero, which makes it an octal one where a person may mean a decimal one.
pub(super) fn octal(value: &str) -> bool {
    value.len() > 1 && value.bytes().all(|b| b.is_ascii_digit()) && value.starts_with('0')
}

/// Names and numbers of signal(7) on x86 and ARM.
#[rustfmt::skip]
const SIGNALS: [(&str, i32); 35] = [
    ("SIGHUP", 1), ("SIGINT", 2), ("SIGQUIT", 3), ("SIGILL", 4), ("SIGTRAP", 5), ("SIGABRT", 6), ("SIGBUS", 7),
    ("SIGFPE", 8), ("SIGKILL", 9), ("SIGUSR1", 10), ("SIGSEGV", 11), ("SIGUSR2", 12), ("SIGPIPE", 13), ("SIGALRM", 14),
    ("SIGTERM", 15), ("SIGSTKFLT", 16), ("SIGCHLD", 17), ("SIGCONT", 18), ("SIGSTOP", 19), ("SIGTSTP", 20),
    ("SIGTTIN", 21), ("SIGTTOU", 22), ("SIGURG", 23), ("SIGXCPU", 24), ("SIGXFSZ", 25), ("SIGVTALRM", 26),
    ("SIGPROF", 27), ("SIGWINCH", 28), ("SIGIO", 29), ("SIGPWR", 30), ("SIGSYS", 31),
    // Second names.
    ("SIGIOT", 6), ("SIGCLD", 17), ("SIGPOLL", 29), ("SIGUNUSED", 31),
];

/// glibc's SIGRTMIN, which a guest's systemd counts from (the kernel's is 32; the C library keeps two for itself).
const RT_MIN: i32 = 34;
const RT_MAX: i32 = 64;

/// A signal: `SIGPWR`, `SIGRTMIN+3`, `SIGRTMAX-1` in any case, or a number.
pub(super) fn signal(written: &str) -> Result<i32, String> {
    let value = written.to_ascii_uppercase();
    let value = value.as_str();
    if let Some((_, number)) = SIGNALS.iter().find(|(name, _)| *name == value) {
        return Ok(*number);
    }
    let offset = |text: &str| if text.is_empty() { Some(0) } else { text[1..].parse::<u8>().ok().map(i32::from) };
    let number = if let Some(plus) = value.strip_prefix("SIGRTMIN").filter(|p| p.is_empty() || p.starts_with('+')) {
        offset(plus).map(|n| RT_MIN + n)
    } else if let Some(minus) = value.strip_prefix("SIGRTMAX").filter(|m| m.is_empty() || m.starts_with('-')) {
        offset(minus).map(|n| RT_MAX - n).filter(|n| *n >= RT_MIN)
    } else {
        value.parse().ok().filter(|_| value.bytes().all(|b| b.is_ascii_digit()))
    };
    match number {
        Some(number) if (1..=RT_MAX).contains(&number) => Ok(number),
        Some(_) => Err(format!("'{written}' is not a signal between 1 and {RT_MAX}")),
        None => {
            let whole = if value.starts_with("SIG") { String::from(value) } else { format!("SIG{value}") };
            let names = SIGNALS.iter().map(|(name, _)| *name);
            Err(format!("unknown signal '{written}'{}", nearest::hint(&whole, names.chain(["SIGRTMIN+3"]))))
        }
    }
}

/// A signal as a configuration file has it.
pub(super) fn signal_name(number: i32) -> String {
    match SIGNALS.iter().find(|(_, n)| *n == number) {
        Some((name, _)) => String::from(*name),
        None if number >= RT_MIN => format!("SIGRTMIN+{}", number - RT_MIN),
        None => format!("{number}"),
    }
}

#[rustfmt::skip]
const MACHINES_32: [&str; 16] = [
    "arm", "armel", "armhf", "armv7l", "athlon", "i386", "i486", "i586", "i686", "linux32", "mips", "mipsel", "ppc",
    "powerpc", "x32", "x86",
];
#[rustfmt::skip]
const MACHINES_64: [&str; 15] = [
    "aarch64", "amd64", "arm64", "linux64", "loongarch64", "loong64", "mips64", "mips64el", "ppc64", "ppc64el",
    "ppc64le", "powerpc64", "riscv64", "s390x", "x86_64",
];

/// `lxc.arch`: a name of a machine.
pub(super) fn machine(value: &str) -> Result<Personality, String> {
    if MACHINES_32.contains(&value) {
        Ok(Personality::Linux32)
    } else if MACHINES_64.contains(&value) {
        Ok(Personality::Linux)
    } else {
        let hint = nearest::hint(value, MACHINES_32.into_iter().chain(MACHINES_64));
        Err(format!("unknown architecture '{value}'{hint}"))
    }
}

/// Log levels by number.
const LEVELS: [&str; 9] = ["TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRIT", "ALERT", "FATAL"];

/// `lxc.log.level`: a name or 0 to 8.
pub(super) fn level(value: &str) -> Result<u8, String> {
    if let Some(number) = LEVELS.iter().position(|name| name.eq_ignore_ascii_case(value)) {
        return Ok(number as u8);
    }
    match value.parse::<u8>() {
        Ok(number) if number < 9 => Ok(number),
        Ok(_) => Err(format!("'{value}' is not a log level between 0 and 8")),
        Err(_) => Err(format!("unknown log level '{value}'{}", nearest::hint(value, LEVELS))),
    }
}

/// A log level as a configuration file has it.
pub(super) fn level_name(number: u8) -> String {
    LEVELS.get(usize::from(number)).map_or_else(|| format!("{number}"), |name| String::from(*name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals() {
        assert_eq!(signal("SIGPWR"), Ok(30));
        assert_eq!(signal("SIGRTMIN+3"), Ok(37));
        assert_eq!(signal("SIGRTMIN"), Ok(34));
        assert_eq!(signal("SIGRTMAX-2"), Ok(62));
        assert_eq!((signal("10"), signal("sigint"), signal("sigrtmin+3")), (Ok(10), Ok(2), Ok(37)));
        assert_eq!(signal("SIGPOWR").unwrap_err(), "unknown signal 'SIGPOWR', nearest is 'SIGPWR'");
        assert_eq!(signal("KILL").unwrap_err(), "unknown signal 'KILL', nearest is 'SIGKILL'");
        assert_eq!(signal("SIGRTMIN-3").unwrap_err(), "unknown signal 'SIGRTMIN-3', nearest is 'SIGRTMIN+3'");
        assert_eq!(signal("65").unwrap_err(), "'65' is not a signal between 1 and 64");
        assert_eq!(signal("0").unwrap_err(), "'0' is not a signal between 1 and 64");
        assert_eq!(signal("SIGRTMIN+31").unwrap_err(), "'SIGRTMIN+31' is not a signal between 1 and 64");
        for odd in ["SIGRTMIN+", "SIGRTMIN+\u{e4}", "SIGRTMAX-99", "+3", "-1", "", "SIG"] {
            assert!(signal(odd).is_err(), "{odd}");
        }
        for number in 1..=64 {
            assert_eq!(signal(&signal_name(number)), Ok(number));
        }
    }

    #[test]
    fn flags_numbers_machines_levels() {
        assert_eq!(flag("2").unwrap_err(), "'2' is neither 0 nor 1");
        assert_eq!(count("4 # x").unwrap_err(), "'4 # x' is not a number between 0 and 4294967295");
        assert_eq!((count("+4"), count("0x10"), count("010"), count("0")), (Ok(4), Ok(16), Ok(8), Ok(0)));
        for odd in ["-1", "4294967296", "", "+", "0x", "0x+1", "+-1", "08", "1 ", "99999999999999999999"] {
            assert!(count(odd).is_err(), "{odd}");
        }
        assert!(octal("010") && !octal("0") && !octal("0x1") && !octal("1"));
        assert_eq!((signed("-5"), signed("+5")), (Ok(-5), Ok(5)));
        assert!(signed("2147483648").is_err() && signed("--5").is_err());
        assert_eq!(machine("armhf"), Ok(Personality::Linux32));
        assert_eq!(machine("vax").unwrap_err(), "unknown architecture 'vax'");
        assert_eq!(machine("armvl7").unwrap_err(), "unknown architecture 'armvl7', nearest is 'armv7l'");
        assert_eq!((level("debug"), level("5")), (Ok(1), Ok(5)));
        assert_eq!(level("WARNING").unwrap_err(), "unknown log level 'WARNING'");
        assert_eq!(level("9").unwrap_err(), "'9' is not a log level between 0 and 8");
    }
}
