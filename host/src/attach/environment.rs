//! The environment of a program inside, and who its user is there.
//!
//! Pure but for reading the container's /etc/passwd, which is done inside it.
use keel_core::sorted::Map;
use std::ffi::{CString, OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
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
    /// The variables, from the caller's. HOME, USER, LOGNAME and SHELL are the inner user's, never the caller's.
    pub fn variables(&self, caller: impl Iterator<Item = (OsString, OsString)>, user: &User) -> Vec<CString> {
        let mut all: Vec<(OsString, OsString)> = if self.clear {
            let path = ("PATH".into(), PATH.into());
            caller.filter(|(name, _)| self.keep.iter().any(|k| OsStr::new(k) == name)).chain([path]).collect()
        } else {
            caller.collect()
        };
        let own = [("HOME", &user.home), ("USER", &user.name), ("LOGNAME", &user.name), ("SHELL", &user.shell)];
        if !self.clear {
            all.extend(own.map(|(name, value)| (name.into(), value.into())));
        }
        all.push(("container".into(), "lxc".into()));
        all.extend(self.set.iter().map(|(name, value)| (name.into(), value.into())));
        let line = |(name, value): (OsString, OsString)| {
            let mut bytes = name.into_vec();
            bytes.push(b'=');
            bytes.extend(value.as_bytes());
            // A variable with a NUL in it cannot be one.
            CString::new(bytes).ok()
        };
        // Of a name that comes twice the last value counts.
        all.into_iter().collect::<Map<_, _>>().into_iter().filter_map(line).collect()
    }
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
        let caller = caller.into_iter().map(|(n, v)| (n.into(), v.into()));
        wish.variables(caller, &user()).into_iter().map(|c| c.into_string().unwrap()).collect()
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
