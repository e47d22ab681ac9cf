//! /proc/cpuinfo of an Android: the kernel's or a file's, with lines of the configuration.
//!
//! JellyBean's init takes `Hardware` and `Revision` from there, which kernels have on ARM only, and reads the first 1023 bytes.
//! So what is added stands near the beginning: behind the first line, since init looks for a line's end in front of it.

use super::super::Request;
use crate::config::Config;
use alloc::format;
use alloc::string::String;

/// The text, when the configuration asks for one of its own.
pub(super) fn text(config: &Config, request: &Request) -> Option<String> {
    let android = &config.android;
    let wanted = android.cpuinfo_file.is_some() || !android.cpuinfo.is_empty();
    wanted.then(|| android.cpuinfo.iter().rev().fold(request.cpuinfo.clone(), |text, line| with(&text, line)))
}

/// A text with `NAME: VALUE` in the place of all lines of that name, or added.
fn with(text: &str, line: &str) -> String {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let (name, line) = (name.trim(), format!("{}\t: {}\n", name.trim(), value.trim()));
    let is_it = |l: &str| l.split_once(':').is_some_and(|(found, _)| found.trim() == name);
    if text.lines().any(is_it) {
        return text.split_inclusive('\n').map(|l| if is_it(l) { line.as_str() } else { l }).collect();
    }
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    format!("{first}\n{line}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = "processor\t: 0\nmodel name\t: A\n\nprocessor\t: 1\nmodel name\t: A\n\n";

    #[test]
    fn a_line_takes_the_place_of_all_of_its_name_or_stands_near_the_beginning() {
        assert_eq!(with(REAL, "model name: B").matches("model name\t: B\n").count(), 2);
        let added = with(REAL, " Hardware :  x:86 ");
        assert!(added.starts_with("processor\t: 0\nHardware\t: x:86\nmodel name\t: A\n"), "{added}");
        assert_eq!(with("", "Hardware: x86"), "\nHardware\t: x86\n");
        assert_eq!(with("processor\t: 0", "processor: 7"), "processor\t: 7\n");
    }

    #[test]
    fn lines_keep_their_order_and_without_any_it_is_the_kernels() {
        let mut config = Config::default();
        let request = Request { cpuinfo: REAL.into(), ..Request::default() };
        assert_eq!(text(&config, &request), None);
        config.android.cpuinfo = ["Hardware: x86".into(), "Revision: 0010".into()].into();
        let text = text(&config, &request).unwrap();
        assert!(text.starts_with("processor\t: 0\nHardware\t: x86\nRevision\t: 0010\n"), "{text}");
    }
}
