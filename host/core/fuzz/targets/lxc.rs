//! Any bytes as a configuration file: no panic, sentences of one line, and what was printed is printed again.
#![no_main]

use keel_core::config::lxc::{self, Includer};
use keel_core::failure::Errno;

/// The file is all the files there are.
struct Mirror<'a>(&'a [u8]);

impl Includer for Mirror<'_> {
    fn read(&mut self, path: &str) -> Result<Vec<(String, Vec<u8>)>, Errno> {
        if path == "m" { Ok(vec![("m".into(), self.0.to_vec())]) } else { Err(Errno::NOENT) }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut config, problems) = lxc::parse("f", bytes, &mut Mirror(bytes));
    for problem in &problems {
        assert!(!problem.to_string().contains('\n'));
    }
    let printed = lxc::print(&config);
    let (again, _) = lxc::parse("p", printed.as_bytes(), &mut lxc::NoFiles);
    assert_eq!(lxc::print(&again), printed);
    let _ = lxc::read_fstab(&mut config, &mut Mirror(bytes));
});
