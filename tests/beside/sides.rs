//! One container in two places, the same words for two programs: `lxc-*` of Keel, by links to it, and of Debian's package.
//!
//! LXC is asked only where it is the version that was measured. Its locks are in a /run of its own, which goes with it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tests::built::built;
use tests::canary::cgroup_roots;
use tests::container::Container;
use tests::proc;
use tests::ran::{Ran, run};

/// The version whose behaviour the tables hold.
const MEASURED: &str = "5.0.2";

/// Whose tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Keel,
    Lxc,
}

/// What LXC does where it does something else.
#[derive(Clone, Copy, Debug)]
pub enum Lxc {
    /// The same.
    Same,
    /// This status, this output; and the words of docs/compat.md that say so.
    Differs(i32, &'static str, &'static str),
    /// What it does depends on the machine, and is not looked at; the words of docs/compat.md.
    Depends(&'static str),
}

/// A line for a shell, its status and its standard output.
pub type Line = (&'static str, i32, &'static str, Lxc);

/// A container that both have.
pub struct Beside {
    pub container: Container,
    lxc: bool,
}

impl Beside {
    /// A busybox with the probe as its first program.
    pub fn new() -> Beside {
        let container = Container::busybox(&["--init", "busybox"]);
        run(Command::new("cp").arg(&built().probe).arg(container.rootfs().join("probe"))).ok();
        for dir in ["bin", "lxc2"] {
            fs::create_dir(container.base().join(dir)).expect("a directory");
        }
        run(container.bare_command().arg("install-links").arg(container.base().join("bin"))).ok();
        let lxc = there();
        if lxc {
            let copy = container.base().join("lxc2");
            run(Command::new("cp").arg("-a").arg(container.lxcpath().join(&container.name)).arg(copy)).ok();
        }
        Beside { container, lxc }
    }

    /// Those that are to be asked: each has the container for itself.
    pub fn sides(&self) -> impl Iterator<Item = Side> + use<> {
        [Side::Keel, Side::Lxc].into_iter().take(if self.lxc { 2 } else { 1 })
    }

    /// The lxcpath of a side.
    pub fn lxcpath(&self, side: Side) -> PathBuf {
        match side {
            Side::Keel => self.container.lxcpath(),
            Side::Lxc => self.container.base().join("lxc2"),
        }
    }

    fn filled(&self, side: Side, text: &str) -> String {
        let path = self.lxcpath(side).display().to_string();
        let text = text.replace("@N", &format!("-P {path} -n {}", self.container.name));
        let text = text.replace("NAME", &self.container.name);
        text.replace("@D", &format!("{path}/{}", self.container.name))
            .replace("@PID", &std::process::id().to_string())
            .replace("@P", &path)
    }

    /// Writes the configuration: five lines that all have, and these, of which those with an empty value take one away.
    pub fn configure(&self, side: Side, more: &str) {
        let name = &self.container.name;
        let base = [
            "lxc.rootfs.path = dir:@D/rootfs".to_owned(),
            format!("lxc.uts.name = {name}"),
            "lxc.init.cmd = /probe init".to_owned(),
            "lxc.net.0.type = empty".to_owned(),
            "lxc.tty.max = 2\nlxc.pty.max = 8\nlxc.mount.auto = proc".to_owned(),
        ];
        let text = self.filled(side, &format!("{}\n{more}\n", base.join("\n")));
        fs::write(self.lxcpath(side).join(name).join("config"), text).expect("written");
    }

    /// Runs a line by a shell; paths and names in what it says are the same on both sides.
    #[track_caller]
    pub fn run(&self, side: Side, line: &str) -> Ran {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c"]);
        let private = "mount -t tmpfs -o mode=755 run /run && exec sh -c \"$1\"";
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.container.base().join("bin");
        let path = if side == Side::Keel { format!("{}:{path}", bin.display()) } else { path };
        command.arg(private).arg("sh").arg(self.filled(side, line)).env("PATH", path).env("INHERITED", "yes");
        command.env("KEEL_RUN", self.container.base().join("run")).stdin(Stdio::null());
        let ran = run(&mut command);
        let here = self.lxcpath(side).display().to_string();
        let plain = |text: String| text.replace(&here, "@P").replace(&self.container.name, "NAME");
        Ran { code: ran.code, out: plain(ran.out), err: plain(ran.err) }
    }

    /// Runs a line on a side; what is not as its table says is added to `wrong`.
    pub fn check(&self, side: Side, says: &str, (line, code, out, lxc): &Line, wrong: &mut Vec<String>) {
        let ran = self.run(side, line);
        let (code, out) = match (side, lxc) {
            (Side::Lxc, Lxc::Differs(code, out, _)) => (code, out),
            (Side::Lxc, Lxc::Depends(_)) => (&ran.code, &&*ran.out),
            _ => (code, out),
        };
        if ran.code != *code || ran.out != *out {
            wrong.push(format!("{side:?}, {says}: {line}\nexpected: {code} {out:?}\n{ran:#?}"));
        }
        if let Lxc::Differs(.., why) | Lxc::Depends(why) = lxc {
            let path = tests::built::workspace().join("docs/compat.md");
            let text = fs::read_to_string(path).expect("docs/compat.md");
            if !text.contains(why) {
                wrong.push(format!("docs/compat.md does not have '{why}', for: {line}"));
            }
        }
    }

    /// Ends what may run.
    pub fn over(&self, side: Side) {
        let ran = self.run(side, "lxc-stop @N -k");
        // LXC's does nothing for a file that it does not like.
        assert!([0, 2].contains(&ran.code) || side == Side::Lxc, "{side:?}: {ran:#?}");
        if side == Side::Lxc {
            self.sweep();
        }
    }
}

impl Beside {
    /// LXC leaves cgroups: `lxc.pivot` for ever, those of a failed start, and others until its monitor has ended.
    fn sweep(&self) {
        let own = ["lxc.monitor.", "lxc.payload."].map(|start| format!("{start}{}", self.container.name));
        let left = |root: PathBuf| {
            let own = own.clone();
            let entries = fs::read_dir(root).into_iter().flatten().flatten();
            // `t1-2-1` is of `t1-2`, `t1-20` is not.
            let is_own = move |name: &str| {
                own.iter().filter_map(|o| name.strip_prefix(o.as_str())).any(|r| r.is_empty() || r.starts_with('-'))
            };
            entries.filter(move |e| is_own(&e.file_name().to_string_lossy()))
        };
        proc::until("LXC's cgroups are empty", self.container.base(), || {
            let busy = cgroup_roots().into_iter().flat_map(left).filter(|dir| fs::remove_dir(dir.path()).is_err());
            (busy.count() == 0).then_some(())
        });
        for root in cgroup_roots() {
            let _ = fs::remove_dir(root.join("lxc.pivot"));
        }
    }
}

/// Whether LXC can be asked: it is there, in the version that was measured, and starts containers on this machine.
fn there() -> bool {
    let version = Command::new("lxc-start").arg("--version").output();
    match version.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()) {
        Ok(version) if version == MEASURED => true,
        Ok(other) => {
            println!("only keel is tried: LXC here is {other}, {MEASURED} was measured");
            false
        }
        Err(_) => {
            println!("only keel is tried: there is no LXC here (package lxc)");
            false
        }
    }
}
