//! The lines that a new configuration begins with: the user's file (`-f`) or /etc/lxc/default.conf.
//!
//! They are taken as they are, comments included, but that what is left to chance in an address (`lxc.net.0.hwaddr =
//! 00:16:3e:xx:xx:xx`) is settled here: the container has the same one at each start, as with LXC. A file that says what cannot be done is refused here and not at the
//! first start; and when it has the names of LXC before 2.1, the template's lines get them too, so that the LXC of that
//! era can read the whole.

use keel_core::config::Dialect;
use keel_core::config::address::HwAddr;
use keel_core::config::lxc::edit::{self, Change};
use keel_core::config::lxc::{KEYS, Problem, Severity, parse};
use keel_core::failure::Failure;

use crate::fault::Result;
use crate::load::Files;
use crate::observe;

/// The lines, checked.
#[derive(Debug)]
pub struct Head {
    /// What they say, ending in a line break.
    pub text: String,
    old: bool,
}

impl Head {
    /// Takes the text of `file`.
    pub fn new(file: &str, mut text: String) -> Result<Head> {
        let (config, problems) = parse(file, text.as_bytes(), &mut Files);
        let errors: Vec<String> =
            problems.iter().filter(|problem| problem.severity == Severity::Error).map(Problem::to_string).collect();
        if !errors.is_empty() {
            return Err(Failure::new(errors.join("\n")));
        }
        text = edit::map(&text, |key, value| {
            let chance = key.starts_with("lxc.net.") && key.ends_with(".hwaddr");
            match HwAddr::parse(value).ok().filter(|address| chance && address.open != [0; 6]) {
                Some(address) => Change::To(address.settled(observe::random()).to_string()),
                None => Change::Keep,
            }
        });
        Ok(Head { text, old: config.dialect != Dialect::Current })
    }

    /// The template's lines as they are to follow.
    pub fn followed_by(&self, lines: String) -> String {
        if self.old { lines.split_inclusive('\n').map(in_old_names).collect() } else { lines }
    }
}

/// A line `KEY = VALUE` with the name that the key had before LXC 2.1.
fn in_old_names(line: &str) -> String {
    let Some((key, value)) = line.split_once('=') else { return line.to_owned() };
    let named = key.trim();
    match KEYS.iter().find(|row| row.name == named).and_then(|row| row.old.first()) {
        // The type in front of the path came with 2.1.
        Some((old, _)) if named == "lxc.rootfs.path" => format!("{old} ={}", value.replacen(" dir:", " ", 1)),
        Some((old, _)) => format!("{old} ={value}"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str =
        "lxc.rootfs.path = dir:/a/dir:b\nlxc.uts.name = bb\n# lxc.tty.max = 1\nlxc.cap.drop = mac_admin\n";

    #[test]
    fn old_names_follow_old_names() {
        let old = Head::new("f", "lxc.utsname = x\nlxc.network.type = empty".to_owned()).unwrap();
        assert!(old.text.ends_with("empty\n"));
        assert_eq!(
            old.followed_by(LINES.to_owned()),
            "lxc.rootfs = /a/dir:b\nlxc.utsname = bb\n# lxc.tty.max = 1\nlxc.cap.drop = mac_admin\n"
        );
        for text in ["", "# nothing\n", "lxc.net.0.type = empty\n"] {
            assert_eq!(Head::new("f", text.to_owned()).unwrap().followed_by(LINES.to_owned()), LINES, "{text:?}");
        }
    }

    #[test]
    fn what_is_left_to_chance_in_an_address_is_settled_once() {
        for key in ["lxc.net.0.type = veth\nlxc.net.0.hwaddr", "lxc.network.type = veth\nlxc.network.hwaddr"] {
            let text = format!("# xx:xx\n{key} = 00:16:3e:1x:xx:07\nlxc.uts.name = xx");
            let head = Head::new("f", text).unwrap().text;
            let rest = head.strip_prefix(&format!("# xx:xx\n{key} = 00:16:3e:1")).unwrap();
            let (digits, rest) = rest.split_at(4);
            assert!(digits.chars().all(|c| c == ':' || c.is_ascii_hexdigit()), "{head}");
            assert_eq!(rest, ":07\nlxc.uts.name = xx\n");
        }
        let whole = "lxc.net.0.type = veth\nlxc.net.0.hwaddr = 00:16:3E:00:00:07\n";
        assert_eq!(Head::new("f", whole.to_owned()).unwrap().text, whole);
    }

    #[test]
    fn mistakes_are_refused_before_anything_is_made() {
        let refused = Head::new("my.conf", "lxc.tty.max = 1\nlxc.tty.max = many\nlxc.arch = vax\n".to_owned());
        let message = refused.unwrap_err().message;
        let lines: Vec<&str> = message.lines().collect();
        assert!(
            lines.len() == 2 && lines[0].starts_with("my.conf:2: ") && lines[1].starts_with("my.conf:3: "),
            "{message}"
        );
    }
}
