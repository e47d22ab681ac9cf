//! What the tree must not have, and what it must: the invariants of ARCHITECTURE.md as searches over the committed files.
//!
//! Each rule is a function of one file, so that each has a control: a bad sample that it must find, and a good one that it
//! must not.

mod documents;
mod layers;
mod lexer;
mod tree;
mod words;

use tree::{File, files};

/// A rule: what is wrong with a file, as sentences.
type Rule = fn(&File) -> Vec<String>;

/// Fails with everything that the rule finds in the tree, which must have something to look at.
#[track_caller]
fn holds(rule: Rule, concerns: fn(&File) -> bool) {
    let all: Vec<&File> = files().iter().filter(|f| concerns(f)).collect();
    assert!(!all.is_empty(), "the rule concerns no file at all");
    let found: Vec<String> = all.iter().flat_map(|file| rule(file)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// The control: the rule finds something in `bad` and nothing in `good`.
#[track_caller]
fn control(rule: Rule, path: &str, bad: &str, good: &str) {
    assert!(!rule(&File::sample(path, bad)).is_empty(), "not found in {path}: {bad}");
    let wrong = rule(&File::sample(path, good));
    assert!(wrong.is_empty(), "{wrong:?}");
}
