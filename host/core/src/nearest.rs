//! The nearest neighbour of a mistyped name: every message that refuses a name says which one was probably meant.
//!
//! Refuses to guess: words of more than 64 bytes and words that are too far from everything have no neighbour. The
//! crates that do this (strsim, edit-distance) need `std`, so these few lines stand here.

use alloc::format;
use alloc::string::String;

/// Longest word that is compared; keeps the rows on the stack and the work bounded for hostile input.
const LONGEST: usize = 64;

/// How many slips (insert, delete, replace, swap of neighbours) lie between two words, letters' case aside; none when
/// it is more than `most` or a word is longer than 64 bytes.
pub fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() > LONGEST || b.len() > LONGEST || a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut before = [0u8; LONGEST + 1];
    let mut above = [0u8; LONGEST + 1];
    let mut row = [0u8; LONGEST + 1];
    for (j, cell) in above.iter_mut().enumerate() {
        *cell = j as u8;
    }
    for i in 1..=a.len() {
        row[0] = i as u8;
        for j in 1..=b.len() {
            let same = a[i - 1].eq_ignore_ascii_case(&b[j - 1]);
            let mut best = above[j - 1] + u8::from(!same);
            best = best.min(above[j] + 1).min(row[j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && a[i - 1].eq_ignore_ascii_case(&b[j - 2]) && a[i - 2].eq_ignore_ascii_case(&b[j - 1]);
            if swapped {
                best = best.min(before[j - 2] + 1);
            }
            row[j] = best;
        }
        before = above;
        above = row;
    }
    let found = usize::from(above[b.len()]);
    (found <= most).then_some(found)
}

/// The candidate nearest to `word`, the first of equals; none when all are too far: one slip in up to four letters, two
/// in up to eight, three beyond.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match word.len() {
        0 => return None,
        1..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let limit = best.map_or(most, |(found, _)| found.saturating_sub(1));
        if let Some(found) = distance(word, candidate, limit)
            && best.is_none_or(|(known, _)| found < known)
            // A one-letter word is at distance one from every other letter: no neighbour at all.
            && found < word.len()
        {
            best = Some((found, candidate));
        }
    }
    best.map(|(_, name)| name)
}

/// The end of a message about an unknown name: `, nearest is 'NAME'`, or nothing.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(word, candidates) {
        Some(name) => format!(", nearest is '{name}'"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: [&str; 5] = ["create", "start", "stop", "ls", "info"];

    #[test]
    fn slips_are_counted() {
        assert_eq!(distance("start", "start", 3), Some(0));
        assert_eq!(distance("strat", "start", 3), Some(1));
        assert_eq!(distance("star", "start", 3), Some(1));
        assert_eq!(distance("START", "start", 3), Some(0));
        assert_eq!(distance("kitten", "sitting", 3), Some(3));
        assert_eq!(distance("kitten", "sitting", 2), None);
        assert_eq!(distance("", "abc", 3), Some(3));
    }

    #[test]
    fn the_nearest_is_found_and_the_far_is_not() {
        assert_eq!(nearest("strat", VERBS), Some("start"));
        assert_eq!(nearest("stp", VERBS), Some("stop"));
        assert_eq!(nearest("l", VERBS), None);
        assert_eq!(nearest("sl", VERBS), Some("ls"));
        assert_eq!(nearest("frobnicate", VERBS), None);
        assert_eq!(nearest("", VERBS), None);
    }

    #[test]
    fn long_words_cost_nothing() {
        let long = "x".repeat(1 << 20);
        assert_eq!(nearest(&long, VERBS), None);
        let edge = "y".repeat(LONGEST);
        assert_eq!(distance(&edge, &edge, 0), Some(0));
    }

    #[test]
    fn the_hint_is_the_end_of_a_sentence() {
        assert_eq!(hint("strat", VERBS), ", nearest is 'start'");
        assert_eq!(hint("zzzzzz", VERBS), "");
    }
}
