//! A stand-in for the init of Android 4.1 to 4.3: the system calls of the real one, in its order, with its ideas of which
//! results matter. No code and no text is Android's; the order is that of the project's notes on JellyBean, whose
//! sections are named at each part (JB 1.1: main; 1.2: what rc files do; 1.3: ueventd; 1.5: shutdown; 1.8: properties).
//!
//! Is `/init` as process 1, or without arguments, where an `/init.rc` is beside it (the real one does not look at its number, and
//! without pid namespaces it is another); `ueventd` and the small tools are links to it. Beyond the real one it does one
//! thing: results of all calls that the real one ignores are in `/data/calls`, so that a test can see them.
//! Left out: SELinux, charger mode, keychords, the boot logo, users of services.

mod adbd;
mod fuse;
mod mounts;
mod props;
mod rc;
mod service;
mod sys;
mod tools;
mod trie;

use std::cell::RefCell;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

/// What a name is run as; none: this is no Android.
pub fn run(name: &str, args: &[String]) -> Option<ExitCode> {
    match name {
        "init" if (args.is_empty() || std::process::id() == 1) && Path::new("/init.rc").exists() => Some(Init::main()),
        "ueventd" => Some(tools::ueventd()),
        "adbd" => Some(adbd::run()),
        _ => tools::run(name, args),
    }
}

/// Calls whose results are ignored, and what they were.
#[derive(Default)]
struct Calls(RefCell<String>);

impl Calls {
    fn note(&self, call: &str, result: std::io::Result<()>) {
        self.0.borrow_mut().push_str(&format!("{call}: {}\n", crate::errno::word(result)));
    }
}

/// The running init.
struct Init {
    calls: Calls,
    /// The kernel log, when a node of it could be made.
    klog: Option<std::fs::File>,
    loglevel: u8,
    props: props::Area,
    rc: rc::Rc,
    services: Vec<service::Service>,
    environment: Vec<(String, String)>,
    listener: Option<OwnedFd>,
    /// An Android after JellyBean.
    later: bool,
}

impl Init {
    /// JB 1.1, from the first to the last point.
    fn main() -> ExitCode {
        let calls = Calls::default();
        sys::umask(0);
        // 3. Every result is ignored: what is there already is gone on with.
        for dir in ["/dev", "/proc", "/sys"] {
            calls.note(&format!("mkdir {dir}"), sys::mkdir(dir, 0o755));
        }
        calls.note("mount tmpfs /dev", sys::mount("tmpfs", "/dev", "tmpfs", sys::NOSUID, "mode=0755"));
        calls.note("mkdir /dev/pts", sys::mkdir("/dev/pts", 0o755));
        calls.note("mkdir /dev/socket", sys::mkdir("/dev/socket", 0o755));
        calls.note("mount devpts /dev/pts", sys::mount("devpts", "/dev/pts", "devpts", 0, ""));
        calls.note("mount proc /proc", sys::mount("proc", "/proc", "proc", 0, ""));
        calls.note("mount sysfs /sys", sys::mount("sysfs", "/sys", "sysfs", 0, ""));
        // 4.
        calls.note("open /dev/.booting", make("/dev/.booting", 0));
        // 5. The only fatal point, and a silent one: nothing is logged yet.
        let null = sys::mknod_char("/dev/__null__", 0o600, 1, 3)
            .and_then(|()| OpenOptions::new().read(true).write(true).open("/dev/__null__"));
        let Ok(null) = null else { return ExitCode::from(1) };
        calls.note("unlink /dev/__null__", std::fs::remove_file("/dev/__null__"));
        sys::standard_is(null.as_fd());
        drop(null);
        // 6. Without it, silent for ever.
        let klog = open_klog();
        calls.note("open /dev/__kmsg__", klog.as_ref().map(drop).map_err(sys::copy));
        // 7. On the tmpfs that is (or was) at /dev.
        let layout = props::Layout::wanted();
        let props = match props::Area::create(layout) {
            Ok(area) => area,
            Err(e) => {
                calls.note("property area", Err(e));
                return ExitCode::from(1);
            }
        };
        let mut init = Init {
            calls,
            klog: klog.ok(),
            loglevel: 3,
            props,
            rc: rc::Rc::default(),
            services: Vec::new(),
            environment: Vec::new(),
            listener: None,
            later: layout.is_later(),
        };
        // 8, 9. From here on what belongs to the kernel is changed: mode and owner of /proc/cmdline.
        init.kernel_command_line();
        // 12.
        init.load_properties("/default.prop");
        init.parse("/init.rc");
        // 13.
        init.trigger("early-init");
        init.wait_for_coldboot();
        for name in ["init", "early-fs", "fs", "post-fs", "post-fs-data"] {
            init.trigger(name);
        }
        init.load_properties("/system/build.prop");
        init.load_properties("/data/local.prop");
        init.listener = props::listen().ok();
        let signals = sys::on_child();
        let _ = std::fs::remove_file("/dev/.booting");
        init.trigger("early-boot");
        init.trigger("boot");
        let text = init.calls.0.borrow().clone();
        let _ =
            std::fs::write("/data/calls.new", text).and_then(|()| std::fs::rename("/data/calls.new", "/data/calls"));
        // 14. TERM, INT, PWR and the like have no handler: process 1 does not see them.
        loop {
            let wait = init.restart_services();
            let ready = sys::wait_readable(&[init.listener.as_ref().map(|l| l.as_fd()), Some(signals.as_fd())], wait);
            if ready[1] {
                sys::drain(signals.as_fd());
                init.reap();
            }
            if ready[0] {
                init.serve_property();
            }
        }
    }

    fn log(&self, level: u8, text: &str) {
        if let Some(mut klog) = self.klog.as_ref().filter(|_| level <= self.loglevel) {
            let _ = klog.write_all(format!("<{level}>init: {text}\n").as_bytes());
        }
    }

    /// 8, 9: what hardware it is, of which the command line has the last word. `androidboot.X=Y` becomes `ro.boot.X`, and some of them get names without `boot`.
    fn kernel_command_line(&mut self) {
        let cpuinfo = std::fs::read("/proc/cpuinfo").unwrap_or_default();
        let cpuinfo = String::from_utf8_lossy(&cpuinfo[..cpuinfo.len().min(1023)]).into_owned();
        // Behind the line's end, up to the next.
        let field = |name: &str| {
            let (_, rest) = cpuinfo.split_once(&format!("\n{name}"))?;
            Some(rest.split_once(": ")?.1.lines().next()?.to_owned())
        };
        let revision = u32::from_str_radix(&field("Revision").unwrap_or_default(), 16).unwrap_or(0);
        self.props.set("ro.revision", &revision.to_string());
        self.calls.note("chmod /proc/cmdline", sys::chmod("/proc/cmdline", 0o440));
        let line = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
        let line: String = line.chars().take(1023).collect();
        for word in line.split_whitespace() {
            if let Some((name, value)) = word.split_once('=')
                && let Some(name) = name.strip_prefix("androidboot.")
            {
                self.props.set(&format!("ro.boot.{name}"), value);
            }
        }
        for (from, to, default) in [
            ("ro.boot.serialno", "ro.serialno", ""),
            ("ro.boot.mode", "ro.bootmode", "unknown"),
            ("ro.boot.baseband", "ro.baseband", "unknown"),
            ("ro.boot.bootloader", "ro.bootloader", "unknown"),
        ] {
            let value = self.props.get(from).unwrap_or_else(|| default.into());
            self.props.set(to, &value);
        }
        let hardware = self.props.get("ro.boot.hardware").or_else(|| field("Hardware")).unwrap_or_default();
        self.props.set("ro.hardware", &hardware);
    }

    fn load_properties(&mut self, path: &str) {
        let Some(text) = self.read(path) else { return };
        for (name, value) in text.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('=')) {
            self.props.set(name.trim(), value.trim());
        }
    }

    /// Files that their group or everybody may write are not read: a ramdisk unpacked with umask 0002 boots into nothing.
    fn read(&self, path: &str) -> Option<String> {
        use std::os::unix::fs::MetadataExt;
        let mode = std::fs::metadata(path).ok()?.mode();
        if mode & 0o022 != 0 {
            self.log(3, &format!("skipping insecure file '{path}'"));
            return None;
        }
        std::fs::read_to_string(path).ok()
    }

    /// At most five seconds for ueventd.
    fn wait_for_coldboot(&mut self) {
        let there = sys::until(std::time::Duration::from_secs(5), || Path::new("/dev/.coldboot_done").exists());
        self.calls
            .note("coldboot", if there { Ok(()) } else { Err(std::io::Error::from_raw_os_error(libc::ETIMEDOUT)) });
    }
}

/// 6: a node, open for writing only, and gone again. ueventd does the same.
fn open_klog() -> std::io::Result<std::fs::File> {
    sys::mknod_char("/dev/__kmsg__", 0o600, 1, 11)?;
    let klog = OpenOptions::new().write(true).open("/dev/__kmsg__");
    let _ = std::fs::remove_file("/dev/__kmsg__");
    klog
}

/// An empty file.
fn make(path: &str, mode: u32) -> std::io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(mode).open(path).map(drop)
}
