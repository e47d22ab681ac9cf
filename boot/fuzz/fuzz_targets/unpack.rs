//! Everything that reads a file of somebody else: ramdisks in every packing, boot images, bzImages, ELF headers. What was
//! read is written and read again: the content must be the same.
#![no_main]

use boot::bootimg::{BootImage, Section};
use boot::codec::Compression;
use boot::ramdisk::Ramdisk;
use boot::{artifacts, cpio, vmlinux};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = artifacts::needs_interpreter(bytes);
    let _ = vmlinux::carve(bytes);
    if let Ok(packing) = Compression::detect(bytes) {
        let _ = packing.unpack(bytes, 1 << 22);
    }
    if let Ok(entries) = cpio::read(bytes) {
        // Names that only a reader can meet (empty ones) are refused by the writer.
        if let Ok(written) = cpio::write(&entries) {
            if !entries.is_empty() {
                assert_eq!(cpio::read(&written).unwrap(), entries);
            }
        }
    }
    let _ = Ramdisk::read(bytes);
    if let Ok(mut image) = BootImage::read(bytes) {
        assert_eq!(image.write(), bytes);
        image.set_ramdisk(b"new".to_vec()).unwrap();
        let again = BootImage::read(&image.write()).unwrap();
        assert_eq!(again.section(Section::Ramdisk), b"new");
    }
});
