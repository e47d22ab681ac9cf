//! boot.img: every header version survives, changes land where they belong, hostile bytes are errors.

use crate::bootimg::{BootImage, Section, is_boot_image};

fn put(image: &mut [u8], at: usize, value: u32) {
    image[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// An image as mkbootimg lays it out; `dt` is a vendor's device tree of version 0.
pub fn image(version: u32, page: usize, dt: usize) -> Vec<u8> {
    let mut parts: Vec<(usize, Vec<u8>)> = vec![(8, vec![b'K'; 5000])];
    let ramdisk = vec![b'R'; 300];
    if version >= 3 {
        parts.push((12, ramdisk));
        if version == 4 {
            parts.push((1580, vec![b'S'; 4096]));
        }
    } else {
        parts.extend([(16, ramdisk), (24, vec![b'2'; 7])]);
        if version >= 1 {
            parts.push((1632, vec![b'D'; 100]));
        }
        if version == 2 {
            parts.push((1648, vec![b'T'; 4097]));
        }
    }
    let mut out = vec![0; page];
    out[..8].copy_from_slice(b"ANDROID!");
    put(&mut out, 40, if dt > 0 { dt as u32 } else { version });
    let command_line = if version >= 3 { 44 } else { 64 };
    out[command_line..command_line + 12].copy_from_slice(b"console=ttyS");
    if version < 3 {
        put(&mut out, 36, page as u32);
        out[48..53].copy_from_slice(b"board");
    }
    if dt > 0 {
        parts.push((40, vec![b'Q'; dt]));
    }
    for (field, data) in parts {
        put(&mut out, field, data.len() as u32);
        if field == 1632 {
            let at = out.len() as u32;
            put(&mut out, 1636, at);
        }
        out.extend(&data);
        out.resize(out.len().next_multiple_of(page), 0);
    }
    out
}

fn all() -> Vec<Vec<u8>> {
    let mut images: Vec<_> = (0..=4).map(|v| image(v, 4096, 0)).collect();
    images.extend([image(0, 2048, 0), image(2, 2048, 0), image(1, 16384, 0), image(0, 2048, 6000)]);
    let mut marked = image(0, 2048, 0);
    marked.extend(b"SEANDROIDENFORCE");
    images.push(marked);
    images
}

#[test]
fn an_untouched_image_comes_out_byte_by_byte() {
    for (i, bytes) in all().iter().enumerate() {
        let parsed = BootImage::read(bytes).unwrap();
        assert!(parsed.write() == *bytes, "image {i}");
        assert_eq!(parsed.section(Section::Ramdisk), [b'R'; 300]);
    }
}

#[test]
fn a_new_ramdisk_and_command_line_leave_the_rest_alone() {
    for (i, bytes) in all().iter().enumerate() {
        let before = BootImage::read(bytes).unwrap();
        let mut changed = before.clone();
        changed.set_ramdisk(vec![b'r'; 9000]).unwrap();
        changed.set_cmdline(&format!("{} keel.init=/init.android", before.cmdline())).unwrap();
        let after = BootImage::read(&changed.write()).unwrap();
        assert_eq!(after.section(Section::Ramdisk), [b'r'; 9000]);
        assert_eq!(after.cmdline(), "console=ttyS keel.init=/init.android");
        for s in [Section::Kernel, Section::Second, Section::RecoveryDtbo, Section::Dtb, Section::Signature] {
            assert!(after.section(s) == before.section(s), "image {i}, {s:?}");
        }
        // Setting everything back gives the same image, but for the id, which the samples leave at zero.
        let mut back = after.clone();
        back.set_ramdisk(before.section(Section::Ramdisk).to_vec()).unwrap();
        back.set_cmdline(&before.cmdline()).unwrap();
        let mut bytes_back = back.write();
        if before.version < 3 {
            assert_ne!(bytes_back[576..596], [0; 20], "image {i}: no id");
            bytes_back[576..608].fill(0);
        }
        assert!(bytes_back == *bytes, "image {i}");
    }
}

#[test]
fn a_long_command_line_is_split_or_refused() {
    for version in [0, 2, 3, 4] {
        let mut parsed = BootImage::read(&image(version, 4096, 0)).unwrap();
        let long = "a".repeat(1500);
        parsed.set_cmdline(&long).unwrap();
        assert_eq!(BootImage::read(&parsed.write()).unwrap().cmdline(), long);
        let said = parsed.set_cmdline(&"a".repeat(1536)).unwrap_err().0;
        assert!(said.contains("1536 bytes does not fit"), "{said}");
    }
}

#[test]
fn an_avb_footer_stays_with_an_untouched_image_only() {
    let mut bytes = image(2, 2048, 0);
    let end = bytes.len();
    bytes.resize(end + 8192, 0);
    let footer = bytes.len() - 64;
    bytes[footer..footer + 4].copy_from_slice(b"AVBf");
    let mut parsed = BootImage::read(&bytes).unwrap();
    assert!(parsed.write() == bytes);
    parsed.set_ramdisk(vec![b'R'; 300]).unwrap();
    assert_eq!(parsed.write().len(), end);
}

#[test]
fn hostile_headers_are_errors() {
    assert!(!is_boot_image(b"ANDROI"));
    assert!(BootImage::read(b"VNDRBOOT").unwrap_err().0.contains("vendor_boot"));
    for bytes in all() {
        for cut in (0..bytes.len()).step_by(7).chain(0..1700) {
            let _ = BootImage::read(&bytes[..cut.min(bytes.len())]);
        }
        for at in 0..1700 {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = bytes.clone();
                bad[at] = value;
                if let Ok(parsed) = BootImage::read(&bad) {
                    let _ = parsed.write();
                }
            }
        }
    }
    let mut bad = image(2, 4096, 0);
    put(&mut bad, 16, u32::MAX);
    assert!(BootImage::read(&bad).unwrap_err().0.contains("section Ramdisk of 4294967295 bytes is cut off"));
    put(&mut bad, 36, 3000);
    assert!(BootImage::read(&bad).unwrap_err().0.contains("page size"));
}
