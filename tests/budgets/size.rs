//! Sizes of the stripped programs. pid1's is a budget of its own tests.

use super::within;
use boot::target::Target;
use std::path::Path;
use tests::built::built;

/// As built by the stock toolchain, with glibc in it: 1,779,024. The goal is 2 MiB.
const GNU: u64 = 1_797_000;
/// As it is shipped: 1,451,864. A little above what it is: paths of the build are in it.
const MUSL: u64 = 1_466_000;

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

/// glibc's printing and with it a third of a megabyte (host/src/sys/glibc.rs), and tables for unwinding (host/keel.ld).
#[test]
fn what_keel_never_uses_is_not_in_it() {
    let has = |path: &Path, words: &str| {
        let bytes = std::fs::read(path).expect("a file");
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    };
    let printing = "%s%s%s:%u: %s%sAssertion";
    assert!(!has(&built().keel, printing));
    // The control: a static program with glibc that prints.
    assert!(has(&built().busybox, printing));
    let headers = |path: &Path| {
        let listed = std::process::Command::new("readelf").arg("-lW").arg(path).output().expect("readelf runs");
        String::from_utf8_lossy(&listed.stdout).into_owned()
    };
    if super::has("readelf") {
        assert!(!headers(&built().keel).contains("GNU_EH_FRAME"));
        assert!(headers(&std::env::current_exe().unwrap()).contains("GNU_EH_FRAME"));
    }
}
