//! The area of properties from 4.4 on: parts of names are nodes, siblings a tree (shorter names first), a property hangs on the node of
//! its name's last part. As bionic's prop_area.h has it, for the stand-in of a later Android.

use super::sys::Map;

pub const VERSION: u32 = 0xfc6e_d0ab;
/// Bytes of an area, and where its data begin, from where offsets count.
pub const SIZE: usize = 128 << 10;
const DATA: usize = 128;
/// A length and four links, then the part itself.
const NODE: usize = 20;
const PROPERTY: usize = 4;
const LEFT: usize = 8;
const RIGHT: usize = 12;
const CHILDREN: usize = 16;
/// A serial and 92 bytes of a value; the name follows. Where a longer value is, relative to its property.
const VALUE: usize = 92;
const INFO: usize = 4 + VALUE;
const LONG: (u32, usize) = (1 << 16, 60);

/// Reads so many bytes at most.
pub type Read<'a> = &'a dyn Fn(usize, usize) -> Vec<u8>;

fn word(read: Read<'_>, at: usize) -> usize {
    read(DATA + at, 4).try_into().map_or(0, |bytes| u32::from_ne_bytes(bytes) as usize)
}

/// The node of a name; or the empty link on the way to it, and how many parts of the name are there.
fn walk(read: Read<'_>, name: &str) -> Result<usize, (usize, usize)> {
    let mut node = 0;
    for (number, part) in name.split('.').enumerate() {
        let mut link = node + CHILDREN;
        loop {
            node = word(read, link);
            if node == 0 {
                return Err((link, number));
            }
            let other = read(DATA + node + NODE, word(read, node));
            match (part.len(), part.as_bytes()).cmp(&(other.len(), other.as_slice())) {
                std::cmp::Ordering::Less => link = node + LEFT,
                std::cmp::Ordering::Greater => link = node + RIGHT,
                std::cmp::Ordering::Equal => break,
            }
        }
    }
    Ok(node)
}

/// A value.
pub fn get(read: Read<'_>, name: &str) -> Option<String> {
    let info = word(read, walk(read, name).ok()? + PROPERTY);
    let at = match word(read, info) as u32 & LONG.0 {
        _ if info == 0 => return None,
        0 => info + 4,
        _ => info + word(read, info + LONG.1),
    };
    let bytes = read(DATA + at, 4096);
    Some(String::from_utf8_lossy(bytes.split(|b| *b == 0).next()?).into_owned())
}

/// An area without properties: the root is its first node.
pub fn begin(map: &mut Map) {
    map.put(0, NODE as u32);
}

fn allocate(map: &mut Map, size: usize) -> usize {
    let at = map.word(0) as usize;
    map.put(0, (at + size).next_multiple_of(4) as u32);
    at
}

/// `ro.` once only, and of any length.
pub fn set(map: &mut Map, name: &str, value: &str) {
    let is_ro = name.starts_with("ro.");
    if name.is_empty() || (value.len() >= VALUE && !is_ro) {
        return;
    }
    let found = walk(&|at, len| map.bytes_of(at, len), name);
    let node = match found {
        Ok(node) => node,
        Err((mut link, there)) => {
            let mut node = 0;
            for part in name.split('.').skip(there) {
                node = allocate(map, NODE + part.len() + 1);
                map.put(DATA + node, part.len() as u32);
                map.put_text(DATA + node + NODE, part.len() + 1, part);
                map.put(DATA + link, node as u32);
                link = node + CHILDREN;
            }
            node
        }
    };
    let old = map.word(DATA + node + PROPERTY) as usize;
    if old != 0 && is_ro {
        return;
    }
    let info = if old != 0 { old } else { allocate(map, INFO + name.len() + 1) };
    let serial = (map.word(DATA + info) + 2) & 0xfffe;
    if value.len() < VALUE {
        map.put_text(DATA + info + 4, VALUE, value);
        map.put(DATA + info, (value.len() as u32) << 24 | serial);
    } else {
        let long = allocate(map, value.len() + 1);
        map.put_text(DATA + long, value.len() + 1, value);
        map.put_text(DATA + info + 4, 56, "this value is longer");
        map.put(DATA + info + LONG.1, (long - info) as u32);
        map.put(DATA + info, LONG.0);
    }
    map.put_text(DATA + info + INFO, name.len() + 1, name);
    map.put(DATA + node + PROPERTY, info as u32);
    map.put(4, map.word(4).wrapping_add(1));
}
