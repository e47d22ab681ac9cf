//! From the exec of a container's init to its prompt, on a pseudo-terminal: what "login" takes on the processor itself.

use super::numbers::Sample;
use super::room::{Room, View};
use super::table::{Cell, Table};
use crate::fault::{At, Fault, Result};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// What a runtime mounts; then a word on standard output, and the exec whose time counts.
const SETUP: &str = r#"set -e
root=$1 console=$2; shift 2
mount -t proc proc $root/proc
mount -t tmpfs dev $root/dev
touch $root/dev/console
mount --bind $console $root/dev/console
mknod -m 666 $root/dev/null c 1 3
mknod -m 666 $root/dev/tty c 5 0
cd $root
exec chroot . /bin/sh -c 'echo go; exec "$@"' sh "$@"
"#;

const TABLE: &str = "::respawn:/bin/getty -L 115200 console vt100\n";

/// The table.
pub fn table(room: &Room, name: &'static str, rounds: usize) -> Result<Table> {
    room.look(View::Bare)?;
    let root = root(room)?;
    let mut all = [("pid1", "/pid1", Sample::default()), ("busybox init", "/init", Sample::default())];
    for round in 0..=rounds {
        for (name, program, sample) in &mut all {
            let ms = once(&root, program).map_err(|why| Fault::new(format!("{name}: {why}")))?;
            // The first round fills caches.
            if round > 0 {
                sample.add(ms);
            }
        }
    }
    let mut table =
        Table::new(name, "a container's init: from its exec to the prompt on its console", &["median ms", "p10 ms"]);
    for (name, _, sample) in &all {
        table.row(*name, vec![Cell::Part(sample.median()), Cell::Part(sample.p10())]);
    }
    table.notes.push("the goal for pid1 is 5 ms; busybox's getty sleeps 100".into());
    Ok(table)
}

fn root(room: &Room) -> Result<PathBuf> {
    let root = room.base().join("login");
    for dir in ["bin", "dev", "proc", "etc", "sys", "run", "tmp"] {
        let dir = root.join(dir);
        fs::create_dir_all(&dir).at("mkdir", &dir)?;
    }
    for (from, to) in [(room.root().join("bin/busybox"), "bin/busybox"), (room.pid1.clone(), "pid1")] {
        fs::copy(&from, root.join(to)).at("copy", &from)?;
    }
    for (link, target) in [("bin/sh", "busybox"), ("bin/getty", "busybox"), ("init", "bin/busybox")] {
        symlink(target, root.join(link)).at("symlink", Path::new(link))?;
    }
    fs::write(root.join("etc/inittab"), TABLE).at("write", &root)?;
    Ok(root)
}

/// Ended with its namespace when dropped: unshare(1) takes PID 1 with it.
struct Guest(Child);

impl Drop for Guest {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Milliseconds of one.
fn once(root: &Path, program: &str) -> Result<f64> {
    let said = |what: &str, e: nix::errno::Errno| Fault::new(format!("{what}: {e:?}"));
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).map_err(|e| said("openpt", e))?;
    grantpt(&master).map_err(|e| said("grantpt", e))?;
    unlockpt(&master).map_err(|e| said("unlockpt", e))?;
    let console = ptsname_r(&master).map_err(|e| said("ptsname", e))?;
    // Held open: the master reads an error while nobody has the other side.
    let slave = File::options().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(&console);
    let _held = slave.at("open", Path::new(&console))?;
    let mut command = Command::new("unshare");
    command.args(["--fork", "--pid", "--mount", "--propagation", "private", "--kill-child", "/bin/sh", "-c", SETUP]);
    command.arg("setup").arg(root).arg(&console).arg(program);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut guest = Guest(child.at("exec", Path::new("unshare"))?);
    let stdout = guest.0.stdout.take().ok_or_else(|| Fault::new("no pipe"))?;
    until(File::from(OwnedFd::from(stdout)), "go\n")?;
    let began = Instant::now();
    until(File::from(OwnedFd::from(master)), "login: ")?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

/// Reads until it has said a word; after ten seconds it is not believed in.
fn until(mut from: File, word: &str) -> Result<()> {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(word) {
        let mut bytes = [0; 1024];
        let ready = poll(&mut [PollFd::new(from.as_fd(), PollFlags::POLLIN)], PollTimeout::from(10_000u16));
        match ready {
            Ok(1..) => match from.read(&mut bytes) {
                Ok(n) if n > 0 => said.extend_from_slice(&bytes[..n]),
                _ => return Err(Fault::new(format!("it ended after '{}'", String::from_utf8_lossy(&said).trim()))),
            },
            _ => return Err(Fault::new(format!("no '{}'", word.trim()))),
        }
    }
    Ok(())
}
