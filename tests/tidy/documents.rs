//! What the documents say is there is there.

use crate::tree::{File, files};
use crate::{control, holds};

/// Words in backticks that look like a path from a folder at the top.
fn missing_paths(file: &File) -> Vec<String> {
    let root = tests::built::workspace();
    let tops: Vec<&str> = files().iter().filter_map(|f| f.path.split_once('/').map(|(top, _)| top)).collect();
    file.lines(&file.text, |line| {
        let mut words = line.split('`').skip(1).step_by(2);
        let is_path = |w: &&str| {
            let (top, rest) = w.split_once('/').unwrap_or((w, ""));
            tops.contains(&top) && !rest.contains([' ', '<', '*', '{'])
        };
        words.find(|w| is_path(w) && !root.join(w).exists()).map(|w| format!("'{w}' is not there"))
    })
}

#[test]
fn every_path_in_the_documents_exists() {
    let document = |f: &File| f.path.ends_with(".md");
    holds(missing_paths, document);
    control(missing_paths, "A.md", "see `host/src/no_such.rs`", "see `host/src/main.rs`, `x/y`");
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"] {
        assert!(files().iter().any(|f| f.path == name), "{name} is missing");
    }
}

/// Links of the form `[text](path)` to files of the tree.
fn missing_links(file: &File) -> Vec<String> {
    let root = tests::built::workspace();
    let beside = root.join(&file.path).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    file.lines(&file.text, |line| {
        let mut targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets
            .find(|t| !t.contains("://") && !t.starts_with('#') && !root.join(t).exists() && !beside.join(t).exists())
            .map(|t| format!("'{t}' is not there"))
    })
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    holds(missing_links, |f| f.path.ends_with(".md"));
    control(missing_links, "A.md", "[a](no/such.md)", "[a](README.md) [b](https://example.org/x)");
}

/// Top folders and crates are on the map.
#[test]
fn every_folder_is_on_the_map() {
    let map = &files().iter().find(|f| f.path == "ARCHITECTURE.md").expect("it exists").text;
    let shown = |folder: &str| map.contains(&format!("| `{folder}` |"));
    let manifests = files().iter().filter(|f| f.path.ends_with("/Cargo.toml") && !f.path.contains("/fuzz/"));
    let lost: Vec<&str> = manifests
        .map(|f| f.path.trim_end_matches("/Cargo.toml"))
        .filter(|folder| {
            !shown(folder) && !map.contains(&format!("`{folder}`")) && !map.contains(&format!("`{folder}/"))
        })
        .collect();
    assert!(lost.is_empty(), "not in ARCHITECTURE.md: {lost:?}");
}

/// README shows commands; the ones of `cargo boot` exist.
#[test]
fn the_readmes_cargo_boot_commands_exist() {
    let words: Vec<String> = files()
        .iter()
        .filter(|f| f.path == "README.md")
        .flat_map(|f| {
            f.text
                .lines()
                .filter_map(|l| l.trim().strip_prefix("cargo boot "))
                .filter_map(|l| l.split(' ').next())
                .map(str::to_owned)
        })
        .collect();
    assert!(words.len() >= 3, "README shows hardly any command: {words:?}");
    let sources: String =
        files().iter().filter(|f| f.path.starts_with("boot/src/cli/")).map(|f| f.text.as_str()).collect();
    for word in words {
        assert!(
            sources.contains(&format!("\"{word}\"")),
            "README says 'cargo boot {word}', which cargo boot does not know"
        );
    }
}
