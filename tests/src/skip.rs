//! A test that cannot run here says why; with `MUST=1` that is a failure.

/// Prints the reason as `cargo boot test` reads it, or fails with it.
#[track_caller]
pub fn skip(why: &str) {
    assert!(std::env::var_os("MUST").is_none_or(|value| value != "1"), "skipped with MUST=1: {why}");
    // To standard output: that is what the runner reads, also of tests that pass.
    println!("skipped: {why}");
}

/// Whether this process is root's.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this process may make namespaces and mounts; else the test is skipped.
#[track_caller]
pub fn root() -> bool {
    let root = is_root();
    if !root {
        skip("namespaces need root");
    }
    root
}

/// The value, or a skip with the reason.
#[track_caller]
pub fn or_skip<T>(result: boot::fault::Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(why) => {
            skip(&why.to_string());
            None
        }
    }
}
