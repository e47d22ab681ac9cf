//! LXC's tools beyond a container's life, on real containers: exit codes and output are those of LXC 5.0.2, measured, but
//! for what docs/compat.md says.

mod autostart;
mod configs;
mod copies;
mod execute;
mod images;
mod namespaces;
mod states;
mod uses;

use std::ffi::OsStr;
use tests::container::Container;
use tests::ran::{Ran, run};
use tests::skip::root;

/// `keel VERB -P LXCPATH WORDS`, without `-n`.
#[track_caller]
fn keel<S: AsRef<OsStr>>(container: &Container, verb: &str, words: impl IntoIterator<Item = S>) -> Ran {
    run(container.bare_command().arg(verb).arg("-P").arg(container.lxcpath()).args(words))
}

/// A name that begins as the container's, so that what it leaves is found.
fn other(container: &Container, suffix: &str) -> String {
    format!("{}{suffix}", container.name)
}
