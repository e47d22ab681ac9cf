//! Entries of an Android's logs as the supervisor keeps them, sends them and writes them down when the container stops.

use keel_core::failure::Failure;
use keel_core::logger::{Entry, Log};
use keel_core::sorted;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How much of each log is kept, as Android's own driver did: the oldest goes.
const ROOM: usize = 64 * 1024;
/// What an entry takes beside its texts.
const ENTRY: usize = 64;
/// Most bytes of entries in one answer: JSON makes six of one at worst, and an answer has 64 KiB.
const ANSWER: usize = 5 * 1024;

/// An entry, when it was read, and its number among all of the container's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Counts from 0, over all logs.
    pub number: u64,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Where it was written.
    pub log: Log,
    /// What.
    pub entry: Entry,
}

impl Kept {
    fn size(&self) -> usize {
        self.entry.tag.len() + self.entry.text.len() + ENTRY
    }

    /// In JSON.
    pub fn value(&self) -> Value {
        let Entry { priority, tag, text } = &self.entry;
        json!([self.number, self.at_ms, self.log.name(), priority, tag, text])
    }

    /// Out of JSON.
    pub fn of(value: &Value) -> Option<Kept> {
        let [number, at_ms, log, priority, tag, text] = value.as_array()?.as_slice() else { return None };
        let entry = Entry {
            priority: u8::try_from(priority.as_u64()?).ok()?,
            tag: tag.as_str()?.into(),
            text: text.as_str()?.into(),
        };
        Some(Kept { number: number.as_u64()?, at_ms: at_ms.as_u64()?, log: Log::of(log.as_str()?)?, entry })
    }
}

/// All logs of a container.
#[derive(Debug, Default)]
pub struct Logbook {
    logs: [VecDeque<Kept>; Log::ALL.len()],
    sizes: [usize; Log::ALL.len()],
    next: u64,
}

impl Logbook {
    /// One more.
    pub fn push(&mut self, log: Log, entry: Entry) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
        let kept = Kept { number: self.next, at_ms: now, log, entry };
        self.next += 1;
        let (logs, size) = (&mut self.logs[log as usize], &mut self.sizes[log as usize]);
        *size += kept.size();
        logs.push_back(kept);
        while *size > ROOM
            && let Some(oldest) = logs.pop_front()
        {
            *size -= oldest.size();
        }
    }

    /// The number of the next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Entries of these logs from a number on, in their order; as many as one answer holds.
    pub fn since(&self, from: u64, logs: &[Log]) -> Vec<&Kept> {
        let mut found: Vec<&Kept> = self.all(logs).filter(|k| k.number >= from).collect();
        sorted::by_key(&mut found, |kept| kept.number);
        let mut size = 0;
        let fits = |kept: &&&Kept| {
            let before = size;
            size += kept.size();
            before < ANSWER
        };
        let fit = found.iter().take_while(fits).count();
        found.truncate(fit);
        found
    }

    fn all<'a>(&'a self, logs: &[Log]) -> impl Iterator<Item = &'a Kept> {
        Log::ALL.into_iter().filter(|log| logs.contains(log)).flat_map(|log| &self.logs[log as usize])
    }

    /// Entries of one log from a number on.
    pub fn of(&self, log: Log, from: u64) -> impl DoubleEndedIterator<Item = &Kept> {
        self.logs[log as usize].iter().filter(move |kept| kept.number >= from)
    }

    /// Forgets what these logs hold.
    pub fn clear(&mut self, logs: &[Log]) {
        for log in logs {
            self.logs[*log as usize].clear();
            self.sizes[*log as usize] = 0;
        }
    }

    /// Writes all of it down, an entry a line.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut kept: Vec<&Kept> = self.all(&Log::ALL).collect();
        if kept.is_empty() {
            return Ok(());
        }
        sorted::by_key(&mut kept, |kept| kept.number);
        let text: String = kept.iter().map(|kept| format!("{}\n", kept.value())).collect();
        if let Some(dir) = path.parent() {
            crate::place::make_private(dir)?;
        }
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|e| crate::fault::at("write", path, e))
    }
}

/// What was written down.
pub fn read(path: &Path) -> Option<Vec<Kept>> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().filter_map(|line| Kept::of(&serde_json::from_str(line).ok()?)).collect())
}

/// `MM-DD HH:MM:SS.mmm`, in UTC: the container's zone is its own matter.
pub fn time(at_ms: u64) -> String {
    let (days, ms) = (at_ms / 86_400_000, at_ms % 86_400_000);
    // Days since the first of March of year 0 (Howard Hinnant's date algorithms, civil_from_days).
    let of_era = (days + 719_468) % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{month:02}-{day:02} {:02}:{:02}:{:02}.{ms:03}", s / 3600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        Entry { priority: 4, tag: "t".into(), text: text.into() }
    }

    #[test]
    fn the_oldest_go_and_an_answer_fits() {
        let mut book = Logbook::default();
        for n in 0..10_000 {
            book.push(if n % 2 == 0 { Log::Main } else { Log::Kernel }, entry(&format!("\u{1}{n:0100}")));
        }
        assert!(book.sizes.iter().all(|size| *size <= ROOM));
        let (mut from, mut seen) = (0, Vec::new());
        loop {
            let part: Vec<Kept> = book.since(from, &[Log::Main]).into_iter().cloned().collect();
            let Some(last) = part.last() else { break };
            from = last.number + 1;
            assert!(Value::from_iter(part.iter().map(Kept::value)).to_string().len() < 60_000);
            seen.extend(part);
        }
        assert!(seen.iter().all(|kept| kept.log == Log::Main) && seen.is_sorted_by_key(|kept| kept.number));
        assert_eq!(seen.last().map(|kept| kept.number), Some(9998));
        assert!(seen.len() > 200);
        book.clear(&[Log::Main]);
        assert!(book.since(0, &[Log::Main]).is_empty() && !book.since(0, &Log::ALL).is_empty());
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let mut book = Logbook::default();
        book.push(Log::Events, entry("a\nb\u{1b}\"\u{fffd}"));
        let path = std::env::temp_dir().join(format!("keel-logbook-{}", std::process::id())).join("logs");
        book.write(&path).unwrap();
        assert_eq!(read(&path).unwrap(), book.since(0, &Log::ALL).into_iter().cloned().collect::<Vec<_>>());
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn times() {
        assert_eq!(time(0), "01-01 00:00:00.000");
        assert_eq!(time(951_782_400_000), "02-29 00:00:00.000");
        assert_eq!(time(1_795_542_245_067), "11-24 17:44:05.067");
    }
}
