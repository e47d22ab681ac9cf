//! A pid namespace with a root of its own, whose PID 1 is the `pid1` under test.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Mounts what a container runtime would, then becomes the words behind it: the first argument is the root.
const SETUP: &str = r#"
set -e
r=$1; shift
mount -t proc proc $r/proc
mount -t tmpfs dev $r/dev
mount -t tmpfs tmp $r/tmp
mkdir $r/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts $r/dev/pts
ln -s pts/ptmx $r/dev/ptmx
mknod -m 666 $r/dev/null c 1 3
mknod -m 666 $r/dev/tty c 5 0
[ -z "$CONSOLE" ] || { touch $r/dev/console; mount --bind "$CONSOLE" $r/dev/console; }
[ -z "$CONSOLE_ONLY" ] || exec 0<>"$CONSOLE" 1>&0 2>&0
cd $r
exec CHROOT . "$@"
"#;

/// Says why a test is skipped; a failure with MUST=1.
#[macro_export]
macro_rules! skip_unless {
    ($able:expr) => {
        if let Err(why) = $able {
            assert!(std::env::var("MUST").as_deref() != Ok("1"), "MUST=1, but {why}");
            eprintln!("skipped: {why}");
            return;
        }
    };
}

/// Can namespaces be made here?
pub fn able() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("not root".to_owned());
    }
    find("unshare")?;
    find("busybox").map(drop)
}

/// A program in PATH.
pub fn find(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|d| d.join(name))
        .find(|p| p.is_file())
        .ok_or_else(|| format!("no '{name}' in PATH"))
}

/// The binary under test: PID1_BIN, else built here, as it is shipped.
pub fn pid1_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(given) = std::env::var_os("PID1_BIN") {
            return given.into();
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pid1-target");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--quiet", "--package", "pid1", "--target-dir"])
            .arg(&target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "cargo build -p pid1: {built}");
        target.join("release/pid1")
    })
}

/// A root with busybox and `pid1`, made once.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pid1-root-{}", std::process::id()));
        for directory in ["bin", "dev", "proc", "sys", "tmp", "run", "etc", "root"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        std::fs::copy(find("busybox").unwrap(), root.join("bin/busybox")).unwrap();
        std::fs::copy(pid1_binary(), root.join("pid1")).unwrap();
        for applet in [
            "sh", "sleep", "cat", "ls", "ps", "kill", "tty", "stty", "echo", "grep", "true", "login", "seq", "id",
            "env", "setsid",
        ] {
            let _ = std::os::unix::fs::symlink("busybox", root.join("bin").join(applet));
        }
        // The password is "secret".
        std::fs::write(root.join("etc/passwd"), "root:$1$keel$9FVByzOsw2x5wfAtCl0xA1:0:0:root:/root:/bin/sh\n")
            .unwrap();
        std::fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
        std::fs::write(root.join("etc/issue"), "Issue of \\l\n").unwrap();
        root
    })
}

/// A namespace that runs. When dropped, it is killed with all that is in it.
pub struct Guest {
    /// unshare(1), whose status is PID 1's.
    pub child: Child,
}

/// What came out of a guest that ended.
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// The exit code, or 1000 + signal.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 1000 + self.status.signal().unwrap())
    }
}

/// A namespace with the words as PID 1; standard input is empty, output and error are kept.
pub fn command(words: &[&str]) -> Command {
    command_with("chroot", words)
}

/// The same with something in the place of chroot(1), which must become that in the end.
pub fn command_with(chroot: &str, words: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--fork", "--pid", "--mount", "--propagation", "private", "--kill-child", "/bin/sh", "-c"]);
    command
        .arg(SETUP.replace("CHROOT", chroot))
        .arg("setup")
        .arg(root())
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.env_remove("container").env_remove("CONSOLE");
    command
}

/// Starts `pid1` with arguments.
pub fn start(arguments: &[&str]) -> Guest {
    let words: Vec<&str> = ["/pid1"].iter().chain(arguments).copied().collect();
    Guest { child: command(&words).spawn().expect("unshare runs") }
}

/// Runs `pid1` with arguments to its end.
pub fn run(arguments: &[&str]) -> Ended {
    start(arguments).finish()
}

impl Guest {
    /// Reads standard output until it has `what`.
    pub fn read_until(&mut self, what: &str) -> String {
        let out = self.child.stdout.as_mut().expect("piped");
        let mut text = Vec::new();
        while !String::from_utf8_lossy(&text).contains(what) {
            let mut byte = [0];
            assert_eq!(out.read(&mut byte).unwrap(), 1, "ended without '{what}': {}", String::from_utf8_lossy(&text));
            text.push(byte[0]);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// PID 1's id on this machine.
    pub fn pid(&self) -> i32 {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        wait_for("PID 1", || std::fs::read_to_string(&path).ok()?.split_whitespace().next()?.parse().ok())
    }

    /// Sends PID 1 a signal from outside.
    pub fn signal(&self, number: i32) {
        let sent = Command::new("kill").arg(format!("-{number}")).arg(self.pid().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Ended {
        let mut out = self.child.stdout.take();
        let mut err = self.child.stderr.take();
        let status = wait_for("the end of the guest", || self.child.try_wait().unwrap());
        let read = |from: Option<&mut dyn Read>| {
            let mut text = Vec::new();
            from.map(|f| f.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        };
        Ended { status, out: read(out.as_mut().map(|o| o as _)), err: read(err.as_mut().map(|e| e as _)) }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Does a process wait in one of the calls by which `pid1` waits: rt_sigtimedwait(2), or ppoll(2)?
pub fn waits(pid: i32) -> bool {
    let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let numbers = if cfg!(target_arch = "x86_64") { ["128", "271"] } else { ["137", "73"] };
    call.split(' ').next().is_some_and(|number| numbers.contains(&number))
}

/// Can the kernel reap and still tell how a child ended (Linux 6.15)?
pub fn kernel_can_reap() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 15)
}

/// Until the kernel reaps for a guest's PID 1: it ignores SIGCHLD.
pub fn wait_until_kernel_reaps(guest: &Guest) {
    let path = format!("/proc/{}/status", guest.pid());
    wait_for("pid1 that lets the kernel reap", || {
        let status = std::fs::read_to_string(&path).ok()?;
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?.trim();
        (u64::from_str_radix(ignored, 16).ok()? >> 16 & 1 == 1).then_some(())
    });
}

/// Asks until there is an answer, with a wait of a millisecond on nothing in between.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "no {what} after {PATIENCE:?}");
        let pause = rustix::event::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        let _ = rustix::event::poll(&mut [], Some(&pause));
    }
}
