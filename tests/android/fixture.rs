//! An Android container: a ramdisk with the stand-in as /init, a /system with its tools, a /data that the host sees.

use crate::picture::Host;
use crate::turns::{self, Turn};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use tests::built::built;
use tests::container::Container;
use tests::proc::until;
use tests::ran::Ran;

/// What rc files of JellyBean do, in the stand-in's words: what is good for a container, and what would hurt its host. Here the zone of
/// the clock is the one that there is: another would set this machine's clock if nothing kept it from that. Machines that are booted
/// have another (`boot::named`).
pub const RC: &str = r#"
on early-init
    write /proc/1/oom_adj -16
    start ueventd
    mkdir /mnt 0775
on init
    sysclktz 0
    loglevel 6
    export PATH /system/bin
    export ANDROID_ROOT /system
    export ANDROID_DATA /data
    symlink /system/etc /etc
    mkdir /acct
    mount cgroup none /acct cpuacct
    mkdir /acct/uid
    mkdir /dev/cpuctl
    mount cgroup none /dev/cpuctl cpu
    chmod 0660 /dev/cpuctl/tasks
    write /dev/cpuctl/apps/cpu.shares 1024
    write /dev/cpuctl/apps/bg_non_interactive/cpu.shares 52
    mount tmpfs tmpfs /mnt/asec mode=0755,gid=1000
    write /proc/sys/kernel/panic_on_oops 1
    write /proc/sys/kernel/hung_task_timeout_secs 0
    write /proc/sys/kernel/randomize_va_space 1
    write /proc/sys/kernel/kptr_restrict 2
    write /proc/sys/kernel/dmesg_restrict 1
    write /proc/sys/vm/mmap_min_addr 32768
    write /proc/sys/vm/overcommit_memory 1
    write /proc/sys/kernel/sched_rt_runtime_us 900000
    write /proc/sys/vm/dirty_expire_centisecs 200
    write /proc/sys/vm/dirty_background_ratio 5
    write /sys/power/state mem
    chown system system /sys/power/state
    chmod 0660 /sys/power/state
on fs
    mount yaffs2 mtd@system /system
on post-fs
    mount rootfs rootfs / ro remount
    chown root system /proc/kmsg
    chmod 0440 /proc/kmsg
    chown root system /proc/sysrq-trigger
    chmod 0220 /proc/sysrq-trigger
    chmod 0440 /proc/vmallocinfo
    chmod 0440 /proc/slabinfo
on post-fs-data
    mkdir /data/app 0771
on boot
    hostname localhost
    domainname localdomain
    setrlimit 13 40 40
    chmod 0666 /dev/null
    class_start core
    class_start main
    write /data/booted 1
service ueventd /sbin/ueventd
    class core
    critical
service idle /system/bin/idle
    class main
    socket idle stream 660 system system
service absent /system/bin/absent
    class main
"#;

/// The stand-in's tools in /system/bin.
pub const TOOLS: [&str; 9] =
    ["idle", "getprop", "setprop", "reboot", "servicemanager", "log", "eventlog", "contextmanager", "script"];

/// A /system with the stand-in's tools.
pub fn system(container: &Container) -> PathBuf {
    let system = container.base().join("system");
    fs::create_dir_all(system.join("etc")).expect("a directory");
    fs::create_dir_all(system.join("bin")).expect("a directory");
    for tool in TOOLS {
        symlink("/init", system.join("bin").join(tool)).expect("a link");
    }
    system
}

/// One container and the host around it.
pub struct Android {
    /// The container.
    pub container: Container,
    // Dropped when the container is gone, and not yet the turn.
    host: Host,
    _turn: Turn,
}

impl Android {
    /// `rc`: more of /init.rc; `config`: more of the configuration.
    pub fn new(rc: &str, config: &str) -> Android {
        Android::in_turn(turns::beside_others(), rc, config)
    }

    /// The same without another beside it.
    pub fn alone(rc: &str, config: &str) -> Android {
        Android::in_turn(turns::alone(), rc, config)
    }

    fn in_turn(turn: Turn, rc: &str, config: &str) -> Android {
        let container = Container::undefined();
        let (rootfs, system) = (container.rootfs(), system(&container));
        for dir in [rootfs.join("sbin"), container.base().join("data")] {
            fs::create_dir_all(dir).expect("a directory");
        }
        fs::copy(&built().probe, rootfs.join("init")).expect("the stand-in is copied");
        symlink("../init", rootfs.join("sbin/ueventd")).expect("a link");
        let text = |name: &str, content: &str| {
            let path = rootfs.join(name);
            fs::write(&path, content).expect("written");
            fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("chmod");
        };
        text("init.rc", &format!("{RC}{rc}"));
        text("default.prop", "ro.debuggable=1\npersist.test=from-default\n");
        container.set_config(&format!(
            "lxc.rootfs.path = dir:{}\nlxc.uts.name = {}\nlxc.net.0.type = empty\nkeel.android = 1\n\
             keel.android.cmdline = androidboot.console=ttyS0 androidboot.serialno=4711\n\
             keel.android.hardware = standin\nkeel.android.system = {}\nkeel.android.data = {}\n{config}\n",
            rootfs.display(),
            container.name,
            system.display(),
            container.base().join("data").display(),
        ));
        Android { container, host: Host::observed(), _turn: turn }
    }

    /// Starts it; what is said of the start.
    #[track_caller]
    pub fn start(&self) -> String {
        self.container.keel("start").fails(0)
    }

    /// A file in /data.
    pub fn data(&self, name: &str) -> PathBuf {
        self.container.base().join("data").join(name)
    }

    /// Waits until init has done all that its rc file says; the results of its calls.
    #[track_caller]
    pub fn calls(&self) -> Calls {
        let path = self.data("calls");
        until(&format!("{} appears", path.display()), self.container.base(), || path.exists().then_some(()));
        Calls(fs::read_to_string(path).expect("readable"))
    }

    /// Runs a program inside.
    #[track_caller]
    pub fn inside(&self, words: &str) -> Ran {
        self.container.keel(&format!("attach -- {words}"))
    }

    /// The host is as it was before. When this is dropped, that is looked at once more.
    #[track_caller]
    pub fn assert_host_unharmed(&self) {
        self.host.assert_unharmed();
    }
}

/// `CALL: RESULT` a line.
#[derive(Debug)]
pub struct Calls(String);

impl Calls {
    /// The result of a call, if it was made.
    pub fn find(&self, call: &str) -> Option<&str> {
        self.0.lines().find_map(|l| l.strip_prefix(call)?.strip_prefix(": "))
    }

    /// The result of a call.
    #[track_caller]
    pub fn result(&self, call: &str) -> &str {
        self.find(call).unwrap_or_else(|| panic!("no '{call}' among:\n{}", self.0))
    }
}
