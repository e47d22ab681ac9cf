//! Which entries are shown: `TAG:PRIORITY` words, as logcat has them.

use super::Entry;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Letters of priorities, from 2 (verbose) on; the last shows nothing.
pub(super) const LETTERS: [u8; 7] = *b"VDIWEFS";

/// For each tag the least priority that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    tags: Vec<(String, u8)>,
    others: u8,
}

impl Filter {
    /// Reads `TAG:PRIORITY`, `TAG` (all of it) and `*:PRIORITY`; `silent`: what is not named is not shown (`-s`).
    ///
    /// # Errors
    /// The sentence to print.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>, silent: bool) -> Result<Filter, String> {
        let mut filter = Filter { tags: Vec::new(), others: if silent { 8 } else { 2 } };
        for word in words.into_iter().flat_map(|w| w.split([' ', ','])).filter(|w| !w.is_empty()) {
            let (tag, priority) = word.rsplit_once(':').unwrap_or((word, ""));
            let least = match priority.as_bytes() {
                // Of a tag everything; of all the others what logcat says: from debug on.
                [] | b"*" => {
                    if tag == "*" {
                        3
                    } else {
                        2
                    }
                }
                [letter] if letter.is_ascii_digit() => letter - b'0',
                [letter] => match LETTERS.iter().position(|l| *l == letter.to_ascii_uppercase()) {
                    Some(at) => at as u8 + 2,
                    None => return Err(wrong(word)),
                },
                _ => return Err(wrong(word)),
            };
            match tag {
                "" => return Err(wrong(word)),
                "*" => filter.others = least,
                tag => filter.tags.push((tag.to_string(), least)),
            }
        }
        Ok(filter)
    }

    /// Whether an entry is shown.
    pub fn shows(&self, entry: &Entry) -> bool {
        let own = self.tags.iter().rfind(|(tag, _)| *tag == entry.tag).map(|(_, least)| *least);
        // Without a priority of its own it is one like any other.
        entry.priority.max(2) >= own.unwrap_or(self.others)
    }
}

fn wrong(word: &str) -> String {
    format!("'{word}' is no filter: TAG:PRIORITY, where the priority is one of V D I W E F S and the tag may be *")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(filter: &Filter, tag: &str, priority: u8) -> bool {
        filter.shows(&Entry { priority, tag: tag.into(), text: String::new() })
    }

    #[test]
    fn tags_priorities_and_the_rest() {
        let all = Filter::new([], false).unwrap();
        assert!(shows(&all, "any", 2));
        let some = Filter::new(["Zygote:I", "*:S"], false).unwrap();
        assert!(shows(&some, "Zygote", 4) && !shows(&some, "Zygote", 3) && !shows(&some, "other", 7));
        let silent = Filter::new(["dalvikvm"], true).unwrap();
        assert!(shows(&silent, "dalvikvm", 2) && !shows(&silent, "other", 7));
        let loud = Filter::new(["vold:w", "net:S"], false).unwrap();
        assert!(
            shows(&loud, "other", 2) && !shows(&loud, "vold", 4) && shows(&loud, "vold", 5) && !shows(&loud, "net", 7)
        );
        for wrong in ["a:loud", ":I", "a:x"] {
            assert!(Filter::new([wrong], false).unwrap_err().contains("is no filter"), "{wrong}");
        }
    }
}
