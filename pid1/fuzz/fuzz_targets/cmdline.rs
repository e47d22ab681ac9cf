//! Any bytes as a kernel command line, and as the other texts that `pid1` reads: nothing panics, and what must hold holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pid1::{cgroups, cmdline, issue, mountinfo, options, passwd, settings, signals};

fuzz_target!(|data: &[u8]| {
    let line = data.split(|c| *c == 0).next().unwrap_or_default();
    let words = cmdline::words(data).count();
    // No byte is in two words, and none is made up.
    let bytes: usize = cmdline::words(data).map(|w| w.name.len() + w.value.map_or(0, |v| v.len() + 1)).sum();
    assert!(bytes <= line.len());
    let (parameters, arguments) = (cmdline::parameters(data).count(), cmdline::arguments(data).count());
    assert!(parameters + arguments == words || parameters + arguments + 1 == words);

    let mut complaints = 0;
    let settings = settings::Settings::from_line(data, |_| complaints += 1);
    assert!(complaints <= parameters);
    assert!(settings.consoles.iter().count() <= pid1::terminal::MOST);

    let _ = options::parse(data.split(|c| *c == b' '), |_| {});
    let _ = signals::parse(data);
    let _ = passwd::user(data, b"root");
    let _ = cgroups::controllers(data).count();
    let _ = mountinfo::line(data).map(|m| m.keeps());
    let _ = mountinfo::swap(data);
    let _ = mountinfo::unescape(data, &mut [0; 64]);
    let names = issue::Names { line: b"l", node: b"n", system: b"s", release: b"r", version: b"v", machine: b"m", domain: b"o" };
    issue::write(|_| {}, data, &names);
});
