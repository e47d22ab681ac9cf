//! Properties of Android as bytes: the area that init shares (a list up to 4.3, from 4.4 on a trie), and the message by which one is set.
//!
//! The area is the container's, and hostile: every offset is checked, and no more is looked at than there is room for.

use alloc::string::String;
use alloc::vec::Vec;

/// "PROP", where the area's third and fourth number have magic and version.
const MAGIC: u32 = 0x504f_5250;
const VERSION: u32 = 0x4543_4f76;
/// The version from 4.4 on.
const LATER: u32 = 0xfc6e_d0ab;
/// Where its data begin, from where offsets count, and the bytes of a node.
const DATA: usize = 128;
const NODE: usize = 20;
/// A serial's bit: the value is longer, and elsewhere (8.0 and later).
const LONG: u32 = 1 << 16;
/// Where the list of entries begins.
const TOC: usize = 32;
/// Bytes of a name and of a value, each with its end.
const NAME: usize = 32;
const VALUE: usize = 92;

/// Bytes of a message; init drops any other length.
pub const MESSAGE: usize = 128;

/// Whether that is the area of a later Android, whose init has a property for its own power-off (sys.powerctl, from 4.4 on).
pub fn is_later(area: &[u8]) -> bool {
    let word = |at: usize| area.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    word(8) == Some(MAGIC) && word(12).is_some_and(|version| version != VERSION)
}

/// All properties, of 4.1 to 4.3 in the order in which they were made.
///
/// # Errors
/// Why the bytes are no such area.
pub fn properties(area: &[u8]) -> Result<Vec<(String, String)>, &'static str> {
    let word = |at: usize| area.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_ne_bytes);
    match (word(8), word(12)) {
        (Some(MAGIC), Some(VERSION)) => {}
        (Some(MAGIC), Some(LATER)) => return Ok(trie(area)),
        (Some(MAGIC), _) => return Err("properties in a form that is not known"),
        _ => return Err("no area of properties"),
    }
    let text = |at: usize, len: usize| {
        let bytes = area.get(at..at.checked_add(len)?)?;
        Some(String::from_utf8_lossy(bytes.split(|b| *b == 0).next()?).into_owned())
    };
    let most = (area.len() - TOC.min(area.len())) / 4;
    let count = (word(0).unwrap_or(0) as usize).min(most);
    let entry = |i: usize| {
        let at = word(TOC + i * 4)? as usize & 0x00ff_ffff;
        Some((text(at, NAME)?, text(at.checked_add(NAME + 4)?, VALUE)?))
    };
    Ok((0..count).filter_map(entry).collect())
}

/// Of the trie each node has links to what hangs left, right and below of it, and to its property, if it is the last part of a name:
/// a serial, a value, the whole name (bionic's prop_area.h and prop_info.h).
fn trie(area: &[u8]) -> Vec<(String, String)> {
    let word = |at: usize| area.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_ne_bytes);
    let text = |at: usize, most: usize| {
        let rest = area.get(at..)?;
        let bytes = &rest[..most.min(rest.len())];
        Some(String::from_utf8_lossy(bytes.split(|b| *b == 0).next()?).into_owned())
    };
    let mut found = Vec::new();
    let mut left = alloc::vec![DATA];
    // Whoever links in circles gets no further than the number of nodes that fit.
    for _ in 0..area.len() / NODE {
        let Some(node) = left.pop() else { break };
        let link = |number: usize| Some(DATA + word(node + number * 4).filter(|to| *to != 0)? as usize);
        left.extend([2, 3, 4].into_iter().filter_map(link));
        let property = link(1).and_then(|info| {
            let value = match word(info)? & LONG {
                0 => text(info + 4, VALUE)?,
                _ => text(info.checked_add(word(info + 60)? as usize)?, area.len())?,
            };
            Some((text(info + 4 + VALUE, area.len())?, value))
        });
        found.extend(property);
    }
    found
}

/// The message that sets a property.
///
/// # Errors
/// The sentence: a name or a value that does not fit.
pub fn message(name: &str, value: &str) -> Result<[u8; MESSAGE], String> {
    for (what, text, room) in [("name", name, NAME), ("value", value, VALUE)] {
        if text.len() >= room {
            return Err(alloc::format!("the {what} '{text}' has {} bytes, and {} fit", text.len(), room - 1));
        }
        if text.contains('\0') {
            return Err(alloc::format!("the {what} has a NUL byte in it"));
        }
    }
    if name.is_empty() {
        return Err("an empty name is none".into());
    }
    let mut bytes = [0; MESSAGE];
    // PROP_MSG_SETPROP.
    bytes[..4].copy_from_slice(&1u32.to_ne_bytes());
    bytes[4..4 + name.len()].copy_from_slice(name.as_bytes());
    bytes[4 + NAME..4 + NAME + value.len()].copy_from_slice(value.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn area() -> Vec<u8> {
        let mut area = vec![0; 4096];
        let mut put = |at: usize, bytes: &[u8]| area[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &2u32.to_ne_bytes());
        put(8, &MAGIC.to_ne_bytes());
        put(12, &VERSION.to_ne_bytes());
        for (i, (name, value)) in [("ro.hardware", "x86"), ("init.svc.zygote", "running")].iter().enumerate() {
            let at = 1024 + i * 128;
            put(TOC + i * 4, &((name.len() as u32) << 24 | at as u32).to_ne_bytes());
            put(at, name.as_bytes());
            put(at + 36, value.as_bytes());
        }
        area
    }

    #[test]
    fn an_area_is_read_and_a_broken_one_never_panics() {
        let both = [("ro.hardware", "x86"), ("init.svc.zygote", "running")].map(|(n, v)| (n.into(), v.into()));
        assert_eq!(properties(&area()).unwrap(), both);
        for at in 0..64 {
            for byte in [0, 0x55, 0xff] {
                let mut broken = area();
                broken[at] = byte;
                let _ = properties(&broken);
            }
            let _ = properties(&area()[..at]);
        }
        assert_eq!(properties(&[0; 64]).unwrap_err(), "no area of properties");
    }

    /// `ro.a` and `ro.b`, the second longer than 91 bytes, and `ro.a.c` below the first.
    fn later() -> Vec<u8> {
        let mut area = vec![0; 1024];
        let mut put = |at: usize, bytes: &[u8]| area[at..at + bytes.len()].copy_from_slice(bytes);
        put(8, &MAGIC.to_ne_bytes());
        put(12, &LATER.to_ne_bytes());
        let words = |list: [u32; 5]| list.map(u32::to_ne_bytes).concat();
        // Name's length, property, left, right, children.
        for (at, node) in [
            (0, [0, 0, 0, 0, 20]),
            (20, [2, 0, 0, 0, 44]),
            (44, [1, 200, 0, 68, 92]),
            (68, [1, 440, 0, 0, 0]),
            (92, [1, 320, 0, 0, 0]),
        ] {
            put(DATA + at, &words(node));
        }
        for (at, serial, value, name) in
            [(200, 1 << 24, "1", "ro.a"), (320, 1 << 24, "3", "ro.a.c"), (440, LONG, "Must use something else", "ro.b")]
        {
            put(DATA + at, &u32::to_ne_bytes(serial));
            put(DATA + at + 4, value.as_bytes());
            put(DATA + at + 96, name.as_bytes());
        }
        put(DATA + 440 + 60, &104u32.to_ne_bytes());
        put(DATA + 544, "x".repeat(100).as_bytes());
        area
    }

    #[test]
    fn a_trie_is_read_and_a_broken_one_ends() {
        let mut all = properties(&later()).unwrap();
        crate::sorted::sort(&mut all);
        let long = "x".repeat(100);
        let wanted = [("ro.a", "1"), ("ro.a.c", "3"), ("ro.b", &long)].map(|(n, v)| (n.into(), v.into()));
        assert_eq!(all, wanted);
        for at in DATA..DATA + 112 {
            for byte in [0, 20, 44, 0x55, 0xff] {
                let mut broken = later();
                broken[at] = byte;
                assert!(properties(&broken).unwrap().len() <= broken.len() / NODE);
            }
            let _ = properties(&later()[..at]);
        }
        // In a circle.
        let mut broken = later();
        broken[DATA + 44 + 16] = 20;
        assert!(properties(&broken).unwrap().len() > 3);
    }

    #[test]
    fn messages() {
        let bytes = message("ctl.start", "adbd").unwrap();
        assert_eq!((bytes[0], &bytes[4..14], &bytes[36..41]), (1, &b"ctl.start\0"[..], &b"adbd\0"[..]));
        assert_eq!(
            message(&"n".repeat(32), "v").unwrap_err(),
            alloc::format!("the name '{}' has 32 bytes, and 31 fit", "n".repeat(32))
        );
        assert!(message("n", &"v".repeat(92)).is_err() && message("", "v").is_err());
    }
}
