//! The nearest known name to one that is not known: for the hint in the message.
//!
//! Names longer than 48 bytes have no neighbour.

const LONGEST: usize = 48;

/// How many insertions, deletions and replacements lead from `a` to `b`; `None` if one of them is too long to say.
fn distance(a: &[u8], b: &[u8]) -> Option<usize> {
    if a.len() > LONGEST || b.len() > LONGEST {
        return None;
    }
    let mut row = [0; LONGEST + 1];
    for (i, cell) in row.iter_mut().enumerate() {
        *cell = i;
    }
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    Some(row[b.len()])
}

/// The known name nearest to `name`, if one is at most two mistakes away.
pub fn nearest<'k>(name: &[u8], known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .filter_map(|k| Some((distance(name, k.as_bytes())?, k)))
        .filter(|(d, k)| *d <= 2 && *d < k.len())
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_far() {
        let known = ["keel.grace_ms", "keel.notify", "keel.reap"];
        assert_eq!(nearest(b"keel.grace_m", known.into_iter()), Some("keel.grace_ms"));
        assert_eq!(nearest(b"keel.raep", known.into_iter()), Some("keel.reap"));
        assert_eq!(nearest(b"keel.containers", known.into_iter()), None);
        assert_eq!(nearest(&[b'x'; 200], known.into_iter()), None);
        assert_eq!(nearest(b"", ["a", "b"].into_iter()), None);
    }

    #[test]
    fn distance_is_levenshtein() {
        assert_eq!(distance(b"kitten", b"sitting"), Some(3));
        assert_eq!(distance(b"", b"abc"), Some(3));
        assert_eq!(distance(b"abc", b""), Some(3));
    }
}
