//! What an Android writes to its logs: the kernel log of its init, and the four of its programs.
//!
//! Bytes in, entries out, and entries as lines. Reads nothing: the bytes are those of pipes that the supervisor holds
//! (`host/src/watch/logs.rs`). Whoever writes them is hostile: nothing here panics or grows without end.

mod filter;
mod record;
mod show;

pub use filter::Filter;
pub use record::take;
pub use show::{Format, Names, kernel_line};

use alloc::string::String;

/// One of the logs of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Log {
    /// The kernel log that its init has, device 1:11.
    Kernel,
    /// /dev/log/main.
    Main,
    /// /dev/log/radio.
    Radio,
    /// /dev/log/events: not text, but numbers of what happened with values.
    Events,
    /// /dev/log/system.
    System,
}

impl Log {
    /// All, and those of programs behind the kernel's.
    pub const ALL: [Log; 5] = [Log::Kernel, Log::Main, Log::Radio, Log::Events, Log::System];

    /// Its name: of the programs' logs below /dev/log.
    pub fn name(self) -> &'static str {
        ["kernel", "main", "radio", "events", "system"][self as usize]
    }

    /// The one of that name.
    pub fn of(name: &str) -> Option<Log> {
        Self::ALL.into_iter().find(|log| log.name() == name)
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In the kernel log its level, 0 to 7, the least the most urgent; else Android's priority, 2 (verbose) to 7 (fatal).
    pub priority: u8,
    /// Who says it; a number in the log of events; empty in the kernel log.
    pub tag: String,
    /// What is said.
    pub text: String,
}

/// The longest text that is kept (LOGGER_ENTRY_MAX_PAYLOAD).
pub const LONGEST: usize = 4096;

/// Text of the container's, cut to [`LONGEST`].
fn text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]).into_owned();
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
