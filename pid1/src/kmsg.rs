//! The log: lines to /dev/kmsg with the kernel's levels, no more than the rate allows; kept until the device can be opened.
//!
//! In a container without /dev/kmsg lines go to standard error, unless that is a terminal: PID 1 never writes to one, as an undrained
//! terminal would stop it. A pipe is written to only when it has room.

use core::fmt::Write;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, AtomicU32, Ordering::Relaxed};

use log::{Level, LevelFilter};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{BorrowedFd, IntoRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags};

use crate::sys::{clock, process, stdio};
use crate::text::Text;

/// So many lines in so many milliseconds; the kernel has a limit of its own (`printk.devkmsg`).
const BURST: u32 = 40;
const WINDOW_MS: u32 = 5_000;
/// How much is kept before the device can be opened.
const KEPT: usize = 2048;

/// Says something at a level: one call per line, as each `log::info!` would bring its place in the source and its own test of the level.
#[inline(never)]
pub fn say(level: Level, text: core::fmt::Arguments<'_>) {
    if level <= log::max_level() {
        KMSG.log(level, text);
    }
}

macro_rules! error { ($($text:tt)+) => { $crate::kmsg::say(::log::Level::Error, format_args!($($text)+)) } }
macro_rules! warn { ($($text:tt)+) => { $crate::kmsg::say(::log::Level::Warn, format_args!($($text)+)) } }
macro_rules! info { ($($text:tt)+) => { $crate::kmsg::say(::log::Level::Info, format_args!($($text)+)) } }
macro_rules! debug { ($($text:tt)+) => { $crate::kmsg::say(::log::Level::Debug, format_args!($($text)+)) } }

struct Kmsg {
    /// The descriptor plus one, so that all of this begins as zeros; or `EACH_LINE`.
    fd: AtomicI32,
    kept: [AtomicU8; KEPT],
    kept_len: AtomicU16,
    window: AtomicU32,
    lines: AtomicU32,
}

/// The log is opened for each line.
const EACH_LINE: i32 = -1;

static KMSG: Kmsg = Kmsg {
    fd: AtomicI32::new(0),
    kept: [const { AtomicU8::new(0) }; KEPT],
    kept_len: AtomicU16::new(0),
    window: AtomicU32::new(0),
    lines: AtomicU32::new(0),
};

/// Begins to keep lines.
pub fn begin(level: LevelFilter) {
    log::set_max_level(level);
}

/// Opens the log, and writes what was kept. True if it is /dev/kmsg.
pub fn open() -> bool {
    if descriptor() > 2 {
        return true;
    }
    let found = match device() {
        Ok(fd) => fd.into_raw_fd(),
        Err(_) if !rustix::termios::isatty(stdio::error()) => 2,
        Err(_) => return false,
    };
    write_kept(found + 1);
    found > 2
}

/// The log of a wrapper, which hardly ever says something: nothing is opened now, and no descriptor kept.
pub fn open_for_each_line() {
    write_kept(EACH_LINE);
}

fn device() -> crate::sys::Result<OwnedFd> {
    rustix::fs::open(c"/dev/kmsg", OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
}

/// Writes what was kept to where lines go from here on.
fn write_kept(to: i32) {
    KMSG.fd.store(to, Relaxed);
    let mut line = Text::<512>::new();
    for cell in &KMSG.kept[..usize::from(KMSG.kept_len.swap(0, Relaxed))] {
        let c = cell.load(Relaxed);
        line.push(&[c]);
        if c == b'\n' {
            KMSG.put(line.bytes());
            line = Text::new();
        }
    }
}

/// The descriptor, for who closes all others; negative where none is open.
pub fn descriptor() -> i32 {
    KMSG.fd.load(Relaxed) - 1
}

impl Kmsg {
    /// Writes a line that begins with `<level>`.
    fn put(&self, line: &[u8]) {
        let mut raw = self.fd.load(Relaxed) - 1;
        if raw == EACH_LINE - 1 {
            match device() {
                Ok(fd) => {
                    let _ = rustix::io::write(&fd, line);
                    return;
                }
                Err(_) if rustix::termios::isatty(stdio::error()) => return,
                Err(_) => raw = 2,
            }
        }
        if raw < 0 {
            let start = usize::from(self.kept_len.load(Relaxed));
            if let Some(room) = self.kept.get(start..start + line.len()) {
                room.iter().zip(line).for_each(|(cell, c)| cell.store(*c, Relaxed));
                self.kept_len.store((start + line.len()) as u16, Relaxed);
            }
            return;
        }
        let Some(fd) = process::open_descriptor(raw) else {
            return;
        };
        if raw == 2 {
            // The level is for the kernel only.
            let text = line.get(3..).unwrap_or_default();
            if has_room(fd) {
                let _ = rustix::io::write(fd, text);
            }
        } else {
            let _ = rustix::io::write(fd, line);
        }
    }

    /// Is there room for one more in this window? The first line too many says so.
    fn allowed(&self) -> bool {
        // 49 days are enough to tell two windows apart.
        let now = clock::now_ms() as u32;
        if now.wrapping_sub(self.window.load(Relaxed)) >= WINDOW_MS {
            self.window.store(now, Relaxed);
            let dropped = self.lines.swap(0, Relaxed).saturating_sub(BURST);
            if dropped > 0 {
                self.write(4, format_args!("{dropped} lines left out"));
            }
        }
        self.lines.fetch_add(1, Relaxed) < BURST
    }

    #[inline(never)]
    fn log(&self, level: Level, text: core::fmt::Arguments<'_>) {
        // What goes wrong is always said.
        if level > Level::Error && !self.allowed() {
            return;
        }
        let level = match level {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        self.write(level, text);
    }

    fn write(&self, level: u8, text: core::fmt::Arguments<'_>) {
        let mut line = Text::<512>::new();
        let _ = write!(line, "<{level}>pid1: {text}");
        line.end_with(b'\n');
        self.put(line.bytes());
    }
}

fn has_room(fd: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0)
}
