//! keel's sink for the `log` crate: /dev/kmsg, a file, or nothing yet.
//!
//! Lines logged before the sink is chosen are kept (at most [`KEPT`]) and written then. Never blocks for long, never
//! fails, never writes to a terminal. Does not limit its own rate: what keel logs is events of containers, each of which
//! has a back-off of its own. The kernel takes ten lines in five seconds from each opener of /dev/kmsg and drops the others
//! (kernel/printk/printk.c, devkmsg_write), among them perhaps the one that says why: so it is opened again before that.
use keel_core::failure::Failure;
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::sync::Mutex;

/// How many early lines are kept; the oldest go first.
const KEPT: usize = 200;
/// How many lines the kernel takes from one opener for certain.
const LINES_PER_OPEN: u32 = 9;
/// The kernel takes a record of at most 1024 bytes less its prefix (kernel/printk/printk.c, LOG_LINE_MAX).
const LONGEST: usize = 900;

enum Sink {
    /// Not chosen yet.
    Early(Vec<String>),
    /// /dev/kmsg: one write is one record, `<level>` in front. How many were written since it was opened.
    Kernel(File, u32),
    /// A log file: plain lines. And the system's log, where one is named.
    File(File, Option<System>),
    /// The system's log only.
    System(System),
    /// Thrown away.
    Nowhere,
}

/// The system's log: datagrams to /dev/log as syslog(3) sends them.
struct System {
    socket: UnixDatagram,
    facility: u8,
}

impl System {
    fn open(facility: u8) -> std::io::Result<System> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect("/dev/log")?;
        Ok(System { socket, facility })
    }

    /// A line as it goes to the kernel: the facility goes into the number in front.
    fn write(&self, line: &str) -> std::io::Result<()> {
        let Some((number, text)) = line.strip_prefix('<').and_then(|line| line.split_once(">keel: ")) else {
            return Ok(());
        };
        let priority = u32::from(self.facility) * 8 + number.parse::<u32>().unwrap_or(6);
        let text = format!("<{priority}>keel[{}]: {}", std::process::id(), text.trim_end());
        self.socket.send(text.as_bytes()).map(drop)
    }
}

struct Logger {
    sink: Mutex<Sink>,
}

static LOGGER: Logger = Logger { sink: Mutex::new(Sink::Early(Vec::new())) };

/// Make this the sink of the whole program; lines are kept until one of the functions below says where they go.
pub fn install() {
    // A second call finds the logger installed: as good.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(LevelFilter::Info);
}

/// From now on to /dev/kmsg, kept lines first. False when it cannot be opened: lines are kept on.
pub fn to_kernel() -> bool {
    open_kernel().map(|file| LOGGER.choose(Sink::Kernel(file, 0))).is_ok()
}

fn open_kernel() -> std::io::Result<File> {
    OpenOptions::new().write(true).custom_flags(libc::O_CLOEXEC | libc::O_NOCTTY).open("/dev/kmsg")
}

/// From now on as a container's configuration has it: to its file, to the system's log, to both, or nowhere.
pub fn to_configured(log: &keel_core::config::Log) -> Result<(), Failure> {
    let at = |path: &str, e: &std::io::Error| Failure::errno(format_args!("open '{path}'"), crate::sys::io_errno(e));
    let system = log.syslog.map(System::open).transpose().map_err(|e| at("/dev/log", &e))?;
    let level = match log.level {
        Some(0) => LevelFilter::Trace,
        Some(1) => LevelFilter::Debug,
        None | Some(2 | 3) => LevelFilter::Info,
        Some(4) => LevelFilter::Warn,
        Some(_) => LevelFilter::Error,
    };
    log::set_max_level(level);
    let file = log.file.as_ref().map(|path| {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
        file.map_err(|e| at(path, &e))
    });
    LOGGER.choose(match (file.transpose()?, system) {
        (Some(file), system) => Sink::File(file, system),
        (None, Some(system)) => Sink::System(system),
        (None, None) => Sink::Nowhere,
    });
    Ok(())
}

/// The lines kept so far: for a console when there is no /dev/kmsg to be had.
pub fn kept() -> Vec<String> {
    match LOGGER.sink.try_lock().as_deref() {
        Ok(Sink::Early(lines)) => lines.clone(),
        _ => Vec::new(),
    }
}

impl Logger {
    fn choose(&self, new: Sink) {
        // A poisoned lock is a panic in the middle of a line: what is kept is still good.
        let mut sink = self.sink.lock().unwrap_or_else(|broken| broken.into_inner());
        let old = std::mem::replace(&mut *sink, new);
        if let Sink::Early(lines) = old {
            for line in lines {
                sink.write(line);
            }
        }
    }
}

impl Sink {
    fn write(&mut self, line: String) {
        // Where a log line cannot be written there is nowhere to say so.
        let _ = match self {
            Sink::Early(lines) => {
                if lines.len() == KEPT {
                    lines.remove(0);
                }
                lines.push(line);
                Ok(())
            }
            Sink::Kernel(file, lines) => {
                // Without descriptors the old one has to do.
                if *lines == LINES_PER_OPEN
                    && let Ok(new) = open_kernel()
                {
                    (*file, *lines) = (new, 0);
                }
                *lines += 1;
                file.write_all(line.as_bytes())
            }
            Sink::File(file, system) => {
                let sent = system.as_ref().map_or(Ok(()), |system| system.write(&line));
                file.write_all(line.split_once('>').map_or("", |(_, text)| text).as_bytes()).and(sent)
            }
            Sink::System(system) => system.write(&line),
            Sink::Nowhere => Ok(()),
        };
    }
}

/// The kernel's level (linux/kern_levels.h) and the text, control characters made harmless, one record.
fn line(level: Level, text: &str) -> String {
    let number = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    let mut line = format!("<{number}>keel: ");
    for c in text.chars() {
        if line.len() >= LONGEST {
            line.push('…');
            break;
        }
        line.push(if c.is_control() { ' ' } else { c });
    }
    line.push('\n');
    line
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = line(record.level(), &record.args().to_string());
        // try_lock: a panic hook that logs from inside this very function must not wait for itself.
        if let Ok(mut sink) = self.sink.try_lock() {
            sink.write(line);
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_and_short() {
        assert_eq!(line(Level::Warn, "bb: gone"), "<4>keel: bb: gone\n");
        let long = line(Level::Info, &"a\n\x1b[2J".repeat(500));
        assert!(long.len() < 1000 && long.ends_with("…\n"));
        assert_eq!(long.chars().filter(|c| c.is_control()).count(), 1);
    }
}
