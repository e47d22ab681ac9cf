//! An Android container: its ramdisk unpacked and checked, the places of its /system, /data and /cache.
//!
//! Reads ramdisks that are plain or packed, and boot images of versions 0 to 4 around them. What would keep Android from booting
//! is repaired or named.

mod adb;
mod beside;
mod check;
mod packed;
mod rc;
mod system;

pub use beside::Beside;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use formats::bootimg::{BootImage, Section, is_boot_image};
use formats::cpio::{Entry, kind};
use keel_core::failure::Failure;
use keel_core::sorted::Map;

use super::manifest::{self, Make, check_components};
use super::template::Template;
use super::tree::Tree;
use super::work::Work;
use crate::fault::{Result, at, say};
use check::Volume;

/// No unpacked ramdisk is larger.
const LIMIT: usize = 512 << 20;

/// What was asked for.
#[derive(Debug, Default)]
pub struct Source {
    /// A ramdisk, a boot image, or a directory with an unpacked ramdisk.
    pub ramdisk: PathBuf,
    /// An image, a device or a directory.
    pub system: Option<PathBuf>,
    /// The same; none: a directory beside the rootfs.
    pub data: Option<PathBuf>,
    /// The same; none: a directory beside the rootfs.
    pub cache: Option<PathBuf>,
    /// The kernel command line that it sees.
    pub cmdline: Option<String>,
    /// androidboot.hardware.
    pub hardware: Option<String>,
    /// Lines for its /proc/cpuinfo, or a file.
    pub cpuinfo: Vec<String>,
    /// The TCP port of its adbd.
    pub adb: Option<u16>,
}

/// The files of a root file system by their paths, parents before children.
type Files = Map<String, Entry>;

/// Checked: what is to be written, lines of the configuration, and what to make beside the rootfs.
pub(super) struct Prepared {
    pub work: Vec<Work>,
    pub lines: String,
    pub beside: Vec<Beside>,
}

/// Reads and checks everything. `own` is the container's directory as the configuration is to say it.
pub(super) fn prepare(source: &Source, template: &Template, own: &str, notes: &mut Vec<String>) -> Result<Prepared> {
    let (mut files, boot_cmdline) = ramdisk(&source.ramdisk)?;
    add_mount_points(template, &mut files)?;
    check::files(&mut files, &source.ramdisk, notes)?;
    rc::lint(&files, notes);
    let critical = rc::critical(&files);
    let mut lines = String::new();
    let mut beside = Vec::new();
    let cmdline = source.cmdline.clone().or_else(|| {
        let line = boot_cmdline.filter(|line| !line.is_empty())?;
        notes.push(format!("the command line is the boot image's: '{line}'"));
        Some(line)
    });
    let words = [("cmdline", &cmdline), ("hardware", &source.hardware)].into_iter();
    let words = words.filter_map(|(key, value)| Some((key, value.as_ref()?)));
    for (key, value) in words.chain(source.cpuinfo.iter().map(|value| ("cpuinfo", value))) {
        if value.chars().any(char::is_control) {
            return say(format!("--{key}: it has a control character in it"));
        }
        if key == "cpuinfo" && !value.starts_with('/') && !value.contains(':') {
            return say(format!(
                "--cpuinfo: '{value}' is neither a line ('Hardware: NAME') nor a file's absolute path"
            ));
        }
        lines += &format!("keel.android.{key} = {value}\n");
    }
    let places = [("system", &source.system), ("data", &source.data), ("cache", &source.cache)];
    for (name, given) in places {
        let path = match given {
            Some(given) => match check::volume(name, given)? {
                Volume::Plain(path) => {
                    if name == "system"
                        && let Some(within) = system::look(Path::new(&path), &critical, notes)
                    {
                        notes.push(format!("'{path}' has a {within} in it: that is /system"));
                        lines += &format!("keel.android.system.image = {within}\n");
                    }
                    path
                }
                Volume::Sparse(from) => {
                    notes.push(format!("'{}' is sparse: a plain copy is beside the rootfs", from.display()));
                    beside.push(Beside::Image(name, from));
                    format!("{own}/{name}.img")
                }
            },
            None if name == "system" => {
                notes.push("no --system is given: only what is in the ramdisk can run".into());
                continue;
            }
            None => {
                beside.push(Beside::Dir(name));
                format!("{own}/{name}")
            }
        };
        lines += &format!("keel.android.{name} = {path}\n");
    }
    if let Some(port) = source.adb {
        adb::listen(&mut files, port, notes);
        lines += &format!("keel.android.adb = {port}\n");
    }
    Ok(Prepared { work: work(files)?, lines, beside })
}

/// Unpacks a ramdisk as it is into a directory, which is called `shown`.
pub fn unpack(path: &Path, tree: &Tree, shown: &Path) -> Result<()> {
    work(ramdisk(path)?.0)?.iter().try_for_each(|one| one.perform(tree, shown))
}

/// The files of a ramdisk, and the command line of the boot image that it was in.
fn ramdisk(path: &Path) -> Result<(Files, Option<String>)> {
    if path.is_dir() {
        let mut files = Files::new();
        walk(path, "", &mut files)?;
        return Ok((files, None));
    }
    let meta = fs::metadata(path).map_err(|e| at("open", path, e))?;
    if !meta.is_file() || meta.len() > LIMIT as u64 {
        return say(format!("'{}' is no ramdisk: not a file, or larger than {} MiB", path.display(), LIMIT >> 20));
    }
    let bytes = fs::read(path).map_err(|e| at("read", path, e))?;
    let broken = |why: formats::fault::Fault| Failure::new(format!("'{}': {why}", path.display()));
    let entries = |bytes: &[u8]| match packed::unpacked(bytes, LIMIT) {
        Err(why) => say(format!("'{}': {why}", path.display())),
        Ok(Some(plain)) => Ok(formats::archives::read(&plain, LIMIT).map_err(broken)?.0),
        Ok(None) => Ok(formats::archives::read(bytes, LIMIT).map_err(broken)?.0),
    };
    let (entries, cmdline) = match is_boot_image(&bytes) {
        true => {
            let image = BootImage::read(&bytes).map_err(broken)?;
            let ramdisk = image.section(Section::Ramdisk);
            if ramdisk.is_empty() {
                return say(format!("'{}' is a boot image without a ramdisk", path.display()));
            }
            (entries(ramdisk)?, Some(image.cmdline()))
        }
        false => (entries(&bytes)?, None),
    };
    Ok((by_name(entries).map_err(|why| Failure::new(format!("'{}': {why}", path.display())))?, cmdline))
}

/// Of entries of one name the last counts, as for the kernel; every name of a file has its content.
fn by_name(entries: Vec<Entry>) -> std::result::Result<Files, String> {
    let shared = |e: &Entry| e.nlink > 1 && e.kind() == kind::FILE;
    let contents: Map<_, Vec<u8>> = (entries.iter())
        .filter(|e| shared(e) && !e.data.is_empty())
        .map(|e| ((e.ino, e.dev), e.data.clone()))
        .collect();
    let mut files = Files::new();
    for mut entry in entries {
        let name = String::from_utf8(entry.name.clone())
            .map_err(|e| format!("'{}' is a name that is not UTF-8", String::from_utf8_lossy(e.as_bytes())))?;
        let name = name.trim_start_matches("./").trim_matches('/').to_owned();
        if matches!(name.as_str(), "" | ".") {
            continue;
        }
        check_components(&name).map_err(|()| format!("'{}' is not a plain path", name.escape_debug()))?;
        if shared(&entry)
            && entry.data.is_empty()
            && let Some(data) = contents.get(&(entry.ino, entry.dev))
        {
            entry.data.clone_from(data);
        }
        // Directories that the archive leaves out; the kernel would not make them, and not the file.
        for (slash, _) in name.match_indices('/') {
            let parent = files.or_insert_with(name[..slash].to_owned(), directory);
            if parent.kind() != kind::DIR {
                return Err(format!("'{name}' is below '{}', which is no directory", &name[..slash]));
            }
        }
        files.insert(name, entry);
    }
    Ok(files)
}

fn directory() -> Entry {
    Entry { mode: kind::DIR | 0o755, ..Entry::default() }
}

fn walk(root: &Path, below: &str, files: &mut Files) -> Result<()> {
    let dir = root.join(below);
    for entry in fs::read_dir(&dir).map_err(|e| at("read", &dir, e))? {
        let entry = entry.map_err(|e| at("read", &dir, e))?;
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
            return say(format!("'{}' is a name that is not UTF-8", path.display()));
        };
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        let meta = fs::symlink_metadata(&path).map_err(|e| at("stat", &path, e))?;
        let mode = meta.permissions().mode();
        let data = match mode & kind::MASK {
            kind::FILE => fs::read(&path).map_err(|e| at("read", &path, e))?,
            kind::LINK => {
                use std::os::unix::ffi::OsStringExt;
                fs::read_link(&path).map_err(|e| at("readlink", &path, e))?.into_os_string().into_vec()
            }
            _ => Vec::new(),
        };
        let entry = Entry { mode, uid: meta.uid(), gid: meta.gid(), data, ..Entry::default() };
        let is_dir = entry.kind() == kind::DIR;
        files.insert(name.clone(), entry);
        if is_dir {
            walk(root, &name, files)?;
        }
    }
    Ok(())
}

/// What the template's manifest asks for and is not there.
fn add_mount_points(template: &Template, files: &mut Files) -> Result<()> {
    let label = template.label("manifest");
    let entries = manifest::parse(&label, &template.read_text("manifest")?)
        .map_err(|mistakes| Failure::new(mistakes.join("\n")))?;
    for entry in entries {
        match entry.make {
            Make::Dir { mode, path } => {
                files.or_insert_with(path, || Entry { mode: kind::DIR | mode, ..Entry::default() });
            }
            _ => return say(format!("{label}:{}: only 'dir' is understood for an Android", entry.line)),
        }
    }
    Ok(())
}

/// Everything is root's: what else a ramdisk says was named by the check.
fn work(files: Files) -> Result<Vec<Work>> {
    let mut all = Vec::with_capacity(files.len());
    for (path, entry) in files {
        let mode = entry.mode & 0o7777;
        all.push(match entry.kind() {
            kind::DIR => Work::Dir { path, mode },
            kind::FILE => Work::File { path, mode, content: entry.data },
            kind::LINK => match String::from_utf8(entry.data) {
                Ok(target) => Work::Link { path, target },
                Err(_) => return say(format!("the link '{path}' leads to a name that is not UTF-8")),
            },
            // Nodes are made at each start, in a /dev of its own.
            _ => continue,
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, mode: u32, data: &[u8]) -> Entry {
        Entry { name: name.into(), mode, nlink: 1, data: data.into(), ..Entry::default() }
    }

    #[test]
    fn names_are_plain_parents_are_there_and_links_share_their_content() {
        let hard = |name: &str, data: &[u8]| Entry { nlink: 2, ino: 7, ..entry(name, kind::FILE | 0o755, data) };
        let files = by_name(vec![
            entry("/init", kind::FILE | 0o750, b"old"),
            entry("./init", kind::FILE | 0o750, b"new"),
            entry("sbin/deep/x", kind::FILE | 0o644, b"x"),
            hard("a", b""),
            hard("b", b"both"),
            entry(".", kind::DIR | 0o755, b""),
        ])
        .unwrap();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "b", "init", "sbin", "sbin/deep", "sbin/deep/x"]);
        assert_eq!(["init", "a"].map(|name| files.get(name).unwrap().data.as_slice()), [&b"new"[..], &b"both"[..]]);
        for wrong in ["../escaped", "a/../../b", "a//b", "a\u{1b}[2J"] {
            assert!(by_name(vec![entry(wrong, kind::FILE, b"")]).is_err(), "{wrong}");
        }
        let through = vec![entry("l", kind::LINK | 0o777, b"/etc"), entry("l/passwd", kind::FILE, b"")];
        assert_eq!(by_name(through).unwrap_err(), "'l/passwd' is below 'l', which is no directory");
    }
}
