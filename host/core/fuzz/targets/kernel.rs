//! Any text as a kernel's configuration and its version.
#![no_main]

use keel_core::kconfig;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = kconfig::version(text);
    let rows = kconfig::check(text, kconfig::version_of(text));
    assert!(kconfig::text(&rows).starts_with("namespaces\n"));
});
