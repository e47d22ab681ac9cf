//! What a key is, how a written key finds its row, and what is said of one that finds none.
//!
//! Every release of LXC matched keys differently (by prefix up to 2.0, exactly since 2.1); `find` does what a person
//! means and says so where it had to choose.

use super::table::KEYS;
use crate::config::{Config, Origin};
use crate::nearest;
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A release of LXC: major and minor.
pub type Release = (u8, u8);

/// One key: a row of `KEYS`.
pub struct Key {
    /// Its name now. An `N` between dots stands for a number; a final dot means that the rest is a name of its own
    /// (`lxc.cgroup.memory.limit_in_bytes`).
    pub name: &'static str,
    /// The first release that knew this name.
    pub since: Release,
    /// Names that it had before 3.0, and the first release that knew each.
    pub old: &'static [(&'static str, Release)],
    /// Whether several values can stand side by side.
    pub list: bool,
    /// Whether 3.0 dropped it without another name in its place.
    pub dropped: bool,
    /// One line, no full stop.
    pub help: &'static str,
    /// What becomes of a value.
    pub(super) means: Means,
}

/// A key's value in a `Config`, to read and to write.
pub(super) type Field<T> = (fn(&Config) -> &T, fn(&mut Config) -> &mut T);

/// What becomes of a key's value. An empty value clears what was set.
pub(super) enum Means {
    /// Text as it is.
    Text(Field<Option<String>>),
    /// A number without a sign; cleared: 0.
    Count(Field<u32>),
    /// 0 or 1; cleared: 0.
    Flag(Field<bool>),
    /// 0 or 1; cleared: the default.
    Choice(Field<Option<bool>>),
    /// A signal.
    Signal(Field<Option<i32>>),
    /// Something of its own: how it is read, and how it is written (whole keys with their values).
    Own(fn(&mut Setting<'_>) -> Result<(), String>, fn(&Config) -> Vec<(String, String)>),
    /// Another file to read in this place.
    Include,
    /// Says which era's defaults hold.
    Dialect,
    /// Without effect; the sentence says why.
    Gone(&'static str),
}

/// One key with its value on the way into a `Config`.
pub(super) struct Setting<'a> {
    /// What it goes into.
    pub config: &'a mut Config,
    /// The value, unquoted.
    pub value: &'a str,
    /// What follows a name that ends in a dot.
    pub rest: &'a str,
    /// The number in place of `N`.
    pub index: Option<u32>,
    /// Where it was written.
    pub origin: Origin,
    /// Under an old name.
    pub old: bool,
    /// Sentences about what is odd but no error.
    pub warnings: Vec<String>,
}

/// Which era a spelling belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Only LXC before 3.0 has it.
    Old,
    /// All have it.
    Both,
    /// Only LXC since 2.1 has it.
    New,
}

/// A written key that found its row.
pub(super) struct Found<'a> {
    pub key: &'static Key,
    pub spelling: Spelling,
    pub since: Release,
    pub rest: &'a str,
    pub index: Option<u32>,
}

impl Key {
    /// Whether it does anything.
    pub fn in_force(&self) -> bool {
        !matches!(self.means, Means::Gone(_))
    }

    /// Why it has no effect, for a key that will never have one again.
    pub fn gone(&self) -> Option<&'static str> {
        match self.means {
            Means::Gone(why) => Some(why),
            _ => None,
        }
    }

    /// Every name, the present one first.
    fn names(&self) -> impl Iterator<Item = (&'static str, Release, Spelling)> + use<> {
        let now = match (self.dropped, self.since >= (2, 1)) {
            (true, _) => Spelling::Old,
            (false, true) => Spelling::New,
            (false, false) => Spelling::Both,
        };
        // `lxc.cgroup` without a dot, which clears, is as old and as new as `lxc.cgroup.`.
        let bare = self.name.strip_suffix('.');
        let then = move |name| if Some(name) == bare { now } else { Spelling::Old };
        let old = self.old.iter().map(move |(name, since)| (*name, *since, then(*name)));
        core::iter::once((self.name, self.since, now)).chain(old)
    }
}

/// What a name begins with behind `lxc.`, where names begin to differ; 0 where it is too short to tell.
const fn beginning(name: &str) -> u16 {
    let bytes = name.as_bytes();
    if bytes.len() < 6 { 0 } else { u16::from_le_bytes([bytes[4], bytes[5]]) }
}

/// Most names that a key has had, the present one with them.
const NAMES: usize = 2;

/// The beginnings of each row's names. A look here spares all but a few rows: the table is 30 kB, which a start, whose caches are
/// cold, would read for each line of a file.
static BEGINNINGS: [[u16; NAMES]; KEYS.len()] = {
    let mut all = [[0; NAMES]; KEYS.len()];
    let mut row = 0;
    while row < KEYS.len() {
        // A name that is not there is the present one once more.
        all[row] = [beginning(KEYS[row].name); NAMES];
        let mut old = 0;
        while old < KEYS[row].old.len() {
            all[row][1 + old] = beginning(KEYS[row].old[old].0);
            old += 1;
        }
        row += 1;
    }
    all
};

/// The row of a key as it is written.
pub(super) fn find(written: &str) -> Option<Found<'_>> {
    let (general, index) = number(written);
    let mut family = None;
    let begin = beginning(written);
    for (key, beginnings) in KEYS.iter().zip(&BEGINNINGS) {
        if !beginnings.iter().any(|known| *known == begin || *known == 0) {
            continue;
        }
        for (name, since, spelling) in key.names() {
            let found = |rest| Found { key, spelling, since, rest, index };
            if name == written || (index.is_some() && name == general) {
                return Some(found(""));
            }
            if family.is_none()
                && name.ends_with('.')
                && let Some(rest) = written.strip_prefix(name)
                && !rest.is_empty()
            {
                family = Some(found(rest));
            }
        }
    }
    family
}

/// The key that LXC before 2.1 would have taken it for: a name with something glued to its end.
pub(super) fn find_by_prefix(written: &str) -> Option<(Found<'static>, &'static str)> {
    let mut best: Option<(Found<'static>, &'static str)> = None;
    for key in KEYS {
        for (name, since, spelling) in key.names().filter(|(_, since, _)| *since < (2, 1)) {
            let glued = written.strip_prefix(name).is_some_and(|rest| !rest.is_empty() && !rest.contains('.'));
            if glued && !name.ends_with('.') && best.as_ref().is_none_or(|(_, other)| name.len() > other.len()) {
                best = Some((Found { key, spelling, since, rest: "", index: None }, name));
            }
        }
    }
    best
}

/// `lxc.net.0.type` → (`lxc.net.N.type`, 0): the number that stands alone between two dots, or at the end.
fn number(written: &str) -> (Cow<'_, str>, Option<u32>) {
    for start in ["lxc.net.", "lxc.network."] {
        let Some(rest) = written.strip_prefix(start) else { continue };
        let digits = rest.find('.').unwrap_or(rest.len());
        if let Ok(index) = rest[..digits].parse::<u32>()
            && rest.as_bytes()[0].is_ascii_digit()
        {
            // The old names stand in the table without a number.
            let place = if start == "lxc.net." { "N" } else { "" };
            let general = format!("{start}{place}{}", &rest[digits..]).replace("..", ".");
            return (Cow::Owned(general), Some(index));
        }
    }
    (Cow::Borrowed(written), None)
}

/// The end of the sentence about an unknown key: its nearest neighbour, with the present name of an old one.
pub(super) fn hint(written: &str) -> String {
    let (general, index) = number(written);
    let named = |name: &str| match index {
        Some(index) => name.replace(".N", &format!(".{index}")),
        None => name.to_string(),
    };
    let all = || KEYS.iter().flat_map(|key| key.names().map(move |(name, ..)| (name, key.name)));
    if let Some(near) = nearest::nearest(&general, all().map(|(name, _)| name)) {
        let now = all().find(|(name, _)| *name == near).map_or(near, |(_, now)| now);
        return match now == near {
            true => format!(", nearest is '{}'", named(near)),
            false => format!(", nearest is '{near}' (now '{now}')"),
        };
    }
    // A family: only its own part can be compared, the rest is any name.
    let families = all().map(|(name, _)| name).filter(|name| name.ends_with('.'));
    let near = families.filter_map(|name| {
        let (end, _) = written.match_indices('.').nth(name.matches('.').count() - 1)?;
        let slips = nearest::distance(&written[..=end], name, 2)?;
        Some((slips, name, &written[end + 1..]))
    });
    match near.min_by_key(|(slips, ..)| *slips) {
        Some((_, name, rest)) => format!(", nearest is '{name}{rest}'"),
        None => String::new(),
    }
}
