//! A machine: a real kernel in QEMU, a ramdisk made of the built programs, its console as a dialog.
//!
//! One story each. Dropped, QEMU is killed by its number and its files are gone. On failure the console is in the message.

use crate::built::{built, built_i686};
use crate::dialog::{Dialog, PATIENCE};
use boot::artifacts::{self, Kernel};
use boot::codec::Compression;
use boot::layout::Layout;
use boot::qemu::{Bus, Machine, Monitor, Running};
use boot::ramdisk::Ramdisk;
use boot::scratch::Scratch;
use boot::target::Arch;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::OnceLock;

/// root's password, on the host and in its containers.
pub const PASSWORD: &str = "keel";

/// Without the self-tests of ciphers, which take a fifth of a boot under emulation, and without the check of the timer, which
/// fails now and then on a busy machine ("IO-APIC + timer does not work").
const APPEND: &str = "console=ttyS0 panic=-1 cryptomgr.notests=1 no_timer_check";

/// A machine to be. The fields are free to change before `boot`.
#[derive(Debug)]
pub struct Spec {
    /// The processor.
    arch: Arch,
    /// What the kernel unpacks.
    pub tree: Ramdisk,
    /// The kernel's command line.
    pub append: String,
    /// In MiB.
    pub memory_mib: u32,
    /// Raw images.
    pub disks: Vec<(PathBuf, Bus)>,
    /// Whether a write to port 0xf4 ends QEMU.
    pub debug_exit: bool,
    /// More words for QEMU.
    pub extra: Vec<String>,
    /// Messages of the kernel on the console, or only its warnings.
    pub quiet: bool,
    /// Another kernel than the one that machines of this processor boot.
    pub kernel: Option<Kernel>,
}

impl Spec {
    /// Keel as /init, with the container `bb`, busybox's login and shell, and the probe in /bin.
    pub fn host() -> Spec {
        Spec::host_of(Arch::X86_64)
    }

    /// The same on a processor; all programs are built for it.
    pub fn host_of(arch: Arch) -> Spec {
        let spec = Spec::plain_host(arch);
        if kernel_of(arch).modules_dir.is_some() { spec.append("keel.modules=/etc/modules") } else { spec }
    }

    fn plain_host(arch: Arch) -> Spec {
        static TREES: [OnceLock<Ramdisk>; 2] = [OnceLock::new(), OnceLock::new()];
        let tree = TREES[usize::from(arch == Arch::I686)].get_or_init(|| {
            let built = if arch == Arch::I686 { built_i686() } else { built() };
            let layout = Layout {
                binaries: &built.binaries(),
                busybox: &built.busybox,
                containers: &["bb".into()],
                password: Some(PASSWORD),
                issue: "the host's issue\n",
                modules: &modules_of(arch, &["button", "evdev"]),
                additions: &[(built.probe.clone(), "bin/probe".into())],
            };
            let mut tree = layout.ramdisk().unwrap_or_else(|why| panic!("{why}"));
            let probe = tree.get("bin/probe").map(|e| e.data.clone()).unwrap_or_default();
            tree.file("var/lib/lxc/bb/rootfs/bin/probe", 0o755, probe);
            tree
        });
        Spec::of(arch, tree.clone())
    }

    /// `pid1` as /init, busybox's login and shell, and the probe in /bin.
    pub fn guest() -> Spec {
        let Spec { mut tree, .. } = Spec::plain_host(Arch::X86_64);
        let pid1 = tree.get("sbin/pid1").map(|e| e.data.clone()).unwrap_or_default();
        tree.file("init", 0o755, pid1);
        Spec::of(Arch::X86_64, tree)
    }

    fn of(arch: Arch, tree: Ramdisk) -> Spec {
        Spec {
            arch,
            tree,
            append: APPEND.into(),
            memory_mib: 256,
            disks: Vec::new(),
            debug_exit: false,
            extra: Vec::new(),
            quiet: true,
            kernel: None,
        }
    }

    /// More words on the kernel's command line.
    pub fn append(mut self, words: &str) -> Spec {
        self.append += &format!(" {words}");
        self
    }

    /// The kernel's and Keel's messages on the console.
    pub fn loud(mut self) -> Spec {
        self.quiet = false;
        self
    }

    /// A file of the ramdisk with other content.
    pub fn file(mut self, name: &str, mode: u32, data: &str) -> Spec {
        self.tree.file(name, mode, data);
        self
    }

    /// A line more in a container's configuration.
    pub fn config(self, container: &str, lines: &str) -> Spec {
        let name = format!("var/lib/lxc/{container}/config");
        let old = self.tree.get(&name).map(|e| String::from_utf8_lossy(&e.data).into_owned()).unwrap_or_default();
        self.file(&name, 0o644, &format!("{old}\n{lines}\n"))
    }

    /// Another container like `bb`, with these lines added to its configuration.
    pub fn container(mut self, name: &str, lines: &str) -> Spec {
        let from = "var/lib/lxc/bb";
        let below: Vec<_> = self
            .tree
            .entries()
            .iter()
            .filter(|e| String::from_utf8_lossy(&e.name).trim_start_matches('/').starts_with(from))
            .cloned()
            .collect();
        for mut entry in below {
            let path = String::from_utf8_lossy(&entry.name).replacen(from, &format!("var/lib/lxc/{name}"), 1);
            if path.ends_with("/config") {
                let text = String::from_utf8_lossy(&entry.data);
                let text = text
                    .replace("/var/lib/lxc/bb", &format!("/var/lib/lxc/{name}"))
                    .replace("uts.name = bb", &format!("uts.name = {name}"));
                entry.data = text.into_bytes();
            }
            entry.name = path.into_bytes();
            self.tree.push(entry);
        }
        self.config(name, lines)
    }

    /// Modules that this kernel does not have built in, loaded at boot in this order.
    pub fn modules(mut self, names: &[&str]) -> Spec {
        let mut list =
            self.tree.get("etc/modules").map(|e| String::from_utf8_lossy(&e.data).into_owned()).unwrap_or_default();
        for file in modules_of(self.arch, names) {
            let name = boot::modules::name_of(&file).expect("a module's file");
            let path = format!("/lib/modules/{name}.ko");
            if !list.contains(&format!("{path}\n")) {
                let data = boot::modules::content(&file).unwrap_or_else(|why| panic!("{why}"));
                self.tree.file(&path, 0o644, data);
                list += &format!("{path}\n");
            }
        }
        self.tree.file("etc/modules", 0o644, list);
        self
    }

    /// Another kernel, with these modules of its own loaded at boot, each with its parameters. What the tree has is the other's.
    pub fn kernel(mut self, kernel: Kernel, names: &[(&str, &str)]) -> Spec {
        let mut list = String::new();
        for (name, parameters) in names {
            let files = kernel.modules(name).unwrap_or_else(|why| panic!("{why}"));
            for file in &files {
                let loaded = boot::modules::name_of(file).expect("a module's file");
                let path = format!("/lib/modules/full/{loaded}.ko");
                if !list.contains(&format!("{path}\n")) {
                    let data = boot::modules::content(file).unwrap_or_else(|why| panic!("{why}"));
                    self.tree.file(&path, 0o644, data);
                    let words = if *name == loaded { *parameters } else { "" };
                    list += &format!("{}\n", format!("{path} {words}").trim_end());
                }
            }
        }
        self.tree.file("etc/modules", 0o644, list);
        self.kernel = Some(kernel);
        self
    }

    /// A raw image as the next disk.
    pub fn disk(mut self, image: &Path, bus: Bus) -> Spec {
        self.disks.push((image.to_path_buf(), bus));
        self
    }

    /// Boots it, with a control connection.
    #[track_caller]
    pub fn boot(self) -> Vm {
        let scratch = Scratch::new().unwrap_or_else(|why| panic!("{why}"));
        let initrd = scratch.path().join("initrd");
        let bytes = self.tree.pack(Compression::None).unwrap_or_else(|why| panic!("{why}"));
        std::fs::write(&initrd, bytes).expect("the ramdisk is written");
        let image = self.kernel.as_ref().map_or_else(|| kernel_of(self.arch).image.clone(), |k| k.image.clone());
        let mut machine = Machine::new(image);
        machine.arch = self.arch;
        machine.initrd = Some(initrd);
        machine.append = if self.quiet { format!("quiet {}", self.append) } else { self.append };
        machine.memory_mib = self.memory_mib;
        machine.disks = self.disks;
        machine.debug_exit = self.debug_exit;
        machine.extra = self.extra.into_iter().map(Into::into).collect();
        let qemu = artifacts::qemu(self.arch).unwrap_or_else(|why| panic!("{why}"));
        let mut running = machine.spawn(&qemu, Some(scratch.path())).unwrap_or_else(|why| panic!("{why}"));
        let input: OwnedFd = running.input.take().expect("the console").into();
        let output: OwnedFd = running.output.take().expect("the console").into();
        Vm { dialog: Dialog::new("the machine's console", input, output), running, _scratch: scratch }
    }
}

/// The kernel that 64-bit machines boot.
pub fn kernel() -> &'static Kernel {
    kernel_of(Arch::X86_64)
}

/// The kernel that machines of a processor boot.
pub fn kernel_of(arch: Arch) -> &'static Kernel {
    static KERNELS: [OnceLock<Kernel>; 2] = [OnceLock::new(), OnceLock::new()];
    KERNELS[usize::from(arch == Arch::I686)]
        .get_or_init(|| artifacts::kernel(arch).unwrap_or_else(|why| panic!("{why}")))
}

/// Files of modules that the 64-bit kernel does not have built in, with those that they need.
pub fn modules(names: &[&str]) -> Vec<PathBuf> {
    modules_of(Arch::X86_64, names)
}

/// The same for the kernel of a processor.
pub fn modules_of(arch: Arch, names: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for file in names.iter().flat_map(|name| kernel_of(arch).modules(name).unwrap_or_default()) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// A machine that runs.
#[derive(Debug)]
pub struct Vm {
    /// Its first serial line.
    pub dialog: Dialog,
    running: Running,
    _scratch: Scratch,
}

impl Vm {
    /// QEMU's control connection.
    #[track_caller]
    pub fn monitor(&mut self) -> &mut Monitor {
        self.running.monitor.as_mut().expect("made by boot")
    }

    /// The second serial line as a dialog, once.
    #[track_caller]
    pub fn second(&mut self) -> Dialog {
        let stream: OwnedFd = self.running.second.take().expect("taken once").into();
        let copy = stream.try_clone().expect("dup");
        Dialog::new("the machine's second line", stream, copy)
    }

    /// Logs in as root at the host's console, to a shell's prompt.
    #[track_caller]
    pub fn login(&mut self) {
        login(&mut self.dialog);
    }

    /// The shell of an automatic login (`keel.autologin=root`), once these containers run: a slow machine has its login
    /// before they do. What was said before the prompt.
    #[track_caller]
    pub fn shell(&mut self, containers: &[&str]) -> String {
        let said = self.dialog.expect("~# ");
        for name in containers {
            self.dialog.ok(&format!("until [ \"$(lxc-info -n {name} -sH)\" = RUNNING ]; do :; done"));
        }
        said
    }

    /// Presses the power button until the machine hears it: its driver may be loading. Waits until QEMU ends.
    #[track_caller]
    pub fn press_power_button(&mut self) -> String {
        let mut said = String::new();
        for _ in 0..10 {
            // An error: QEMU has ended since.
            let pressed = self.monitor().power_button();
            if let Some((_, before)) = self.dialog.find(&["reboot: Power down"], TYPE_AGAIN) {
                said += &before;
                said += "reboot: Power down";
                break;
            }
            if pressed.is_err() {
                break;
            }
        }
        said + &self.powers_off()
    }

    /// Waits until QEMU ends by itself: what the console said last, and QEMU's status.
    #[track_caller]
    pub fn ends(&mut self) -> (String, ExitStatus) {
        let said = self.dialog.to_end();
        // Its output is closed: it is ending.
        let status = self.running.child.wait().expect("a child of ours");
        (said, status)
    }

    /// Waits until QEMU ends with status 0, as after a power-off.
    #[track_caller]
    pub fn powers_off(&mut self) -> String {
        let (said, status) = self.ends();
        if !status.success() {
            self.dialog.fail(&format!("QEMU: {status}"));
        }
        said
    }

    /// How long anything is waited for.
    pub const PATIENCE: std::time::Duration = PATIENCE;
}

/// Logs in as root with the right password, to a shell's prompt.
///
/// busybox's login throws away what was typed before it has switched the echo off, and that is a moment after its
/// question: what was too early is typed again.
#[track_caller]
pub fn login(dialog: &mut Dialog) {
    for _ in 0..10 {
        wake(dialog, "login: ");
        dialog.line("root");
        dialog.expect("assword: ");
        let (answer, _) = loop {
            dialog.line(PASSWORD);
            if let Some(found) = dialog.find(&["# ", "incorrect"], TYPE_AGAIN) {
                break found;
            }
        };
        if answer == 0 {
            return;
        }
    }
    dialog.fail("the right password is refused");
}

/// Presses the enter key until a question comes: what is typed before a terminal is taken is lost.
#[track_caller]
pub fn wake(dialog: &mut Dialog, question: &str) {
    for _ in 0..30 {
        dialog.send("\r");
        if dialog.find(&[question], std::time::Duration::from_secs(3)).is_some() {
            return;
        }
    }
    dialog.fail(&format!("'{question}' did not come"));
}

/// How long an answer to a password may take before it is typed again.
const TYPE_AGAIN: std::time::Duration = std::time::Duration::from_secs(8);
