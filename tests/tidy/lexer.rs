//! Rust without its comments and without what is in its strings; lines stay where they are.
//!
//! Knows line and nested block comments, strings, raw strings, bytes and characters. Not a parser.

/// The code.
pub fn code(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block(rest),
            ['"', ..] => string(rest),
            ['r', '"' | '#', ..] if !continues_word(&bytes, at) => raw(&rest[1..]).map_or(0, |n| n + 1),
            ['\'', '\\', ..] => rest.iter().skip(3).position(|c| *c == '\'').map_or(rest.len(), |n| n + 4),
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if end == 0 {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        if rest[0] != '/' {
            out.push_str("\"\"");
        }
        out.extend(rest[..end].iter().filter(|c| **c == '\n'));
        at += end;
    }
    out
}

fn continues_word(all: &[char], at: usize) -> bool {
    // `b` of a raw byte string is no word; what is before it may be.
    let before = at.checked_sub(1).map(|i| all[i]);
    before.is_some_and(|c| (c.is_alphanumeric() || c == '_') && c != 'b')
}

fn block(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// After the `r`; none: it is no raw string but a raw identifier.
fn raw(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().take_while(|c| **c == '#').count();
    if rest.get(hashes) != Some(&'"') {
        return None;
    }
    let closing: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body: String = rest[hashes + 1..].iter().collect();
    let chars = body.find(&closing).map_or(body.chars().count(), |b| body[..b].chars().count());
    Some((hashes + 1 + chars + closing.len()).min(rest.len()))
}

#[test]
fn comments_and_strings_are_blank() {
    let text = "a // b\n\"c\\\"d\" e /* f /* g */ h\n*/ i r#\"j\"k\"# l '\"' m '\\'' n b'x' 'o: r#type";
    assert_eq!(code(text), "a \n\"\" e \n i \"\" l \"\" m \"\" n b\"\" 'o: r#type");
}
