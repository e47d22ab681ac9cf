//! Keel in the place of Android-x86's initrd: finds the disk with `SRC/ramdisk.img`, unpacks that into a tmpfs, mounts /system and
//! /data, and makes it the root of the machine. Android's own init becomes process 1 afterwards, by the hand-over.
//!
//! What is read is the disk's; what is written is memory, and /data. Keel goes along as /sbin/keel; what runs already goes on in the
//! same root. The initrd stays in memory beneath.
use crate::create::{Tree, android};
use crate::fault::{Result, at, say};
use crate::perform::Stage;
use crate::spawn::perform_here;
use keel_core::failure::Failure;
use keel_core::plan::{Plan, Planned};
use keel_core::step::{Place, Step, ms};
use rustix::event::{Timespec, poll};
use rustix::mount::mount_move;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the command line says of it, in the words of Android-x86's own initrd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// `SRC=`: the directory on a disk.
    pub src: String,
    /// `DATA=`: a device; empty: what is beside the ramdisk, else a tmpfs.
    pub data: String,
}

/// Where the new root is made.
const ROOT: &str = "/android";
/// Where disks are looked into. A mount of the initrd's root, which is left behind.
const LOOK: &str = "/mnt";
/// Mounts of the machine that go along.
const ALONG: [&str; 4] = ["proc", "sys", "dev", "run"];
/// How often disks are looked for: one that is found late (USB) announces itself by its name in /proc/partitions.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// Makes Android's root the machine's. `wait`: how long the disk may take to come.
pub fn bring_up(source: &Source, wait: Duration) -> Result<()> {
    let place = |path: &str| Place::Host(text(path));
    let own = |name: &str| format!("{ROOT}/{name}");
    let dir = |path: &str| Step::MakePath { at: place(path), file: false };
    perform(vec![dir(ROOT), tmpfs(ROOT, "mode=755"), dir(LOOK)])?;
    let (disk, from) = find(source, wait)?;
    let tree = Tree::open(ROOT.as_ref()).map_err(|e| at("open", ROOT, e))?;
    android::unpack(&from.join("ramdisk.img"), &tree, ROOT.as_ref())?;
    let mut steps: Vec<Step> = ["system", "data", "cache", "mnt", "sbin"].map(|name| dir(&own(name))).into();
    let system = system(&from, &own("system"), &mut steps)?;
    let data = data(source, &from, &own("data"), &mut steps);
    for program in ["keel", "pid1"] {
        let inside = if program == "keel" { "/init".to_owned() } else { format!("/sbin/{program}") };
        if Path::new(&inside).exists() {
            let to = own(&format!("sbin/{program}"));
            steps.push(Step::MakePath { at: place(&to), file: true });
            steps.push(Step::Bind { from: place(&inside), at: place(&to), recursive: false });
        }
    }
    // Containers of the initrd, if there are any: else the lxcpath is on /data.
    let lxcpath = crate::store::DEFAULT_LXCPATH;
    if std::fs::read_dir(lxcpath).is_ok_and(|mut entries| entries.next().is_some()) {
        let to = own(lxcpath.trim_start_matches('/'));
        steps.extend([dir(&to), Step::Bind { from: place(lxcpath), at: place(&to), recursive: true }]);
    }
    // The disk stays as long as anything of it is in use.
    steps.extend((disk != "the ramdisk").then(|| Step::Unmount { at: place(LOOK) }));
    steps.extend(ALONG.map(|name| dir(&own(name))));
    perform(steps)?;
    log::info!("android: '{}' of {disk}: {system} is /system, {data} is /data", source.src);
    switch()
}

/// The tmpfs covers the root, and is it: for this process, and all that it starts.
fn switch() -> Result<()> {
    for name in ALONG {
        // EINVAL: nothing is mounted there.
        let _ = mount_move(format!("/{name}"), format!("{ROOT}/{name}"));
    }
    let failed = |what: &'static str| move |e: rustix::io::Errno| at(what, ROOT, e);
    rustix::process::chdir(ROOT).map_err(failed("chdir"))?;
    mount_move(".", "/").map_err(failed("move the mount"))?;
    rustix::process::chroot(".").map_err(failed("chroot"))?;
    rustix::process::chdir("/").map_err(failed("chdir"))
}

/// The disk that has `SRC/ramdisk.img`, mounted, and that directory. The initrd itself may have it.
fn find(source: &Source, wait: Duration) -> Result<(String, PathBuf)> {
    let src = source.src.trim_matches('/');
    let is = |dir: &Path| dir.join("ramdisk.img").is_file();
    let own = Path::new("/").join(src);
    if is(&own) {
        return Ok(("the ramdisk".into(), own));
    }
    let there = Path::new(LOOK).join(src);
    let end = Instant::now() + wait;
    let mut tried: Vec<String> = Vec::new();
    loop {
        let table = crate::place::read("/proc/partitions".as_ref()).unwrap_or_default();
        let names = table.lines().filter_map(|line| line.split_whitespace().nth(3)).filter(|name| is_disk(name));
        for name in names.map(str::to_owned).collect::<Vec<_>>() {
            if tried.contains(&name) {
                continue;
            }
            let device = format!("/dev/{name}");
            let probed = Step::MountProbed {
                source: text(&device),
                at: Place::Host(text(LOOK)),
                flags: ms::NOATIME,
                data: CString::default(),
                fstypes: Vec::new(),
            };
            // No file system, or none that this kernel knows.
            if perform(vec![probed]).is_ok() {
                if is(&there) {
                    return Ok((device, there));
                }
                perform(vec![Step::Unmount { at: Place::Host(text(LOOK)) }])?;
            }
            tried.push(name);
        }
        if Instant::now() >= end {
            let looked =
                if tried.is_empty() { "there is no disk".into() } else { format!("looked on {}", tried.join(", ")) };
            return say(format!("no '{src}/ramdisk.img' on any disk after {} s ({looked})", wait.as_secs()));
        }
        // EINTR: looked at earlier.
        let _ = poll(&mut [], Some(&PAUSE));
    }
}

fn is_disk(name: &str) -> bool {
    !["loop", "ram", "zram", "name"].iter().any(|other| name.starts_with(other))
}

/// `system.sfs` (with a `system.img` in it, or not), `system.img`, or a directory `system`; what it was.
fn system(from: &Path, to: &str, steps: &mut Vec<Step>) -> Result<&'static str> {
    let image = |name: &Path| mount_image(&name.display().to_string(), to, ms::RDONLY);
    for name in ["system.sfs", "system.img"] {
        if !from.join(name).is_file() {
            continue;
        }
        // At once: what is in it decides.
        perform(vec![Step::MakePath { at: Place::Host(text(to)), file: false }, image(&from.join(name))])?;
        let within = Path::new(to).join("system.img");
        if within.is_file() {
            steps.push(image(&within));
            return Ok("system.img of system.sfs");
        }
        return Ok(name);
    }
    let dir = from.join("system");
    if !dir.is_dir() {
        return say(format!("'{}' has no system.sfs, system.img or system", from.display()));
    }
    steps.push(bind(&dir, to));
    Ok("a directory")
}

/// `DATA=`, else `data` or `data.img` beside the ramdisk, else a tmpfs; what it was.
fn data(source: &Source, from: &Path, to: &str, steps: &mut Vec<Step>) -> String {
    let (dir, image) = (from.join("data"), from.join("data.img"));
    if !source.data.is_empty() {
        let device = format!("/dev/{}", source.data.trim_start_matches("/dev/"));
        steps.push(Step::MountProbed {
            source: text(&device),
            at: Place::Host(text(to)),
            flags: ms::NOATIME,
            data: CString::default(),
            fstypes: Vec::new(),
        });
        return device;
    }
    if dir.is_dir() {
        steps.push(bind(&dir, to));
        return "a directory".into();
    }
    if image.is_file() {
        steps.push(mount_image(&image.display().to_string(), to, ms::NOATIME));
        return "data.img".into();
    }
    steps.push(tmpfs(to, "mode=771,uid=1000,gid=1000"));
    "a tmpfs".into()
}

fn bind(from: &Path, to: &str) -> Step {
    Step::Bind { from: Place::Host(text(&from.display().to_string())), at: Place::Host(text(to)), recursive: false }
}

fn tmpfs(to: &str, data: &str) -> Step {
    let at = Place::Host(text(to));
    Step::Mount { source: c"tmpfs".into(), at, fstype: c"tmpfs".into(), flags: ms::NOATIME, data: text(data) }
}

fn mount_image(image: &str, to: &str, flags: u64) -> Step {
    let at = Place::Host(text(to));
    let fstypes = ["ext4", "squashfs", "erofs", "ext3", "ext2"].map(text).into();
    let probed = Step::MountProbed { source: text(image), at, flags, data: CString::default(), fstypes };
    Step::MountImage { image: text(image), mount: Box::new(probed) }
}

fn text(path: &str) -> CString {
    CString::new(path.replace('\0', "")).unwrap_or_default()
}

fn perform(steps: Vec<Step>) -> std::result::Result<(), Failure> {
    let plan = Plan { outside: steps.into_iter().map(Planned::must).collect(), ..Plan::default() };
    let mut stage = Stage::new(&plan.outside);
    perform_here(&plan, &mut stage, &mut Vec::new())
}
