//! Things that may or may not be allowed, tried once and undone where they succeed.
//!
//! A word is `WHAT` or `WHAT:PATH`; a word that is not known is `unknown`.

use crate::errno::word;
use crate::sys;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};

/// Tries one.
pub fn one(text: &str) -> String {
    let (what, path) = text.split_once(':').unwrap_or((text, ""));
    match what {
        "mknod" => word(sys::make_null("/.probe-node").and_then(|()| fs::remove_file("/.probe-node"))),
        "mknod-dev" => word(sys::make_null("/dev/.probe-node").and_then(|()| {
            let opened = OpenOptions::new().write(true).open("/dev/.probe-node").map(drop);
            fs::remove_file("/dev/.probe-node").and(opened)
        })),
        // A raw device of the machine: the disk with this major and minor number as `MAJ,MIN`.
        "block" => {
            let numbers = path.split_once(',').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
            let (major, minor) = numbers.unwrap_or((0, 0));
            word(sys::make_block("/dev/.probe-block", major, minor).and_then(|()| {
                let opened = fs::File::open("/dev/.probe-block").map(drop);
                fs::remove_file("/dev/.probe-block").and(opened)
            }))
        }
        "mount" => word(sys::mount("tmpfs", "/mnt", "tmpfs", 0).and_then(|()| sys::unmount("/mnt"))),
        "remount-rw" => word(sys::mount("none", path, "", libc::MS_REMOUNT | libc::MS_BIND)),
        "remount-fs" => word(sys::mount("none", path, "", libc::MS_REMOUNT)),
        "unmount" => word(sys::unmount(path)),
        "open" => word(fs::File::open(path)),
        // Never truncates and never creates; a byte is appended and taken off again.
        "append" => word(append(path)),
        // Opens for writing and writes nothing: for files of the kernel.
        "write" => word(OpenOptions::new().write(true).open(path)),
        "create" => word(create(path)),
        "mkdir" => word(fs::create_dir(path).and_then(|()| fs::remove_dir(path))),
        "list" => fs::read_dir(path).map_or_else(
            |e| word::<()>(Err(e)),
            |entries| {
                let mut names: Vec<String> =
                    entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
                names.sort();
                names.join(",")
            },
        ),
        "read" => fs::read(path)
            .map_or_else(|e| word::<()>(Err(e)), |b| String::from_utf8_lossy(&b).trim().replace('\n', "\\n")),
        "link" => fs::read_link(path).map_or_else(|e| word::<()>(Err(e)), |p| p.display().to_string()),
        "kind" => sys::kind_of(path.as_ref()),
        "ptmx" => word(sys::open_pty()),
        "shm" => word(sys::shared_memory()),
        "ashmem" => word(sys::ashmem(3 * 4096)),
        "userns" => word(sys::user_namespace()),
        "tiocsti" => word(sys::push_input(0)),
        "hostname" => word(sys::set_hostname("probe-was-here")),
        "keyring" => number(sys::session_keyring()),
        "core" => number(sys::core_cookie()),
        "clock" => word(sys::set_clock_as_it_is()),
        "handle" => word(sys::open_by_handle()),
        // What is at the top of the mount namespace, by two ways out of a root. Nothing else can be tried behind it.
        "top" => match climb() {
            Err(e) => word::<()>(Err(e)),
            Ok(()) => one("list:/"),
        },
        // And whether something can be made there, then with the mount made writable, then with the file system.
        "beneath" => match sys::leave_root() {
            Err(e) => word::<()>(Err(e)),
            Ok(()) => ["list:/", "create:/.probe", "remount-rw:/", "create:/.probe", "remount-fs:/", "create:/.probe"]
                .map(one)
                .join(" "),
        },
        "socket" => word(connect_abstract(path)),
        _ => "unknown".into(),
    }
}

fn number<T: ToString>(answer: io::Result<T>) -> String {
    answer.map_or_else(|e| word::<()>(Err(e)), |number| number.to_string())
}

fn append(path: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    let length = file.metadata()?.len();
    file.write_all(b"x")?;
    file.set_len(length)
}

fn create(path: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(b"probe").and_then(|()| fs::remove_file(path))
}

fn connect_abstract(name: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    std::os::unix::net::UnixStream::connect_addr(&address).map(drop)
}

/// Out of a root that chroot(2) has set: another one below it leaves the working directory above, from where `..` leads up.
fn climb() -> io::Result<()> {
    std::env::set_current_dir("/")?;
    std::os::unix::fs::chroot("/tmp")?;
    (0..64).try_for_each(|_| std::env::set_current_dir(".."))?;
    std::os::unix::fs::chroot(".")
}
