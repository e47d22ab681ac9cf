//! Puts Keel into somebody else's ramdisk or boot.img and packs it again the way it was packed.

use crate::bootimg::{BootImage, Section, is_boot_image};
use crate::codec::Compression;
use crate::fault::{Fault, Result};
use crate::layout::Layout;
use crate::ramdisk::Ramdisk;

/// The word of the kernel's command line that makes Keel hand over to the base's own init.
pub const HAND_OVER: &str = "keel.init=/init.android";

/// A packed result, and what a person has to know about it.
pub struct Grafted {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// One line each.
    pub notes: Vec<String>,
}

/// Grafts `layout` onto `base`, packed as the base was or as `compression` says.
pub fn graft(base: &[u8], layout: &Layout<'_>, compression: Option<Compression>) -> Result<Grafted> {
    if !is_boot_image(base) {
        let bytes = onto_ramdisk(base, layout, compression)?;
        return Ok(Grafted { bytes, notes: vec![format!("add to the kernel's command line: {HAND_OVER}")] });
    }
    let mut image = BootImage::read(base)?;
    let ramdisk = image.section(Section::Ramdisk);
    if ramdisk.is_empty() {
        return Err(Fault::new(
            "the boot.img has no ramdisk: give the one with /init in it (init_boot.img of newer devices)",
        ));
    }
    let packed = onto_ramdisk(ramdisk, layout, compression)?;
    image.set_ramdisk(packed)?;
    let mut notes = Vec::new();
    let line = image.cmdline();
    if !line.split_whitespace().any(|word| word == HAND_OVER) {
        let longer = if line.is_empty() { HAND_OVER.to_owned() } else { format!("{line} {HAND_OVER}") };
        match image.set_cmdline(&longer) {
            Ok(()) => notes.push(format!("the image's command line now ends in: {HAND_OVER}")),
            Err(why) => notes.push(format!("{why}: add {HAND_OVER} in the boot loader")),
        }
    }
    if !image.section(Section::Signature).is_empty() {
        notes.push("the signature of the image is the old one and no longer matches".to_owned());
    }
    Ok(Grafted { bytes: image.write(), notes })
}

fn onto_ramdisk(base: &[u8], layout: &Layout<'_>, compression: Option<Compression>) -> Result<Vec<u8>> {
    let (mut tree, packing) = Ramdisk::read(base)?;
    layout.graft(&mut tree)?;
    tree.pack(compression.unwrap_or(packing))
}
