//! Small kernels from Debian's `linux-source` packages: nothing but what boot/kernel's fragments ask for, no modules, an ELF
//! image with PVH entry. Kept in the cache under a hash of source version, fragments and recipe.
//! Refuses to go on when an option that was asked for is not set in the end, or one that shall be off is.

use crate::apt::{self, Need};
use crate::artifacts::Kernel;
use crate::cache;
use crate::fault::{At, Fault, Result, symbol};
use crate::{foreign, hash, kconfig};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All that Keel can make use of, of this Debian's source.
    Whole,
    /// What kernels of Android-x86 and of older phones have: hardly a namespace, few controllers, ashmem. Of Debian 11's source
    /// (5.10), the oldest at hand and the last of Debian's with ashmem.
    Stock,
}

/// A file of boot/kernel: its name and its text.
pub type Fragment = (&'static str, &'static str);

const BASE: Fragment = ("base.config", include_str!("../kernel/base.config"));
const GUEST: Fragment = ("guest.config", include_str!("../kernel/guest.config"));
const WHOLE: &[Fragment] = &[
    BASE,
    ("namespaces.config", include_str!("../kernel/namespaces.config")),
    ("cgroups.config", include_str!("../kernel/cgroups.config")),
    ("network.config", include_str!("../kernel/network.config")),
    ("android.config", include_str!("../kernel/android.config")),
    GUEST,
];
const STOCK: &[Fragment] = &[BASE, GUEST, ("stock.config", include_str!("../kernel/stock.config"))];

impl Kind {
    /// Its fragments. In those of `Stock` the last one says the last word about an option.
    pub fn fragments(self) -> &'static [Fragment] {
        match self {
            Kind::Whole => WHOLE,
            Kind::Stock => STOCK,
        }
    }

    fn lines(self) -> Result<Vec<kconfig::Line>> {
        let mut lines: Vec<kconfig::Line> = Vec::new();
        for (file, text) in self.fragments() {
            for line in kconfig::read(&format!("boot/kernel/{file}"), text)? {
                lines.retain(|earlier| earlier.option != line.option);
                lines.push(line);
            }
        }
        Ok(lines)
    }

    fn source(self) -> Result<Source> {
        if self == Kind::Stock {
            // Debian 11 is no longer changed: this version stands for its package.
            let (package, exact) = ("linux-source-5.10".to_owned(), "Debian 11".to_owned());
            return Ok(Source { package, exact, suite: Some("bullseye") });
        }
        let newest = || apt::depends("linux-source").into_iter().find(|d| d.starts_with("linux-source-"));
        let package = apt::with_lists(newest)?.ok_or_else(|| Fault::new("apt knows no package 'linux-source'"))?;
        Ok(Source { exact: exact(&package)?, package, suite: None })
    }
}

/// Where a kernel's source comes from.
struct Source {
    package: String,
    /// What the cache's key has of it.
    exact: String,
    /// The Debian that it is of, where that is not the machine's.
    suite: Option<&'static str>,
}

/// Goes up when the way of building changes, so that old results are not taken for new ones.
const RECIPE: u32 = 1;

const NEEDS: [Need; 8] = [
    Need { package: "gcc", there: || apt::program("gcc").is_some() },
    Need { package: "libc6-dev", there: || Path::new("/usr/include/stdio.h").is_file() },
    Need { package: "make", there: || apt::program("make").is_some() },
    Need { package: "flex", there: || apt::program("flex").is_some() },
    Need { package: "bison", there: || apt::program("bison").is_some() },
    Need { package: "bc", there: || apt::program("bc").is_some() },
    Need { package: "xz-utils", there: || apt::program("xz").is_some() },
    Need { package: "libelf-dev", there: || Path::new("/usr/include/libelf.h").is_file() },
];

/// Builds the kernel, or finds it in the cache. With `config_only`, returns the checked configuration instead.
pub fn build(kind: Kind, config_only: bool) -> Result<PathBuf> {
    apt::ensure(&NEEDS)?;
    let source = kind.source()?;
    let version = source.package.trim_start_matches("linux-source-");
    let no_version = || Fault::new(format!("'{}': no version in it", source.package));
    let release = kconfig::release(version).ok_or_else(no_version)?;
    let lines = kind.lines()?;
    let merged = kconfig::merged(&lines, release);
    let key = hash::hex(format!("{RECIPE} {}\n{merged}", source.exact).as_bytes());
    let name = format!("kernel-{version}-{key}{}", if config_only { "-config" } else { "" });
    let place = cache::entry(&name, |dir| {
        let tree = source.unpacked(dir)?;
        let all = dir.join("asked");
        fs::write(&all, &merged).at("write", &all)?;
        // Everything that was not asked for is off, or what Kconfig makes of it.
        apt::quiet(make(&tree).env("KCONFIG_ALLCONFIG", &all).arg("allnoconfig"))?;
        let made = tree.join(".config");
        let config = fs::read_to_string(&made).at("read", &made)?;
        let missing = kconfig::missing(&lines, release, &config);
        if !missing.is_empty() {
            return Err(Fault::new(format!(
                "linux {version} does not set what boot/kernel asks for: {}",
                missing.join(", ")
            )));
        }
        fs::write(dir.join("config"), config).at("write", dir)?;
        if !config_only {
            compile(&tree)?;
            let built = tree.join("vmlinux");
            fs::rename(&built, dir.join("vmlinux")).at("rename", &built)?;
        }
        fs::remove_dir_all(dir.join("source")).at("remove", &tree)
    })?;
    Ok(place.join(if config_only { "config" } else { "vmlinux" }))
}

/// The built kernel as something to boot.
pub fn built(kind: Kind) -> Result<Kernel> {
    let image = build(kind, false)?;
    let release = "keel's own".to_owned();
    Ok(Kernel { packed: image.clone(), image, modules_dir: None, release })
}

/// The package's full version: it changes with each of Debian's updates.
fn exact(package: &str) -> Result<String> {
    let text = apt::quiet(Command::new("apt-cache").args(["show", "--no-all-versions", package]))?;
    let line = text.lines().find(|l| l.starts_with("Version: "));
    line.map(str::to_owned).ok_or_else(|| Fault::new(format!("apt-cache show '{package}': no version")))
}

impl Source {
    /// Unpacks it below `dir/source`.
    fn unpacked(&self, dir: &Path) -> Result<PathBuf> {
        let (package, place) = (&self.package, dir.join("source"));
        fs::create_dir_all(&place).at("mkdir", &place)?;
        eprintln!("cargo boot: downloading {package} into the cache");
        match self.suite {
            None => apt::unpack(package, &place)?,
            Some(suite) => foreign::Root::of_debian(suite, "amd64", &place)?.unpack(package, &place)?,
        }
        let packed = place.join(format!("usr/src/{package}.tar.xz"));
        eprintln!("cargo boot: unpacking {package}");
        apt::quiet(Command::new("tar").arg("-xJf").arg(&packed).arg("-C").arg(&place))?;
        fs::remove_file(&packed).at("remove", &packed)?;
        Ok(place.join(package))
    }
}

fn make(tree: &Path) -> Command {
    // What else is under way goes first.
    let mut command = Command::new("nice");
    command.args(["-n", "19", "make", "-C"]).arg(tree).args([
        "ARCH=x86_64",
        "KBUILD_BUILD_TIMESTAMP=@0",
        "KBUILD_BUILD_USER=keel",
    ]);
    command.args(["KBUILD_BUILD_HOST=keel", "LOCALVERSION=-keel"]);
    for inherited in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        command.env_remove(inherited);
    }
    command
}

/// Compiles vmlinux on all processors; says every 200 files how far it is.
fn compile(tree: &Path) -> Result<()> {
    let jobs = std::thread::available_parallelism().map_or(1, |n| n.get());
    eprintln!("cargo boot: compiling the kernel on {jobs} processors (some minutes, once)");
    let log = tree.join("../errors");
    let mut child = make(tree)
        .arg(format!("-j{jobs}"))
        .arg("vmlinux")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).at("create", &log)?)
        .spawn()
        .map_err(|e| Fault::new(format!("exec 'make': {}", symbol(&e))))?;
    let mut files = 0;
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            if line.starts_with("  CC ") || line.starts_with("  AS ") {
                files += 1;
                if files % 200 == 0 {
                    eprintln!("cargo boot: {files} files compiled");
                }
            }
        }
    }
    let status = child.wait().map_err(|e| Fault::new(format!("wait for 'make': {}", symbol(&e))))?;
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(&log).unwrap_or_default();
    let first = said.lines().find(|l| l.contains("error") || l.contains("***")).unwrap_or("no message");
    Err(Fault::new(format!("make vmlinux: {} ({})", apt::ending(status), first.trim())))
}
