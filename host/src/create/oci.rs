//! An image in the OCI layout, a directory with `index.json` and `blobs`: its layers become the root file system, what it
//! says of its program becomes configuration.
//!
//! Every blob is read by its digest and refused when it is another. Refuses an index without an image for this machine.

use super::Draft;
use super::progress::Progress;
use super::unpack::{opened, unpack};
use crate::fault::{Result, at, say};
use keel_core::config::words;
use keel_core::failure::Failure;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// A manifest or a configuration of more bytes than this is none.
const LARGEST: u64 = 4 << 20;
/// Deepest nesting of an index in an index.
const DEEPEST: usize = 4;

/// An image, opened: its blobs are there and are what they should be.
pub struct Image {
    layers: Vec<PathBuf>,
    /// Lines of configuration, but for the user.
    pub config: String,
    /// `User` as the image has it; empty: root.
    pub user: String,
    /// What there is to know about it.
    pub notes: Vec<String>,
    /// Where an archive of the layout was unpacked; it goes with the image.
    layout: Option<Draft>,
}

impl Image {
    /// Opens the layout in a directory and checks all digests of the image for this machine.
    pub fn open(dir: &Path) -> Result<Image> {
        let index = json(&dir.join("index.json"), &small(&dir.join("index.json"))?)?;
        let manifest = manifest(dir, &index, 0)?;
        let image = json(dir, &blob(dir, &manifest["config"])?)?;
        let mut layers = Vec::new();
        for layer in manifest["layers"].as_array().into_iter().flatten() {
            let path = path(dir, layer)?;
            verify(&path, layer)?;
            layers.push(path);
        }
        if layers.is_empty() {
            return say(format!("the image in '{}' has no layers", dir.display()));
        }
        let mut notes = Vec::new();
        let config = lines(&image["config"], &mut notes);
        let user = image["config"]["User"].as_str().unwrap_or_default().to_owned();
        Ok(Image { layers, config, user, notes, layout: None })
    }

    /// The same with an archive of the layout, which is unpacked in `lxcpath` first.
    pub fn from_archive(path: &Path, lxcpath: &Path, name: &str) -> Result<Image> {
        let shown = path.display().to_string();
        let file = File::open(path).map_err(|e| at("open", path, e))?;
        std::fs::create_dir_all(lxcpath).map_err(|e| at("mkdir", lxcpath, e))?;
        let draft = Draft::begin(lxcpath, &format!("{name}.layout"), 0o700)?;
        unpack(opened(file, &shown)?, draft.tree.top(), false, &shown, &|| false)?;
        let mut image = Image::open(&lxcpath.join(draft.name()))?;
        image.layout = Some(draft);
        Ok(image)
    }

    /// Unpacks all layers into `top`, lowest first.
    pub fn unpack(&self, top: BorrowedFd<'_>, label: &str, quiet: bool, interrupted: &dyn Fn() -> bool) -> Result<()> {
        for (number, path) in (1..).zip(&self.layers) {
            let file = File::open(path).map_err(|e| at("open", path, e))?;
            let size = file.metadata().map_err(|e| at("stat", path, e))?.len();
            let label = format!("{label}: layer {number} of {}", self.layers.len());
            let shown = path.display().to_string();
            let reader = opened(Progress::new(file, label, Some(size), quiet), &shown)?;
            unpack(reader, top, true, &shown, interrupted)?;
        }
        Ok(())
    }
}

/// `uid` and `gid` for `USER[:GROUP]`: numbers, or names in the image's own files.
pub fn ids(user: &str, top: BorrowedFd<'_>) -> Result<(u32, u32)> {
    let (user, group) = user.split_once(':').unwrap_or((user, ""));
    if user.is_empty() {
        return Ok((0, 0));
    }
    let look = |file: &str, name: &str, field: usize| {
        let text = text(top, file);
        let row = text
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|row| row.first() == Some(&name) || file == "passwd" && row.get(2) == Some(&name) && field == 3);
        row.and_then(|row| row.get(field)?.parse::<u32>().ok())
    };
    let unknown = |what: &str, name: &str| Failure::new(format!("the image has no {what} '{}'", name.escape_debug()));
    let uid = match user.parse() {
        Ok(uid) => uid,
        Err(_) => look("passwd", user, 2).ok_or_else(|| unknown("user", user))?,
    };
    let gid = match (group, group.parse()) {
        ("", _) => look("passwd", user, 3).unwrap_or(0),
        (_, Ok(gid)) => gid,
        (name, Err(_)) => look("group", name, 2).ok_or_else(|| unknown("group", name))?,
    };
    Ok((uid, gid))
}

/// A file of the image's /etc; empty where there is none, or a link.
fn text(top: BorrowedFd<'_>, file: &str) -> String {
    let open = || {
        let etc = crate::tree::dir(top, b"etc")?;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
        rustix::fs::openat(&etc, file, flags, rustix::fs::Mode::empty())
    };
    let mut bytes = Vec::new();
    if let Ok(file) = open().map(File::from)
        && file.metadata().is_ok_and(|meta| meta.is_file())
    {
        // What cannot be read whole names nobody.
        let _ = file.take(LARGEST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The manifest of the image for this machine.
fn manifest(dir: &Path, index: &Value, depth: usize) -> Result<Value> {
    let all: Vec<&Value> = index["manifests"].as_array().into_iter().flatten().collect();
    let here = architecture();
    let fits = |one: &&&Value| one["platform"]["architecture"].as_str().is_none_or(|arch| arch == here);
    let Some(chosen) = all.iter().find(fits) else {
        let names: Vec<&str> = all.iter().filter_map(|one| one["platform"]["architecture"].as_str()).collect();
        return match names.is_empty() {
            true => say(format!("'{}' names no image", dir.join("index.json").display())),
            false => say(format!("no image for {here}, there is {}", names.join(", "))),
        };
    };
    let found = json(dir, &blob(dir, chosen)?)?;
    match found["manifests"].is_array() {
        true if depth < DEEPEST => manifest(dir, &found, depth + 1),
        true => say("an index in an index, and so on"),
        false => Ok(found),
    }
}

/// As images call processors (GOARCH).
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Where the blob of a descriptor is.
fn path(dir: &Path, descriptor: &Value) -> Result<PathBuf> {
    let digest = descriptor["digest"].as_str().unwrap_or_default();
    match digest.split_once(':') {
        Some(("sha256", hex)) if hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => {
            Ok(dir.join("blobs/sha256").join(hex))
        }
        _ => say(format!("'{}' is not a digest of sha256", digest.escape_debug())),
    }
}

/// A blob that is read whole, checked.
fn blob(dir: &Path, descriptor: &Value) -> Result<Vec<u8>> {
    let path = path(dir, descriptor)?;
    let bytes = small(&path)?;
    compare(&path, &Sha256::digest(&bytes), descriptor)?;
    Ok(bytes)
}

/// Reads a blob to see that it is what it should be.
fn verify(path: &Path, descriptor: &Value) -> Result<()> {
    let file = File::open(path).map_err(|e| at("open", path, e))?;
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut hash = Sha256::new();
    loop {
        let part = io::BufRead::fill_buf(&mut reader).map_err(|e| at("read", path, e))?;
        if part.is_empty() {
            break;
        }
        hash.update(part);
        let length = part.len();
        io::BufRead::consume(&mut reader, length);
    }
    compare(path, &hash.finalize(), descriptor)
}

fn compare(path: &Path, found: &[u8], descriptor: &Value) -> Result<()> {
    let hex: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
    match descriptor["digest"].as_str() == Some(&format!("sha256:{hex}")) {
        true => Ok(()),
        false => say(format!("'{}' is not what its name says: its digest is sha256:{hex}", path.display())),
    }
}

fn small(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|e| at("open", path, e))?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| at("read", path, e))?;
    if bytes.len() as u64 > LARGEST { say(format!("'{}' is too large", path.display())) } else { Ok(bytes) }
}

fn json(path: &Path, bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|e| Failure::new(format!("'{}' is no JSON: {e}", path.display())))
}

/// The lines for `config` of the image's configuration. What cannot be a line is left out and said.
fn lines(config: &Value, notes: &mut Vec<String>) -> String {
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
    };
    let command = [strings(&config["Entrypoint"]), strings(&config["Cmd"])].concat();
    let mut settings = Vec::new();
    if !command.is_empty() {
        settings.push(("lxc.init.cmd", words::join(&command)));
    }
    if let Some(dir) = config["WorkingDir"].as_str().filter(|dir| !dir.is_empty()) {
        settings.push(("lxc.init.cwd", dir.to_owned()));
    }
    // One without a value would be the host's.
    let variables = strings(&config["Env"]).into_iter().filter(|variable| variable.contains('='));
    settings.extend(variables.map(|variable| ("lxc.environment", variable)));
    if let Some(signal) = config["StopSignal"].as_str() {
        settings.push(("lxc.signal.halt", signal.to_owned()));
    } else if !command.is_empty() {
        // No init that knows SIGPWR.
        settings.push(("lxc.signal.halt", "SIGTERM".to_owned()));
    }
    let mut text = String::new();
    for (key, value) in settings {
        if value.chars().any(char::is_control) {
            notes.push(format!("{key} of the image has a control character and is left out"));
        } else {
            text += &format!("{key} = {value}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use serde_json::json;
    use std::os::fd::AsFd;

    fn put(scratch: &Scratch, bytes: &[u8]) -> Value {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::create_dir_all(scratch.path().join("blobs/sha256")).unwrap();
        std::fs::write(scratch.path().join("blobs/sha256").join(&hex), bytes).unwrap();
        json!({"digest": format!("sha256:{hex}"), "size": bytes.len()})
    }

    fn image(scratch: &Scratch) -> Value {
        let layer = |name: &str, content: &str| {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_uid(rustix::process::getuid().as_raw().into());
            header.set_gid(rustix::process::getgid().as_raw().into());
            builder.append_data(&mut header, name, content.as_bytes()).unwrap();
            put(scratch, &builder.into_inner().unwrap())
        };
        let layers = [layer("etc/passwd", "app:x:7:8::/:/bin/sh\n"), layer("gone", "x"), layer(".wh.gone", "")];
        let config = json!({"config": {"Cmd": ["/app", "a b"], "Env": ["A=1", "B=\n", "HOME"], "User": "app", "WorkingDir": "/w"}});
        let config = put(scratch, config.to_string().as_bytes());
        put(scratch, json!({"config": config, "layers": layers}).to_string().as_bytes())
    }

    fn refused(scratch: &Scratch) -> String {
        Image::open(scratch.path()).err().expect("refused").message.into_string()
    }

    fn index(scratch: &Scratch, manifests: Value) {
        std::fs::write(scratch.path().join("index.json"), json!({"manifests": manifests}).to_string()).unwrap();
    }

    #[test]
    fn an_image_becomes_files_and_lines() {
        let scratch = Scratch::new();
        let manifest = image(&scratch);
        let mut other = manifest.clone();
        other["platform"] = json!({"architecture": "z80"});
        index(&scratch, json!([other, manifest]));
        let image = Image::open(scratch.path()).unwrap();
        assert_eq!(
            image.config,
            "lxc.init.cmd = /app 'a b'\nlxc.init.cwd = /w\nlxc.environment = A=1\nlxc.signal.halt = SIGTERM\n"
        );
        assert_eq!(image.notes.len(), 1);
        std::fs::create_dir(scratch.path().join("top")).unwrap();
        let top = crate::copy::files::open(&scratch.path().join("top")).unwrap();
        image.unpack(top.as_fd(), "x", true, &|| false).unwrap();
        assert!(scratch.path().join("top/etc/passwd").is_file() && !scratch.path().join("top/gone").exists());
        assert_eq!(ids(&image.user, top.as_fd()).unwrap(), (7, 8));
        assert_eq!(ids("7", top.as_fd()).unwrap(), (7, 8));
        assert_eq!(ids("3:4", top.as_fd()).unwrap(), (3, 4));
        assert_eq!(ids("", top.as_fd()).unwrap(), (0, 0));
        assert_eq!(&*ids("no", top.as_fd()).unwrap_err().message, "the image has no user 'no'");
    }

    #[test]
    fn a_blob_that_is_another_is_refused() {
        let scratch = Scratch::new();
        let manifest = image(&scratch);
        index(&scratch, json!([manifest]));
        for entry in std::fs::read_dir(scratch.path().join("blobs/sha256")).unwrap() {
            let path = entry.unwrap().path();
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, [&whole[..], b" "].concat()).unwrap();
            let message = refused(&scratch);
            assert!(message.contains("is not what its name says"), "{message}");
            std::fs::write(&path, whole).unwrap();
        }
        Image::open(scratch.path()).unwrap();
        for digest in ["", "sha256:../../x", "sha512:00", "sha256:zz"] {
            index(&scratch, json!([{"digest": digest}]));
            assert!(refused(&scratch).ends_with("is not a digest of sha256"));
        }
        index(&scratch, json!([{"digest": "x", "platform": {"architecture": "z80"}}]));
        assert!(refused(&scratch).ends_with("there is z80"));
        index(&scratch, json!([]));
        assert!(refused(&scratch).ends_with("names no image"));
    }
}
