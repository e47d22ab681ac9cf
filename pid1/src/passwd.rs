//! /etc/passwd, read for a login without login(1): a user's ids, home and shell.
//!
//! Passwords are not looked at: who is logged in by name alone is the caller's decision (`keel.autologin=`).

use crate::settings::number;

/// A user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User<'a> {
    /// Its id.
    pub uid: u32,
    /// The id of its first group.
    pub gid: u32,
    /// Its home directory.
    pub home: &'a [u8],
    /// Its shell; /bin/sh where the file names none.
    pub shell: &'a [u8],
}

/// The user `name` of the text of a passwd file. An image without the file still has root.
#[must_use]
pub fn user<'a>(text: &'a [u8], name: &[u8]) -> Option<User<'a>> {
    let found = text.split(|c| *c == b'\n').find_map(|line| {
        let mut fields = line.split(|c| *c == b':');
        if fields.next()? != name {
            return None;
        }
        let (uid, gid) = (number(fields.nth(1)?)?, number(fields.next()?)?);
        let home = fields.nth(1)?;
        let shell = fields.next().filter(|s| !s.is_empty()).unwrap_or(b"/bin/sh");
        Some(User { uid, gid, home: if home.is_empty() { b"/" } else { home }, shell })
    });
    let root = User { uid: 0, gid: 0, home: b"/", shell: b"/bin/sh" };
    found.or_else(|| (name == b"root" && text.is_empty()).then_some(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_users() {
        let text = b"root:x:0:0:root:/root:/bin/ash\nguest::1000:100:::\nbad:x:z:0::/:/bin/sh\nroot:x:5:5::/:/x\n";
        assert_eq!(user(text, b"root"), Some(User { uid: 0, gid: 0, home: b"/root", shell: b"/bin/ash" }));
        assert_eq!(user(text, b"guest"), Some(User { uid: 1000, gid: 100, home: b"/", shell: b"/bin/sh" }));
        assert_eq!(user(text, b"bad"), None);
        assert_eq!(user(text, b"roo"), None);
        assert_eq!(user(text, b""), None);
    }

    #[test]
    fn an_image_without_the_file_still_has_root() {
        assert_eq!(user(b"", b"root").map(|u| u.uid), Some(0));
        assert_eq!(user(b"x:x:1:1::/:\n", b"root"), None);
        assert_eq!(user(b"", b"guest"), None);
    }
}
