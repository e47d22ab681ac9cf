//! `keel top`, `lxc-top`: what running containers use, again and again; on a terminal as a table, with -b as lines of CSV.
//!
//! The columns are LXC's, byte for byte. Batch mode needs no terminal, apart from LXC 5.
use super::out::{self, print};
use super::state::live;
use super::{Answer, Call};
use crate::console::terminal::{Raw, size};
use crate::fault::say;
use crate::store::Store;
use crate::usage::Load;
use keel_core::commands::{Opt, UsageError};
use keel_core::failure::Failure;
use keel_core::sorted;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::{stdin, stdout};
use rustix::termios::isatty;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// LXC's default, in milliseconds.
const DELAY_MS: u64 = 3000;
/// A terminal that does not say how large it is.
const LINES: usize = 24;

struct Row {
    name: String,
    load: Load,
}

/// Shows it.
pub fn run(call: &mut Call) -> Answer {
    call.args.no_more()?;
    let store = call.store()?;
    let delay = match call.args.value(Opt::Delay) {
        None => Duration::from_millis(DELAY_MS),
        Some(text) => seconds(text).ok_or_else(|| UsageError(format!("option '--delay': '{text}' is no time")))?,
    };
    let mut order = Order { key: 'n', reverse: call.args.has(Opt::Reverse) };
    if let Some(text) = call.args.value(Opt::Sort) {
        let key = text.chars().next().unwrap_or(' ');
        if !KEYS.contains(&key) || text.len() != 1 {
            return Err(UsageError(format!("option '--sort': '{text}' is none of n, c, b, m, s, k")).into());
        }
        order.key = key;
    }
    if call.args.has(Opt::Json) {
        let (mut rows, _) = rows(&store)?;
        order.sort(&mut rows);
        print(&format!("{:#}\n", Value::Array(rows.iter().map(json).collect())))?;
        return Ok(0);
    }
    if call.args.has(Opt::Batch) {
        return batch(&store, delay, &order);
    }
    if !isatty(stdin()) {
        return Ok(say("stdin is not a tty [-b needs none]")?);
    }
    table(&store, delay, order)
}

/// `3`, `0.5`.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = part.chars().chain("000".chars()).take(3).collect();
    let whole = whole.parse::<u32>().ok()?;
    Some(Duration::from_millis(u64::from(whole) * 1000 + digits.parse::<u64>().ok()?))
}

fn rows(store: &Store) -> Result<(Vec<Row>, usize), Failure> {
    let names = store.names()?;
    let all = names.len();
    let one = |name: &crate::store::Name| {
        let live = live(store, name);
        live.pid.map(|_| Row { name: name.to_string(), load: live.cgroups.load() })
    };
    Ok((names.iter().filter_map(one).collect(), all))
}

const KEYS: [char; 6] = ['n', 'c', 'b', 'm', 's', 'k'];

struct Order {
    key: char,
    reverse: bool,
}

impl Order {
    /// Names from a to z, numbers from the largest down.
    fn sort(&self, rows: &mut [Row]) {
        let value = |row: &Row| match self.key {
            'c' => row.load.cpu_ns,
            'b' => row.load.block_bytes,
            'm' => row.load.memory,
            's' => row.load.memory_and_swap,
            _ => row.load.kernel_memory,
        };
        match self.key {
            'n' => sorted::by(rows, |a, b| a.name.cmp(&b.name)),
            _ => sorted::by_key(rows, |row| std::cmp::Reverse(value(row))),
        }
        if self.reverse {
            rows.reverse();
        }
    }
}

fn json(row: &Row) -> Value {
    let load = &row.load;
    json!({
        "name": row.name, "cpu_ns": load.cpu_ns, "cpu_system_hz": load.system_hz, "cpu_user_hz": load.user_hz,
        "block_bytes": load.block_bytes, "block_read_bytes": load.block_read, "block_write_bytes": load.block_write,
        "block_operations": load.block_operations, "memory_bytes": load.memory,
        "memory_and_swap_bytes": load.memory_and_swap, "kernel_memory_bytes": load.kernel_memory,
    })
}

fn batch(store: &Store, delay: Duration, order: &Order) -> Answer {
    let mut text = "time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,mem_used_bytes,memsw_used_bytes,kernel_mem_used_bytes\n".to_owned();
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let (mut rows, _) = rows(store)?;
        order.sort(&mut rows);
        for Row { name, load } in &rows {
            text += &format!(
                "{now},{name},{},{},{},{},{},{},{},{}\n",
                load.cpu_ns,
                load.system_hz,
                load.user_hz,
                load.block_bytes,
                load.block_operations,
                load.memory,
                load.memory_and_swap,
                load.kernel_memory
            );
        }
        if !out::stream(&text)? {
            return Ok(0);
        }
        text.clear();
        let end = Instant::now() + delay;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            // EINTR is a look too many.
            let _ = poll(&mut [], Some(&timespec(left)));
        }
    }
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ }
}

fn table(store: &Store, delay: Duration, mut order: Order) -> Answer {
    // ENOTTY cannot be: it was asked.
    let _raw = Raw::enter(stdin()).map_err(|e| Failure::errno("tcsetattr", crate::sys::errno(e)))?;
    loop {
        let (mut rows, all) = rows(store)?;
        order.sort(&mut rows);
        let lines = size(stdout()).map_or(LINES, |size| usize::from(size.ws_row)).max(4);
        if crate::console::terminal::write_all(stdout(), screen(&rows, all, lines).as_bytes()).is_err() {
            return Ok(0);
        }
        let end = Instant::now() + delay;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if !matches!(poll(&mut [PollFd::new(&stdin(), PollFlags::IN)], Some(&timespec(left))), Ok(1..)) {
                continue;
            }
            let mut key = [0u8; 1];
            match rustix::io::read(stdin(), &mut key) {
                // ^C and ^D: a raw terminal makes no signals of them.
                Ok(0) | Err(_) => return Ok(0),
                Ok(_) => match char::from(key[0]) {
                    'q' | '\u{3}' | '\u{4}' => {
                        let _ = crate::console::terminal::write_all(stdout(), b"\r\n");
                        return Ok(0);
                    }
                    'r' => order.reverse = !order.reverse,
                    key if KEYS.contains(&key) => order.key = key,
                    _ => continue,
                },
            }
            break;
        }
    }
}

fn screen(rows: &[Row], all: usize, lines: usize) -> String {
    let head = |a: [&str; 8]| {
        format!(
            "{:<18} {:>12} {:>12} {:>12} {:>36} {:>10} {:>10} {:>10}\r\n",
            a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        )
    };
    let mut text = "\u{1b}[H\u{1b}[J\u{1b}[7m\u{1b}[1m".to_owned();
    text += &head(["Container", "CPU", "CPU", "CPU", "BlkIO", "Mem", "MemSw", "KMem"]);
    text += &head(["Name", "Used", "Sys", "User", "Total(Read/Write)", "Used", "Used", "Used"]);
    text += "\u{1b}[0m";
    let shown = rows.len().min(lines - 3);
    for row in &rows[..shown] {
        text += &line(&row.name, &row.load);
        text += "\r\n";
    }
    let mut total = Load::default();
    rows.iter().for_each(|row| total.add(&row.load));
    text + &line(&format!("TOTAL {shown} of {all}"), &total)
}

fn line(name: &str, load: &Load) -> String {
    let name: String = out::visible(name).chars().take(18).collect();
    let block = format!("{}({:>9}/{:>9})", human(load.block_bytes), human(load.block_read), human(load.block_write));
    format!(
        "{name:<18} {:>12} {:>12} {:>12} {block:>36} {:>10} {:>10} {:>10}",
        hundredths(load.cpu_ns / 10_000_000),
        hundredths(load.system_hz),
        hundredths(load.user_hz),
        human(load.memory),
        human(load.memory_and_swap),
        human(load.kernel_memory)
    )
}

fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// `688.00 KiB`; less than that has three blanks for a unit.
fn human(bytes: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes > 1 << shift {
            let hundredths = (u128::from(bytes) * 100) >> shift;
            return format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100);
        }
    }
    format!("{bytes}.00   ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_is_lxcs() {
        let load = Load {
            cpu_ns: 10_000_000,
            memory: 704_512,
            memory_and_swap: 704_512,
            kernel_memory: 352_256,
            ..Load::default()
        };
        let text = screen(&[Row { name: "bb".into(), load }], 1, 24);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines[0].ends_with("[1mContainer                   CPU          CPU          CPU                                BlkIO        Mem      MemSw       KMem"));
        assert_eq!(
            lines[1],
            "Name                       Used          Sys         User                    Total(Read/Write)       Used       Used       Used"
        );
        assert_eq!(
            lines[3],
            "TOTAL 1 of 1               0.01         0.00         0.00         0.00   (  0.00   /  0.00   ) 688.00 KiB 688.00 KiB 344.00 KiB"
        );
    }

    #[test]
    fn orders() {
        let row = |name: &str, memory| Row { name: name.into(), load: Load { memory, ..Load::default() } };
        let mut rows = [row("b", 1), row("a", 2), row("c", 3)];
        let mut names = |key, reverse| {
            Order { key, reverse }.sort(&mut rows);
            rows.iter().map(|row| row.name.as_str()).collect::<String>()
        };
        assert_eq!(
            (names('n', false), names('m', false), names('m', true)),
            ("abc".into(), "cab".into(), "bac".into())
        );
        assert_eq!(seconds("0.5"), Some(Duration::from_millis(500)));
        assert_eq!((seconds("x"), seconds("-1"), seconds("")), (None, None, None));
    }
}
