//! Any words as an argument vector of every command: taken or refused in one line.
#![no_main]

use keel_core::commands::{COMMANDS, by_argv0, by_name, parse};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let words: Vec<Vec<u8>> = bytes.split(|b| *b == 0).map(<[u8]>::to_vec).collect();
    for command in COMMANDS {
        match parse(command, words.iter().cloned()) {
            Ok(mut parsed) => {
                let _ = parsed.take_name();
                let _ = parsed.no_more();
                let _ = parsed.take_command();
            }
            Err(error) => assert!(!error.0.is_empty()),
        }
    }
    if let Ok(name) = std::str::from_utf8(&words[0]) {
        let _ = by_name(name);
        let _ = by_argv0(name);
    }
});
