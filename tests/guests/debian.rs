//! A Debian for containers: made once by debootstrap and kept in the cache, with layers for other inits and for Debian's LXC.
//! Every container has a layer of its own above it, so that none sees what another wrote.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tests::container::Container;
use tests::proc;
use tests::ran::Ran;
use tests::skip;
use tests::vm::PASSWORD;

const SCRIPT: &str = include_str!("debian.sh");

/// Where `base` and the layers are; none: a skip. A change of the script makes another.
pub fn place() -> Option<&'static Path> {
    static PLACE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = PLACE.get_or_init(|| {
        if !skip::root() {
            return None;
        }
        if boot::apt::program("debootstrap").is_none() {
            skip::skip("needs debootstrap");
            return None;
        }
        let name = format!("guest-debian-{}", &boot::hash::hex(SCRIPT.as_bytes())[..12]);
        skip::or_skip(boot::cache::entry(&name, make))
    });
    made.as_deref()
}

fn make(into: &Path) -> boot::fault::Result<()> {
    let script = into.join("script");
    std::fs::write(&script, SCRIPT).expect("written");
    let mirror = boot::foreign::mirror();
    let mut command = Command::new("unshare");
    // Processes that a package's script may start end with it, and so do its mounts.
    command.args(["--mount", "--pid", "--fork", "--kill-child", "sh"]).arg(&script).arg(into).args([&mirror, PASSWORD]);
    boot::apt::quiet(&mut command).map(drop)
}

/// A container of it with these layers on top, the first one uppermost, defined and not started.
pub fn guest(layers: &[&str], config: &str) -> Option<Container> {
    let place = place()?;
    let container = Container::undefined();
    let delta = delta(&container);
    std::fs::create_dir_all(&delta).expect("a directory");
    let lower: Vec<String> =
        layers.iter().chain(&["base"]).map(|layer| place.join(layer).display().to_string()).collect();
    container.set_config(&format!(
        "lxc.rootfs.path = overlay:{}:{}\nlxc.uts.name = {}\nlxc.tty.max = 6\nlxc.pty.max = 1024\n\
         lxc.mount.auto = proc:mixed sys:mixed cgroup:mixed\nlxc.console.logfile = {}\n{config}\n",
        lower.join(":"),
        delta.display(),
        container.name,
        container.base().join("console.log").display(),
    ));
    Some(container)
}

/// What the container wrote: the directory of its own layer.
pub fn delta(container: &Container) -> PathBuf {
    container.lxcpath().join(&container.name).join("delta")
}

/// What came on its console since it was made.
pub fn console(container: &Container) -> String {
    let bytes = std::fs::read(container.base().join("console.log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Runs a command inside until `wanted` likes what it says: an init has no other event for who is outside.
#[track_caller]
pub fn until_inside(container: &Container, line: &str, wanted: impl Fn(&Ran) -> bool) -> Ran {
    let watched = container.base().to_path_buf();
    proc::until(&format!("'{line}' inside is as wanted"), &watched, || {
        let ran = container.keel(&format!("attach -- {line}"));
        wanted(&ran).then_some(ran)
    })
}

/// Waits until its first program is another one than `pid`.
#[track_caller]
pub fn until_restarted(container: &Container, pid: i32) {
    proc::until("it was started again", container.base(), || {
        let said = container.keel("info -pH").out;
        said.trim().parse::<i32>().is_ok_and(|now| now != pid).then_some(())
    });
}
