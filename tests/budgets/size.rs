//! Sizes of the stripped programs. pid1's is a budget of its own tests.

use super::within;
use boot::target::Target;
use std::path::Path;
use tests::built::built;

/// As built by the stock toolchain, with glibc in it.
const GNU: u64 = 2_850_000;
/// As it is shipped. A little above what it is: paths of the build are in it.
const MUSL: u64 = 1_515_000;

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a file").len()
}

#[test]
fn keel_is_small() {
    within("bytes of keel", size(&built().keel), GNU).unwrap();
    // The control: this test with its debugging information is larger.
    within("bytes of this test", size(&std::env::current_exe().unwrap()), GNU).unwrap_err();
}

#[test]
fn keel_with_musl_is_smaller() {
    let target = Target::named("x86_64", "musl").unwrap();
    let cached = boot::cache::dir().is_ok_and(|dir| dir.join("musl-amd64").is_dir());
    if !cached {
        return tests::skip::skip("no musl toolchain in the cache: 'cargo boot size' makes one");
    }
    if let Some(keel) = tests::skip::or_skip(boot::build::program(target, "host", "keel")) {
        within("bytes of keel with musl", size(&keel), MUSL).unwrap();
        within("bytes of keel with glibc", size(&built().keel), MUSL).unwrap_err();
    }
}
