//! A QEMU machine as data, and a running one. The machine is `pc`: microvm hangs now and then under software emulation
//! (no timer to calibrate the TSC), q35 boots slower. It never reboots by itself: QEMU ends instead, so a dying init ends it.
//! Waits for nothing: whoever reads the console has the deadline.

use crate::accel::Accel;
use crate::fault::{At, Fault, Result};
use crate::target::Arch;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

/// How a disk is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bus {
    /// virtio-blk-pci: /dev/vda.
    Virtio,
    /// ATA: /dev/sda, built into more kernels.
    Ide,
}

/// A machine to be: fields are free to set, `new` gives a small one.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The processor: x86_64 or i686.
    pub arch: Arch,
    /// ELF with PVH entry, or bzImage.
    pub kernel: PathBuf,
    /// The ramdisk.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line.
    pub append: String,
    /// In MiB. 64 is too little for a distribution's kernel.
    pub memory_mib: u32,
    /// Virtual processors.
    pub smp: u32,
    /// KVM or TCG.
    pub accel: Accel,
    /// Raw image files.
    pub disks: Vec<(PathBuf, Bus)>,
    /// A unix socket to connect ttyS1 to: QEMU connects to it when it starts, so it must listen already.
    pub second_serial: Option<PathBuf>,
    /// A unix socket that QEMU's machine protocol (QMP) connects to; must listen already.
    pub monitor: Option<PathBuf>,
    /// isa-debug-exit at port 0xf4: a write of N ends QEMU with status 2N+1.
    pub debug_exit: bool,
    /// Anything else, as QEMU spells it.
    pub extra: Vec<OsString>,
}

impl Machine {
    /// One processor, 256 MiB, the console on ttyS0, no disk.
    pub fn new(kernel: impl Into<PathBuf>) -> Machine {
        Machine {
            arch: Arch::X86_64,
            kernel: kernel.into(),
            initrd: None,
            append: "console=ttyS0 panic=-1".into(),
            memory_mib: 256,
            smp: 1,
            accel: Accel::choose(),
            disks: Vec::new(),
            second_serial: None,
            monitor: None,
            debug_exit: false,
            extra: Vec::new(),
        }
    }

    /// QEMU's arguments with the console on `serial` (`stdio`, `mon:stdio`).
    pub fn arguments(&self, serial: &str) -> Vec<OsString> {
        let mut line: Vec<OsString> = Vec::new();
        let mut put = |words: &[&str]| line.extend(words.iter().map(OsString::from));
        put(&["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-M", "pc"]);
        put(&self.accel.arguments(self.arch));
        put(&["-m", &self.memory_mib.to_string(), "-smp", &self.smp.to_string()]);
        put(&["-serial", serial]);
        for (path, option) in [(&self.second_serial, "-serial"), (&self.monitor, "-qmp")] {
            if let Some(path) = path {
                put(&[option, &format!("unix:{}", comma(path))]);
            }
        }
        if self.debug_exit {
            put(&["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]);
        }
        for (i, (file, bus)) in self.disks.iter().enumerate() {
            put(&["-drive", &format!("file={},format=raw,if=none,id=d{i}", comma(file))]);
            let device = match bus {
                Bus::Virtio => format!("virtio-blk-pci,drive=d{i}"),
                Bus::Ide => format!("ide-hd,drive=d{i},bus=ide.{},unit={}", i / 2 % 2, i % 2),
            };
            put(&["-device", &device]);
        }
        line.extend(["-kernel".into(), self.kernel.clone().into_os_string()]);
        if let Some(initrd) = &self.initrd {
            line.extend(["-initrd".into(), initrd.clone().into_os_string()]);
        }
        line.extend(["-append".into(), OsString::from(&self.append)]);
        line.extend(self.extra.iter().cloned());
        line
    }

    /// The command a person could type, quoted for sh(1).
    pub fn printed(&self, serial: &str) -> String {
        let quoted = self.arguments(serial).into_iter().map(|a| {
            let a = a.to_string_lossy().into_owned();
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c);
            if a.chars().all(plain) && !a.is_empty() { a } else { format!("'{}'", a.replace('\'', r"'\''")) }
        });
        let name = crate::artifacts::qemu_name(self.arch).unwrap_or("qemu-system").to_owned();
        std::iter::once(name).chain(quoted).collect::<Vec<_>>().join(" ")
    }

    /// Boots with the console on this terminal, until QEMU ends or Ctrl-A X ends it.
    pub fn on_terminal(&self, qemu: &Path) -> Result<ExitStatus> {
        let mut command = Command::new(qemu);
        command.args(self.arguments("stdio"));
        crate::terminal::run(command)
    }

    /// Boots with the console on pipes. `socket_dir` is for the second serial and the monitor: when given, both are made,
    /// and the running machine holds them connected.
    pub fn spawn(&self, qemu: &Path, socket_dir: Option<&Path>) -> Result<Running> {
        let mut machine = self.clone();
        let mut listeners = Vec::new();
        if let Some(dir) = socket_dir {
            for name in ["serial1", "qmp"] {
                let path = dir.join(name);
                listeners.push(UnixListener::bind(&path).at("bind", &path)?);
                let field = if name == "qmp" { &mut machine.monitor } else { &mut machine.second_serial };
                *field = Some(path);
            }
        }
        let mut child = Command::new(qemu)
            .args(machine.arguments("stdio"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .at("exec", qemu)?;
        let (input, output) = match (child.stdin.take(), child.stdout.take()) {
            (Some(i), Some(o)) => (i, o),
            _ => return Err(Fault::new("the console's pipes are missing")),
        };
        let mut running = Running { child, input: Some(input), output: Some(output), second: None, monitor: None };
        for (listener, is_monitor) in listeners.iter().zip([false, true]) {
            let stream = running.accept(listener)?;
            if is_monitor {
                running.monitor = Some(Monitor::greet(stream)?);
            } else {
                running.second = Some(stream);
            }
        }
        Ok(running)
    }
}

/// QEMU's option parser doubles a comma that belongs to a value.
fn comma(path: &Path) -> String {
    path.to_string_lossy().replace(',', ",,")
}

/// A machine that runs. Dropped, it is killed and reaped.
#[derive(Debug)]
pub struct Running {
    /// QEMU itself; its stderr is a pipe, for the reason of an early end.
    pub child: Child,
    /// The keyboard of ttyS0.
    pub input: Option<ChildStdin>,
    /// The screen of ttyS0.
    pub output: Option<ChildStdout>,
    /// Both directions of ttyS1. What is written before the guest has opened it is lost.
    pub second: Option<UnixStream>,
    /// QEMU's own control connection.
    pub monitor: Option<Monitor>,
}

impl Running {
    /// Waits until QEMU connects or ends, whichever comes first: its stderr ends with it.
    fn accept(&mut self, listener: &UnixListener) -> Result<UnixStream> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;
        let failed = |e: io::Error| Fault::new(format!("connect to qemu: {}", crate::fault::symbol(&e)));
        if let Some(errors) = &self.child.stderr {
            let mut both =
                [PollFd::new(listener.as_fd(), PollFlags::POLLIN), PollFd::new(errors.as_fd(), PollFlags::empty())];
            poll(&mut both, PollTimeout::NONE).map_err(|e| failed(e.into()))?;
            if both[0].revents().is_none_or(|r| r.is_empty()) {
                return Err(Fault::new(format!("qemu ended early: {}", self.last_words())));
            }
        }
        Ok(listener.accept().map_err(failed)?.0)
    }

    /// What QEMU wrote to its stderr, once it has ended.
    pub fn last_words(&mut self) -> String {
        let text = self.child.stderr.take().and_then(|e| io::read_to_string(e).ok()).unwrap_or_default();
        text.trim().replace('\n', "; ")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // An ended child can be killed and waited for again: both say so, and nothing is lost.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A QMP connection (QEMU's docs/interop/qmp-spec): one JSON object per line, written by hand, since only fixed commands
/// are sent and only the word `return` is looked for.
#[derive(Debug)]
pub struct Monitor(BufReader<UnixStream>);

impl Monitor {
    fn greet(stream: UnixStream) -> Result<Monitor> {
        let mut monitor = Monitor(BufReader::new(stream));
        monitor.line()?;
        monitor.command(r#"{"execute":"qmp_capabilities"}"#)?;
        Ok(monitor)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line) {
            Ok(0) => Err(Fault::new("qemu's monitor: closed")),
            Ok(_) => Ok(line),
            Err(e) => Err(Fault::new(format!("qemu's monitor: {}", crate::fault::symbol(&e)))),
        }
    }

    /// Sends one command and waits for its answer; events in between are passed over.
    pub fn command(&mut self, json: &str) -> Result<String> {
        writeln!(self.0.get_mut(), "{json}")
            .map_err(|e| Fault::new(format!("qemu's monitor: {}", crate::fault::symbol(&e))))?;
        loop {
            let line = self.line()?;
            if line.starts_with(r#"{"return""#) {
                return Ok(line);
            }
            if line.starts_with(r#"{"error""#) {
                return Err(Fault::new(format!("qemu's monitor: {}", line.trim())));
            }
        }
    }

    /// Ctrl-Alt-Del on the guest's keyboard (needs a keyboard driver in its kernel).
    pub fn ctrl_alt_delete(&mut self) -> Result<()> {
        self.key("ctrl-alt-delete")
    }

    /// A key or a chord on it, by QEMU's names (`a`, `spc`, `shift-dot`).
    pub fn key(&mut self, keys: &str) -> Result<()> {
        let line = format!("sendkey {keys}");
        self.command(&format!(r#"{{"execute":"human-monitor-command","arguments":{{"command-line":"{line}"}}}}"#))
            .map(drop)
    }

    /// The ACPI power button.
    pub fn power_button(&mut self) -> Result<()> {
        self.command(r#"{"execute":"system_powerdown"}"#).map(drop)
    }

    /// Ends QEMU at once, as pulling the plug would.
    pub fn quit(&mut self) -> Result<()> {
        self.command(r#"{"execute":"quit"}"#).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_line_is_quoted_for_a_shell() {
        let mut machine = Machine::new("/k/vm linux");
        machine.accel = Accel::Tcg;
        machine.append = "console=ttyS0 keel.on_fail='x'".into();
        let line = machine.printed("stdio");
        assert!(line.starts_with("qemu-system-x86_64 -nodefaults -no-user-config -no-reboot"), "{line}");
        assert!(line.contains(r"-kernel '/k/vm linux' -append 'console=ttyS0 keel.on_fail='\''x'\'''"), "{line}");
    }

    #[test]
    fn disks_get_an_id_each_and_commas_are_doubled() {
        let mut machine = Machine::new("/k");
        machine.disks = vec![("/a,b".into(), Bus::Virtio), ("/c".into(), Bus::Ide)];
        let line = machine.printed("stdio");
        assert!(line.contains("file=/a,,b,format=raw,if=none,id=d0 -device virtio-blk-pci,drive=d0"), "{line}");
        assert!(line.contains("ide-hd,drive=d1,bus=ide.0,unit=1"), "{line}");
    }
}
