//! The environment of a program inside, and who its user is there.
//!
//! Pure but for reading the container's /etc/passwd, which is done inside it.
use std::ffi::CString;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

/// PATH where the caller's is not kept.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Begin with an empty one.
    pub clear: bool,
    /// Variables of the caller's that are kept all the same.
    pub keep: Vec<String>,
    /// Variables to set.
    pub set: Vec<(String, String)>,
}

/// A line of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Home directory.
    pub home: String,
    /// Shell.
    pub shell: String,
}

impl Wish {
    /// The variables, from the lines of the caller's, sorted by name. HOME, USER, LOGNAME and SHELL are the inner user's, never the
    /// caller's.
    pub fn variables<'a>(&self, caller: impl Iterator<Item = &'a [u8]>, user: &User) -> Vec<CString> {
        let mut all: Vec<CString> = Vec::with_capacity(64);
        // Of a name that comes twice the last value counts.
        let mut set = |line: Vec<u8>| {
            let at = all.binary_search_by(|known| name(known.to_bytes()).cmp(name(&line)));
            // A variable with a NUL in it cannot be one.
            match (at, CString::new(line)) {
                (Ok(at), Ok(line)) => all[at] = line,
                (Err(at), Ok(line)) => all.insert(at, line),
                (_, Err(_)) => {}
            }
        };
        let named = |name: &str, value: &str| [name, "=", value].concat().into_bytes();
        let kept = |line: &[u8]| !self.clear || self.keep.iter().any(|keep| keep.as_bytes() == name(line));
        caller.filter(|line| kept(line)).for_each(|line| set(line.to_vec()));
        if self.clear {
            set(named("PATH", PATH));
        } else {
            let own = [("HOME", &user.home), ("USER", &user.name), ("LOGNAME", &user.name), ("SHELL", &user.shell)];
            own.iter().for_each(|(name, value)| set(named(name, value)));
        }
        set(named("container", "lxc"));
        self.set.iter().for_each(|(name, value)| set(named(name, value)));
        all
    }
}

/// What is in front of the `=`.
fn name(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b'=').next().unwrap_or_default()
}

/// The user of that id in the /etc/passwd of the root that this process is in; else /bin/sh at `/`.
pub fn user(uid: u32) -> User {
    let text = passwd().unwrap_or_default();
    find(&text, uid).unwrap_or_else(|| User {
        name: if uid == 0 { "root".into() } else { uid.to_string() },
        home: "/".into(),
        shell: "/bin/sh".into(),
    })
}

/// The file is the container's: no FIFO may stop us, no endless file fill us.
fn passwd() -> Option<String> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open("/etc/passwd").ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(1 << 20).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn find(text: &str, uid: u32) -> Option<User> {
    text.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, _, _, home, shell] = fields[..] else { return None };
        let or = |text: &str, default: &str| if text.is_empty() { default.to_string() } else { text.to_string() };
        (id.parse() == Ok(uid)).then(|| User { name: name.into(), home: or(home, "/"), shell: or(shell, "/bin/sh") })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> User {
        User { name: "u".into(), home: "/home/u".into(), shell: "/bin/ash".into() }
    }

    fn made(wish: &Wish) -> Vec<String> {
        let caller = [("PATH", "/x"), ("HOME", "/root"), ("A", "1"), ("B", "2")];
        let lines = caller.map(|(name, value)| format!("{name}={value}"));
        wish.variables(lines.iter().map(String::as_bytes), &user())
            .into_iter()
            .map(|c| c.into_string().unwrap())
            .collect()
    }

    #[test]
    fn the_callers_is_kept_but_for_who_he_is() {
        let wish = Wish { set: vec![("A".into(), "3".into())], ..Wish::default() };
        assert_eq!(
            made(&wish),
            ["A=3", "B=2", "HOME=/home/u", "LOGNAME=u", "PATH=/x", "SHELL=/bin/ash", "USER=u", "container=lxc"]
        );
    }

    #[test]
    fn a_cleared_one_has_a_path_and_what_was_asked_for() {
        let wish = Wish { clear: true, keep: vec!["B".into()], set: vec![("C".into(), "".into())] };
        assert_eq!(made(&wish), ["B=2", "C=", &format!("PATH={PATH}"), "container=lxc"]);
    }

    #[test]
    fn passwd_lines() {
        let text = "broken\nroot:x:0:0:root:/root:/bin/ash\n\nu:x:7:7::/home/u:\n";
        assert_eq!(find(text, 0).unwrap().shell, "/bin/ash");
        assert_eq!(find(text, 7).unwrap().shell, "/bin/sh");
        assert_eq!(find(text, 8), None);
    }
}
