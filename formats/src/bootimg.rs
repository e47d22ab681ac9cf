//! Android's boot.img, header versions 0 to 4, taken apart and put together (layout: system/tools/mkbootimg's
//! bootimg.h). Sections are kept as bytes; what is not touched comes out as it went in, to the last byte.
//! Input is hostile: every section must lie within the file.
//! Refused: vendor_boot images (`VNDRBOOT`), and header versions above 4.

use crate::fault::{Fault, Result};
use sha1::{Digest, Sha1};

const MAGIC: &[u8] = b"ANDROID!";
/// Page size of versions 3 and 4, which do not say.
const PAGE: usize = 4096;

/// Where the sizes stand in the header: section by section, in the order of the file.
const OLD: &[(Section, usize)] = &[
    (Section::Kernel, 8),
    (Section::Ramdisk, 16),
    (Section::Second, 24),
    (Section::RecoveryDtbo, 1632),
    (Section::Dtb, 1648),
];
const NEW: &[(Section, usize)] = &[(Section::Kernel, 8), (Section::Ramdisk, 12), (Section::Signature, 1580)];

/// A part of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The kernel.
    Kernel,
    /// The ramdisk: of version 3 and 4 the generic one.
    Ramdisk,
    /// A second-stage loader; versions 0 to 2.
    Second,
    /// A device-tree overlay for recovery; versions 1 and 2.
    RecoveryDtbo,
    /// The device tree: version 2, and version 0 of some vendors, whose header has its size where the version stands.
    Dtb,
    /// The signature of version 4.
    Signature,
}

/// An image in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootImage {
    /// 0 to 4.
    pub version: u32,
    /// What sections are padded to.
    pub page: usize,
    /// The first page.
    header: Vec<u8>,
    sections: Vec<(Section, Vec<u8>)>,
    /// What follows the last section: vendors' marks, an AVB footer, padding of the partition.
    tail: Vec<u8>,
    /// All of it as it was read, until something changes: no tool fills padding and unused fields in the same way.
    untouched: Option<Vec<u8>>,
    /// Offset and length of the fields for the command line.
    room: [(usize, usize); 2],
}

/// Whether `bytes` begin like a boot.img.
pub fn is_boot_image(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

impl BootImage {
    /// Takes an image apart.
    pub fn read(bytes: &[u8]) -> Result<BootImage> {
        let broken = |why: &str| Fault::new(format!("boot.img: {why}"));
        if bytes.starts_with(b"VNDRBOOT") {
            return Err(broken("a vendor_boot image: give the boot or init_boot image, where /init is"));
        }
        if !is_boot_image(bytes) {
            return Err(broken("no magic 'ANDROID!'"));
        }
        let word = |at: usize| get(bytes, at).ok_or_else(|| broken("it ends in its header"));
        // Offset 40 is the version in all of them; vendors' version 0 has the size of a device tree there.
        let said = word(40)?;
        let dt_size = if said > 4 { said } else { 0 };
        let version = if said > 4 { 0 } else { said };
        let new = version >= 3;
        let page = if new { PAGE } else { word(36)? as usize };
        if !page.is_power_of_two() || !(2048..=1 << 20).contains(&page) {
            return Err(broken(if said > 4 {
                "its header version is above 4"
            } else {
                "its page size is no power of 2 from 2048 on"
            }));
        }
        let header_len = match version {
            0 => 1632,
            1 => 1648,
            2 => 1660,
            3 => 1580,
            _ => 1584,
        };
        let header = bytes.get(..page).ok_or_else(|| broken("it ends in its first page"))?.to_vec();
        let mut sections = Vec::new();
        let mut at = page;
        let mut take = |section, size: u32| -> Result<()> {
            let end = at.checked_add(size as usize).filter(|end| *end <= bytes.len());
            let end = end.ok_or_else(|| broken(&format!("section {section:?} of {size} bytes is cut off")))?;
            if size > 0 {
                sections.push((section, bytes[at..end].to_vec()));
            }
            at = end.next_multiple_of(page).min(bytes.len());
            Ok(())
        };
        for (section, field) in (if new { NEW } else { OLD }).iter().filter(|(_, field)| *field < header_len) {
            take(*section, word(*field)?)?;
        }
        take(Section::Dtb, dt_size)?;
        let room = if new { [(44, 1536), (0, 0)] } else { [(64, 512), (608, 1024)] };
        Ok(BootImage {
            version,
            page,
            header,
            sections,
            tail: bytes[at..].to_vec(),
            untouched: Some(bytes.to_vec()),
            room,
        })
    }

    /// The section's bytes; empty when there is none.
    pub fn section(&self, section: Section) -> &[u8] {
        self.sections.iter().find(|(s, _)| *s == section).map_or(&[], |(_, data)| data)
    }

    /// Replaces the ramdisk.
    pub fn set_ramdisk(&mut self, data: Vec<u8>) -> Result<()> {
        let size = u32::try_from(data.len()).map_err(|_| Fault::new("boot.img: a ramdisk above 4 GiB"))?;
        let field = if self.version >= 3 { 12 } else { 16 };
        self.header[field..field + 4].copy_from_slice(&size.to_le_bytes());
        match self.sections.iter_mut().find(|(s, _)| *s == Section::Ramdisk) {
            Some((_, old)) => *old = data,
            None => {
                let after = usize::from(self.sections.first().is_some_and(|(s, _)| *s == Section::Kernel));
                self.sections.insert(after, (Section::Ramdisk, data));
            }
        }
        self.untouched = None;
        Ok(())
    }

    /// The kernel's command line: both fields of the old headers, one after the other, as boot loaders join them.
    pub fn cmdline(&self) -> String {
        let field = |(at, len): (usize, usize)| {
            let bytes = self.header[at..at + len].split(|b| *b == 0).next().unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        self.room.iter().map(|r| field(*r)).collect()
    }

    /// Sets the command line when it fits: 1535 bytes; 1534 in the old headers, which split it after 511.
    pub fn set_cmdline(&mut self, text: &str) -> Result<()> {
        let bytes = text.as_bytes();
        let [(first, first_len), (more, more_len)] = self.room;
        let cut = bytes.len().min(first_len - 1);
        let rest = &bytes[cut..];
        if rest.len() > more_len.saturating_sub(1) || bytes.contains(&0) {
            let most = first_len - 1 + more_len.saturating_sub(1);
            return Err(Fault::new(format!(
                "boot.img: a command line of {} bytes does not fit, {most} do",
                bytes.len()
            )));
        }
        self.header[first..first + first_len].fill(0);
        self.header[first..first + cut].copy_from_slice(&bytes[..cut]);
        if more_len > 0 {
            self.header[more..more + more_len].fill(0);
            self.header[more..more + rest.len()].copy_from_slice(rest);
        }
        self.untouched = None;
        Ok(())
    }

    /// Puts the image together. After a change the id of the old headers is made anew, and an AVB footer is left out: it
    /// would point into the void (the image needs signing again, or an unlocked boot loader).
    pub fn write(&self) -> Vec<u8> {
        if let Some(bytes) = &self.untouched {
            return bytes.clone();
        }
        let mut out = self.header.clone();
        if self.version < 3 {
            out[576..608].copy_from_slice(&self.id());
        }
        // recovery_dtbo_offset counts from the start of the file.
        let mut at = self.page;
        for (section, data) in &self.sections {
            if *section == Section::RecoveryDtbo {
                out[1636..1644].copy_from_slice(&(at as u64).to_le_bytes());
            }
            at = (at + data.len()).next_multiple_of(self.page);
        }
        for (_, data) in &self.sections {
            out.resize(out.len().next_multiple_of(self.page), 0);
            out.extend_from_slice(data);
        }
        let footer = self.tail.len() >= 64 && self.tail[self.tail.len() - 64..].starts_with(b"AVBf");
        out.resize(out.len().next_multiple_of(self.page), 0);
        if !footer {
            out.extend_from_slice(&self.tail);
        }
        out
    }

    /// SHA-1 over each section and its length, in a field of 32 bytes, as mkbootimg makes it.
    fn id(&self) -> [u8; 32] {
        let mut hash = Sha1::new();
        let present = match self.version {
            0 => &[Section::Kernel, Section::Ramdisk, Section::Second][..],
            1 => &[Section::Kernel, Section::Ramdisk, Section::Second, Section::RecoveryDtbo],
            _ => &[Section::Kernel, Section::Ramdisk, Section::Second, Section::RecoveryDtbo, Section::Dtb],
        };
        let vendors = self.version == 0 && !self.section(Section::Dtb).is_empty();
        for section in present.iter().chain(vendors.then_some(&Section::Dtb)) {
            let data = self.section(*section);
            hash.update(data);
            hash.update((data.len() as u32).to_le_bytes());
        }
        let mut id = [0; 32];
        id[..20].copy_from_slice(&hash.finalize());
        id
    }
}

fn get(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}
