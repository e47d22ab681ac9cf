//! Takes the ELF kernel out of an x86 bzImage. Given to QEMU it is entered by PVH (Documentation/arch/x86/boot.rst and
//! XEN_ELFNOTE_PHYS32_ENTRY), which saves the decompression: half of the boot time under software emulation.

use crate::codec::{Compression, LIMIT};
use crate::fault::{Fault, Result};

/// The vmlinux inside of a bzImage; an ELF file is returned as it is. Offsets are those of the setup header in
/// Documentation/arch/x86/boot.rst: setup_sects 0x1f1, "HdrS" 0x202, payload_offset 0x248, payload_length 0x24c.
pub fn carve(image: &[u8]) -> Result<Vec<u8>> {
    if image.starts_with(b"\x7fELF") {
        return Ok(image.to_vec());
    }
    let word = |at: usize| image.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Err(Fault::new("neither an ELF kernel nor an x86 bzImage"));
    }
    // 0 means 4, for the oldest loaders.
    let setup = match image[0x1f1] {
        0 => 5,
        n => usize::from(n) + 1,
    } * 512;
    let (Some(offset), Some(length)) = (word(0x248), word(0x24c)) else {
        return Err(Fault::new("a bzImage that ends in its setup header"));
    };
    let start = setup.saturating_add(offset);
    let payload = start
        .checked_add(length)
        .and_then(|end| image.get(start..end))
        .ok_or_else(|| Fault::new("a bzImage that ends in its payload"))?;
    let method = Compression::detect(payload)?;
    if method == Compression::None && !payload.starts_with(b"\x7fELF") {
        return Err(Fault::new("a bzImage whose payload is packed in no known way"));
    }
    // The build appends the unpacked size; an lz4 stream has no end of its own, so that would look like one more piece.
    let stream = if method == Compression::Lz4 { &payload[..payload.len() - 4] } else { payload };
    let (kernel, _) = method.unpack(stream, LIMIT)?;
    if !kernel.starts_with(b"\x7fELF") {
        return Err(Fault::new("a bzImage whose payload is no ELF kernel"));
    }
    Ok(kernel)
}

/// Whether an ELF kernel has the PVH entry note (`Xen`, type 18): QEMU loads an ELF kernel only by it.
pub fn has_pvh(kernel: &[u8]) -> bool {
    const NOTE: [u8; 16] = [4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0, b'X', b'e', b'n', 0];
    const NOTE_64: [u8; 16] = [4, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0, b'X', b'e', b'n', 0];
    kernel.windows(16).any(|w| w == NOTE || w == NOTE_64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 1024];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&8u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        image.extend([0; 8]);
        image.extend(payload);
        image
    }

    #[test]
    fn finds_the_elf_in_every_packing() {
        let elf = [b"\x7fELF".as_slice(), &[7; 5000]].concat();
        for (name, c) in crate::codec::NAMES {
            let mut payload = c.pack(&elf).unwrap();
            if c != Compression::None {
                // The kernel's build appends the unpacked size.
                payload.extend((elf.len() as u32).to_le_bytes());
            }
            assert!(carve(&image(&payload)).unwrap() == elf, "{name}");
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = image(&Compression::Gzip.pack(b"\x7fELF and more").unwrap());
        for cut in 0..whole.len() {
            assert!(carve(&whole[..cut]).is_err(), "{cut}");
        }
    }
}
