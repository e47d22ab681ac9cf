//! The property area and the property service (JB 1.1.7, 1.8): a file on the tmpfs at /dev, shared by inherited descriptor,
//! and a socket that takes messages of exactly 128 bytes.

use super::{Init, sys, trie};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

/// Bytes of the area up to 4.2.
const SIZE: usize = 32768;
/// Bytes of it in 4.3.
const SIZE_43: usize = 49152;
const PATH: &str = "/dev/__properties__";
const MAGIC: u32 = 0x504f_5250;
const VERSION: u32 = 0x4543_4f76;
/// Where the list of names and the entries begin, and how large one is.
const TOC: usize = 32;
const INFO: usize = 1024;
const ENTRY: usize = 128;

/// The mapped area, and the read-only descriptor that services inherit.
pub struct Area {
    map: sys::Map,
    pub shared: OwnedFd,
    pub size: usize,
    layout: Layout,
}

/// Where the area is, and what is in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Up to 4.2 a list, in a file without a name.
    Unnamed,
    /// 4.3: the same in a file that everybody can open.
    Named,
    /// From 4.4 on a trie.
    Trie,
    /// From 7.0 on one for each security context, in a directory; programs are no longer handed an open file.
    Contexts,
}

impl Layout {
    /// What a file in the root directory asks for.
    pub fn wanted() -> Layout {
        let is = |name: &str| std::path::Path::new(name).exists();
        match () {
            () if is("/init.70") => Layout::Contexts,
            () if is("/init.44") => Layout::Trie,
            () if is("/init.43") => Layout::Named,
            () => Layout::Unnamed,
        }
    }

    pub fn is_later(self) -> bool {
        matches!(self, Layout::Trie | Layout::Contexts)
    }
}

impl Area {
    /// On the tmpfs at /dev.
    pub fn create(layout: Layout) -> std::io::Result<Area> {
        let (size, mode) = match layout {
            Layout::Unnamed => (SIZE, 0o600),
            Layout::Named => (SIZE_43, 0o644),
            _ => (trie::SIZE, 0o444),
        };
        let mut path = PATH.to_owned();
        if layout == Layout::Contexts {
            sys::mkdir(PATH, 0o711)?;
            // What says which context a name is of has another form, and the serial of all has no properties.
            std::fs::write(format!("{PATH}/property_info"), "not an area")?;
            let serial = sys::create_rw(&format!("{PATH}/properties_serial"), mode)?;
            serial.set_len(size as u64)?;
            head(&mut sys::Map::new(&serial, size)?, layout);
            path += "/u:object_r:default_prop:s0";
        }
        let file = sys::create_rw(&path, mode)?;
        file.set_len(size as u64)?;
        let mut map = sys::Map::new(&file, size)?;
        let shared = sys::open_inheritable(&path)?;
        if layout == Layout::Unnamed {
            std::fs::remove_file(path)?;
        }
        head(&mut map, layout);
        Ok(Area { map, shared, size, layout })
    }

    /// `FD,SIZE`, as services find it in their environment.
    pub fn workspace(&self) -> Option<String> {
        (self.layout != Layout::Contexts).then(|| format!("{},{}", self.shared.as_raw_fd(), self.size))
    }

    fn find(&self, name: &str) -> Option<usize> {
        let count = self.map.word(0) as usize;
        (0..count).map(|i| INFO + i * ENTRY).find(|at| self.map.text(*at, 32) == name)
    }

    pub fn get(&self, name: &str) -> Option<String> {
        if self.layout.is_later() {
            return trie::get(&|at, len| self.map.bytes_of(at, len), name);
        }
        self.find(name).map(|at| self.map.text(at + 36, 92))
    }

    /// `ro.` once only.
    pub fn set(&mut self, name: &str, value: &str) {
        if self.layout.is_later() {
            return trie::set(&mut self.map, name, value);
        }
        if name.is_empty() || name.len() >= 32 || value.len() >= 92 {
            return;
        }
        let serial = (value.len() as u32) << 24;
        match self.find(name) {
            Some(_) if name.starts_with("ro.") => return,
            Some(at) => {
                let old = self.map.word(at + 32);
                self.map.put(at + 32, old | 1);
                self.map.put_text(at + 36, 92, value);
                self.map.put(at + 32, serial | ((old.wrapping_add(2)) & 0x00ff_fffe));
            }
            None => {
                let count = self.map.word(0) as usize;
                let at = INFO + count * ENTRY;
                if at + ENTRY > self.size || TOC + count * 4 >= INFO {
                    return;
                }
                self.map.put_text(at, 32, name);
                self.map.put_text(at + 36, 92, value);
                self.map.put(at + 32, serial);
                self.map.put(TOC + count * 4, (name.len() as u32) << 24 | at as u32);
                self.map.put(0, count as u32 + 1);
            }
        }
        let serial = self.map.word(4);
        self.map.put(4, serial.wrapping_add(1));
    }
}

fn head(map: &mut sys::Map, layout: Layout) {
    map.put(8, MAGIC);
    map.put(12, if layout.is_later() { trie::VERSION } else { VERSION });
    if layout.is_later() {
        trie::begin(map);
    }
}

/// A value as a program of Android reads it: through the descriptor in its environment, else 4.3's file, or those of later ones.
pub fn read_inherited(name: &str) -> Option<String> {
    let workspace = std::env::var("ANDROID_PROPERTY_WORKSPACE").ok();
    if let Ok(contexts) = std::fs::read_dir(PATH) {
        return contexts.flatten().find_map(|entry| read_area(&std::fs::File::open(entry.path()).ok()?, name));
    }
    let file = match std::fs::File::open(PATH) {
        Ok(file) => file,
        Err(_) => {
            let number: i32 = workspace?.split(',').next()?.parse().ok()?;
            sys::reopen(number)?
        }
    };
    read_area(&file, name)
}

fn read_area(file: &std::fs::File, name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    sys::read_from_start(file, &mut bytes)?;
    if bytes.get(12..16)? == trie::VERSION.to_ne_bytes() {
        let read = |at: usize, len: usize| {
            let rest = bytes.get(at..).unwrap_or_default();
            rest[..len.min(rest.len())].to_vec()
        };
        return trie::get(&read, name);
    }
    let text = |at: usize, len: usize| {
        let field = bytes.get(at..at + len)?;
        Some(String::from_utf8_lossy(field.split(|b| *b == 0).next()?).into_owned())
    };
    let count = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    (0..count)
        .map(|i| INFO + i * ENTRY)
        .find(|at| text(*at, 32).as_deref() == Some(name))
        .and_then(|at| text(at + 36, 92))
}

/// `/dev/socket/property_service`, for everybody.
pub fn listen() -> std::io::Result<OwnedFd> {
    let path = "/dev/socket/property_service";
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    sys::chmod(path, 0o666)?;
    Ok(listener.into())
}

impl Init {
    pub fn set_property(&mut self, name: &str, value: &str) {
        self.props.set(name, value);
        // What 4.4's rc files say: `on property:sys.powerctl=*`, `powerctl ${sys.powerctl}`.
        if self.later && name == "sys.powerctl" {
            return super::tools::reboot(true, value.starts_with("shutdown"), "");
        }
        self.trigger(&format!("property:{name}={value}"));
    }

    /// One message: dropped unless it has 128 bytes in one piece and comes from somebody who may.
    pub fn serve_property(&mut self) {
        let Some((peer, uid)) = self.listener.as_ref().and_then(sys::accept) else { return };
        let Some(message) = sys::receive_exactly(&peer, 128) else { return };
        let text = |at: usize, len: usize| {
            String::from_utf8_lossy(message[at..at + len].split(|b| *b == 0).next().unwrap_or_default()).into_owned()
        };
        let (command, name, value) =
            (u32::from_ne_bytes([message[0], message[1], message[2], message[3]]), text(4, 32), text(36, 92));
        if command != 1 {
            return;
        }
        if uid != 0 && uid != 1000 && !name.starts_with("debug.") {
            return self.log(3, &format!("permission denied uid:{uid}  name:{name}"));
        }
        match name.strip_prefix("ctl.") {
            // The caller is let go of before anything is done.
            Some(what) => {
                drop(peer);
                match what {
                    "start" => self.start_named(&value),
                    "stop" => self.stop_named(&value),
                    "restart" => {
                        self.stop_named(&value);
                        self.start_named(&value);
                    }
                    _ => {}
                }
            }
            None => self.set_property(&name, &value),
        }
    }
}
