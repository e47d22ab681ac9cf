//! Compressions: what is packed is unpacked, by the system's tools too; broken streams and bombs are errors.

use crate::codec::{Compression, LIMIT, NAMES};
use std::io::Write;

fn sample() -> Vec<u8> {
    // More than one lz4 piece, neither constant nor random.
    (0..((8 << 20) + 70_000) as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect()
}

#[test]
fn packs_and_unpacks_the_same_and_says_where_the_stream_ends() {
    let data = sample();
    for (name, c) in NAMES {
        let mut packed = c.pack(&data).unwrap();
        assert_eq!(Compression::detect(&packed).unwrap(), c, "{name}");
        let end = packed.len();
        if c != Compression::None {
            packed.extend([0; 16]);
        }
        let (back, used) = c.unpack(&packed, LIMIT).unwrap();
        assert!(back == data, "{name}: content differs");
        assert_eq!(used, end, "{name}");
    }
}

#[test]
fn the_systems_own_tools_read_what_is_packed_here() {
    let data = sample();
    for (tool, c) in
        [("gzip", Compression::Gzip), ("lz4", Compression::Lz4), ("zstd", Compression::Zstd), ("xz", Compression::Xz)]
    {
        if crate::apt::program(tool).is_none() {
            assert!(std::env::var_os("MUST").is_none(), "skipped: {tool}(1) is not installed");
            eprintln!("skipped: {tool}(1) is not installed");
            continue;
        }
        let packed = c.pack(&data).unwrap();
        let mut child = std::process::Command::new(tool)
            .arg("-dc")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || input.write_all(&packed));
        let out = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        assert!(out.stdout == data, "{tool} reads something else");
    }
}

#[test]
fn a_truncated_or_flipped_stream_is_an_error_or_shorter_never_a_panic() {
    let data = &sample()[..40_000];
    for (name, c) in &NAMES[1..] {
        let packed = c.pack(data).unwrap();
        for cut in 0..packed.len().min(600) {
            let (out, _) = c.unpack(&packed[..cut], LIMIT).unwrap_or_default();
            assert!(out.len() < data.len(), "{name} at {cut}");
        }
        for at in 0..packed.len().min(600) {
            let mut bad = packed.clone();
            bad[at] ^= 0x55;
            let _ = c.unpack(&bad, 1 << 20);
        }
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    for (name, c) in &NAMES[1..] {
        let packed = c.pack(&zeros).unwrap();
        assert!(c.unpack(&packed, 1 << 20).unwrap_err().0.contains("more than 1 MiB"), "{name}");
    }
}

#[test]
fn names_what_it_cannot_read() {
    assert!(Compression::detect(b"BZh91AY").unwrap_err().0.contains("bzip2"));
    assert!(Compression::named("zst").unwrap_err().0.contains("'zst'"));
}
