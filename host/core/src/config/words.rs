//! A command line in one string: split into words as a shell would, and written back.
//!
//! Refuses expansion of any kind: quotes and backslashes are all there is.

use alloc::string::String;
use alloc::vec::Vec;

/// Splits at blanks. `'..'` is literal; in `".."` a backslash escapes `"`, `\`, `$` and a backquote; elsewhere it
/// escapes any character.
///
/// # Errors
/// What is missing: a closing quote, or the character after a backslash.
pub fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("a single quote is not closed"),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => match chars.next_if(|c| matches!(c, '"' | '\\' | '$' | '`')) {
                            Some(c) => word.push(c),
                            None => word.push('\\'),
                        },
                        Some(c) => word.push(c),
                        None => return Err("a double quote is not closed"),
                    }
                }
            }
            '\\' => match chars.next() {
                Some(c) => word.get_or_insert_default().push(c),
                None => return Err("a backslash stands at the end"),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The line that `split` makes these words of.
pub fn join(words: &[String]) -> String {
    let mut line = String::new();
    for (i, word) in words.iter().enumerate() {
        if i > 0 {
            line.push(' ');
        }
        // Nothing that is not ASCII means anything to a shell.
        let plain = |c: char| !c.is_ascii() || c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) {
            line += word;
        } else {
            line.push('\'');
            line += &word.replace('\'', "'\\''");
            line.push('\'');
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn words(line: &str) -> Vec<String> {
        split(line).unwrap()
    }

    #[test]
    fn quotes_as_a_shell_has_them() {
        assert_eq!(words("/sbin/init  a\tb"), ["/sbin/init", "a", "b"]);
        assert_eq!(words(r#"sh -c 'echo "x  y"'"#), ["sh", "-c", r#"echo "x  y""#]);
        assert_eq!(words(r#""a\"b\n" c\ d e''"#), [r#"a"b\n"#, "c d", "e"]);
        assert_eq!(words("'' \"\""), ["", ""]);
        assert_eq!(words("   "), Vec::<String>::new());
        assert_eq!(split("a 'b"), Err("a single quote is not closed"));
        assert_eq!(split("a \"b"), Err("a double quote is not closed"));
        assert_eq!(split("a\\"), Err("a backslash stands at the end"));
    }

    #[test]
    fn every_small_line_survives_the_way_back() {
        let alphabet = ['a', ' ', '\'', '"', '\\', '$', '\t'];
        let mut lines = vec![String::new()];
        let mut start = 0;
        for _ in 0..5 {
            let end = lines.len();
            for i in start..end {
                for c in alphabet {
                    let line = lines[i].to_string() + &c.to_string();
                    if let Ok(words) = split(&line) {
                        assert_eq!(split(&join(&words)), Ok(words), "{line}");
                    }
                    lines.push(line);
                }
            }
            start = end;
        }
    }
}
